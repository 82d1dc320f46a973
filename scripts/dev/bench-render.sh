#!/bin/bash
# How fast a large lab is rendered: labs of 10, 100 and 1,000 nodes, from the lab file's text to every node's files in memory, on one core.
# The peer does the last step only, with the libraries that such tools are made of: Jinja2 renders the same kickstart, PyYAML (by libyaml)
# writes the same user-data. Median of five runs each; run it on a quiet machine.
#
# It ends with 1 when a bound is broken: 1,000 nodes take over a second (who waits longer for a check stops checking), or over 200 MiB (a small
# machine that builds should do), or over 13 times as long as 100 (10 is linear; more means that something looks at every pair of nodes, and
# the three are for what a noisy machine and caches add). No CI runs it: there, times mean nothing.
#
#     scripts/dev/bench-render.sh
set -euo pipefail
cd "$(dirname -- "$0")/../.."
runs=5

cargo build --quiet --release --locked --bench render
program=$(cargo build --quiet --release --locked --bench render --message-format=json |
    sed -n 's/.*"executable":"\([^"]*\/render-[^"]*\)".*/\1/p' | tail -n 1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# field NAME: the median of that field over the lines of standard input.
median() {
    sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p" | sort -n | sed -n "$(((runs + 1) / 2))p"
}

printf '%8s %10s %14s %12s %10s\n' nodes seconds "s/1000 nodes" "peak MiB" "output MiB"
for nodes in 10 100 1000; do
    for _ in $(seq "$runs"); do taskset -c 0 "$program" "$nodes"; done >"$work/$nodes"
    seconds=$(median seconds <"$work/$nodes")
    awk -v n="$nodes" -v s="$seconds" -v k="$(median peak_kib <"$work/$nodes")" -v b="$(median bytes <"$work/$nodes")" \
        'BEGIN { printf "%8d %10.3f %14.3f %12.1f %10.1f\n", n, s, s * 1000 / n, k / 1024, b / 1048576 }'
done
awk -v a="$(median seconds <"$work/100")" -v b="$(median seconds <"$work/1000")" \
    'BEGIN { printf "\n1,000 nodes take %.1f times as long as 100 (10 is linear)\n", b / a }'

broken=$(awk -v a="$(median seconds <"$work/100")" -v b="$(median seconds <"$work/1000")" -v k="$(median peak_kib <"$work/1000")" 'BEGIN {
    if (a <= 0 || b <= 0 || k <= 0) print "nothing was measured"
    if (b > 1) printf "1,000 nodes take %.3f s, more than 1 s\n", b
    if (k > 200 * 1024) printf "1,000 nodes take %.1f MiB, more than 200 MiB\n", k / 1024
    if (b > 13 * a) printf "1,000 nodes take %.1f times as long as 100, more than 13 times\n", b / a
}')

cp examples/smallest.yaml "$work/lab.yaml"
cargo run --quiet --release --locked -- --lab "$work/lab.yaml" --quiet secrets >/dev/null
cargo run --quiet --release --locked -- --lab "$work/lab.yaml" --quiet render compute -o "$work/out" >/dev/null
for _ in $(seq "$runs"); do
    taskset -c 0 /usr/bin/python3 scripts/dev/bench/peer.py "$work/out/compute" 1000
done >"$work/peer"
awk -v ours="$(median seconds <"$work/1000")" -v theirs="$(median seconds <"$work/peer")" \
    'BEGIN { printf "Jinja2 and PyYAML: %.3f s for 1,000 nodes, %.1f times as long\n", theirs, theirs / ours }'
[ -z "$broken" ] || { printf '%s\n' "$broken" >&2; exit 1; }
