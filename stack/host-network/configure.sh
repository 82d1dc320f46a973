#!/bin/bash
# The name comes before every service: RabbitMQ, nova, neutron and cinder keep their state under it.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

if [ "$(hostname)" != "$TRAINYARD_NODE" ] || [ "$(hostnamectl --static)" != "$TRAINYARD_NODE" ]; then
    hostnamectl set-hostname "$TRAINYARD_NODE"
fi

# NetworkManager keeps the management interface; network.service brings up what NetworkManager is told to leave alone.
systemctl enable network.service
nmcli connection reload || warn "NetworkManager did not read the interface files again"
if [ -n "$TRAINYARD_PROVIDER_INTERFACE" ]; then
    [ -n "$(ip -o link show dev "$TRAINYARD_PROVIDER_INTERFACE" up)" ] || ifup "$TRAINYARD_PROVIDER_INTERFACE" ||
        warn "$TRAINYARD_PROVIDER_INTERFACE did not come up; is the adapter there?"
fi

# The addresses of new interface files come with a reboot. After an installation they are there already.
if [ -z "$(ip -4 -o address show to "$TRAINYARD_ADDRESS/32")" ]; then
    say "no interface has $TRAINYARD_ADDRESS yet"
    exit 100
fi
