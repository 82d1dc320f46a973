#!/bin/bash
# Nodes that were made of one image have one name, and a target takes them for the same node.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

file=/etc/iscsi/initiatorname.iscsi
mark=$TRAINYARD_ROOT/var/lib/trainyard/initiator-name
if [ ! -s "$mark" ]; then
    iscsi-iname | sed 's/^/InitiatorName=/' >"$mark.new"
    [ -s "$mark.new" ] || fail "iscsi-iname gives no name"
    mv "$mark.new" "$mark"
fi
put_file 0644 root root "$file" "$mark"
