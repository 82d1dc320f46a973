#!/bin/bash
# Every interface is as its file says; names are right here and everywhere, and this node reaches the others and the outside.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

net=$TRAINYARD_ROOT/sys/class/net
interfaces=$(manifest host-network file | sed -n 's|.*/network-scripts/ifcfg-||p')

# value INTERFACE KEY: what its file says of that; nothing where it says nothing.
value() {
    sed -n "s/^$2=//p" "$TRAINYARD_ROOT/etc/sysconfig/network-scripts/ifcfg-$1"
}

# present: those interfaces that are there; one that is not is told by one check alone.
present() {
    local name
    for name in $interfaces; do
        [ ! -d "$net/$name" ] || printf '%s\n' "$name"
    done
}

has_its_name() {
    [ "$(hostname)" = "$TRAINYARD_NODE" ] || wrong "this host calls itself $(hostname), not $TRAINYARD_NODE"
    [ "$(hostnamectl --static)" = "$TRAINYARD_NODE" ] ||
        wrong "after a boot this host will call itself $(hostnamectl --static), not $TRAINYARD_NODE"
    say "$TRAINYARD_NODE"
}

are_up() {
    local name
    for name in $interfaces; do
        if [ ! -d "$net/$name" ]; then
            wrong "there is no $name"
        elif [ $(($(cat "$net/$name/flags") & 1)) -eq 0 ]; then
            wrong "$name is not up"
        else
            say "$name is up"
        fi
    done
}

have_their_mtu() {
    local name wanted found
    for name in $(present); do
        wanted=$(value "$name" MTU) found=$(cat "$net/$name/mtu")
        # A port's is 1500 where nothing else is said. Others take that of what they are made of, and a DHCP server may say one.
        if [ -z "$wanted" ] && [ "$(value "$name" TYPE)$(value "$name" BOOTPROTO)$(value "$name" MASTER)$(value "$name" BRIDGE)" = Ethernetnone ]; then
            wanted=1500
        fi
        if [ -z "$wanted" ] || [ "$found" = "$wanted" ]; then
            say "$name has an MTU of $found"
        else
            wrong "$name has an MTU of $found, not $wanted"
        fi
    done
}

have_their_parts() {
    local name master found id link
    for name in $(present); do
        master=$(value "$name" MASTER)$(value "$name" BRIDGE)
        found=$(readlink "$net/$name/master") || found=
        if [ -n "$master" ] && [ -z "$found" ]; then
            wrong "$name is no part of $master"
        elif [ -n "$master" ] && [ "${found##*/}" != "$master" ]; then
            wrong "$name is a part of ${found##*/}, not of $master"
        elif [ -n "$master" ]; then
            say "$name is a part of $master"
        fi
        id=$(value "$name" VLAN_ID) link=$(value "$name" PHYSDEV)
        [ -n "$id" ] || continue
        found=$(tr '\t\n' '  ' <"$TRAINYARD_ROOT/proc/net/vlan/$name") || found=
        case "$found " in
        *" VID: $id "*" Device: $link "*) say "$name is VLAN $id on $link" ;;
        *) wrong "$name is not VLAN $id on $link" ;;
        esac
    done
}

