#!/bin/bash
# It says that it has started before it answers.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

lists_images() { cloud rows image /v2/schemas/images . name >/dev/null 2>&1; }

await 300 "glance to answer" lists_images || cloud rows image /v2/schemas/images . name
