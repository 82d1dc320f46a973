#!/bin/bash
# What mysql_secure_installation asks for, without asking: root gets a password, and nobody else is left. The anonymous
# users must go for the services' sake: ''@'controller' matches before 'keystone'@'%', and refuses keystone.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

credentials=$TRAINYARD_ROOT/root/.my.cnf # of an earlier run, maybe with an earlier password
# Mode 0600, as credentials, for a process list would show a password; in memory, for a power cut would leave it on the disk.
wanted=$(mktemp "$TRAINYARD_ROOT/run/trainyard/my.cnf.XXXXXX")
trap 'rm -f "$wanted"' EXIT
password=$(secret DATABASE_ROOT_PASS)
printf '[client]\nuser=root\npassword=%s\n' "$password" >"$wanted"

enters() { mysql "$1" --user=root --execute='SELECT 1' >/dev/null 2>&1; }

if enters --defaults-file="$wanted"; then
    way=--defaults-file=$wanted
elif [ -e "$credentials" ] && enters --defaults-file="$credentials"; then
    way=--defaults-file=$credentials
elif enters --no-defaults; then
    way=--no-defaults
else
    fail "root can enter the database neither with the lab's password, nor with that of $credentials, nor without one"
fi

# From here on what is there is a database, and no remains of a first start (prepare.sh).
mark=$TRAINYARD_ROOT/var/lib/trainyard/first-start.database
if [ -e "$mark" ]; then
    sync
    rm -f "$mark"
    sync
fi

doomed=$(mysql "$way" --user=root --batch --skip-column-names --execute="
    SELECT CONCAT('DROP USER ', QUOTE(User), '@', QUOTE(Host), ';') FROM mysql.user
    WHERE User = '' OR (User = 'root' AND Host <> 'localhost')")
{
    printf "SET PASSWORD FOR 'root'@'localhost' = PASSWORD('%s');\n" "$password"
    printf '%s\n' "$doomed" "DROP DATABASE IF EXISTS test;" \
        "DELETE FROM mysql.db WHERE Db IN ('test', 'test\\_%');" "FLUSH PRIVILEGES;"
} | mysql "$way" --user=root
put_file 0600 root root /root/.my.cnf "$wanted"
