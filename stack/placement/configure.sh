#!/bin/bash
# The Compute service asks it as soon as it starts.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

answers_its_user() { cloud rows --as placement:PLACEMENT_PASS:service placement /resource_providers resource_providers name >/dev/null 2>&1; }

await 300 "placement to answer" answers_its_user ||
    cloud rows --as placement:PLACEMENT_PASS:service placement /resource_providers resource_providers name
