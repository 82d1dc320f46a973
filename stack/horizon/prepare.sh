#!/bin/bash
# httpd takes the dashboard's settings as they are, and has keystone and placement beside it: what cannot be read is told before it starts.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

settings=/etc/openstack-dashboard/local_settings
python2 -c 'import sys; compile(open(sys.argv[1]).read(), sys.argv[1], "exec")' "$TRAINYARD_ROOT$settings" ||
    fail "$settings cannot be read by Python 2"
