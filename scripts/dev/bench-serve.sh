#!/bin/bash
# How fast `trainyard serve` is, in turn with nginx on the same files: kickstarts of 1,000 armed nodes, asked for in a random order, and a large file
# that one reads out of the ISO and the other from the disk. By wrk over loopback; medians of three runs of each, on a quiet machine. wrk and the
# servers share the cores. Needs nginx and wrk (Debian's packages of these names).
#
# All of it comes from one address, which asks as much as it likes (`--rate 0`); others are limited.
#
# It ends with 1 when a bound is broken: 2,000 kickstarts a second with a 99th percentile under 50 ms, half of nginx's; 0.8 of nginx's bytes a
# second for the file; 256 MiB of memory; 200 ms from the start to the first answer. No CI runs it: there, times mean nothing.
#
#     scripts/dev/bench-serve.sh [SECONDS]      of each run, default 5
set -euo pipefail
cd "$(dirname -- "$0")/../.."
seconds=${1:-5} nodes=1000 runs=3
for program in nginx wrk xorriso; do
    command -v "$program" >/dev/null || { echo "bench-serve.sh: \`$program\` is missing: apt-get install nginx-light wrk xorriso" >&2 && exit 4; }
done

cargo build --quiet --release --locked
program=$PWD/target/release/trainyard
work=$(mktemp -d)
server='' peer=''
cleanup() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    [ -z "$peer" ] || kill "$peer" 2>/dev/null || true
    wait
    rm -rf "$work"
}
trap cleanup EXIT
scripts/dev/standin-iso.sh --no-kernel --size-mib 200 -o "$work/medium.iso" >/dev/null
cd "$work"

{
    printf 'version: 1\nname: many\nhost_keys: new\nnetworks:\n  management: {cidr: 10.0.0.0/16, gateway: 10.0.0.1, dns: [8.8.8.8]}\n  provider: {}\nnodes:\n'
    for n in $(seq 0 $((nodes - 1))); do
        role=compute
        [ "$n" -gt 0 ] || role=controller
        printf '  node-%d: {role: %s, interfaces: {enp0s3: {network: management, address: 10.0.%d.%d}, enp0s9: {network: provider}}}\n' \
            "$n" "$role" $((1 + n / 200)) $((1 + n % 200))
    done
} >lab.yaml
"$program" --quiet secrets >/dev/null
# Two ports that nobody has.
read -r port peer_port < <(python3 -c '
import socket
both = [socket.socket() for _ in range(2)]
for one in both: one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in both))')

