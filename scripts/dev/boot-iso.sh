#!/bin/bash
# Boots an ISO in QEMU without a screen and prints the `standin:` lines that came over the serial line.
#
#     scripts/dev/boot-iso.sh ISO WAY [--timeout SECONDS] [--log FILE]
#
# WAY:
#     bios-cd bios-usb     SeaBIOS
#     uefi-cd uefi-usb     OVMF; it finds the El Torito record on a stick, too, and so reads the ISO tree's grub.cfg both times
#     uefi-partition       OVMF with a stick whose El Torito record is blank: firmware that takes the EFI partition, and with it the
#                          grub.cfg inside images/efiboot.img. Blanking changes the medium, so its media check must fail here.
# --timeout is 180 seconds unless told; --log keeps all that came over the serial line.
# Exit code 0 only if `standin: done` came; 1 if not, with the last lines; 2 for a wrong call; 4 when QEMU is missing.
set -euo pipefail

usage() {
    sed -n '2,/^set /{/^#/!d; s/^# \{0,1\}//; p}' "$0"
}

fail() {
    printf 'boot-iso.sh: %s\n' "$2" >&2
    exit "$1"
}

timeout=180
log=
words=()
while [ $# -gt 0 ]; do
    case $1 in
        --timeout) timeout=${2:-} && shift ;;
        --log) log=${2:-} && shift ;;
        -h | --help) usage && exit ;;
        -*) fail 2 "unknown option $1" ;;
        *) words+=("$1") ;;
    esac
    shift || fail 2 'an option without its value'
done
if [ ${#words[@]} -ne 2 ]; then
    usage >&2
    exit 2
fi
iso=${words[0]}
way=${words[1]}
[[ $timeout =~ ^[1-9][0-9]*$ ]] || fail 2 "--timeout: a number of seconds, not \`$timeout\`"
[ -r "$iso" ] || fail 2 "$iso cannot be read"
command -v qemu-system-x86_64 >/dev/null || fail 4 'qemu-system-x86_64 is missing; run scripts/dev/setup.sh'

work=$(mktemp -d)
qemu=
cleanup() {
    if [ -n "$qemu" ]; then
        kill "$qemu" 2>/dev/null || true
        wait "$qemu" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ovmf CODE|VARS: where the distribution put that half of the firmware.
ovmf() {
    local file
    for file in "/usr/share/OVMF/OVMF_$1_4M.fd" "/usr/share/edk2/ovmf/OVMF_$1.fd" "/usr/share/OVMF/OVMF_$1.fd"; do
        if [ -r "$file" ]; then
            printf '%s\n' "$file"
            return
        fi
    done
    fail 4 "OVMF is missing; run scripts/dev/setup.sh"
}

firmware=()
uefi() {
    local code
    code=$(ovmf CODE)
    cp "$(ovmf VARS)" "$work/vars.fd"
    firmware=(-drive "if=pflash,format=raw,unit=0,readonly=on,file=$code" -drive "if=pflash,format=raw,unit=1,file=$work/vars.fd")
}
cd_drive=(-device 'ide-cd,drive=medium,bus=ide.0,bootindex=0')
usb_drive=(-device qemu-xhci -device 'usb-storage,drive=medium,bootindex=0,removable=on')
kind=disk
case $way in
    bios-cd) drive=("${cd_drive[@]}") kind=cdrom ;;
    bios-usb) drive=("${usb_drive[@]}") ;;
    uefi-cd) uefi && drive=("${cd_drive[@]}") kind=cdrom ;;
    uefi-usb) uefi && drive=("${usb_drive[@]}") ;;
    uefi-partition)
        uefi
        drive=("${usb_drive[@]}")
        # A copy of its own, which shares blocks or leaves holes where the file system can. The boot record's volume descriptor is sector 17;
        # its first seven bytes stay, since GRUB takes no file system without them for ISO 9660.
        cp --reflink=auto --sparse=always -- "$iso" "$work/medium.iso"
        chmod u+w "$work/medium.iso"
        dd if=/dev/zero of="$work/medium.iso" bs=2041 seek=$((17 * 2048 + 7)) oflag=seek_bytes count=1 conv=notrunc status=none
        iso=$work/medium.iso
        ;;
    *) fail 2 "WAY is bios-cd, uefi-cd, bios-usb, uefi-usb or uefi-partition, not \`$way\`" ;;
esac

# QEMU takes a comma in a file's name when it is doubled.
serial=$work/serial.log
: >"$serial"
# Emulation only: /dev/kvm may be there and still not run firmware. No network: nothing may depend on one.
qemu-system-x86_64 -machine q35,accel=tcg -cpu max -m 512 -display none -monitor none -serial "file:$serial" -no-reboot -nic none \
    "${firmware[@]}" -drive "if=none,id=medium,media=$kind,readonly=on,format=raw,file=${iso//,/,,}" "${drive[@]}" \
    </dev/null >"$work/qemu.out" 2>&1 &
qemu=$!

# lines: what init printed so far. Firmware writes carriage returns and escape sequences.
lines() {
    tr -d '\r' <"$serial" | grep -a -o 'standin: .*' || true
}

started=$SECONDS
result=1
while [ $((SECONDS - started)) -lt "$timeout" ]; do
    if lines | grep -q '^standin: done$'; then
        result=0
        break
    fi
    kill -0 "$qemu" 2>/dev/null || break
    sleep 0.5
done
took=$((SECONDS - started))
# The machine may have ended between the last look and now.
if lines | grep -q '^standin: done$'; then
    result=0
fi

[ -z "$log" ] || cp -- "$serial" "$log"
lines
if [ "$result" -ne 0 ]; then
    {
        if [ "$took" -ge "$timeout" ]; then
            printf 'boot-iso.sh: %s, %s: not done within %s s; the last lines:\n' "${words[0]}" "$way" "$timeout"
        else
            printf 'boot-iso.sh: %s, %s: the machine stopped after %s s without being done; the last lines:\n' "${words[0]}" "$way" "$took"
        fi
        cat "$work/qemu.out"
        tr -d '\r' <"$serial" | tr -c '[:print:]\n\t' '?' | tail -n 20
    } >&2
fi
[ "$result" -eq 0 ]
