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

given "its services run"
check "its agent is alive" is_alive
given "its agent is alive"
check "routers are there" routers_are_there
verdict
