#!/bin/bash
# etcd keeps a value.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=http://$TRAINYARD_ADDRESS:2379
etcdctl put trainyard/verify ok >/dev/null || fail "etcd takes no value at $ETCDCTL_ENDPOINTS"
[ "$(etcdctl get --print-value-only trainyard/verify)" = ok ] || fail "etcd does not give back what it took"
etcdctl del trainyard/verify >/dev/null
say "etcd keeps values at $ETCDCTL_ENDPOINTS"
