#!/bin/bash
# Tables and cells, in the order that they need each other. A second time changes nothing.
#
# The mappings of cells hold no passwords but templates, which are filled in from nova.conf whenever they are used: so a new password of
# the database or of the queue needs no change there, and none is an argument that a process list would show.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

queue='{scheme}://{username}:{password}@{hostname}:{port}/{path}'
nova_manage() { as_user nova nova-manage "$@"; }
# mapped COLUMN VALUE: whether there is a cell with it.
mapped() { [ "$(sql <<<"SELECT COUNT(*) FROM nova_api.cell_mappings WHERE $1 = '$2'")" -gt 0 ]; }

make_tables nova_api nova nova-manage api_db sync
if ! mapped uuid 00000000-0000-0000-0000-000000000000; then
    nova_manage cell_v2 map_cell0 --database_connection '{scheme}://{username}:{password}@{hostname}/nova_cell0?{query}'
fi
if ! mapped name cell1; then
    nova_manage cell_v2 create_cell --name cell1 --transport-url "$queue" \
        --database_connection '{scheme}://{username}:{password}@{hostname}/{path}?{query}'
fi
make_tables 'nova nova_cell0' nova nova-manage db sync
