#!/bin/bash
# One source, the controller, and this clock follows it.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

sources=$(chronyc -n sources) || fail "chronyd does not answer"
say "$sources"
[ "$(grep -c '^[#=^][-*+?x~]' <<<"$sources")" -eq 1 ] || fail "there are other sources beside $TRAINYARD_CONTROLLER"
grep -q "^^\* $TRAINYARD_CONTROLLER_ADDRESS " <<<"$sources" || fail "this clock does not follow $TRAINYARD_CONTROLLER"
