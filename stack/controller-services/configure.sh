#!/bin/bash
# Ports of the controller that are open may belong to services that are not ready yet. What comes after this finds them ready.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

# wait_for SERVICE PORT COMMAND: where the controller has that service.
wait_for() {
    grep -q " $2\$" <<<"$needs" || return 0
    await "${PARAMETER_wait_seconds:?}" "$1 of $TRAINYARD_CONTROLLER" "$3" "$TRAINYARD_CONTROLLER" ||
        fail "$1 of $TRAINYARD_CONTROLLER did not serve in $PARAMETER_wait_seconds s, though its port is open"
}

needs=$(manifest controller-services need)
wait_for RabbitMQ 5672 amqp_greets
wait_for memcached 11211 memcached_keeps
wait_for etcd 2379 etcd_keeps
