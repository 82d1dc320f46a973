#!/bin/bash
# It answers with its versions to everyone, and with its providers to its user.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

answers_with_its_versions() {
    local said
    said=$(curl --silent --show-error --noproxy '*' --max-time 30 "http://$TRAINYARD_CONTROLLER:8778/")
    case $said in
    *'"max_version"'*) say "$said" ;;
    *orbidden*) fail "httpd lets nobody reach /usr/bin/placement-api: is /etc/httpd/conf.d/00-placement-api.conf the lab's?" ;;
    *) fail "http://$TRAINYARD_CONTROLLER:8778/ says: ${said:0:300}" ;;
    esac
}

lists_providers() {
    local found
    found=$(cloud rows --as placement:PLACEMENT_PASS:service placement /resource_providers resource_providers name)
    say "providers: ${found//$'\n'/, }"
}

is_ready_for_use() {
    local said
    said=$(as_user placement placement-status upgrade check 2>/dev/null) || fail "$said"
    say "$(grep -c Success <<<"$said") checks of placement-status"
}

given "its services run"
check "it answers with its versions" answers_with_its_versions
given "it answers with its versions"
check "its user lists resource providers" lists_providers
check "placement-status is content" is_ready_for_use
verdict
