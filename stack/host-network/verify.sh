#!/bin/bash
# Every interface is as its file says; names are right here and everywhere, and this node reaches the others.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

net=$TRAINYARD_ROOT/sys/class/net

# value INTERFACE KEY: what its file says of that; nothing where it says nothing.
value() {
    sed -n "s/^$2=//p" "$TRAINYARD_ROOT/etc/sysconfig/network-scripts/ifcfg-$1"
}

# check_interface NAME: it is there and up, with the parts, the MTU and the addresses of its file.
check_interface() {
    local name=$1 mtu master link id address found=
    [ -d "$net/$name" ] || fail "there is no $name"
    [ $(($(cat "$net/$name/flags") & 1)) -eq 1 ] || fail "$name is not up"
    mtu=$(value "$name" MTU)
    [ -z "$mtu" ] || [ "$(cat "$net/$name/mtu")" = "$mtu" ] ||
        fail "$name has an MTU of $(cat "$net/$name/mtu"), not $mtu"
    master=$(value "$name" MASTER)$(value "$name" BRIDGE)
    if [ -n "$master" ]; then
        found=$(readlink "$net/$name/master") || fail "$name is no part of $master"
        [ "${found##*/}" = "$master" ] || fail "$name is a part of ${found##*/}, not of $master"
    fi
    id=$(value "$name" VLAN_ID) link=$(value "$name" PHYSDEV)
    if [ -n "$id" ]; then
        found=$(tr '\t\n' '  ' <"$TRAINYARD_ROOT/proc/net/vlan/$name") || fail "$name is no VLAN"
        case "$found " in *" VID: $id "*" Device: $link "*) ;; *) fail "$name is not VLAN $id on $link" ;; esac
    fi
    address=$(value "$name" IPADDR)
    [ -z "$address" ] || [ -n "$(ip -4 -o address show dev "$name" to "$address/32")" ] ||
        fail "$name has not the address $address"
    if [ "$(value "$name" BOOTPROTO)" = dhcp ]; then
        address="an address by DHCP"
        [ -n "$(ip -4 -o address show dev "$name")" ] || fail "$name has no address; does the DHCP server answer?"
    fi
    found=$(value "$name" IPV6ADDR)
    if [ -n "$found" ]; then
        case $(ip -6 -o address show dev "$name" to "${found%/*}/128") in
        '') fail "$name has not the address ${found%/*}" ;;
        *dadfailed*) fail "another machine has the address ${found%/*} of $name" ;;
        esac
        address="$address${address:+, }${found%/*}"
    fi
    say "$name is up${address:+ with $address}${mtu:+, MTU $mtu}${id:+, VLAN $id on $link}${master:+, a part of $master}"
}

[ "$(hostname)" = "$TRAINYARD_NODE" ] || fail "this host calls itself $(hostname), not $TRAINYARD_NODE"
for interface in $(manifest host-network file | sed -n 's|.*/network-scripts/ifcfg-||p'); do
    check_interface "$interface"
done
[ -n "$(ip -4 -o address show to "$TRAINYARD_ADDRESS/32")" ] || fail "no interface has the address $TRAINYARD_ADDRESS"
say "$TRAINYARD_NODE is $TRAINYARD_ADDRESS"

if [ -n "$TRAINYARD_PROVIDER_INTERFACE" ]; then
    [ -z "$(ip -4 -o address show dev "$TRAINYARD_PROVIDER_INTERFACE")" ] ||
        fail "$TRAINYARD_PROVIDER_INTERFACE has an address; instances use that network, the host does not"
fi

# The installer does not label these; systemd starts only what it may execute.
if selinuxenabled 2>/dev/null; then
    for path in /usr/local/sbin/trainyard-node /usr/local/libexec/trainyard/stage-lib.sh /etc/systemd/system/trainyard-first-boot.service; do
        matchpathcon -V "$path" >/dev/null || fail "$path has a wrong SELinux type; restorecon -RF $path"
    done
fi

unreachable=
while read -r address name <&3; do
    case "$address $name" in '# not of this lab') break ;; esac
    case $address in '' | '#'* | 127.* | ::1) continue ;; esac
    found=$(getent ahostsv4 "$name" | cut -d ' ' -f 1 | sort -u)
    [ "$found" = "$address" ] || fail "$name resolves to ${found:-nothing}, not to $address alone"
    if ping -c 1 -W 5 "$name" >/dev/null; then say "$name answers"; else unreachable="$unreachable $name"; fi
done 3<"$TRAINYARD_ROOT/etc/hosts"
[ -z "$unreachable" ] || fail "no answer to a ping from:$unreachable"
