#!/bin/bash
# Puts a kernel, the modules that may be needed to reach a medium or a network, and a static busybox into target/standin/.
#
#     fetch-kernel.sh          nothing to do when they are there already, as this script wants them
#     fetch-kernel.sh --there  only tells by its exit code whether they are
#
# They come from the distribution's own packages and are unpacked, never installed: the machine keeps its kernel, its boot
# menu and its own busybox (Debian's busybox and busybox-static exclude each other).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "$(readlink -f -- "$0")")/common.sh"

kernel=$cache/kernel
busybox=$cache/busybox

# Only what leads to a disc, a stick, a disk or a server, what a firewall is made of, and the power button: the whole package is several times as large.
parts=(drivers/ata drivers/scsi drivers/cdrom drivers/usb/host drivers/usb/core drivers/usb/common drivers/usb/storage
    drivers/block drivers/virtio drivers/net/ethernet/intel/e1000 drivers/net/virtio_net drivers/net/net_failover net/core/failover
    block fs/isofs fs/ext4 fs/jbd2 fs/mbcache.ko lib crypto arch/x86/crypto
    net/netfilter net/ipv4/netfilter net/ipv6/netfilter net/bridge net/802 net/llc drivers/char/hw_random
    drivers/acpi/button.ko drivers/input/evdev.ko)

# The newest kernel that Debian calls current. The cloud one has neither AHCI nor USB storage.
kernel_package() {
    apt-cache depends linux-image-amd64 | awk '$1 == "Depends:" && $2 ~ /^linux-image-.*-amd64$/ { print $2; exit }'
}

# unpack PACKAGE FOLDER WILDCARD...: what matches the wildcards in a package file.
unpack() {
    local package=$1 folder=$2
    shift 2
    case $package in
        *.deb) dpkg-deb --fsys-tarfile "$package" | tar -x -C "$folder" --wildcards "$@" ;;
        *.rpm) (cd "$folder" && rpm2cpio "$package" | cpio --quiet -idm "$@") ;;
        *) die "$package: neither .deb nor .rpm" ;;
    esac
}

# download NAME...: package files into the working folder.
download() {
    if command -v apt-get >/dev/null; then
        apt-get -qq download "$@"
    elif command -v dnf >/dev/null; then
        dnf -q download "$@"
    else
        die "neither apt-get nor dnf is here; put a kernel into $kernel and a static busybox at $busybox by hand"
    fi
}

place_kernel() {
    local names wildcards part vmlinuz release
    if command -v apt-get >/dev/null; then
        names=$(kernel_package)
        [ -n "$names" ] || die "apt knows no linux-image-amd64; run \`apt-get update\`"
    else
        names='kernel-core kernel-modules-core kernel-modules'
    fi
    # shellcheck disable=SC2086  # several names
    (cd "$work" && download $names)
    wildcards=('*/vmlinuz*' '*/modules.builtin')
    for part in "${parts[@]}"; do
        wildcards+=("*/kernel/$part*")
    done
    mkdir "$work/tree"
    for package in "$work"/*.deb "$work"/*.rpm; do
        if [ -e "$package" ]; then
            # A package may hold none of these (then tar complains); what counts is looked at below.
            unpack "$package" "$work/tree" "${wildcards[@]}" 2>/dev/null || true
        fi
    done
    vmlinuz=$(find "$work/tree" -name 'vmlinuz*' -type f | sort | head -n 1)
    release=$(find "$work/tree" -path '*/lib/modules/*' -name kernel -type d -printf '%h\n' | sort | head -n 1)
    if [ -z "$vmlinuz" ] || [ -z "$release" ]; then
        die "$names: no kernel or no modules in it"
    fi
    mkdir "$work/kernel"
    mv "$vmlinuz" "$work/kernel/vmlinuz"
    mv "$release/kernel" "$work/kernel/modules"
    mv "$release/modules.builtin" "$work/kernel/"
    # Some distributions compress modules; the stand-in's init loads them as they are.
    find "$work/kernel/modules" -name '*.ko.xz' -exec xz -d {} +
    find "$work/kernel/modules" -name '*.ko.zst' -exec zstd -q -d --rm {} +
    basename "$release" >"$work/kernel/release"
    printf '%s\n' "${parts[*]}" >"$work/kernel/parts"
    rm -rf "$kernel"
    mv "$work/kernel" "$kernel"
}

place_busybox() {
    local name='busybox' found
    if command -v apt-get >/dev/null; then
        name='busybox-static'
    fi
    mkdir "$work/box" "$work/box/tree"
    (cd "$work/box" && download "$name")
    unpack "$(find "$work/box" -maxdepth 1 -name '*.deb' -o -maxdepth 1 -name '*.rpm' | head -n 1)" "$work/box/tree" '*bin/busybox'
    found=$(find "$work/box/tree" -name busybox -type f | head -n 1)
    [ -n "$found" ] || die "$name: no busybox in it"
    mv "$found" "$busybox"
}

# has_kernel: of the parts that are wanted now; an older checkout wanted fewer.
has_kernel() {
    [ -s "$kernel/release" ] && [ "$(cat "$kernel/parts" 2>/dev/null)" = "${parts[*]}" ]
}

if [ "${1:-}" = --there ]; then
    has_kernel && [ -x "$busybox" ]
    exit
fi

mkdir -p "$cache"
work=$(mktemp -d "$cache/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT

has_kernel || place_kernel
[ -x "$busybox" ] || place_busybox
