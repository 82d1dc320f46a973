#!/bin/bash
# It listens where the lab says, takes as many connections as it should, and lets nobody in without a name.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

variable() { sql <<<"SELECT @@$1" || fail "root cannot ask the database"; }

connections=$(variable max_connections)
[ "$connections" -eq "${PARAMETER_max_connections:?}" ] ||
    fail "max_connections is $connections, not $PARAMETER_max_connections (too few open files make MariaDB lower it)"
files=$(variable open_files_limit)
[ "$files" -ge $((4 * connections)) ] || fail "open_files_limit is $files: too few for $connections connections"
[ "$(variable character_set_server)" != utf8mb4 ] || fail "the character set is utf8mb4, in which Train's indexes are too long"
anonymous=$(sql <<<"SELECT COUNT(*) FROM mysql.user WHERE User = ''")
[ "$anonymous" -eq 0 ] || fail "there are $anonymous anonymous users"
answers "$TRAINYARD_ADDRESS" 3306 || fail "nothing answers on $TRAINYARD_ADDRESS:3306"
say "$(variable version) on $TRAINYARD_ADDRESS, $connections connections, $files open files"
