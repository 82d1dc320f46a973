#!/bin/bash
# What a role ISO costs: time, and bytes that are newly allocated. In turn with what others do: xorriso with -indev, -outdev and replay, cp, and
# md5sum. On a file system that shares blocks (XFS in a file, on a loop device: this needs root), and on one that does not. Medians; run it
# on a quiet machine. It ends with 1 when a bound is broken.
#
#     scripts/dev/bench-iso.sh [ROUNDS] [MIB]      default 5 rounds, a medium of 973 MiB
set -euo pipefail
cd "$(dirname -- "$0")/../.."
rounds=${1:-5} size=${2:-973}

cargo build --quiet --release --locked
program=$PWD/target/release/trainyard
mkdir -p target/tmp
work=$(mktemp -d "$PWD/target/tmp/bench-iso.XXXXXX")
trap 'umount "$work/xfs" 2> /dev/null || true; rm -rf "$work"' EXIT
export HOME=$work SOURCE_DATE_EPOCH=1700000000
mkdir "$work/xfs" "$work/same"
truncate -s $((size * 6 + 512))M "$work/xfs.img"
mkfs.xfs -q -m reflink=1 "$work/xfs.img"
mount -o loop "$work/xfs.img" "$work/xfs"
scripts/dev/standin-iso.sh --no-kernel --size-mib "$size" -o "$work/same/base.iso"
cp "$work/same/base.iso" "$work/xfs/base.iso"

# One node for one ISO; ten nodes for ten seeds, and for one ISO.
printf 'nodes: {controller: {role: controller, address: 10.0.0.11}}\n' > "$work/one.yaml"
{
    printf 'nodes:\n  controller: {role: controller, address: 10.0.0.11}\n'
    for n in 1 2 3 4 5 6 7 8 9; do printf '  compute%s: {role: compute, address: 10.0.0.3%s}\n' $n $n; done
} > "$work/ten.yaml"
for lab in one ten; do "$program" --quiet --lab "$work/$lab.yaml" --secrets "$work/$lab-secrets.yaml" secrets; done
build() { "$program" --quiet --lab "$work/one.yaml" --secrets "$work/one-secrets.yaml" build controller --force "$@"; }

# measure NAME COMMAND...: adds its milliseconds to the measurements of that name, and its memory in KiB.
measure() {
    local name=$1 begun ended
    shift
    begun=$(date +%s%N)
    /usr/bin/time -o "$work/memory" -f %M "$@" > "$work/output" 2>&1 || { cat "$work/output" >&2; exit 1; }
    ended=$(date +%s%N)
    echo $(((ended - begun) / 1000000)) >> "$work/$name.ms"
    tail -n 1 "$work/memory" >> "$work/$name.kib"
}
median() { sort -n "$1" | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }
# used: bytes in use there, without what XFS has set aside for what might be written next.
used() {
    umount "$work/xfs"
    mount -o loop "$work/xfs.img" "$work/xfs"
    df --output=used -B1 "$work/xfs" | tail -n 1
}
export -f build
export program work
ours() { measure "$1" bash -c 'build "$@"' - "${@:2}"; }
# What users' scripts do: the whole medium through xorriso.
replay() {
    rm -f "$2/replay.iso"
    measure "$1" xorriso -indev "$2/base.iso" -outdev "$2/replay.iso" -boot_image any replay -map "$work/one.yaml" /ks.cfg
}
copy() { rm -f "$2/copy.iso"; measure "$1" cp --reflink=never "$2/base.iso" "$2/copy.iso"; }

