#!/bin/bash
# The tables.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

make_tables glance glance glance-manage db_sync
