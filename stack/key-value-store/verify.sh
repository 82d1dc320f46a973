#!/bin/bash
# etcd keeps a value, and listens at the management address alone.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=http://$TRAINYARD_ADDRESS:2379

keeps_a_value() {
    local key=trainyard/verify/$TRAINYARD_NODE/$$ found
    etcdctl put "$key" ok >/dev/null || fail "etcd takes no value at $ETCDCTL_ENDPOINTS"
    found=$(etcdctl get --print-value-only "$key") || found=
    etcdctl del "$key" >/dev/null
    [ "$found" = ok ] || fail "etcd does not give back what it took"
    say "etcd keeps values at $ETCDCTL_ENDPOINTS"
}

listens_nowhere_else() {
    listens_only tcp 2379 "$TRAINYARD_ADDRESS"
    listens_only tcp 2380 "$TRAINYARD_ADDRESS"
}

given "its services run"
check "etcd keeps a value" keeps_a_value
check "etcd listens at no other address" listens_nowhere_else
verdict
