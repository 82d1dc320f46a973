#!/bin/bash
# How long a seed takes: from the lab file's text to a medium that was read back. In turn with what cloud-localds runs, genisoimage on
# files that are rendered already. Medians; run it on a quiet machine. It ends with 1 when a bound is broken.
#
#     scripts/dev/bench-seed.sh [ROUNDS]      default 15
set -euo pipefail
cd "$(dirname -- "$0")/../.."
rounds=${1:-15}

cargo build --quiet --release --locked
program=$PWD/target/release/trainyard
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp examples/reference.yaml "$work/lab.yaml"
cd "$work"
"$program" --quiet secrets
"$program" --quiet render controller -o rendered

# measure NAME COMMAND...: adds its milliseconds to the measurements of that name. Ten at once: the clock of one is coarse.
measure() {
    local name=$1 begun ended
    shift
    begun=$(date +%s%N)
    for _ in 1 2 3 4 5 6 7 8 9 10; do "$@" >output 2>&1 || { cat output >&2; exit 1; }; done
    ended=$(date +%s%N)
    echo $(((ended - begun) / 10000)) >>"$name"
}
median() { sort -n "$1" | awk '{ all[NR] = $1 } END { printf "%.1f\n", all[int((NR + 1) / 2)] / 1000 }'; }

for _ in $(seq "$rounds"); do
    for kind in cidata oemdrv; do
        measure "$kind" "$program" --quiet seed controller --kind "$kind" -o "$kind.iso" --force
    done
    measure peer genisoimage -quiet -output peer.iso -volid cidata -joliet -rock \
        rendered/controller/user-data rendered/controller/meta-data rendered/controller/network-config
done

wrong=0
printf '%-36s %8s %10s\n' "" ms bytes
for kind in cidata oemdrv; do
    printf '%-36s %8s %10s\n' "trainyard seed --kind $kind" "$(median $kind)" "$(stat -c %s $kind.iso)"
    awk -v ms="$(median $kind)" -v bytes="$(stat -c %s $kind.iso)" 'BEGIN { exit !(ms > 200 || bytes > 400000) }' && wrong=1
done
printf '%-36s %8s %10s\n' "genisoimage, files rendered before" "$(median peer)" "$(stat -c %s peer.iso)"
awk -v ours="$(median cidata)" -v peer="$(median peer)" 'BEGIN { printf "cidata takes %.1f of genisoimage\n", ours / peer }'
[ "$wrong" -eq 0 ] || { echo "a bound is broken: 200 ms, 400000 bytes" >&2; exit 1; }
