#!/bin/bash
# How fast `trainyard packages serve` gives what it has kept, in turn with nginx on the same files: a package of 100 MiB, and 1,000 small ones in a
# random order, by 10 clients. By wrk over loopback; medians of three runs of each, on a quiet machine. wrk and the servers share the cores. nginx is
# the mirror as well, so what comes through the cache is compared with it first. Needs nginx and wrk (Debian's packages of these names), and what
# scripts/dev/setup.sh installs.
#
# All of it comes from one address, which asks as much as it likes (`--rate 0`); others are limited.
#
# It ends with 1 when either is at less than 0.8 of nginx, or an answer is wrong. No CI runs it: there, times mean nothing.
#
#     scripts/dev/bench-packages.sh [SECONDS]      of each run, default 5
set -euo pipefail
cd "$(dirname -- "$0")/../.."
seconds=${1:-5} small=1000 large=100 clients=10 runs=3
for program in nginx wrk rpmbuild createrepo_c; do
    command -v "$program" >/dev/null || { echo "bench-packages.sh: \`$program\` is missing: scripts/dev/setup.sh and apt-get install nginx-light wrk" >&2 && exit 4; }
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
cd "$work"

# One specification: rpmbuild makes all packages of it at once. The large one first; the small ones have 4 to 60 KiB.
tree=top/tree/usr/share
{
    printf 'Name: all\nVersion: 1\nRelease: 1\nSummary: All\nLicense: none\nBuildArch: noarch\nAutoReqProv: no\n%%description\nAll.\n'
    printf '%%install\nmkdir -p %%{buildroot}\ncp -r %%{_topdir}/tree/. %%{buildroot}\n'
    for number in $(seq 0 "$small"); do
        name=package-$number kib=$((4 + number * 7 % 57))
        [ "$number" -gt 0 ] || kib=$((large << 10))
        mkdir -p "$tree/$name"
        head -c "${kib}K" /dev/urandom >"$tree/$name/data"
        printf '%%package -n %s\nSummary: One\n%%description -n %s\nOne.\n%%files -n %s\n/usr/share/%s\n' "$name" "$name" "$name" "$name"
    done
} >all.spec
HOME=$work rpmbuild -bb --quiet --define "_topdir $work/top" --define '_binary_payload w1.gzdio' --define '__os_install_post %{nil}' all.spec
served=mirror/7.9.2009/extras/x86_64
mkdir -p "$served"
mv top/RPMS/noarch "$served/Packages"
rm -rf top
createrepo_c --quiet "$served"

# Two ports that nobody has.
read -r port peer_port < <(python3 -c '
import socket
both = [socket.socket() for _ in range(2)]
for one in both: one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in both))')
chmod -R go+rX . # nginx's workers have an account of their own
cat >nginx.conf <<END
daemon off; pid nginx.pid; error_log stderr crit; worker_processes 2; worker_rlimit_nofile 8192;
events { worker_connections 4096; }
http { access_log off; sendfile on; tcp_nopush on; default_type application/x-rpm; keepalive_requests 1000000;
    server { listen 127.0.0.1:$peer_port; root $work/mirror; } }
END
nginx -p "$work" -c nginx.conf &
peer=$!
until curl -s -o /dev/null "http://127.0.0.1:$peer_port/"; do kill -0 "$peer" || exit 1; done

printf 'mirror: http://127.0.0.1:%d\nnodes: {controller: {role: controller, address: 10.0.0.11}}\n' "$peer_port" >lab.yaml
"$program" packages serve --listen "127.0.0.1:$port" --cache cache --lab lab.yaml --rate 0 2>said &
server=$!
until curl -s -o /dev/null "http://127.0.0.1:$port/packages/extras/repodata/repomd.xml"; do kill -0 "$server" || { cat said >&2 && exit 1; }; done

