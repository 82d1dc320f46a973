#!/bin/bash
# Boots a machine from a disk with a real cloud-init, in QEMU, and prints the lines that came over the serial line and begin with `seed: `.
#
#     scripts/dev/cloud-boot.sh --image       makes the cloud image (qcow2, 2 GiB) where it is not there, and prints where it is
#     scripts/dev/cloud-boot.sh [--timeout SECONDS] [--log FILE] [--kernel TEXT] -- WORD...
#
# The words are QEMU's, as `trainyard disk` and `trainyard seed` print them. TEXT goes to the end of the kernel's line in the boot loader.
#
#     seed: source: DATA SOURCE           as cloud-init calls it
#     seed: status: done                  of `cloud-init status`
#     seed: warning: LINE                 of cloud-init's log, of this boot
#     seed: once: LINE                    of the same: a module that runs once an instance has run
#     seed: disk: BYTES BYTES             of the disk, and of the root file system
#     seed: address: PORT MAC ADDRESS     IPv4; `none` where it has none
#     seed: file: DIGEST MODE OWNER PATH  each file in /etc, /root, /home and /usr/local
#     seed: kept: PATH                    a file of cloud-init's own with a secret of the node in it
#     seed: done
#
# As root or by sudo. The image stands in for CentOS's: the tree of the test hosts (node-root.sh) with their stand-ins for what CentOS has, the
# stand-in medium's kernel, GRUB for BIOS. What is real: firmware, boot loader, partition table, disk, drive, adapters, the firewall's rules, and
# how cloud-init finds its seed. Only a machine that is begun here reports on the seed, and does nothing after cloud-init.
# Exit code 0 only if `seed: done` came and the machine went off; 1 if not, with the last lines; 2 for a wrong call. --timeout: 600 unless told.
set -euo pipefail
root=$(readlink -f -- "$(dirname -- "$0")/../..")
PATH=$PATH:/usr/sbin:/sbin

die() {
    printf 'cloud-boot.sh: %s\n' "$2" >&2
    exit "$1"
}

timeout=600 log='' only_image='' kernel=''
while [ $# -gt 0 ]; do
    case $1 in
    --image) only_image=yes ;;
    --timeout) timeout=${2:-} && shift ;;
    --log) log=${2:-} && shift ;;
    --kernel) kernel=${2:-} && shift ;;
    -h | --help) sed -n '2,/^set /{/^#/!d; s/^# \{0,1\}//; p}' "$0" && exit ;;
    --) break ;;
    *) die 2 "unknown option $1" ;;
    esac
    shift || die 2 'an option without its value'
done
[[ $timeout =~ ^[1-9][0-9]*$ ]] || die 2 "--timeout: a number of seconds, not \`$timeout\`"
[ $# -gt 1 ] || [ -n "$only_image" ] || die 2 'no words for QEMU'
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)

work=$(mktemp -d)
qemu=
trap '[ -z "$qemu" ] || { kill "$qemu" && wait "$qemu"; } 2>/dev/null || true; "${as_root[@]}" rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