start() {
    "$program" serve --listen "127.0.0.1:$port" --image medium.iso --rate 0 2>said &
    server=$!
    until curl -s -o /dev/null "http://127.0.0.1:$port/boot.ipxe"; do kill -0 "$server" || { cat said >&2 && exit 1; }; done
}
start # reads the medium, and arms the nodes
until [ "$(curl -s "http://127.0.0.1:$port/metrics" | sed -n 's/^trainyard_nodes{state="armed"} //p')" = "$nodes" ]; do sleep 0.2; done
kill "$server"
wait "$server" || true
begun=$(date +%s%N)
start
ready=$((($(date +%s%N) - begun) / 1000000))

# The address of each node's kickstart, and its machine's; the same files for the peer.
mkdir -p peer/n
"$program" plan --format json | python3 -c '
import json, sys
for node in json.load(sys.stdin)["nodes"]: print(node["interfaces"][0]["mac"])' >macs
while read -r mac; do
    path=$(curl -s "http://127.0.0.1:$port/ipxe?mac=$mac" | sed -n 's/.*inst.ks=http:\/\/[^/]*\(\/n\/[^ ]*\).*/\1/p')
    curl -s -H "X-RHN-Provisioning-MAC-0: eth0 $mac" --create-dirs -o "peer$path" "http://127.0.0.1:$port$path"
    printf '%s %s\n' "$path" "$mac"
done <macs >asked
xorriso -osirrox on -indev medium.iso -extract /LiveOS/squashfs.img peer/tree/LiveOS/squashfs.img >/dev/null 2>&1
chmod -R go+rX . # nginx's workers have an account of their own
cat >nginx.conf <<END
daemon off; pid nginx.pid; error_log stderr crit; worker_processes 2; worker_rlimit_nofile 8192;
events { worker_connections 4096; }
http { access_log off; sendfile on; tcp_nopush on; default_type text/plain; keepalive_requests 1000000;
    server { listen 127.0.0.1:$peer_port; root $work/peer; } }
END
nginx -p "$work" -c nginx.conf &
peer=$!
until curl -s -o /dev/null "http://127.0.0.1:$peer_port/"; do kill -0 "$peer" || exit 1; done

cat >file.lua <<'END'
done = function(summary, latency)
    local wrong = summary.errors
    io.write(string.format("measured %f %f %f %d %d %d %d %d\n", summary.requests * 1e6 / summary.duration, latency:percentile(99) / 1000,
        summary.bytes * 1e6 / summary.duration / 1048576, wrong.status, wrong.connect, wrong.read, wrong.write, wrong.timeout))
end
END
# wrk knows what `Host` says, without which nginx answers 400, only when it calls init.
cat - file.lua >kickstarts.lua <<'END'
local all = {}
init = function()
    for line in io.lines("asked") do
        local path, mac = line:match("^(%S+) (%S+)$")
        all[#all + 1] = wrk.format("GET", path, { ["X-RHN-Provisioning-MAC-0"] = "eth0 " .. mac })
    end
end
request = function() return all[math.random(#all)] end
END

# measure NAME PORT SCRIPT [PATH]: adds a line: requests a second, 99th percentile in ms, MiB a second, errors by their kinds. wrk calls it a
# timeout when an answer takes longer than this, which is 2 s where nobody says so: about what 16 times the large file take at once.
measure() {
    wrk -t 1 -c 16 -d "$seconds" --timeout 20s -s "$3" "http://127.0.0.1:$2${4:-}" | sed -n 's/^measured //p' >>"$1"
}
median() { sort -n -k "$2,$2" "$1" | awk -v field="$2" '{ all[NR] = $field } END { print all[int((NR + 1) / 2)] }'; }
for _ in $(seq "$runs"); do
    measure ours "$port" kickstarts.lua
    measure theirs "$peer_port" kickstarts.lua
    measure our_file "$port" file.lua /tree/LiveOS/squashfs.img
    measure their_file "$peer_port" file.lua /tree/LiveOS/squashfs.img
done
peak=$(awk '$1 == "VmHWM:" { print int($2 / 1024) }' "/proc/$server/status")

read -r errors kinds < <(cat ours our_file theirs their_file | awk '{ for (kind = 4; kind <= 8; kind++) { all += $kind; wrong[kind] += $kind } }
    END { printf "%d (status %d, connect %d, read %d, write %d, timeout %d)\n", all, wrong[4], wrong[5], wrong[6], wrong[7], wrong[8] }')
printf '%-34s %12s %12s\n' "" trainyard nginx
printf '%-34s %12.0f %12.0f\n' 'kickstarts a second' "$(median ours 1)" "$(median theirs 1)"
printf '%-34s %12.1f %12.1f\n' '99th percentile, ms' "$(median ours 2)" "$(median theirs 2)"
printf '%-34s %12.0f %12.0f\n' 'a file, MiB a second' "$(median our_file 3)" "$(median their_file 3)"
printf '\n%d ms to the first answer, %d MiB of memory at most, %d errors %s\n' "$ready" "$peak" "$errors" "$kinds"
broken=$(awk -v ks="$(median ours 1)" -v ms="$(median ours 2)" -v their_ks="$(median theirs 1)" -v file="$(median our_file 3)" \
    -v their_file="$(median their_file 3)" -v ready="$ready" -v peak="$peak" -v errors="$errors" 'BEGIN {
    if (errors > 0) print errors " errors"
    if (ks < 2000) printf "%.0f kickstarts a second, under 2,000\n", ks
    if (ms > 50) printf "a 99th percentile of %.1f ms, over 50\n", ms
    if (ks < 0.5 * their_ks) printf "kickstarts at %.2f of nginx, under 0.5\n", ks / their_ks
    if (file < 0.8 * their_file) printf "the file at %.2f of nginx, under 0.8\n", file / their_file
    if (ready > 200) printf "%d ms to the first answer, over 200\n", ready
    if (peak > 256) printf "%d MiB of memory, over 256\n", peak
}')
[ -z "$broken" ] || { printf '%s\n' "$broken" >&2; exit 1; }
