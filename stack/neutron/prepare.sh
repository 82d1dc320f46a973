#!/bin/bash
# neutron-server reads its plug-in's options by this name. Then the tables; a second time changes nothing.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

ln -sfn /etc/neutron/plugins/ml2/ml2_conf.ini "$TRAINYARD_ROOT/etc/neutron/plugin.ini"
make_tables neutron neutron neutron-db-manage --config-file "$TRAINYARD_ROOT/etc/neutron/neutron.conf" \
    --config-file "$TRAINYARD_ROOT/etc/neutron/plugins/ml2/ml2_conf.ini" upgrade head
