#!/bin/bash
# admin enters, and finds the services that the lab has, each of them once.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

answers_with_its_version() {
    local said
    said=$(curl --silent --show-error --noproxy '*' --max-time 30 "http://$TRAINYARD_CONTROLLER:5000/v3")
    case $said in *'"id": "v3.'*) say "$said" ;; *) fail "http://$TRAINYARD_CONTROLLER:5000/v3 says: ${said:0:300}" ;; esac
}

admin_enters() {
    local found
    found=$(cloud rows identity /projects projects name | tr '\n' ' ')
    case " $found" in *' admin '*) say "projects: $found" ;; *) fail "admin sees no project admin, but: $found" ;; esac
}

refuses_others() {
    local status
    status=$(curl --silent --noproxy '*' --max-time 30 --output /dev/null --write-out '%{http_code}' \
        "http://$TRAINYARD_CONTROLLER:5000/v3/projects")
    [ "$status" = 401 ] || fail "the list of projects answers $status to somebody without a token, not 401"
    say "without a token: $status"
}

has_keys_of_its_own() {
    local folder key
    for folder in fernet-keys credential-keys; do
        for key in "$TRAINYARD_ROOT/etc/keystone/$folder"/*; do
            [ -s "$key" ] || wrong "/etc/keystone/$folder has no key that is whole"
            [ "$(stat -c '%U %a' "$key")" = "keystone 600" ] || wrong "$key is not keystone's alone"
        done
    done
    say "keys: $(cd "$TRAINYARD_ROOT/etc/keystone" && echo fernet-keys/* credential-keys/*)"
}

# Logs of root's would keep the service from starting.
logs_are_its_own() {
    local found
    found=$(find "$TRAINYARD_ROOT/var/log/keystone" -type f -user root ! -perm -0020 2>/dev/null)
    [ -z "$found" ] || fail "keystone cannot write to $found"
}

catalogue_is_the_labs() {
    local stage
    set --
    while read -r stage; do
        [ ! -e "$STAGES/$stage/identity.json" ] || set -- "$@" "$STAGES/$stage/identity.json"
    done <"$STAGES/order"
    cloud catalogue "$@"
}

given "its services run"
check "it answers" answers_with_its_version
given "it answers"
check "admin enters with the lab's password" admin_enters
check "it refuses who has no token" refuses_others
check "its keys are its own" has_keys_of_its_own
check "it can write its log" logs_are_its_own
given "admin enters with the lab's password"
check "the catalogue has the lab's services, each once" catalogue_is_the_labs
verdict
