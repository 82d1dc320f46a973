#!/bin/bash
# Whether this is the machine that the lab means: its name, if somebody gave it one, and its adapters. A disk or a medium in
# the wrong machine would otherwise make a second controller, or bridge the wrong port to the provider network.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

found=$(hostname)
case ${found%%.*} in
"$TRAINYARD_NODE" | '' | localhost) ;;
*)
    fail "this machine calls itself $found, and the lab's files here are those of $TRAINYARD_NODE;" \
        "if they are right, \`hostnamectl set-hostname $TRAINYARD_NODE\`, then \`trainyard-node run\`"
    ;;
esac

net=$TRAINYARD_ROOT/sys/class/net

# value FILE KEY: what an interface file says of that; nothing where it says nothing.
value() { sed -n "s/^$2=//p" "$1"; }

# has_adapter NAME MAC: whether there is an adapter with that MAC address, whatever it is called; or, where the lab says
# none, one with that name. A part of a bond shows the bond's address, and its own elsewhere.
has_adapter() {
    local found
    if [ -z "$2" ]; then
        [ -e "$net/$1" ]
    else
        found=$(cat "$net"/*/address "$net"/*/bonding_slave/perm_hwaddr 2>/dev/null) || true
        grep -qixF "$2" <<<"$found"
    fi
}

adapters() {
    local path
    for path in "$net"/*; do
        [ ! -e "$path/device" ] && [ "${path##*/}" = lo ] || printf '%s (%s) ' "${path##*/}" "$(cat "$path/address")"
    done
}

# all_there: sets lacking to the adapters that are not.
all_there() {
    local path file name mac
    lacking=
    while read -r path <&3; do
        file=$STAGES/host-network/files$path name=${path##*/ifcfg-}
        if [ "$(value "$file" TYPE)" != Ethernet ] || [ -n "$(value "$file" VLAN)" ]; then continue; fi
        mac=$(value "$file" HWADDR)
        has_adapter "$name" "$mac" || lacking="$lacking $name${mac:+ ($mac)}"
    done 3< <(manifest host-network file | cut -d ' ' -f 4 | grep '/network-scripts/ifcfg-')
    [ -z "$lacking" ]
}
# How long udev may take to find and name them all.
wait_until "${PARAMETER_adapter_seconds:?}" all_there || fail "no adapter here is:$lacking; there are: $(adapters)(attach it, or correct the node's interfaces in the lab)"
