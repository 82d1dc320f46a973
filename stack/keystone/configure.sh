#!/bin/bash
# What comes after this asks keystone.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

admin_enters() { cloud rows identity /projects?name=admin projects name 2>/dev/null | grep -qx admin; }

await 300 "keystone to let admin in" admin_enters || cloud rows identity /projects?name=admin projects name
