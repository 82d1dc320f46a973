#!/bin/bash
# Makes a disk that tells on the serial line that it was started, and by what: it stands for the disk of a machine that is installed.
#
#     installed-disk.sh OUTPUT
#
# It is one FAT file system without a partition table. BIOS starts its boot sector, UEFI its EFI/BOOT/BOOTX64.EFI, and GRUB its EFI/centos/shimx64.efi.
#     standin: disk by BIOS        or    standin: disk by UEFI
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "$(readlink -f -- "$0")")/common.sh"

[ $# -eq 1 ] || die 'one word: the file to make'
need mkfs.vfat mmd mcopy grub-mkimage
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
disk=$work/disk

mkfs.vfat --invariant -F 16 -s 1 -C "$disk" 8192 >/dev/null
printf "echo 'standin: disk by UEFI'\nhalt\n" >"$work/grub.cfg"
grub-mkimage -O x86_64-efi -d "$(dirname "$(first_file /usr/lib/grub/x86_64-efi/echo.mod)")" -p / -c "$work/grub.cfg" -o "$work/BOOTX64.EFI" echo halt
mmd -i "$disk" ::/EFI ::/EFI/BOOT ::/EFI/centos
mcopy -i "$disk" "$work/BOOTX64.EFI" ::/EFI/BOOT/
# What an installed CentOS is started by.
mcopy -i "$disk" "$work/BOOTX64.EFI" ::/EFI/centos/shimx64.efi

# The boot sector's code begins at byte 62, behind what describes the file system; it is loaded to 0x7c00.
{
    printf '\xfa\x31\xc0\x8e\xd8'     #       cli; xor ax, ax; mov ds, ax
    printf '\xbe\x60\x7c\xfc'         #       mov si, text (0x7c00 + 62 + the 34 bytes of code); cld
    printf '\xac\x84\xc0\x74\x11'     # next: lodsb; test al, al; jz end
    printf '\x88\xc3\xba\xfd\x03'     #       mov bl, al; mov dx, 0x3fd
    printf '\xec\xa8\x20\x74\xfb'     # wait: in al, dx; test al, 0x20; jz wait (until the line has sent the last letter)
    printf '\x88\xd8\xb2\xf8\xee'     #       mov al, bl; mov dl, 0xf8; out dx, al
    printf '\xeb\xea'                 #       jmp next
    printf '\xf4\xeb\xfd'             # end:  hlt; jmp end
    printf '\nstandin: disk by BIOS\n\0'
} >"$work/code"
dd if="$work/code" of="$disk" bs=1 seek=62 conv=notrunc status=none
mv "$disk" "$1"
