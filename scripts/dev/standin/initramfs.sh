#!/bin/bash
# Makes the stand-in's initramfs: busybox, the modules that lead to a disc, a stick or a server, checkisomd5, bash, and standin-init with what
# it reads in.
#
#     initramfs.sh OUTPUT [INIT MODULE...]     with another first process, and the modules that it wants
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "$(readlink -f -- "$0")")/common.sh"

# What init loads, besides what these need: SATA and IDE, USB 2 and 3, virtio, and the file system.
wanted=(ahci ata_piix sr_mod sd_mod ehci_pci xhci_pci usb_storage uas virtio_pci virtio_blk virtio_scsi isofs)
# And what it loads when the kickstart is on a server.
for_network=(virtio_net e1000)
if [ $# -ge 3 ]; then wanted=("${@:3}") for_network=(); fi

kernel=$cache/kernel
if [ ! -s "$kernel/release" ] || [ ! -x "$cache/busybox" ]; then
    die "no kernel in $cache; run scripts/dev/setup.sh"
fi
need cpio xz ldd checkisomd5

declare -A place=() # module name, with underscores -> file
while IFS= read -r file; do
    name=$(basename "$file" .ko)
    place[${name//-/_}]=$file
done < <(find "$kernel/modules" -name '*.ko')
builtin=" $(sed 's|.*/||; s|\.ko$||; s|-|_|g' "$kernel/modules.builtin" | tr '\n' ' ') "

order=()
declare -A seen=()
# add NAME: the module after everything that it names as needed, in the order they must be loaded.
add() {
    local name=${1//-/_} need
    [[ -z ${seen[$name]:-} && $builtin != *" $name "* ]] || return 0
    seen[$name]=1
    [ -n "${place[$name]:-}" ] || die "module $name is in none of the folders that fetch-kernel.sh unpacks"
    while IFS= read -r need; do
        add "$need"
    done < <(tr '\0' '\n' <"${place[$name]}" | sed -n 's/^depends=//p' | tr ',' '\n' | sed '/^$/d')
    order+=("$name")
}
for module in "${wanted[@]}"; do
    add "$module"
done
of_medium=${#order[@]}
for module in "${for_network[@]}"; do
    add "$module"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
mkdir -p "$tree"/{bin,dev,proc,sys,tmp,medium,modules,init.d}
install -m 755 "${2:-$root/scripts/dev/standin-init}" "$tree/init"
install -m 755 "$here"/init/*.sh "$tree/init.d/"
ln -s ../init.d/curl.sh "$tree/bin/curl"
install -m 755 "$cache/busybox" "$tree/bin/busybox"
ln -s busybox "$tree/bin/sh"
for module in "${order[@]}"; do
    cp "${place[$module]}" "$tree/modules/$module.ko"
done
printf '%s\n' "${order[@]:0:of_medium}" >"$tree/modules/order"
printf '%s\n' "${order[@]:of_medium}" >"$tree/modules/network"

# The media checker of the real installer, and the shell that a kickstart's scripts ask for, with the libraries that they are linked to.
for name in checkisomd5 bash; do
    program=$(command -v "$name")
    install -m 755 "$program" "$tree/bin/$name"
    ldd "$program" | grep -o '/[^ ]*' | while IFS= read -r library; do
        install -D -m 755 "$library" "$tree$library"
    done
done

same_time "$tree"
(cd "$tree" && find . -print0 | sort -z | cpio --quiet --null -o -H newc --reproducible -R 0:0) |
    xz --check=crc32 -1 >"$work/initrd.img"
mv "$work/initrd.img" "$1"
