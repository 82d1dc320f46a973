#!/bin/bash
# It has a name of its own.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

has_a_name() {
    local name
    name=$(sed -n 's/^InitiatorName=//p' "$TRAINYARD_ROOT/etc/iscsi/initiatorname.iscsi")
    [ -n "$name" ] || fail "/etc/iscsi/initiatorname.iscsi names no initiator"
    say "$name"
}

given "its services run"
check "it has a name for targets to know it by" has_a_name
verdict
