#!/bin/bash
# Boots a machine with a real cloud-init in QEMU, with a seed in its CD drive, and prints what became of it: the lines that came over the
# serial line and begin with `seed: `.
#
#     scripts/dev/cloud-boot.sh ISO [--timeout SECONDS] [--log FILE]
#
#     seed: source: DATA SOURCE           as cloud-init calls it
#     seed: status: done                  of `cloud-init status`
#     seed: warning: LINE                 of cloud-init's log
#     seed: file: DIGEST MODE OWNER PATH  each file that a seed of trainyard's may have put there
#     seed: kept: PATH                    a file of cloud-init's own with a secret of the node in it
#     seed: done
#
# As root or by sudo. The system is the tree of the test hosts (node-root.sh) without its services, all of it in memory, with the stand-in
# medium's kernel: the drive, its driver, its file system and how cloud-init finds it by its label are real.
# Exit code 0 only if `seed: done` came; 1 if not, with the last lines; 2 for a wrong call. --timeout is 600 seconds unless told.
set -euo pipefail
root=$(readlink -f -- "$(dirname -- "$0")/../..")

die() {
    printf 'cloud-boot.sh: %s\n' "$2" >&2
    exit "$1"
}

timeout=600 log='' iso=''
while [ $# -gt 0 ]; do
    case $1 in
    --timeout) timeout=${2:-} && shift ;;
    --log) log=${2:-} && shift ;;
    -h | --help) sed -n '2,/^set /{/^#/!d; s/^# \{0,1\}//; p}' "$0" && exit ;;
    -*) die 2 "unknown option $1" ;;
    *) iso=$1 ;;
    esac
    shift || die 2 'an option without its value'
done
[[ $timeout =~ ^[1-9][0-9]*$ ]] || die 2 "--timeout: a number of seconds, not \`$timeout\`"
if [ ! -r "$iso" ]; then die 2 "the ISO \`$iso\` cannot be read"; fi
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)

work=$(mktemp -d)
qemu=
cleanup() {
    if [ -n "$qemu" ]; then
        kill "$qemu" 2>/dev/null || true
        wait "$qemu" 2>/dev/null || true
    fi
    "${as_root[@]}" rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

tree=$("$root/scripts/dev/node-root.sh" --there)
kernel=$root/target/standin/kernel
[ -s "$kernel/vmlinuz" ] || die 1 "no kernel in $kernel: run scripts/dev/setup.sh"
shims=$root/tests/node/shims
inputs=$(find "$root/scripts/dev/cloud-boot" "$shims/base" "$shims/cloud-image" -type f -exec sha256sum {} + | sort | cat - "$0" "$kernel/release")$tree
image=$root/target/cloud-boot/$(sha256sum <<<"$inputs" | cut -c 1-16).cpio

make_image() {
    local file name new=$work/tree
    declare -A place=() seen=()
    mkdir "$new"
    "${as_root[@]}" tar -C "$tree" --exclude=./usr/lib/erlang --exclude=./usr/lib/rabbitmq --exclude='./usr/*bin/maria*' --exclude='./usr/*bin/my*' \
        --exclude='./usr/bin/etcd*' --exclude=./usr/share/mysql --exclude=./usr/share/i18n --exclude=./usr/lib/mysql -c . | "${as_root[@]}" tar -C "$new" -x
    "${as_root[@]}" cp -r "$shims/base/." "$shims/cloud-image/." "$new"
    "${as_root[@]}" tar -C "$tree" -c ./usr/sbin/blkid | "${as_root[@]}" tar -C "$new" -x # not the one that has a drive without one
    "${as_root[@]}" cp -r "$root/scripts/dev/cloud-boot/." "$new"
    while IFS= read -r file; do
        name=$(basename "$file" .ko)
        place[${name//-/_}]=$file
    done < <(find "$kernel/modules" -name '*.ko')
    "${as_root[@]}" mkdir "$new/modules"
    add() {
        local need name=${1//-/_}
        [ -z "${seen[$name]:-}" ] && [ -n "${place[$name]:-}" ] || return 0 # what has no file is built in
        seen[$name]=1
        for need in $(tr '\0' '\n' <"${place[$name]}" | sed -n 's/^depends=//p' | tr ',' ' '); do add "$need"; done
        "${as_root[@]}" cp "${place[$name]}" "$new/modules/$(printf %02d "${#order[@]}")-$name.ko"
        order+=("$name")
    }
    local order=()
    for name in ahci sr_mod isofs; do add "$name"; done
    "${as_root[@]}" chroot "$new" systemctl --quiet enable cloud-init-local cloud-init cloud-config cloud-final seed-report ssh
    (cd "$new" && "${as_root[@]}" find . -print0 | "${as_root[@]}" cpio --quiet --null -o -H newc >"$work/image")
    mkdir -p "${image%/*}"
    rm -f "${image%/*}"/*.cpio
    mv "$work/image" "$image"
    "${as_root[@]}" rm -rf "$new"
}
[ -s "$image" ] || make_image

serial=$work/serial
: >"$serial"
# Emulation only: /dev/kvm may be there and still not run. QEMU takes a comma in a file's name when it is doubled.
qemu-system-x86_64 -machine q35,accel=tcg -cpu max -smp 2 -m 2048 -display none -monitor none -serial "file:$serial" -no-reboot -nic none \
    -kernel "$kernel/vmlinuz" -initrd "$image" -append 'console=ttyS0 rdinit=/begin quiet systemd.show_status=0' \
    -drive "if=none,id=medium,media=cdrom,readonly=on,format=raw,file=${iso//,/,,}" -device ide-cd,drive=medium,bus=ide.0 \
    </dev/null >"$work/said" 2>&1 &
qemu=$!
lines() { tr -d '\r' <"$serial" | grep -a -o '^seed: .*' || true; }
SECONDS=0
while [ "$SECONDS" -lt "$timeout" ] && kill -0 "$qemu" 2>/dev/null && ! lines | grep -qx 'seed: done'; do sleep 0.5; done
[ -z "$log" ] || cp -- "$serial" "$log"
lines
if ! lines | grep -qx 'seed: done'; then
    printf 'cloud-boot.sh: not done after %s s; the last lines:\n' "$SECONDS" >&2
    cat "$work/said" >&2
    tr -d '\r' <"$serial" | tr -c '[:print:]\n\t' '?' | tail -n 30 >&2
    exit 1
fi
