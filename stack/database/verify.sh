#!/bin/bash
# It listens where the lab says, takes as many connections as it should, and lets in whom it should.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

# What the lab says of an option of [mysqld].
wanted() { sed -n "s/^$1 = //p" "$STAGES/database/files/etc/my.cnf.d/openstack.cnf" | tail -n 1; }

variable() { sql <<<"SELECT @@$1"; }

root_enters() {
    local found
    found=$(secret DATABASE_ROOT_PASS)
    printf '[client]\nuser=root\npassword=%s\n' "$found" | cmp -s - "$TRAINYARD_ROOT/root/.my.cnf" ||
        fail "/root/.my.cnf does not hold the lab's password"
    found=$(sql <<<"SELECT CONCAT(CURRENT_USER(), ', MariaDB ', VERSION())") || fail "root cannot enter with the lab's password"
    say "$found"
}

root_needs_a_password() {
    local said
    if said=$(mysql --no-defaults --user=root --execute='SELECT 1' 2>&1); then fail "root enters without a password"; fi
    case $said in *'Access denied'*) say "$said" ;; *) fail "$said" ;; esac
}

no_rows() { # WHAT QUERY: which has no rows
    local found
    found=$(sql <<<"$2")
    [ -z "$found" ] || fail "$1: ${found//$'\n'/, }"
}

takes_connections() {
    local connections files limit
    limit=$(wanted max_connections)
    connections=$(variable max_connections)
    files=$(variable open_files_limit)
    [ "$connections" = "$limit" ] ||
        wrong "max_connections is $connections, not $limit (too few open files make MariaDB lower it)"
    # Each connection is a file, and MariaDB starts with fewer of them where the limit leaves no room for its tables and logs.
    [ "$files" -gt "$limit" ] || wrong "open_files_limit is $files: too few for $limit connections"
    say "max_connections is $connections, open_files_limit $files"
}

# same OPTION VARIABLE: MariaDB has it as the lab says.
same() {
    local value limit
    limit=$(wanted "$1")
    value=$(variable "$2")
    # MariaDB 10.6 and later call the character set utf8 by its longer name.
    value=${value/utf8mb3/utf8} limit=${limit/utf8mb3/utf8}
    case $limit in [Oo][Nn]) limit=1 ;; [Oo][Ff][Ff]) limit=0 ;; esac
    if [ -z "$limit" ] || [ "$(tr '[:upper:]' '[:lower:]' <<<"$value")" = "$(tr '[:upper:]' '[:lower:]' <<<"$limit")" ]; then
        say "$1 is $value"
    else
        wrong "$1 is $value, not $limit"
    fi
}

has_its_character_set() {
    same character-set-server character_set_server
    same collation-server collation_server
}

has_its_engine() {
    same default-storage-engine default_storage_engine
    same innodb_file_per_table innodb_file_per_table
}

listens() {
    answers "$TRAINYARD_ADDRESS" 3306 || fail "nothing answers on $TRAINYARD_ADDRESS:3306"
    listens_only tcp 3306 "$TRAINYARD_ADDRESS"
}

# By the network, as the services do. A password in the environment is seen by nobody else.
services_enter() {
    local stage name user secret password
    while read -r stage <&4; do
        while read -r name user secret <&3; do
            password=$(secret "$secret")
            if MYSQL_PWD=$password mysql --no-defaults --protocol=tcp --host="$TRAINYARD_ADDRESS" --user="$user" \
                --execute='SELECT 1' "$name" >/dev/null; then
                say "$user enters $name"
            else
                wrong "$user cannot enter $name with its password"
            fi
        done 3< <(manifest "$stage" database)
    done 4<"$STAGES/order"
}

given "its services run"
check "root enters with the lab's password" root_enters
given "root enters with the lab's password"
check "root needs a password" root_needs_a_password
check "root enters from this host alone" no_rows "root enters from" \
    "SELECT QUOTE(Host) FROM mysql.user WHERE User = 'root' AND Host <> 'localhost'"
check "there are no anonymous users" no_rows "without a name, people enter from" \
    "SELECT QUOTE(Host) FROM mysql.user WHERE User = ''"
check "there is no test database" no_rows "there is" "
    SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'test' UNION
    SELECT CONCAT('a right to ', Db) FROM mysql.db WHERE Db IN ('test', 'test\\\\_%')"
check "it takes as many connections as the lab says" takes_connections
check "its character set is the lab's" has_its_character_set
check "its tables are kept as the lab says" has_its_engine
check "it listens at the management address alone" listens
check "the services' users enter their databases" services_enter
verdict
