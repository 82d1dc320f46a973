#!/bin/bash
# What comes after this asks keystone.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

projects() { cloud rows identity /projects projects name; }
admin_enters() { projects >/dev/null 2>&1; }

await 300 "keystone to let admin in" admin_enters || projects
