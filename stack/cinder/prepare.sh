#!/bin/bash
# The tables. A second time changes nothing.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

as_user cinder cinder-manage db sync
