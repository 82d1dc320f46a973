#!/bin/bash
# The kernel has these parameters only with the module. And the agent ends at once where the interface of its provider network is not there.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

modprobe br_netfilter || fail "the kernel has no br_netfilter: security groups would not hold"
sysctl --quiet --load "$TRAINYARD_ROOT/etc/sysctl.d/90-trainyard-bridge.conf"

agent=$STAGES/neutron-agent/files/etc/neutron/plugins/ml2/linuxbridge_agent.ini
interface=$(sed -n 's/^physical_interface_mappings = provider://p' "$agent")
[ -z "$interface" ] || [ -e "/sys/class/net/$interface" ] ||
    fail "there is no interface $interface, which the lab says is this node's on the provider network"
