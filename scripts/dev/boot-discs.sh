#!/bin/bash
# Boots a machine in QEMU that has two drives and a stick with bundles of packages in them, and the node's own scripts, which look for the
# lab's; prints the `standin:` lines that came over the serial line. Discs come and go when the machine asks for it (standin/discs.sh).
#
#     scripts/dev/boot-discs.sh [--timeout SECONDS]
#
# Exit code 0 only if `standin: done` came; 1 if not, with the last lines; 2 for a wrong call; 4 when QEMU is missing.
# shellcheck disable=SC2154  # standin/common.sh sets root, here and cache
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=standin/machine.sh
. "$(dirname -- "$(readlink -f -- "$0")")/standin/machine.sh"

case ${1:-} in
    '') ;;
    --timeout) timeout=${2:-} ;;
    *) usage >&2 && exit 2 ;;
esac
begin
need xorriso cpio

# disc NAME LABEL FOLDER LOCK: an ISO with a bundle of LOCK in FOLDER.
disc() {
    mkdir -p "$work/$1$3/base/repodata"
    printf '%s\n' "$4" >"$work/$1$3/packages.lock"
    printf '<repomd of="%s"/>\n' "$1" >"$work/$1$3/base/repodata/repomd.xml"
    xorriso -as mkisofs -quiet -V "$2" -R -J -o "$work/$1.iso" "$work/$1" 2>"$work/xorriso.out" || fail 1 "$(cat "$work/xorriso.out")"
}
disc bundle TRAINYARD_PACKAGES '' ours
disc installer 'CentOS 7 x86_64' /trainyard-packages ours
disc other TRAINYARD_PACKAGES '' other

# What the node's scripts call is the real one: util-linux, coreutils and awk.
tree=$work/tree
mkdir -p "$tree/real" "$tree/etc/trainyard" "$tree/usr/local/libexec/trainyard"
cp "$root"/scripts/node/*.sh "$tree/usr/local/libexec/trainyard/"
lock=$(sha256sum <"$work/bundle/packages.lock")
printf '#medium=/run/trainyard/packages\n#lock=%s\n' "${lock%% *}" >"$tree/etc/trainyard/pinned.repo"
for name in mount umount blkid flock dd sha256sum timeout ln mkdir awk; do
    program=$(command -v "$name") || die "\`$name\` is missing; run scripts/dev/setup.sh"
    install -m 755 "$program" "$tree/real/$name"
    ldd "$program" | grep -o '/[^ ]*' | while IFS= read -r library; do
        install -D -m 755 "$library" "$tree$library"
    done
done
"$here/initramfs.sh" "$work/initrd.img" "$here/discs.sh" ata_piix ahci sr_mod sd_mod xhci_pci usb_storage isofs
(cd "$tree" && find . | cpio --quiet -o -H newc | gzip) >>"$work/initrd.img"

# The monitor, and a second serial line that tells the machine that it was heard. Open both ways, so that nobody waits for the other end.
mkfifo "$work/monitor.in" "$work/monitor.out" "$work/heard.in" "$work/heard.out"
exec 6<>"$work/monitor.in" 7<>"$work/monitor.out" 8<>"$work/heard.in" 9<>"$work/heard.out"
answered=0
# answer: does what the machine asks of its drives.
# shellcheck disable=SC2317 # watch_for calls it
answer() {
    local asked
    asked=$(lines | sed -n 's/^standin: ask: //p' | sed -n "$((answered + 1))p")
    [ -n "$asked" ] || return 0
    answered=$((answered + 1))
    printf '%s\n' "${asked/@/$work/}" >&6
    sleep 1 # the monitor says nothing of when it was done
    echo heard >&8
}
each_look=answer

drive() { # NAME FILE MEDIA
    printf 'if=none,id=%s,media=%s,readonly=on,format=raw,file=%s' "$1" "$3" "${work//,/,,}/$2.iso"
}
start -nic none -kernel "$cache/kernel/vmlinuz" -initrd "$work/initrd.img" -append 'console=ttyS0 quiet' \
    -chardev "pipe,id=monitor,path=${work//,/,,}/monitor" -mon chardev=monitor \
    -chardev "pipe,id=heard,path=${work//,/,,}/heard" -serial chardev:heard \
    -drive "$(drive installer installer cdrom)" -device ide-cd,drive=installer,bus=ide.0 \
    -drive "$(drive bundle bundle cdrom)" -device ide-cd,drive=bundle,bus=ide.1 \
    -drive "$(drive stick other disk)" -device qemu-xhci -device usb-storage,drive=stick,removable=on
watch_for 'discs that come and go' '^standin: done$'
