#!/bin/bash
# Boots an ISO in QEMU without a screen and prints the `standin:` lines that came over the serial line.
#
#     scripts/dev/boot-iso.sh ISO WAY [--beside ISO] [--timeout SECONDS] [--log FILE]
#
# WAY:
#     bios-cd bios-usb     SeaBIOS
#     uefi-cd uefi-usb     OVMF; it finds the El Torito record on a stick, too, and so reads the ISO tree's grub.cfg both times
#     uefi-partition       OVMF with a stick whose El Torito record is blank: firmware that takes the EFI partition, and with it the
#                          grub.cfg inside images/efiboot.img. Blanking changes the medium, so its media check must fail here.
# --beside attaches another ISO in a CD drive of its own, from which the machine does not start.
# --timeout is 180 seconds unless told; --log keeps all that came over the serial line.
# Exit code 0 only if `standin: done` came; 1 if not, with the last lines; 2 for a wrong call; 4 when QEMU is missing.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=standin/machine.sh
. "$(dirname -- "$(readlink -f -- "$0")")/standin/machine.sh"

beside=
read_words beside -- "$@"
iso=${words[0]}
way=${words[1]}
for medium in "$iso" ${beside:+"$beside"}; do
    [ -r "$medium" ] || fail 2 "$medium cannot be read"
done
begin

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
drive+=(-drive "if=none,id=medium,media=$kind,readonly=on,format=raw,file=${iso//,/,,}")
if [ -n "$beside" ]; then
    drive+=(-drive "if=none,id=beside,media=cdrom,readonly=on,format=raw,file=${beside//,/,,}" -device 'ide-cd,drive=beside,bus=ide.1')
fi
# No network: nothing may depend on one.
start -nic none "${drive[@]}"
watch_for "${words[0]}, $way" '^standin: done$'
