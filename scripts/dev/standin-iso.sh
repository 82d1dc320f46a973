#!/bin/bash
# Makes the stand-in medium: an ISO laid out like CentOS-7-x86_64-Minimal-2009.iso, with its names, label, menus and boot records, which
# boots by BIOS and UEFI, from CD and from USB. Where the real one would install, it tells what it was started with (standin-init).
# Needs neither root nor a mount. Every file in it has the same bytes each time; the volume has not (the time of inode changes in its Rock
# Ridge entries, the volume dates, the identifiers that isohybrid makes up).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=standin/common.sh
. "$(dirname -- "$(readlink -f -- "$0")")/standin/common.sh"

usage() {
    cat <<'END'
usage: scripts/dev/standin-iso.sh [-o FILE] [--label LABEL] [--size-mib N] [--without PART]... [--no-kernel]
    -o FILE          the medium; default target/standin/standin.iso; an existing one is replaced
    --label LABEL    volume label, default `CentOS 7 x86_64`; the menus follow it
    --size-mib N     fills LiveOS/squashfs.img so that the medium is N MiB (the real one: 973)
    --without PART   leaves a part out: isolinux | efi | efiboot | treeinfo | repodata (may be given again)
    --no-kernel      dummies for kernel, initrd and GRUB: quick and small, the same structure, cannot boot
END
}

wrong() {
    printf 'standin-iso.sh: %s\n' "$*" >&2
    exit 2
}

out=$cache/standin.iso
label='CentOS 7 x86_64'
size_mib=
kernel=yes
declare -A without=()
while [ $# -gt 0 ]; do
    case $1 in
        -o) out=${2:-} && shift ;;
        --label) label=${2:-} && shift ;;
        --size-mib) size_mib=${2:-0} && shift ;;
        --without)
            case ${2:-} in
                isolinux | efi | efiboot | treeinfo | repodata) without[$2]=1 ;;
                *) wrong "--without: isolinux, efi, efiboot, treeinfo or repodata, not \`${2:-}\`" ;;
            esac
            shift
            ;;
        --no-kernel) kernel= ;;
        -h | --help) usage && exit ;;
        *) usage >&2 && exit 2 ;;
    esac
    shift || wrong 'the last option lacks its value'
