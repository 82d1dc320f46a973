#!/bin/bash
# A browser gets the form to log in, with its styles.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

url=http://$TRAINYARD_CONTROLLER
if [ -e "$STAGES/endpoints-tls" ]; then
    url=https://$TRAINYARD_CONTROLLER
    export CURL_CA_BUNDLE=$TRAINYARD_ROOT/etc/pki/tls/certs/endpoints-authority.pem
fi

shows_its_form() {
    local said
    said=$(curl --silent --show-error --location --noproxy '*' --max-time 55 --write-out '\n%{http_code} %{url_effective}' \
        "http://$TRAINYARD_CONTROLLER/dashboard")
    case $said in
    *csrfmiddlewaretoken*) say "${said##*$'\n'}" ;;
    *) fail "http://$TRAINYARD_CONTROLLER/dashboard leads to ${said##*$'\n'}, without a form to log in" ;;
    esac
}

# Images and scripts are files that were made when httpd was started.
has_its_static_files() {
    local path status
    path=$(curl --silent --noproxy '*' --max-time 55 "$url/dashboard/auth/login/" | sed -n 's/.*href="\(\/dashboard\/static\/[^"]*\.css\)".*/\1/p')
    path=${path%%$'\n'*}
    [ -n "$path" ] || fail "the form has no style of its own"
    status=$(curl --silent --noproxy '*' --max-time 30 --output /dev/null --write-out '%{http_code}' "$url$path")
    [ "$status" = 200 ] || fail "$path answers $status"
    say "$path"
}

given "its services run"
check "a browser gets the form to log in" shows_its_form
given "a browser gets the form to log in"
check "it has its styles" has_its_static_files
verdict
