# shellcheck shell=bash
# What a verification is made of: checks with names. stage-lib.sh sources this.
#
# A verify.sh calls `check` for each thing that can break by itself, and ends with `verdict`. Each check is made whatever
# became of those before it, so that one look tells all that is wrong. None of them changes the node.

TRAINYARD_CHECK_LIMIT=${TRAINYARD_CHECK_LIMIT:-60} # seconds that one check may take
CHECKS_FAILED=${CHECKS_FAILED:-} # names, each with a line end; the runner's own come before those of a script
checks_failed=0 # how many of this process
checks_given=

# ---- making checks ---------------------------------------------------------------------------------------------------

# wrong TEXT: says what is wrong and goes on looking; the check fails in the end. Not for subshells, which cannot tell it.
wrong() {
    printf 'error: %s\n' "$*" >&2
    wrongs=$((wrongs + 1))
}

# given NAME: the checks from here on mean something only where the check NAME was content; otherwise they are skipped.
given() { checks_given=$1; }

# check NAME COMMAND...: makes a check: COMMAND, mostly a function, ends well or not. It may `say` what it saw, and tells what is
# wrong by `wrong`, `fail` or its exit status. errexit holds in it, as long as it is not made in a condition.
check() {
    local name=$1 said status
    shift
    case $'\n'$CHECKS_FAILED in
    *$'\n'"$checks_given"$'\n'*)
        if [ -n "$checks_given" ]; then
            CHECKS_FAILED=$CHECKS_FAILED$name$'\n'
            say "skipped $name: it says nothing while \"$checks_given\" does not hold"
            return 0
        fi
        ;;
    esac
    # No `if` and no `||`: they would switch errexit off inside.
    set +e
    { said=$(run_check "$@"); status=$?; } 2>/dev/null
    set -e
    if [ "$status" -eq 0 ]; then
        tell_check ok "$name" "$said"
    else
        CHECKS_FAILED=$CHECKS_FAILED$name$'\n' checks_failed=$((checks_failed + 1))
        tell_check FAILED "$name" "$said"
    fi
}

# run_check COMMAND...: in a process group, all of which ends when the time is up: one that hangs costs no other check.
run_check() {
    local child watch status
    set -m # makes a process group of each job
    (
        set -e
        wrongs=0
        "$@"
        [ "$wrongs" -eq 0 ]
    ) </dev/null 2>&1 &
    child=$!
    (
        sleep "$TRAINYARD_CHECK_LIMIT"
        kill -TERM -- "-$child"
        sleep 5
        kill -KILL -- "-$child"
    ) </dev/null >/dev/null 2>&1 &
    watch=$!
    wait "$child"
    status=$?
    kill -TERM -- "-$watch"
    case $status in 137 | 143) printf '\nerror: no end after %s s\n' "$TRAINYARD_CHECK_LIMIT" ;; esac
    [ "$status" -eq 0 ] || printf '\n(exit status %d)\n' "$status"
    return "$status"
}

# tell_check ok|FAILED NAME SAID: a line of result, then what else was said, indented. What is wrong comes first.
tell_check() {
    local line errors='' rest='' status=''
    while IFS= read -r line; do
        line=${line%"${line##*[![:space:]]}"}
        case $line in
        '') ;;
        'error: '*) errors="$errors${line#error: }"$'\n  ' ;;
        '(exit status '*) status="$line"$'\n' ;;
        *) rest="$rest$line"$'\n  ' ;;
        esac
    done <<<"$3"
    [ -n "$errors" ] || [ "$status" = '(exit status 1)'$'\n' ] || rest=$rest$status
    rest=$errors$rest rest=${rest%  } rest=${rest%$'\n'}
    if [ -z "$rest" ]; then
        case $1 in ok) rest="as it should be" ;; *) rest=${status%$'\n'} ;; esac
    fi
    printf '%s %s: %s\n' "$1" "$2" "$rest"
}

# verdict: the last line of a verify.sh.
verdict() { [ "$checks_failed" -eq 0 ] || exit 1; }

# ---- what holds of every stage ---------------------------------------------------------------------------------------

# check_stage STAGE: what its manifest says of packages, files and services.
check_stage() {
    [ -z "$(manifest "$1" package)" ] || check "its packages are installed" packages_are_installed "$1"
    if [ -n "$(manifest "$1" file)" ]; then
        check "its files are as the lab says" files_are_whole "$1"
        if selinuxenabled 2>/dev/null; then
            check "its files have their SELinux types" files_have_their_types "$1"
        fi
    fi
    if [ -n "$(manifest "$1" service)" ]; then
        check "its services run" services_run "$1"
        check "its services start at boot" services_start_at_boot "$1"
    fi
}

packages_are_installed() {
    local name
    for name in $(manifest "$1" package); do
        if installed "$name"; then say "$name"; else wrong "$name is not installed"; fi
    done
}

files_are_whole() {
    local mode owner group path file found
    while read -r mode owner group path <&3; do
        file=$TRAINYARD_ROOT$path
        if [ ! -f "$file" ]; then
            wrong "there is no $path"
            continue
        fi
        found=$(stat -L -c '%a %U %G' "$file")
        [ "$found" = "$(printf '%o' "$mode") $owner $group" ] ||
            wrong "$path has mode and owners $found, not $mode $owner $group"
        if fill_secrets "$STAGES/$1/files$path" | cmp -s - "$file"; then
            say "$path"
        else
            wrong "$path is not what the lab says"
        fi
    done 3< <(manifest "$1" file)
}

