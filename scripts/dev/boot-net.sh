#!/bin/bash
# Boots a machine in QEMU from its network card, without root, and prints the `standin:` lines that came over the serial line.
#
#     scripts/dev/boot-net.sh WAY URL [--mac MAC] [--number TEXT] [--disk FILE] [--timeout SECONDS] [--log FILE]
#
# WAY is bios or uefi; URL is what iPXE is told to fetch. The machine is in QEMU's own network, which needs no right and no other program:
# QEMU gives it an address, names the URL, and hands connections to 10.0.2.2 on to this machine's 127.0.0.1. Or the URL is tap:NAME: then
# the machine's card is that device of this machine, and its network has servers of its own.
#     --mac       the card's address; 52:54:00:12:34:56 unless told
#     --number    the machine's serial number
#     --disk      a disk, which the firmware takes after the network; only read. standin/installed-disk.sh makes one that tells of itself
# --timeout is 180 seconds unless told; --log keeps all that came over the serial line.
# Exit code 0 only if `standin: done` or `standin: disk …` came; 1 if not, with the last lines; 2 for a wrong call; 4 when QEMU is missing.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=standin/machine.sh
. "$(dirname -- "$(readlink -f -- "$0")")/standin/machine.sh"

mac=52:54:00:12:34:56 number='' disk=''
read_words mac number disk -- "$@"
way=${words[0]}
url=${words[1]}
[[ $mac =~ ^([0-9a-f]{2}:){5}[0-9a-f]{2}$ ]] || fail 2 "--mac: six pairs of hexadecimal digits, not \`$mac\`"
[ -z "$disk" ] || [ -r "$disk" ] || fail 2 "$disk cannot be read"
begin

unplugged=
# shellcheck disable=SC2317  # watch_for calls it
unplug() {
    if [ -z "$unplugged" ] && grep -aq 'No more network devices' "$serial"; then
        printf 'set_link net off\n' >"$work/monitor.in"
        unplugged=yes
    fi
}

network=user,id=net,bootfile=${url//,/,,} card=virtio-net-pci,netdev=net,mac=$mac,bootindex=0
tap=
case $url in tap:*)
    tap=${url#tap:}
    network=tap,id=net,ifname=$tap,script=no,downscript=no
    ;;
esac
options=()
case $way in
    # The card's ROM is iPXE. The firmware's screen goes to the serial line as well, so that the log has what iPXE says.
    bios) options+=(-machine graphics=off) ;;
    uefi)
        uefi
        # QEMU names one file to whoever asks. The firmware asks for it by TFTP, where a file with the URL as its name is iPXE; and iPXE, which is
        # told the same, takes it for a URL. The card has no ROM, which would be iPXE already.
        card+=,romfile=
        if [ -z "$tap" ]; then
            mkdir -p "$work/tftp/${url%/*}"
            cp "$(first_file /usr/lib/ipxe/snponly.efi /usr/share/ipxe/ipxe-snponly-x86_64.efi)" "$work/tftp/$url"
            network+=,tftp=$work/tftp
        fi
        # After iPXE the firmware goes on with the other ways of the same card, and by IPv6 it takes minutes to see that there is nothing. One
        # way can be left out; for the other the cable is drawn when its turn comes.
        options+=(-fw_cfg 'name=opt/org.tianocore/IPv6PXESupport,string=n')
        mkfifo "$work/monitor.in" "$work/monitor.out"
        options+=(-chardev "pipe,id=monitor,path=$work/monitor" -mon chardev=monitor)
        each_look=unplug
        ;;
    *) fail 2 "WAY is bios or uefi, not \`$way\`" ;;
esac
[ -z "$number" ] || options+=(-smbios "type=1,serial=${number//,/,,}")
if [ -n "$disk" ]; then
    options+=(-drive "if=none,id=disk,format=raw,snapshot=on,file=${disk//,/,,}" -device 'ide-hd,drive=disk,bus=ide.0,bootindex=1')
fi
start -netdev "$network" -device "$card" "${options[@]}"
watch_for "$url, $way" '^standin: (done|disk by .*)$'
