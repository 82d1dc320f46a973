#!/bin/bash
# The name comes before every service: RabbitMQ, nova, neutron and cinder keep their state under it.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

if [ "$(hostname)" != "$TRAINYARD_NODE" ] || [ "$(hostnamectl --static)" != "$TRAINYARD_NODE" ]; then
    hostnamectl set-hostname "$TRAINYARD_NODE"
fi

interfaces=$(manifest host-network file | sed -n 's|.*/network-scripts/ifcfg-||p')
# says INTERFACE LINE: whether its file has that line.
says() { grep -qx "$2" "$TRAINYARD_ROOT/etc/sysconfig/network-scripts/ifcfg-$1"; }

# bring_up INTERFACE...: those that NetworkManager is told to leave alone. A bond brings its members up itself.
bring_up() {
    local name
    for name in "$@"; do
        if says "$name" NM_CONTROLLED=no && ! says "$name" SLAVE=yes; then
            [ -n "$(ip -o link show dev "$name" up 2>/dev/null)" ] || ifup "$name" ||
                warn "$name did not come up; is the adapter there?"
        fi
    done
}

# NetworkManager keeps what nodes have addresses on; network.service brings up what NetworkManager is told to leave alone.
systemctl enable network.service
nmcli connection reload || warn "NetworkManager did not read the interface files again"
vlans='' others=''
for name in $interfaces; do
    if says "$name" VLAN=yes; then vlans="$vlans $name"; else others="$others $name"; fi
done
# shellcheck disable=SC2086 # names of interfaces are plain words
bring_up $others $vlans

has_its_address() { [ -n "$(ip -4 -o address show to "$TRAINYARD_ADDRESS/32")" ]; }

# unplugged: the interfaces that could have this node's address, if there were a carrier.
unplugged() {
    local name
    for name in $interfaces; do
        says "$name" "IPADDR=$TRAINYARD_ADDRESS" || says "$name" BOOTPROTO=dhcp || continue
        case $(cat "$TRAINYARD_ROOT/sys/class/net/$name/carrier" 2>/dev/null) in 0) printf '%s\n' "$name" ;; esac
    done
}

# NetworkManager gives an address when there is a carrier; a reboot would bring none.
name=$(unplugged | tr '\n' ' ')
if [ -n "$name" ] && ! has_its_address; then
    await "${PARAMETER_carrier_seconds:?}" "a network at ${name% } (is the cable plugged in, and the switch on?)" has_its_address ||
        fail "no interface has $TRAINYARD_ADDRESS: ${name% } found no network in $PARAMETER_carrier_seconds s"
fi

# New names, and the addresses of new interface files, come with a reboot. After an installation they are there already.
if ! has_its_address; then
    say "no interface has $TRAINYARD_ADDRESS yet"
    exit 100
fi
# cloud-init has no words for DHCP without its way out or its name servers: what it set up holds until the next boot.
for name in $interfaces; do
    says "$name" BOOTPROTO=dhcp || continue
    if says "$name" DEFROUTE=no && [ -n "$(ip -4 -o route show default dev "$name")" ]; then
        say "the way out still leads by $name"
        exit 100
    fi
    server=$(sed -n 's/^DNS1=//p' "$TRAINYARD_ROOT/etc/sysconfig/network-scripts/ifcfg-$name")
    if [ -n "$server" ] && ! grep -qxF "nameserver $server" "$TRAINYARD_ROOT/etc/resolv.conf"; then
        say "$server is not asked for names yet"
        exit 100
    fi
done
for name in $interfaces; do
    if [ ! -e "$TRAINYARD_ROOT/sys/class/net/$name" ] && { ! says "$name" TYPE=Ethernet || says "$name" 'HWADDR=.*'; }; then
        say "there is no $name yet"
        exit 100
    fi
done