files_have_their_types() {
    local mode owner group path
    while read -r mode owner group path <&3; do
        matchpathcon -V "$path" >/dev/null || wrong "$path has a wrong SELinux type; restorecon -RF $path"
    done 3< <(manifest "$1" file)
}

services_run() {
    local unit state
    while read -r unit <&3; do
        state=$(systemctl is-active "$unit") || true
        if [ "$state" = active ]; then say "$unit"; else wrong "$unit is ${state:-unknown}"; fi
    done 3< <(manifest "$1" service)
}

services_start_at_boot() {
    local unit state
    while read -r unit <&3; do
        if state=$(systemctl is-enabled "$unit" 2>&1); then
            say "$unit is $state"
        else
            wrong "$unit is ${state:-unknown}"
        fi
    done 3< <(manifest "$1" service)
}

# ---- asking services -------------------------------------------------------------------------------------------------

# listeners tcp|udp PORT: the addresses at which something listens there, one a line; `*` is every address.
listeners() {
    local from=-ltn
    [ "$1" = tcp ] || from=-lun
    ss "$from" | awk -v port="$2" 'NR > 1 {
        at = match($4, /:[0-9]+$/)
        if (at == 0 || substr($4, at + 1) != port) next
        address = substr($4, 1, at - 1)
        gsub(/[][]|%.*/, "", address)
        sub(/^::ffff:/, "", address)
        if (address == "0.0.0.0" || address == "::") address = "*"
        print address
    }' | sort -u
}

# listens_only tcp|udp PORT ADDRESS...: it is wrong where something listens at another address than these.
listens_only() {
    local protocol=$1 port=$2 address
    shift 2
    for address in $(listeners "$protocol" "$port" | tr '*' -); do
        [ "$address" != - ] || address='every address'
        case " $* " in
        *" $address "*) say "$address:$port/$protocol" ;;
        *) wrong "it listens at $address, port $port/$protocol" ;;
        esac
    done
}

# memcached_keeps HOST: it stores a value, gives it back and removes it. The value is this process's own, so that nodes
# that ask at the same time do not remove each other's.
memcached_keeps() {
    local said
    # shellcheck disable=SC2016 # the inner bash expands them
    said=$(timeout 10 bash -c '
        exec 3<>"/dev/tcp/$0/11211" &&
        printf "set %s 0 30 2\r\nok\r\nget %s\r\ndelete %s\r\nquit\r\n" "$1" "$1" "$1" >&3 &&
        cat <&3' "$1" "trainyard_${TRAINYARD_NODE}_$$" 2>/dev/null | tr -d '\r') || return 1
    case $'\n'$said$'\n' in *$'\nok\n'*) ;; *) return 1 ;; esac
}

# amqp_greets HOST: answers the protocol's header with Connection.Start: the first frame of AMQP 0-9-1, of class 10, method 10.
amqp_greets() {
    local frame
    # shellcheck disable=SC2016 # the inner bash expands it
    frame=$(timeout 10 bash -c '
        exec 3<>"/dev/tcp/$0/5672" && printf "AMQP\0\0\11\1" >&3 && head -c 11 <&3' "$1" 2>/dev/null |
        od -An -v -tx1 | tr -d ' \n') || return 1
    case $frame in 010000????????000a000a) ;; *) return 1 ;; esac
}

# etcd_ask HOST COMMAND JSON: by the JSON gateway, which etcd 3.3 (CentOS 7) has at /v3beta and later ones at /v3.
etcd_ask() {
    local version
    for version in v3beta v3; do
        curl --silent --fail --noproxy '*' --max-time 10 --data "$3" "http://$1:2379/$version/kv/$2" && return 0
    done
    return 1
}

# etcd_keeps HOST: it stores a value, gives it back and removes it.
etcd_keeps() {
    local key found
    key=$(printf 'trainyard/verify/%s/%s' "$TRAINYARD_NODE" $$ | base64 -w 0)
    etcd_ask "$1" put "{\"key\":\"$key\",\"value\":\"b2s=\"}" >/dev/null || return 1
    found=$(etcd_ask "$1" range "{\"key\":\"$key\"}") || found=
    etcd_ask "$1" deleterange "{\"key\":\"$key\"}" >/dev/null || return 1
    case $found in *'"value":"b2s="'*) ;; *) return 1 ;; esac
}

# clock_is_right: by what chronyd has yet to correct, the fifth column of tracking, and by what it measures at the selected
# source, the eighth one of its line: where it may not set the clock, it has nothing to correct. Both are in seconds.
clock_is_right() {
    local left measured offset
    left=$(chronyc -c tracking | cut -d , -f 5)
    measured=$(chronyc -c -n sources | awk -F, '$2 == "*" { print $8 }')
    for offset in "${left:-0}" "${measured:-0}"; do
        awk -v offset="$offset" 'BEGIN { exit !(offset > -0.5 && offset < 0.5) }' || fail "this clock is $offset s off"
    done
    say "it is ${measured:-0} s off, and $left s are still to be corrected"
}

# lvm_looks_at_no_others: whether both filters of LVM end with refusing every disk that none of them names (put_lvm_filter).
# `lvmconfig` shows a list of one without brackets.
lvm_looks_at_no_others() {
    local found filter
    for filter in filter global_filter; do
        found=$(lvmconfig "devices/$filter")
        case ${found%]} in *'"r|.*|"') say "$found" ;; *) wrong "LVM looks at every disk, and at what servers have made on theirs: ${found:-no $filter}" ;; esac
    done
}