# All of it comes once, and is right.
begun=$(date +%s%N)
for number in $(seq 0 "$small"); do
    printf 'url = "http://127.0.0.1:%d/packages/extras/Packages/package-%d-1-1.noarch.rpm"\noutput = "came/%d"\n' "$port" "$number" "$number"
done >wanted
curl --no-progress-meter --fail --parallel --parallel-max "$clients" --create-dirs -K wanted
filled=$((($(date +%s%N) - begun) / 1000000))
for number in $(seq 0 "$small"); do cmp "came/$number" "$served/Packages/package-$number-1-1.noarch.rpm"; done
rm -rf came

cat >small.lua <<'END'
local all, at = {}, os.getenv("AT")
-- Only from here on wrk knows the header Host, without which nginx refuses.
init = function()
    for number = 1, tonumber(os.getenv("SMALL")) do
        all[number] = wrk.format("GET", at .. "Packages/package-" .. number .. "-1-1.noarch.rpm")
    end
end
request = function() return all[math.random(#all)] end
done = function(summary, latency)
    local wrong = summary.errors
    io.write(string.format("measured %f %f %f %d\n", summary.requests * 1e6 / summary.duration, latency:percentile(99) / 1000,
        summary.bytes * 1e6 / summary.duration / 1048576, wrong.status + wrong.connect + wrong.read + wrong.write + wrong.timeout))
end
END
{ echo 'request = function() return wrk.format("GET", os.getenv("AT") .. "Packages/package-0-1-1.noarch.rpm") end' && sed -n '/^done/,$p' small.lua; } >large.lua

# measure NAME SCRIPT PORT PATH: adds a line: requests a second, 99th percentile in ms, MiB a second, errors.
measure() {
    AT=$4 SMALL=$small wrk -t 1 -c "$clients" -d "$seconds" --timeout 20s -s "$2" "http://127.0.0.1:$3/" | sed -n 's/^measured //p' >>"$1"
}
median() { sort -n -k "$2,$2" "$1" | awk -v field="$2" '{ all[NR] = $field } END { print all[int((NR + 1) / 2)] }'; }
for _ in $(seq "$runs"); do
    measure our_large large.lua "$port" /packages/extras/
    measure their_large large.lua "$peer_port" /7.9.2009/extras/x86_64/
    measure our_small small.lua "$port" /packages/extras/
    measure their_small small.lua "$peer_port" /7.9.2009/extras/x86_64/
done
peak=$(awk '$1 == "VmHWM:" { print int($2 / 1024) }' "/proc/$server/status")

errors=$(cat our_large our_small their_large their_small | awk '{ all += $4 } END { print all + 0 }')
ratio() { awk -v ours="$1" -v theirs="$2" 'BEGIN { printf "%.2f", ours / theirs }'; }
large_ratio=$(ratio "$(median our_large 3)" "$(median their_large 3)")
small_ratio=$(ratio "$(median our_small 1)" "$(median their_small 1)")
printf '%-40s %12s %12s %8s\n' '' trainyard nginx ratio
printf '%-40s %12.0f %12.0f %8s\n' "a package of $large MiB, MiB a second" "$(median our_large 3)" "$(median their_large 3)" "$large_ratio"
printf '%-40s %12.0f %12.0f %8s\n' "$small small packages, packages a second" "$(median our_small 1)" "$(median their_small 1)" "$small_ratio"
printf '%-40s %12.1f %12.1f\n' '99th percentile, ms' "$(median our_small 2)" "$(median their_small 2)"
printf '\n%d ms to bring all of them, %d MiB of memory at most, %d errors\n' "$filled" "$peak" "$errors"
broken=$(awk -v large="$large_ratio" -v small="$small_ratio" -v errors="$errors" 'BEGIN {
    if (errors > 0) print errors " errors"
    if (large < 0.8) print "the large package at " large " of nginx, under 0.8"
    if (small < 0.8) print "small packages at " small " of nginx, under 0.8"
}')
[ -z "$broken" ] || { printf '%s\n' "$broken" >&2; exit 1; }
