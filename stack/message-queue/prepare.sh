#!/bin/bash
# The broker's name is rabbit@HOST: it does not start where HOST does not resolve, and a new HOST is a new, empty broker.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

[ "$(hostname -s)" = "$TRAINYARD_NODE" ] || fail "this host calls itself $(hostname -s), not $TRAINYARD_NODE"
getent hosts "$TRAINYARD_NODE" >/dev/null || fail "$TRAINYARD_NODE does not resolve"