have_their_addresses() {
    local name address
    for name in $(present); do
        address=$(value "$name" IPADDR)
        if [ -n "$address" ]; then
            if [ -n "$(ip -4 -o address show dev "$name" to "$address/32")" ]; then
                say "$name has the address $address"
            else
                wrong "$name has not the address $address"
            fi
        fi
        if [ "$(value "$name" BOOTPROTO)" = dhcp ]; then
            if [ -n "$(ip -4 -o address show dev "$name")" ]; then
                say "$name has an address by DHCP"
            else
                wrong "$name has no address; does the DHCP server answer?"
            fi
        fi
        address=$(value "$name" IPV6ADDR) address=${address%/*}
        [ -n "$address" ] || continue
        case $(ip -6 -o address show dev "$name" to "$address/128") in
        '') wrong "$name has not the address $address" ;;
        *dadfailed*) wrong "another machine has the address $address of $name" ;;
        *) say "$name has the address $address" ;;
        esac
    done
    [ -n "$(ip -4 -o address show to "$TRAINYARD_ADDRESS/32")" ] || wrong "no interface has the address $TRAINYARD_ADDRESS"
}

is_left_to_instances() {
    [ -z "$(ip -4 -o address show dev "$TRAINYARD_PROVIDER_INTERFACE")" ] ||
        fail "$TRAINYARD_PROVIDER_INTERFACE has an address; instances use that network, the host does not"
    say "$TRAINYARD_PROVIDER_INTERFACE has no address"
}

# The installer does not label these; systemd starts only what it may execute.
runner_has_its_types() {
    local path
    for path in /usr/local/sbin/trainyard-node "$TRAINYARD_ROOT"/usr/local/libexec/trainyard/* \
        /etc/systemd/system/trainyard-first-boot.service /etc/systemd/system/trainyard-verify.service; do
        path=${path#"$TRAINYARD_ROOT"}
        if matchpathcon -V "$path" >/dev/null; then say "$path"; else wrong "$path has a wrong SELinux type; restorecon -RF $path"; fi
    done
}

# nodes: the lab's nodes as it names them, `ADDRESS NAME`, from its own copy: what became of /etc/hosts is what is looked at.
nodes() {
    local address name
    while read -r address name; do
        case "$address $name" in '# not of this lab') break ;; esac
        case $address in '' | '#'* | 127.* | ::1) continue ;; esac
        printf '%s %s\n' "$address" "$name"
    done <"$STAGES/host-network/files/etc/hosts"
}

others() { nodes | grep -vxF "$TRAINYARD_ADDRESS $TRAINYARD_NODE" || true; }

names_are_right() {
    local address name found
    while read -r address name <&3; do
        found=$(getent ahostsv4 "$name" | cut -d ' ' -f 1 | sort -u | tr '\n' ' ') || found=
        if [ "$found" = "$address " ]; then
            say "$name is $address"
        else
            wrong "$name resolves to ${found:-nothing }instead of $address"
        fi
    done 3< <(nodes)
}

# ping_each OPTION...: pings each `HOST WHAT` of standard input, many at a time; prints `answers` or `silent` before each line.
# One answer of three is enough: the first packet may be lost while the hardware address is asked for.
ping_each() {
    local host what count=0
    while read -r host what; do
        if ping -n -q -c 3 -i 0.3 -W 2 "$@" "$host" >/dev/null 2>&1 </dev/null; then
            say "answers $host $what"
        else
            say "silent $host $what"
        fi &
        count=$((count + 1))
        [ $((count % 50)) -ne 0 ] || wait
    done
    wait
}

tell_pings() { # WHAT WITH: of the results in standard input
    local result host what
    while read -r result host what <&3; do
        case $result in
        answers) say "$what answers${1:+ $1}" ;;
        *) wrong "no answer from $what ($host)${1:+ $1}" ;;
        esac
    done 3< <(sort -k 3)
}

# By their names, as people and services call them.
others_answer() {
    tell_pings "" < <(others | while read -r address name; do say "$name $name"; done | ping_each)
}

# interface_of ADDRESS: the one that has it.
interface_of() {
    case $1 in
    *:*) ip -6 -o address show to "$1/128" ;;
    *) ip -4 -o address show to "$1/32" ;;
    esac | awk 'NR == 1 { print $2 }'
}

# full_size OWN: whether the hosts of standard input answer to packets that fill the MTU of the interface with the address OWN and may
# not be cut up; the headers of IPv4 and ICMP take 28 bytes, those of IPv6 and its ICMP 48.
full_size() {
    local mtu headers=28
    case $1 in *:*) headers=48 ;; esac
    mtu=$(cat "$net/$(interface_of "$1")/mtu" 2>/dev/null) || fail "no interface has the address $1"
    tell_pings "to $mtu bytes" < <(ping_each -M "do" -s $((mtu - headers)) -I "$1")
}

full_size_on_management() {
    full_size "$TRAINYARD_ADDRESS" < <(others)
}

# elsewhere NETWORK OWN: the other nodes' addresses there, of the kind that OWN is of. The lines of the file are NETWORK NODE ADDRESS.
networks=$TRAINYARD_ROOT/etc/trainyard/networks
elsewhere() {
    awk -v network="$1" -v own="$2" -v node="$TRAINYARD_NODE" '
        $1 == network && $2 != node && ($3 ~ /:/) == (own ~ /:/) { print $3, $2 " on " network ($3 ~ /:/ ? " by IPv6" : "") }' "$networks"
}

# Networks on which this node has no address are not its own to reach.
full_size_elsewhere() {
    local network name address
    while read -r network name address <&4; do
        [ "$name" = "$TRAINYARD_NODE" ] || continue
        if [ -z "$(interface_of "$address")" ]; then
            say "$address is not here, so nothing is reached from it"
            continue
        fi
        full_size "$address" < <(elsewhere "$network" "$address")
    done 4< <([ ! -e "$networks" ] || cat "$networks")
    for name in $interfaces; do
        case $(value "$name" BOOTPROTO)$(value "$name" IPADDR)$(value "$name" IPV6ADDR)$(value "$name" MASTER)$(value "$name" BRIDGE) in
        none) say "$name has no address, so nothing is reached by it" ;;
        esac
    done
}

# gateways: those of the interfaces' files, of IPv4 and IPv6, as `GATEWAY INTERFACE`.
gateways() {
    local name key gateway
    for name in $interfaces; do
        for key in GATEWAY IPV6_DEFAULTGW; do
            gateway=$(value "$name" "$key")
            case $gateway in
            '') ;;
            fe80:*%*) printf '%s %s\n' "$gateway" "$name" ;;
            fe80:*) printf '%s%%%s %s\n' "$gateway" "$name" "$name" ;; # an address that every network has
            *) printf '%s %s\n' "$gateway" "$name" ;;
            esac
        done
    done
}

# The gateway alone: what is behind it is the next check's.
gateways_answer() {
    tell_pings "" < <(gateways | while read -r gateway name; do say "$gateway the gateway of $name"; done | ping_each)
}

outside_is_known() {
    local found
    found=$(getent ahostsv4 "$PARAMETER_outside" | awk 'NR == 1 { print $1 }') || found=
    [ -n "$found" ] || fail "$PARAMETER_outside does not resolve; does a name server answer?"
    say "$PARAMETER_outside is $found"
}

outside_answers() {
    ping -q -c 4 -i 0.5 -W 5 "$PARAMETER_outside" || fail "no answer to a ping from $PARAMETER_outside"
}

check "the host has the node's name" has_its_name
check "each interface is up" are_up
check "each interface has its MTU" have_their_mtu
check "bonds, bridges and VLANs are made of their parts" have_their_parts
check "each interface has its addresses" have_their_addresses
[ -z "$TRAINYARD_PROVIDER_INTERFACE" ] || check "the provider interface has no address" is_left_to_instances
if selinuxenabled 2>/dev/null; then check "the runner has its SELinux types" runner_has_its_types; fi
check "names resolve to the management addresses alone" names_are_right
check "each other node answers" others_answer
given "each other node answers"
check "full-size packets reach each other node" full_size_on_management
given ""
check "full-size packets reach the nodes on other networks and by IPv6" full_size_elsewhere
if [ -n "$(gateways)" ]; then check "the gateway answers" gateways_answer; fi
if [ "${PARAMETER_outside:=none}" != none ]; then
    check "names of the outside resolve" outside_is_known
    given "names of the outside resolve"
    check "the outside answers" outside_answers
fi
verdict
