#!/bin/bash
# MariaDB makes its database when it starts for the first time. Where that was cut off, the package takes what is left for a
# database, or for somebody's files, and no later start comes to an end. So a mark stands from before the first start until root
# has entered, and as long as it does, what is there is moved aside. What was there before the first start, such as on a disk that an
# earlier installation has left, is somebody's data: it gets no mark, and is not touched.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

data=$TRAINYARD_ROOT/var/lib/mysql
mark=$TRAINYARD_ROOT/var/lib/trainyard/first-start.database

# content: what mariadb-prepare-db-dir looks at: with anything else than these it makes no database.
content() {
    [ ! -d "$data" ] || find -P "$data/" -mindepth 1 -maxdepth 1 ! -name lost+found ! -name '*.err' ! -name .bash_history
}

found=$(content)
if [ ! -e "$mark" ]; then
    if [ -z "$found" ]; then
        : >"$mark"
        sync
    fi
elif [ -n "$found" ]; then
    timeout 330 systemctl stop mariadb.service || fail "mariadb.service does not stop" # it is trying again, or runs with what is there
    # One of them is kept: each has some 100 MB, and with a setting that MariaDB does not take, there would be one an attempt.
    say "MariaDB's first start was cut off; what it left is moved to /var/lib/mysql.cut-off"
    rm -rf "$data.cut-off"
    (umask 077 && mkdir "$data.cut-off")
    while IFS= read -r file <&3; do
        mv "$file" "$data.cut-off/"
    done 3< <(content)
fi
