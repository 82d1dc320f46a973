#!/bin/bash
# Ports of the controller that are open may belong to services that are not ready yet. What comes after this finds them ready.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

# wait_for SERVICE COMMAND...
wait_for() {
    local service=$1
    shift
    "$@" && return 0
    say "waiting for $service of $TRAINYARD_CONTROLLER, at most ${PARAMETER_wait_seconds:?} s"
    wait_until "$PARAMETER_wait_seconds" "$@" ||
        fail "$service of $TRAINYARD_CONTROLLER did not serve in $PARAMETER_wait_seconds s, though its port is open"
}

wait_for RabbitMQ amqp_greets "$TRAINYARD_CONTROLLER"
wait_for memcached memcached_keeps "$TRAINYARD_CONTROLLER"
wait_for etcd etcd_keeps "$TRAINYARD_CONTROLLER"
