#!/bin/bash
# A browser gets the form to log in, with its styles, and logs in by it.
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

# What the dashboard itself says above its form.
message() {
    tr '\n' ' ' <"$1" | sed -n 's/.*class="[^"]*\(alert-danger\|errorlist\)[^"]*"[^>]*>\(.*\)/\2/p' |
        sed 's/<\/\(ul\|div\)>.*//; s/<[^>]*>/ /g; s/  */ /g; s/^ *//; s/ *$//' | cut -c 1-300
}

# As a browser does: the form, with its token and the cookie of the same, sent back. What is secret comes by pipes and from a folder of
# root's alone.
demo_logs_in() {
    local form=$url/dashboard/auth/login/ folder region status token
    folder=$(mktemp -d)
    # shellcheck disable=SC2064 # what it is called now
    trap "rm -rf '$folder'" EXIT
    set -- --silent --show-error --noproxy '*' --max-time 25 --cookie "$folder/cookies" --cookie-jar "$folder/cookies"
    : >"$folder/cookies"
    curl "$@" --output "$folder/form" "$form"
    token=$(sed -n "s/.*name=[\"']csrfmiddlewaretoken[\"'] value=[\"']\([^\"']*\).*/\1/p" "$folder/form" | sed -n 1p)
    region=$(sed -n 's/.*type="hidden" name="region" value="\([^"]*\)".*/\1/p' "$folder/form" | sed -n 1p)
    status=$(curl "$@" --output "$folder/answer" --write-out '%{http_code} %{redirect_url}' --referer "$form" \
        --data-urlencode "csrfmiddlewaretoken@"<(printf %s "$token") --data-urlencode "region=$region" --data-urlencode domain=Default \
        --data-urlencode username=demo --data-urlencode "password@"<(secret DEMO_PASS) "$form")
    case $status in
    30?' '*/auth/login/* | [!3]*) fail "demo cannot log in (${status% }): $(message "$folder/answer")" ;;
    esac
    status=$(curl "$@" --output /dev/null --write-out '%{http_code} %{redirect_url}' "$url/dashboard/")
    case $status in
    *' '*/auth/login/* | [!23]*) fail "demo has logged in, and is not known a moment later (${status% }): does memcached keep sessions?" ;;
    esac
    say "demo is led to ${status#* }"
}

given "its services run"
check "a browser gets the form to log in" shows_its_form
given "a browser gets the form to log in"
check "it has its styles" has_its_static_files
check "demo logs in" demo_logs_in
verdict