# The base is read through once, which is not measured; nor is a cold cache.
for at in xfs same; do build --image "$work/$at/base.iso" -o "$work/$at"; done
for _ in $(seq "$rounds"); do
    rm -f "$work"/*/controller.iso
    ours shared --image "$work/xfs/base.iso" -o "$work/xfs" --no-media-check
    ours shared-checked --image "$work/xfs/base.iso" -o "$work/xfs"
    replay shared-replay "$work/xfs"
    rm -f "$work/xfs/replay.iso"
    copy whole-cp "$work/same"
    rm -f "$work/same/copy.iso"
    ours whole --image "$work/same/base.iso" -o "$work/same" --no-media-check
    rm -f "$work/same/controller.iso"
    ours whole-checked --image "$work/same/base.iso" -o "$work/same"
    rm -f "$work/same/controller.iso"
    replay whole-replay "$work/same"
    rm -f "$work/same/replay.iso"
    measure md5 md5sum "$work/same/base.iso"
    rm -rf "$work/seeds" && mkdir "$work/seeds"
    measure seeds "$program" --quiet --lab "$work/ten.yaml" --secrets "$work/ten-secrets.yaml" seed controller compute{1..9} -o "$work/seeds"
done
rm -f "$work/xfs/controller.iso"
before=$(used)
build --image "$work/xfs/base.iso" -o "$work/xfs"
ours_bytes=$(($(used) - before))
before=$(used)
replay bytes "$work/xfs"
replay_bytes=$(($(used) - before))
seeds_bytes=$(du -cb "$work"/seeds/*.iso | awk 'END { print $1 }')

wrong=0
# row TEXT MS [AGAINST MS BOUND]: prints it; BOUND is the most that MS may be of AGAINST.
row() {
    local ratio=''
    if [ $# -gt 3 ]; then
        ratio=$(awk -v a="$2" -v b="$4" 'BEGIN { printf "%.2f", a / b }')
        if awk -v r="$ratio" -v most="$5" 'BEGIN { exit !(r > most) }'; then
            wrong=1 ratio="$ratio (more than $5)"
        fi
        ratio="$ratio of $3"
    fi
    printf '%-64s %8s ms  %s\n' "$1" "$2" "$ratio"
}
larger=$(median "$work/whole-cp.ms")
[ "$(median "$work/md5.ms")" -le "$larger" ] || larger=$(median "$work/md5.ms")
row 'blocks shared, no media check' "$(median "$work/shared.ms")" 'xorriso with replay' "$(median "$work/shared-replay.ms")" 0.0667
row 'blocks shared, with the media check' "$(median "$work/shared-checked.ms")" 'the larger of cp and md5sum' "$larger" 1.5
row 'whole copy, no media check' "$(median "$work/whole.ms")" cp "$(median "$work/whole-cp.ms")" 1.3
row 'whole copy, no media check' "$(median "$work/whole.ms")" 'xorriso with replay' "$(median "$work/whole-replay.ms")" 0.5
row 'whole copy, with the media check' "$(median "$work/whole-checked.ms")" 'the larger of cp and md5sum' "$larger" 1.5
row cp "$(median "$work/whole-cp.ms")"
row md5sum "$(median "$work/md5.ms")"
row 'xorriso -indev -outdev with replay' "$(median "$work/whole-replay.ms")"
row 'ten seeds' "$(median "$work/seeds.ms")"
printf 'newly allocated: %s KiB; by replay %s KiB, %s times as many\n' $((ours_bytes >> 10)) $((replay_bytes >> 10)) $((replay_bytes / ours_bytes))
printf 'ten seeds: %s KiB\n' $((seeds_bytes >> 10))
most=$(sort -n "$work/whole-checked.kib" "$work/shared-checked.kib" "$work/whole.kib" | tail -n 1)
printf 'memory: %s MiB at most\n' $((most >> 10))
# bound TEXT CONDITION...
bound() {
    if ! "${@:2}"; then
        echo "a bound is broken: $1" >&2
        wrong=1
    fi
}
bound '300 ms where blocks are shared' [ "$(median "$work/shared.ms")" -le 300 ]
bound '2 MiB newly allocated' [ "$ours_bytes" -le $((2 << 20)) ]
bound 'a 400th of what replay allocates' [ $((replay_bytes / ours_bytes)) -ge 400 ]
bound '1 s for ten seeds' [ "$(median "$work/seeds.ms")" -lt 1000 ]
bound '5 MB for ten seeds' [ "$seeds_bytes" -lt 5000000 ]
bound '64 MiB of memory' [ "$most" -lt 65536 ]
exit "$wrong"
