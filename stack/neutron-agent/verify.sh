#!/bin/bash
# The Networking service sees this node's agent alive, and what its bridges pass on goes through the rules of security groups.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

is_alive() {
    local alive
    alive=$(cloud rows --as neutron:NEUTRON_PASS:service network \
        "/v2.0/agents?binary=neutron-linuxbridge-agent&host=$TRAINYARD_NODE" agents alive)
    case $alive in
    True) say "neutron-linuxbridge-agent on $TRAINYARD_NODE" ;;
    '') fail "the Networking service does not know an agent on $TRAINYARD_NODE" ;;
    *) fail "the agent on $TRAINYARD_NODE is not alive" ;;
    esac
}

bridges_are_filtered() {
    local key value
    for key in iptables ip6tables; do
        value=$(cat "/proc/sys/net/bridge/bridge-nf-call-$key") || fail "the module br_netfilter is not there"
        [ "$value" = 1 ] || wrong "net.bridge.bridge-nf-call-$key is $value"
    done
    say "what bridges pass on goes through iptables"
}

# The agent makes them with the first port that there is on this node.
rules_are_there() {
    local found
    found=$(ip -o link show | awk -F ': ' '$2 ~ /^tap/ { print $2 }')
    if [ -z "$found" ]; then
        say "there is no port on this node yet"
        return 0
    fi
    found=$(iptables -w -S FORWARD | grep neutron) ||
        fail "no rule of the agent's is in the chain FORWARD: was the firewall reloaded? systemctl restart neutron-linuxbridge-agent"
    say "$found"
}

given "its services run"
check "the Networking service sees its agent alive" is_alive
check "what bridges pass on goes through iptables" bridges_are_filtered
check "the rules of security groups are there" rules_are_there
verdict
