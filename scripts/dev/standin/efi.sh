#!/bin/bash
# Makes the stand-in's EFI/BOOT folder, and the FAT image that holds it once more.
#
#     efi.sh tree OUTPUT LABEL              the folder, with a GRUB that boots
#     efi.sh tree OUTPUT LABEL placeholder  the same names; none of it boots
#     efi.sh image OUTPUT TREE              images/efiboot.img from that folder
#
# On the real medium BOOTX64.EFI is a shim that starts grubx64.efi; here both are GRUB itself.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "$(readlink -f -- "$0")")/common.sh"

# As in the real one, down to those of the network.
modules=(all_video boot cat chain configfile echo efi_gop efi_uga efinet ext2 fat gfxmenu gfxterm gzio halt http iso9660 linux ls minicmd normal
    part_gpt part_msdos reboot search search_fs_file search_label sleep test tftp true video_bochs video_cirrus)

# grub OUTPUT: one EFI program. Its prefix names no device, so GRUB takes the one it was loaded from: the whole disc when the firmware
# started it from a CD, the FAT image when the firmware took that for a partition. Red Hat's GRUB is made the same way.
grub() {
    local maker folder early=()
    maker=$(command -v grub-mkimage || command -v grub2-mkimage) || die "grub-mkimage is missing; run scripts/dev/setup.sh"
    folder=$(dirname "$(first_file /usr/lib/grub/x86_64-efi/normal.mod)")
    if [ -e "$folder/linuxefi.mod" ]; then
        modules+=(linuxefi)
    else
        # A newer GRUB has no commands of these names: `linux` does what they did.
        # shellcheck disable=SC2016  # for GRUB to expand
        printf 'function linuxefi { linux "$@"; }\nfunction initrdefi { initrd "$@"; }\nconfigfile $prefix/grub.cfg\n' >"$1.early"
        early=(-c "$1.early")
    fi
    "$maker" -O x86_64-efi -d "$folder" -p /EFI/BOOT "${early[@]}" -o "$1" "${modules[@]}"
    rm -f "$1.early"
}

# placeholder NAME KIB: repeats a sentence; compresses well and boots nothing.
placeholder() {
    head -c "$(($2 * 1024))" < <(yes "Stand-in for $1: the name and the size count.")
}

# tree OUTPUT LABEL [placeholder]: with GRUB, all of it is about as large as the real folder, so that the image becomes a FAT16 of 8.6 MiB
# like the real one; with placeholders it is a small FAT12.
tree() {
    local out=$1 label=$2 kind=${3:-}
    mkdir -p "$out/fonts"
    if [ "$kind" = placeholder ]; then
        for name in BOOTX64.EFI grubx64.efi BOOTIA32.EFI grubia32.efi mmia32.efi mmx64.efi fonts/unicode.pf2; do
            placeholder "$name" 64 >"$out/$name"
        done
    else
        grub "$out/grubx64.efi"
        cp "$out/grubx64.efi" "$out/BOOTX64.EFI"
        placeholder BOOTIA32.EFI 1220 >"$out/BOOTIA32.EFI"
        placeholder grubia32.efi 1000 >"$out/grubia32.efi"
        placeholder mmia32.efi 1160 >"$out/mmia32.efi"
        placeholder mmx64.efi 1330 >"$out/mmx64.efi"
        cp "$(first_file /usr/share/grub/unicode.pf2 /boot/grub2/fonts/unicode.pf2)" "$out/fonts/unicode.pf2"
    fi
    with_label "$label" "$here/grub.cfg" >"$out/grub.cfg"
}

# image OUTPUT TREE: the content and hardly more, as the real image is: a grub.cfg that outgrows its clusters finds little room.
image() {
    local out=$1 tree=$2 kib
    # Every file in whole clusters of 2 KiB, the folders, and both tables.
    kib=$(find "$tree" -type f -printf '%s\n' | awk '{ kib += 2 * int(($1 + 2047) / 2048) } END { print int(kib * 1.004) + 64 }')
    rm -f "$out"
    mkfs.vfat --invariant -n ANACONDA -s 4 -C "$out" "$kib" >/dev/null
    mmd -i "$out" ::/EFI
    mcopy -i "$out" -s -Q -m "$tree" ::/EFI/BOOT
}

what=${1:-}
shift || true
case $what in
    tree) tree "$@" ;;
    image)
        need mkfs.vfat mmd mcopy
        image "$@"
        ;;
    *) die "the first word is tree or image, not $what" ;;
esac
