#!/bin/bash
# It answers, its agents on this node are alive, and what they are to hold is there.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

ask() { cloud rows --as neutron:NEUTRON_PASS:service network "$@"; }

lists_extensions() {
    local found
    found=$(ask /v2.0/extensions extensions alias)
    say "extensions: ${found//$'\n'/, }"
}

agents_are_alive() {
    local binary host alive found wanted
    found=$(ask /v2.0/agents agents binary host alive)
    while IFS=$'\t' read -r binary host alive; do
        [ -n "$binary" ] || continue
        if [ "$alive" = True ]; then say "$binary on $host"; else wrong "$binary on $host is not alive"; fi
    done <<<"$found"
    for wanted in neutron-dhcp-agent neutron-metadata-agent neutron-linuxbridge-agent; do
        grep -q "^$wanted"$'\t'"$TRAINYARD_NODE"$'\t' <<<"$found" || wrong "there is no $wanted on $TRAINYARD_NODE"
    done
}

# Agents are alive a minute before they have made their namespaces again.
networks_have_dhcp() {
    local network networks count=0 namespaces
    namespaces=$(ip netns)
    networks=$(ask '/v2.0/subnets?enable_dhcp=True' subnets network_id | sort -u)
    for network in $networks; do
        count=$((count + 1))
        if ! grep -q "^qdhcp-$network" <<<"$namespaces" || ! ip netns exec "qdhcp-$network" ss -lun | grep ':67 ' >/dev/null; then
            wrong "the network $network has no DHCP on this node yet"
        fi
    done
    say "$count networks with DHCP"
}

plug_in_has_its_options() {
    [ "$(readlink "$TRAINYARD_ROOT/etc/neutron/plugin.ini")" = /etc/neutron/plugins/ml2/ml2_conf.ini ] ||
        fail "/etc/neutron/plugin.ini is not the link to ml2_conf.ini that neutron-server reads"
    say "/etc/neutron/plugin.ini"
}

given "its services run"
check "neutron-server reads the plug-in's options" plug_in_has_its_options
check "its user is answered" lists_extensions
given "its user is answered"
check "its agents are alive" agents_are_alive
check "networks have their DHCP" networks_have_dhcp
verdict