make_image() {
    local tree new=$work/tree raw=$work/raw from=$root/target/standin/kernel nodes=$root/tests/node release parts inputs
    tree=$("$root/scripts/dev/node-root.sh")
    [ -s "$from/vmlinuz" ] || die 1 "no kernel in $from: run scripts/dev/setup.sh"
    parts=("$nodes"/{shims,installer.sh} "$root"/scripts/dev/{cloud-boot,standin/initramfs.sh} "$from"/{release,parts} "$0")
    inputs=$(find "${parts[@]}" -type f -exec sha256sum {} + | sort)$tree
    image=$root/target/cloud-boot/$(sha256sum <<<"$inputs" | cut -c 1-16).qcow2
    [ ! -s "$image" ] || return 0
    mkdir -p "$new" "$work"/{layer,work,input}
    # What the hosts' cloud image has (tests/node/install.rs), made in the same way.
    printf '%s\n' centos-release initscripts kernel openssh-server sudo >"$work/input/packages"
    echo localhost.localdomain >"$work/input/hostname"
    "${as_root[@]}" unshare --mount --uts "$nodes/installer.sh" "$tree" "$work"/{layer,work} "$nodes/shims" "$work/input" >"$work/said" 2>&1 || die 1 "$(tail -n 20 "$work/said")"
    "${as_root[@]}" rm -r "$work/work"
    mkdir "$work/work"
    # shellcheck disable=SC2016  # for the shell in the namespace
    "${as_root[@]}" unshare --mount sh -ec 'mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/layer,workdir=$2/work" "$2/tree"; tar -C "$2/tree" -c .' sh "$tree" "$work" |
        "${as_root[@]}" tar -C "$new" -x
    # What only containers need goes: a blkid that finds a drive where there is none, a modprobe without modules, and what keeps hosts from
    # verifying themselves.
    "${as_root[@]}" tar -C "$tree" -c ./usr/sbin/blkid ./usr/sbin/modprobe | "${as_root[@]}" tar -C "$new" -x
    "${as_root[@]}" rm -r "$new/usr/lib/systemd/system/trainyard-verify.service.d"
    # A machine has a clock of its own, which it sets.
    "${as_root[@]}" sed -i 's/-x //' "$new/usr/share/el7/packages/chrony/root/etc/sysconfig/chronyd"
    "${as_root[@]}" rm "$new/usr/share/el7/packages/chrony/root/usr/local/bin/chronyc"
    "${as_root[@]}" cp -r "$root"/scripts/dev/cloud-boot/{boot,etc,usr} "$new"
    "${as_root[@]}" chroot "$new" sh -c 'dpkg -i /usr/src/*.deb' >"$work/said" 2>&1 || die 1 "$(cat "$work/said")"
    release=$(cat "$from/release")
    "${as_root[@]}" mkdir -p "$new/lib/modules/$release"
    "${as_root[@]}" cp -r "$from/modules" "$new/lib/modules/$release/kernel"
    "${as_root[@]}" cp "$from/modules.builtin" "$new/lib/modules/$release/"
    "${as_root[@]}" chroot "$new" depmod "$release" 2>/dev/null
    "$root/scripts/dev/standin/initramfs.sh" "$work/initrd" "$root/scripts/dev/cloud-boot/begin" virtio_pci virtio_blk crc32c_generic ext4 ahci sd_mod ata_piix sr_mod isofs e1000 virtio_net
    "${as_root[@]}" cp "$from/vmlinuz" "$work/initrd" "$new/boot/"
    "${as_root[@]}" chroot "$new" systemctl --quiet enable seed-report ssh
    truncate -s 2G "$raw"
    echo '2048,,L,*' | sfdisk --quiet "$raw"
    # The features by their names: GRUB 2.06 does not know all those that are usual now.
    "${as_root[@]}" mke2fs -q -F -t ext4 -d "$new" -E offset=1048576 \
        -O none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,flex_bg,sparse_super,large_file,huge_file,extra_isize "$raw" 2096128k
    grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub' -o "$work/core" biosdisk part_msdos ext2 normal eval linux smbios
    # As they are made, the first looks for the second in the next sector, and has no word where the partition table is.
    dd if=/usr/lib/grub/i386-pc/boot.img of="$raw" bs=440 count=1 conv=notrunc status=none
    dd if="$work/core" of="$raw" bs=512 seek=1 conv=notrunc status=none
    mkdir -p "${image%/*}"
    rm -f "${image%/*}"/*
    qemu-img convert -q -f raw -O qcow2 "$raw" "$image.new"
    mv "$image.new" "$image"
}
if [ -n "$only_image" ]; then
    make_image
    printf '%s\n' "$image"
    exit
fi
shift

serial=$work/serial
: >"$serial"
# Emulation only: /dev/kvm may be there and still not run. A comma would begin another part of an option.
qemu-system-x86_64 -accel tcg -cpu max -smp 2 -m 1024 -display none -monitor none -serial "file:$serial" -no-reboot -smbios "type=11,value=seed-report ${kernel//,/,,}" "$@" \
    </dev/null >"$work/said" 2>&1 &
qemu=$!
lines() { tr -d '\r' <"$serial" | grep -a -o '^seed: .*' || true; }
SECONDS=0
while [ "$SECONDS" -lt "$timeout" ] && kill -0 "$qemu" 2>/dev/null; do sleep 0.5; done
[ -z "$log" ] || cp -- "$serial" "$log"
lines
if kill -0 "$qemu" 2>/dev/null || ! lines | grep -qx 'seed: done'; then
    printf 'cloud-boot.sh: not done after %s s; the last lines:\n' "$SECONDS" >&2
    cat "$work/said" >&2
    tr -d '\r' <"$serial" | tr -c '[:print:]\n\t' '?' | tail -n 30 >&2
    exit 1
fi
