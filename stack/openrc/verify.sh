#!/bin/bash
# Who logs in by one of the files gets a token, from the same client as a person has.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

logs_in() {
    local id
    # shellcheck disable=SC1090 # a file of the node's
    . "$TRAINYARD_ROOT/root/$1-openrc"
    id=$(openstack token issue --format value --column project_id)
    [ -n "$id" ] || fail "no token for $1"
    say "a token for the project $id"
}

check "admin-openrc logs in" logs_in admin
check "demo-openrc logs in" logs_in demo
verdict
