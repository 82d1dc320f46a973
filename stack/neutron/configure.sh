#!/bin/bash
# It answers some time after it has started.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

ask() { cloud rows --as neutron:NEUTRON_PASS:service network /v2.0/extensions extensions alias; }
answers_its_user() { ask >/dev/null 2>&1; }

await 600 "neutron to answer" answers_its_user || ask
