#!/bin/bash
# What services on this node will ask of the controller, asked from here by the controller's name.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

serves() { # SERVICE PORT COMMAND: what answers the command
    "$3" "$TRAINYARD_CONTROLLER" || fail "$1 does not serve this node at $TRAINYARD_CONTROLLER:$2"
    say "$1 at $TRAINYARD_CONTROLLER:$2"
}

needs=$(manifest controller-services need)
# has PORT: whether the controller has the service that listens there.
has() { grep -q " $1\$" <<<"$needs"; }

if has 5672; then check "the controller's RabbitMQ greets" serves RabbitMQ 5672 amqp_greets; fi
if has 11211; then check "the controller's memcached keeps a value" serves memcached 11211 memcached_keeps; fi
if has 2379; then check "the controller's etcd keeps a value" serves etcd 2379 etcd_keeps; fi
verdict
