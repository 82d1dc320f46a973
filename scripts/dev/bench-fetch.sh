#!/bin/bash
# How fast an image is brought and proved: 973 MiB (what the Minimal medium has) over loopback, in turn with what a person would type
# otherwise, `curl -o` and then `sha256sum`. Also how much a resumption transfers, and how long it takes to find a proved image.
# Medians; run it on a quiet machine. It takes about 4 GiB of disk. It ends with 1 when a bound is broken.
#
#     scripts/dev/bench-fetch.sh [ROUNDS]      default 5
set -euo pipefail
cd "$(dirname -- "$0")/../.."
rounds=${1:-5}
mib=973

cargo build --quiet --release --locked
program=$PWD/target/release/trainyard
# Not in memory: writing is part of the work.
work=$(mktemp -d "$PWD/target/bench-fetch.XXXXXX")
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
mkdir "$work/mirror"
head -c "$((mib << 20))" /dev/urandom >"$work/mirror/big.iso"
sum=$(sha256sum "$work/mirror/big.iso" | cut -d' ' -f1)
scripts/dev/bench/mirror.py "$work/mirror" "$work/log" >"$work/address" &
server=$!
until [ -s "$work/address" ]; do sleep 0.1; done
address=$(cat "$work/address")
url=http://$address/big.iso

# measure NAME COMMAND...: adds its seconds and its peak memory in KiB to the measurements of that name.
measure() {
    local name=$1
    shift
    /usr/bin/env time -f '%e %M' -o "$work/time" "$@" >"$work/output" 2>&1 || {
        cat "$work/output" >&2
        exit 1
    }
    tail -n 1 "$work/time" >>"$work/$name"
}

# median NAME [FIELD]
median() {
    cut -d' ' -f"${2:-1}" "$work/$1" | sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'
}

fetch() { measure "$1" "$program" fetch --quiet --cache "$work/cache" --url "$2" --sha256 "$sum"; }

for _ in $(seq "$rounds"); do
    rm -rf "$work/cache" "$work/copy"
    sync
    fetch ours "$url"
    # Twenty at once: one is shorter than the clock of `time` tells.
    measure again bash -c 'for _ in {1..20}; do "$@" || exit 1; done' - "$program" fetch --quiet --cache "$work/cache" --url "$url" --sha256 "$sum"
    rm -rf "$work/cache"
    sync
    measure curl curl --silent --fail -o "$work/copy" "$url"
    measure sha256sum sha256sum "$work/copy"
done
# The bytes of the second answer, after a break at 90 %.
rm -rf "$work/cache" "$work/log"
fetch resumed "$url?cut=$(((mib << 20) * 9 / 10))"
resumed=$(tail -n 1 "$work/log")

awk -v ours="$(median ours)" -v kib="$(median ours 2)" -v curl="$(median curl)" -v sha="$(median sha256sum)" \
    -v again="$(median again)" -v resumed="$resumed" -v all="$((mib << 20))" 'BEGIN {
    printf "trainyard fetch          %.2f s, %.1f MiB of memory\n", ours, kib / 1024
    printf "curl, then sha256sum     %.2f s (%.2f and %.2f)\n", curl + sha, curl, sha
    printf "of curl and sha256sum    %.2f   (at most 0.50 is wanted)\n", ours / (curl + sha)
    printf "of curl alone            %.2f   (at most 1.30 is wanted)\n", ours / curl
    printf "a proved image is found  %.1f ms (under 20 is wanted)\n", again * 1000 / 20
    printf "after a break at 90 %%    %.2f %% of it are sent again, %.1f MiB over what is missing\n", resumed * 100 / all, (resumed - all / 10) / 1048576
    if (ours <= 0 || curl <= 0 || sha <= 0 || again <= 0 || resumed <= 0) broken = broken "nothing was measured\n"
    if (ours > 0.5 * (curl + sha)) broken = broken "more than half the time of curl and sha256sum\n"
    if (ours > 1.3 * curl) broken = broken "more than 1.3 times the time of curl\n"
    if (kib > 48 * 1024) broken = broken "more than 48 MiB of memory\n"
    if (again >= 0.02 * 20) broken = broken "a proved image takes 20 ms and more\n"
    if (resumed > all / 10 + 1048576) broken = broken "a resumption sends more than what is missing and 1 MiB\n"
    printf "%s", broken >"/dev/stderr"
    exit broken != ""
}'
