#!/bin/bash
# curl, as far as the kickstart's scripts use it, over busybox's wget. What it does not know it refuses, so that the boot tests notice.
set -euo pipefail
LC_ALL=C

encoded() {
    local text=$1 letter i
    for ((i = 0; i < ${#text}; i++)); do
        letter=${text:i:1}
        case $letter in
            [A-Za-z0-9._~-]) printf %s "$letter" ;;
            # A byte above 127 is negative to printf.
            *) printf %%%02X "$(($(printf %d "'$letter") & 255))" ;;
        esac
    done
}

url='' limit=60 form=''
while [ $# -gt 0 ]; do
    case $1 in
        -s | -f) ;;
        -m) limit=$2 && shift ;;
        --data-urlencode) form=${form:+$form&}${2%%=*}=$(encoded "${2#*=}") && shift ;;
        -K)
            [ "$2" = - ] || exit 2
            url=$(sed -n 's/^url = "\(.*\)"$/\1/p')
            shift
            ;;
        *)
            printf 'curl: no option %s here\n' "$1" >&2
            exit 2
            ;;
    esac
    shift
done
exec timeout "$limit" wget -q -O - --post-data "$form" "$url"