done
[ -n "$out" ] || wrong '-o: a file, not nothing'
# Characters that a kernel command line takes as they are, and the blank, which with_label escapes.
[[ ${#label} -le 32 && $label =~ ^[A-Za-z0-9._:@+=\ -]+$ ]] || wrong "--label: 1 to 32 of letters, digits, blanks and ._:@+=-"
[[ -z $size_mib || $size_mib =~ ^[1-9][0-9]{0,4}$ ]] || wrong '--size-mib: a number from 1 to 99999'

need genisoimage isohybrid implantisomd5 mkfs.vfat mmd mcopy gzip openssl
mkdir -p "$cache" "$(dirname -- "$out")"
work=$(mktemp -d "$cache/.medium.XXXXXX")
made=$(mktemp "$out.XXXXXX")
trap 'rm -rf "$work" "$made"' EXIT
tree=$work/tree
mkdir "$tree"

# cached KEY COMMAND...: prints the path of what the command wrote to the file or folder given to it as its last word; runs it only
# when that is not in the cache. Two scripts at once do no harm: each makes its own, the first one stays.
cached() {
    local path=$cache/$1
    shift
    if [ ! -e "$path" ]; then
        rm -rf "$work/new"
        "$@" "$work/new" >&2
        mv -T "$work/new" "$path" 2>/dev/null || rm -rf "$work/new"
    fi
    printf '%s\n' "$path"
}

put_kernel() {
    local vmlinuz initrd
    mkdir -p "$tree/images/pxeboot"
    if [ -n "$kernel" ]; then
        "$here/fetch-kernel.sh"
        vmlinuz=$cache/kernel/vmlinuz
        initrd=$(cached "initrd-$(fingerprint "$cache/kernel/release" "$cache/kernel/parts" "$cache/busybox" "$here/initramfs.sh" "$here/../standin-init" "$here"/init/*.sh "$(command -v checkisomd5)" "$(command -v bash)").img" \
            "$here/initramfs.sh")
        cp "$vmlinuz" "$tree/images/pxeboot/vmlinuz"
        cp "$initrd" "$tree/images/pxeboot/initrd.img"
    else
        echo 'Stand-in for a kernel; it cannot boot.' >"$tree/images/pxeboot/vmlinuz"
        echo 'Stand-in for an initial RAM disk; it cannot boot.' >"$tree/images/pxeboot/initrd.img"
    fi
}

put_isolinux() {
    local folder=$tree/isolinux name
    mkdir "$folder"
    # Copies: genisoimage writes the boot information table into the file that it is given.
    cp "$(first_file /usr/lib/ISOLINUX/isolinux.bin /usr/share/syslinux/isolinux.bin)" "$folder/"
    # The real medium's ISOLINUX 4.05 needs vesamenu.c32 alone; version 6 needs its libraries too.
    for name in vesamenu ldlinux libcom32 libutil; do
        cp "$(first_file "/usr/lib/syslinux/modules/bios/$name.c32" "/usr/share/syslinux/$name.c32")" "$folder/"
    done
    with_label "$label" "$here/isolinux.cfg" >"$folder/isolinux.cfg"
    printf '\nStand-in for the screen shown before the menu.\n' >"$folder/boot.msg"
    printf '# Unused, as on the real medium.\n' >"$folder/grub.conf"
    printf 'Stand-in for memtest86+; it cannot run.\n' >"$folder/memtest"
    base64 -d <<'PNG' >"$folder/splash.png"
iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==
PNG
    # Once on the disc, twice in the tree, as on the real medium: tools that rewrite it meet hard links.
    ln "$tree/images/pxeboot/vmlinuz" "$tree/images/pxeboot/initrd.img" "$folder/"
}

put_efi() {
    local kind=placeholder key folder image
    [ -z "$kernel" ] || kind=grub
    key=$(fingerprint "$here/efi.sh" "$here/common.sh" "$here/grub.cfg" - <<<"$kind $label $SOURCE_DATE_EPOCH")
    make_tree() {
        "$here/efi.sh" tree "$1" "$label" "$kind"
        same_time "$1"
    }
    make_image() {
        # The folder's name becomes the folder's name in the image.
        mkdir "$work/fat"
        cp -rp "$folder" "$work/fat/BOOT"
        "$here/efi.sh" image "$1" "$work/fat/BOOT"
    }
    folder=$(cached "efi-$key" make_tree)
    image=$(cached "efiboot-$key.img" make_image)
    mkdir "$tree/EFI"
    cp -r "$folder" "$tree/EFI/BOOT"
    if [ -z "${without[efiboot]:-}" ]; then
        cp "$image" "$tree/images/efiboot.img"
    fi
}

put_texts() {
    local name
    printf '%s\n' 1603728831.612616 7.9 x86_64 >"$tree/.discinfo"
    printf '7.9.2009 x86_64, a stand-in\n' >"$tree/CentOS_BuildTag"
    for name in EULA GPL RPM-GPG-KEY-CentOS-7 RPM-GPG-KEY-CentOS-Testing-7; do
        printf 'Stand-in for %s.\n' "$name" >"$tree/$name"
    done
    if [ -z "${without[treeinfo]:-}" ]; then
        cp "$here/treeinfo" "$tree/.treeinfo"
    fi
}

# put_stage2 BYTES: what cannot be compressed, the same each time: the key stream of a cipher.
put_stage2() {
    mkdir -p "$tree/LiveOS"
    {
        printf hsqs
        head -c "$(($1 - 4))" /dev/zero | openssl enc -aes-128-ctr -K "$(printf %032d 0)" -iv "$(printf %032d 0)"
    } >"$tree/LiveOS/squashfs.img"
    touch -d "@$SOURCE_DATE_EPOCH" "$tree/LiveOS/squashfs.img"
}

[ -n "${without[repodata]:-}" ] || "$here/repodata.sh" "$tree"
mkdir -p "$tree/Packages"
put_kernel
[ -n "${without[isolinux]:-}" ] || put_isolinux
[ -n "${without[efi]:-}" ] || put_efi
put_texts
put_stage2 65536
same_time "$tree"

bios=(-b isolinux/isolinux.bin -c isolinux/boot.cat -boot-load-size 4 -boot-info-table -no-emul-boot)
efi=(-e images/efiboot.img -no-emul-boot)
hybrid=(--uefi)
if [ -n "${without[efi]:-}${without[efiboot]:-}" ]; then
    efi=()
    hybrid=()
fi
if [ -n "${without[isolinux]:-}" ]; then
    bios=()
    [ ${#efi[@]} -eq 0 ] || efi=(-c boot.cat "${efi[@]}")
elif [ ${#efi[@]} -gt 0 ]; then
    efi=(-eltorito-alt-boot "${efi[@]}")
fi
iso=(genisoimage -quiet -R -J -T -V "$label" "${bios[@]}" "${efi[@]}")

if [ -n "$size_mib" ]; then
    # The first filling, 64 KiB, is left free: isohybrid rounds up to a whole MiB and needs room for GPT's second table.
    blocks=$("${iso[@]}" -print-size "$tree" 2>/dev/null)
    bytes=$((size_mib * 1048576 - blocks * 2048))
    [ "$bytes" -gt 65536 ] || die "--size-mib: the medium is larger than $size_mib MiB without any filling"
    put_stage2 "$bytes"
fi

"${iso[@]}" -o "$made" "$tree"
if [ ${#bios[@]} -gt 0 ]; then
    # The real medium's disk identifier.
    isohybrid "${hybrid[@]}" --id 0x6acc9bba "$made"
fi
# Last of all, since it is the checksum of what is there now.
implantisomd5 --force "$made" >/dev/null
chmod 644 "$made"
mv -f "$made" "$out"
