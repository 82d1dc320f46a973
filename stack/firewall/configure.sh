#!/bin/bash
# An installed node has firewalld from its medium, a cloud image may not: then the stages before this one found nothing to open.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

for mark in "$TRAINYARD_ROOT"/var/lib/trainyard/done/*; do
    manifest=$STAGES/${mark##*/}/manifest
    [ -e "$manifest" ] || continue
    while read -r key port protocol source; do
        [ "$key" != firewall ] || open_port "$port" "$protocol" "$source"
    done <"$manifest"
done
