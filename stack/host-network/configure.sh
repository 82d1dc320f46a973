#!/bin/bash
# The name comes before every service: RabbitMQ, nova, neutron and cinder keep their state under it.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

if [ "$(hostname)" != "$TRAINYARD_NODE" ] || [ "$(hostnamectl --static)" != "$TRAINYARD_NODE" ]; then
    hostnamectl set-hostname "$TRAINYARD_NODE"
fi

scripts=$TRAINYARD_ROOT/etc/sysconfig/network-scripts
resolvers=$TRAINYARD_ROOT/etc/resolv.conf
interfaces=$(manifest host-network file | sed -n 's|.*/network-scripts/ifcfg-||p')
# says INTERFACE LINE: whether its file has that line.
says() { grep -qx "$2" "$scripts/ifcfg-$1"; }
# value INTERFACE KEY: what its file says of that; nothing where it says nothing.
value() { sed -n "s/^$2=//p" "$scripts/ifcfg-$1"; }

# A cloud image has no NetworkManager: there network.service has all interfaces, and looks at each only once, at boot.
has_network_manager() { systemctl -q is-active NetworkManager.service; }

# bring_up INTERFACE...: those that NetworkManager does not have. A bond brings its members up itself.
bring_up() {
    local name
    for name in "$@"; do
        if ! says "$name" SLAVE=yes && { says "$name" NM_CONTROLLED=no || ! has_network_manager; }; then
            [ -n "$(ip -o link show dev "$name" up 2>/dev/null)" ] || ifup "$name" ||
                warn "$name did not come up; is the adapter there, and by that name?"
        fi
    done
}

# NetworkManager keeps what nodes have addresses on; network.service brings up what NetworkManager is told to leave alone.
systemctl enable network.service
if has_network_manager; then
    nmcli connection reload || warn "NetworkManager did not read the interface files again"
fi
vlans='' others=''
for name in $interfaces; do
    if says "$name" VLAN=yes; then vlans="$vlans $name"; else others="$others $name"; fi
done
# shellcheck disable=SC2086 # names of interfaces are plain words
bring_up $others $vlans

has_its_address() { [ -n "$(ip -4 -o address show to "$TRAINYARD_ADDRESS/32")" ]; }

# Whether an interface could have this node's address.
could_have_it() { says "$1" "IPADDR=$TRAINYARD_ADDRESS" || says "$1" BOOTPROTO=dhcp; }
is_unplugged() { [ "$(cat "$TRAINYARD_ROOT/sys/class/net/$1/carrier" 2>/dev/null)" = 0 ]; }

unplugged=
for name in $interfaces; do
    if could_have_it "$name" && is_unplugged "$name"; then unplugged="$unplugged $name"; fi
done
# NetworkManager gives an address when there is a carrier, and the network scripts where they are asked then; a reboot would bring none.
gets_its_address() {
    has_its_address && return
    has_network_manager && return 1
    local name
    for name in $unplugged; do
        is_unplugged "$name" || ifup "$name" || true
    done
    has_its_address
}
if [ -n "$unplugged" ] && ! has_its_address; then
    await "${PARAMETER_carrier_seconds:?}" "a network at${unplugged} (is the cable plugged in, and the switch on?)" gets_its_address ||
        fail "no interface has $TRAINYARD_ADDRESS:${unplugged} found no network in $PARAMETER_carrier_seconds s"
fi

# says_servers INTERFACE: the lab's name servers, as /etc/resolv.conf has them.
says_servers() {
    value "$1" DOMAIN | sed -e 's/^"\(.*\)"$/\1/' -e 's/^./search &/'
    sed -n 's/^DNS[0-9]*=/nameserver /p' "$scripts/ifcfg-$1"
}
# The network scripts write them when an interface comes up (RESOLV_MODS), and at its end put back what DHCP's were written over.
for name in $interfaces; do
    if ! has_network_manager && says "$name" BOOTPROTO=dhcp && [ -n "$(value "$name" DNS1)" ]; then
        rm -f "$TRAINYARD_ROOT/var/lib/dhclient/resolv.conf.predhclient.$name"
        [ "$(says_servers "$name")" = "$(grep -E '^(search|nameserver) ' "$resolvers")" ] || says_servers "$name" >"$resolvers"
    fi
done

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
    server=$(value "$name" DNS1)
    if [ -n "$server" ] && ! grep -qxF "nameserver $server" "$resolvers"; then
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
# At the first boot of a cloud image it has failed on the image's own adapter, by a name that is gone.
if ! has_network_manager && systemctl -q is-failed network.service; then
    systemctl reset-failed network.service
fi
