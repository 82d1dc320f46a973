#!/bin/bash
# Its agent is alive, and every router is really there: agents are alive a minute before their routers are.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

ask() { cloud rows --as neutron:NEUTRON_PASS:service network "$@"; }

is_alive() {
    local alive
    alive=$(ask "/v2.0/agents?binary=neutron-l3-agent&host=$TRAINYARD_NODE" agents alive)
    [ "$alive" = True ] || fail "the L3 agent on $TRAINYARD_NODE is not alive"
    say "neutron-l3-agent on $TRAINYARD_NODE"
}

routers_are_there() {
    local router routers count=0 namespaces
    namespaces=$(ip netns)
    routers=$(ask /v2.0/routers routers id)
    for router in $routers; do
        count=$((count + 1))
        grep -q "^qrouter-$router" <<<"$namespaces" || wrong "the router $router is not on this node yet"
    done
    say "$count routers"
}

# What a port of a router's has by the Networking service, its device in the router's namespace has as well.
routers_have_their_addresses() {
    local router port owner addresses address device ports count=0
    ports=$(ask '/v2.0/ports?device_owner=network:router_interface&device_owner=network:router_gateway' \
        ports device_id id device_owner fixed_ips.ip_address)
    while IFS=$'\t' read -r router port owner addresses <&3; do
        [ -n "$router" ] || continue
        device=qr-${port:0:11}
        [ "$owner" != network:router_gateway ] || device=qg-${port:0:11}
        for address in $addresses; do
            count=$((count + 1))
            ip netns exec "qrouter-$router" ip -o address show dev "$device" 2>/dev/null | grep -F " $address/" >/dev/null ||
                wrong "the router $router has no $address at its $device on this node"
        done
    done 3<<<"$ports"
    say "$count addresses"
}

given "its services run"
check "its agent is alive" is_alive
given "its agent is alive"
check "routers are there" routers_are_there
check "routers have their addresses" routers_have_their_addresses
verdict
