# shellcheck shell=bash
# How trainyard-node asks the stages whether what they made works, and what it keeps of their answers. It is sourced after
# attempts.sh, never run.

# What the last whole verification found: `ok` or `failed`, when, how many checks were content, and whether it is made again by itself;
# then a line for each check that was not, `STAGE: CHECK`. It is there only while the stages are as they were then.
VERIFIED=$STATE/verified
VERIFY_LIMIT=${TRAINYARD_VERIFY_LIMIT:-1800} # seconds that a verification with --retry may take
RETRY_LIMIT=${TRAINYARD_RETRY_LIMIT:-7200}   # seconds for which it is made again: as long as a stage waits for another node
RETRY_PAUSE=${TRAINYARD_RETRY_PAUSE:-60}     # seconds before the second one; twice as many before each later one, 15 minutes at most
VERIFY_END= # where it is bounded: when, as seconds_up says it

# ---- asking ----------------------------------------------------------------------------------------------------------

# verify_stage STAGE: what holds of every stage, then what its own script looks at: in a session of its own and into a file, so
# that what it leaves running holds nobody up.
verify_stage() {
    local status=0 said=$VOLATILE/verify.$$ child limit=900 left # a check has a limit of its own; this is for scripts without checks
    if [ -n "$VERIFY_END" ]; then
        left=$((VERIFY_END - $(seconds_up)))
        if [ "$left" -le 0 ]; then
            say "error: no time was left for its verification"
            return 124
        fi
        [ "$limit" -le "$left" ] || limit=$left
    fi
    check_stage "$1"
    load_parameters "$1"
    CHECKS_FAILED=$CHECKS_FAILED setsid timeout -k 10 "$limit" /bin/bash "$STAGES/$1/verify.sh" >"$said" 2>&1 </dev/null &
    child=$!
    wait "$child" || status=$?
    end_session "$child"
    cat "$said"
    rm -f "$said"
    # shellcheck disable=SC2154 # checks.sh counts them
    case $status in
    0) [ "$checks_failed" -eq 0 ] || return 1 ;;
    124 | 137) say "error: its verification did not end in $limit s" ;;
    esac
    return "$status"
}

# checks_json OUTPUT: the lines of checks in it, as JSON.
checks_json() {
    local line name='' ok detail separator=''
    flush() {
        [ -z "$name" ] || printf '%s\n  {"name":%s,"ok":%s,"detail":%s}' "$separator" "$(json "$name")" "$ok" "$(json "$detail")"
        [ -z "$name" ] || separator=,
    }
    while IFS= read -r line; do
        case $line in
        'ok '*': '* | 'FAILED '*': '*)
            flush
            ok=false detail=${line#*: } name=${line%%: *}
            case $name in 'ok '*) ok=true ;; esac
            name=${name#* }
            ;;
        '  '*) detail="${detail:-}"$'\n'"${line#  }" ;;
        *)
            flush
            name=
            ;;
        esac
    done <<<"$1"
    flush
}

# count_checks STAGE STATUS OUTPUT: adds to passed and unmet.
count_checks() {
    local line is_told=no
    while IFS= read -r line; do
        case $line in
        'ok '*': '*) passed=$((passed + 1)) ;;
        'FAILED '*': '*)
            line=${line#FAILED }
            unmet=$unmet"$1: ${line%%: *}"$'\n' is_told=yes
            ;;
        esac
    done <<<"$3"
    # A script that makes no checks, or came to no end.
    case $2:$is_told in 0:* | 1:yes) ;; *) unmet=$unmet"$1: verify.sh (exit status $2)"$'\n' ;; esac
}

# ask_stages [STAGE...]: asks them, and says what they say in the wanted format; `failed`: of those alone that are not content. Sets
# failed, how many those are, and passed and unmet.
ask_stages() {
    local stage output status separator=
    failed=0 passed=0 unmet=
    while read -r stage <&4; do
        # No `||`: it would switch errexit off inside.
        set +e
        { output=$(set -e; verify_stage "$stage" 2>&1 </dev/null); status=$?; } 2>/dev/null
        set -e
        [ "$status" -eq 0 ] || failed=$((failed + 1))
        count_checks "$stage" "$status" "$output"
        case $FORMAT:$status in
        json:*)
            printf '%s\n{"name":%s,"ok":%s,"checks":[%s],"output":%s}' "$separator" "$(json "$stage")" \
                "$([ "$status" -eq 0 ] && echo true || echo false)" "$(checks_json "$output")" "$(json "$output")"
            separator=,
            ;;
        failed:0) ;;
        *)
            printf '%-24s %s\n' "$stage" "$([ "$status" -eq 0 ] && echo ok || echo "FAILED ($status)")"
            [ -z "$output" ] || printf '%s\n' "$output" | sed 's/^/    /'
            ;;
        esac
    done 4< <(stages "$@")
}

verify_command() {
    local failed passed unmet states=
    selected "$@"
    load_node
    mkdir -p "$VOLATILE"
    chmod 0700 "$VOLATILE"
    if [ "$RETRY" = yes ]; then
        [ $# -eq 0 ] || misused "verify --retry asks all stages"
        verify_patiently
    else
        # A part of them says nothing of the whole.
        [ $# -gt 0 ] || states=$(stage_states)
        [ "$FORMAT" != json ] || printf '{"schema":1,"node":%s,"stages":[' "$(json "$TRAINYARD_NODE")"
        ask_stages "$@"
        [ "$FORMAT" != json ] || printf '\n],"failed":%d}\n' "$failed"
        [ $# -gt 0 ] || keep_verified "$states" no
    fi
    [ "$failed" -eq 0 ] || exit 5
}

# verify_patiently: what trainyard-verify.service does. A check that fails may be about another node, which is not up yet, so all
# of them are made again.
verify_patiently() {
    local states before='' again delay=$RETRY_PAUSE end log=$VOLATILE/verify.log
    if ! all_done; then
        say "not all stages are done; \`trainyard-node status\` tells which"
        exit 3
    fi
    FORMAT=failed
    end=$(($(seconds_up) + RETRY_LIMIT))
    trap server_told EXIT
    trap 'trap - EXIT; exit 130' INT TERM HUP
    while :; do
        states=$(stage_states) again=no VERIFY_END=$(($(seconds_up) + VERIFY_LIMIT))
        ask_stages >"$log"
        if [ "$failed" -gt 0 ] && [ $(($(seconds_up) + delay)) -le "$end" ]; then again=yes; fi
        if [ "$failed" -gt 0 ] && [ "$unmet" != "$before" ]; then
            cat "$log"
            tell_log verify "$log"
        fi
        keep_verified "$states" "$again"
        case $failed:$again in
        0:*) say "all $passed checks passed" ;;
        *:yes) say "$failed of $(stages | wc -l) stages are not content so far; they are asked again in $delay s" ;;
        *) say "$failed of $(stages | wc -l) stages are not content; \`trainyard-node verify\` asks them again" ;;
        esac
        [ "$again" = yes ] || return 0
        before=$unmet
        pause "$delay"
        delay=$((delay * 2))
        [ "$delay" -le 900 ] || delay=900
        # Stages that ran meanwhile are verified when they have ended, and what somebody found by hand is as good.
        [ "$(stage_states)" = "$states" ] && [ "$(read_verified && echo "$verified")" != ok ] || exit 0
    done
}

# start_verification: at the end of a run, beside it, unless what was found before still holds.
start_verification() {
    local verified at passed again unmet
    read_verified
    [ "$verified" = ok ] || systemctl --no-block restart trainyard-verify.service || warn "the verification does not start"
}

# ---- what was found --------------------------------------------------------------------------------------------------

# stage_states: how the stages stand, and since when.
stage_states() { (cd "$STATE/state" 2>/dev/null && cat -- * 2>/dev/null) || true; }

all_done() {
    local stage
    while read -r stage; do
        is_done "$stage" || return 1
    done < <(stages)
}

# keep_verified STATES AGAIN: what was found, where all stages are done, and stand as they did when they were asked.
keep_verified() {
    local word=ok
    all_done && [ "$(stage_states)" = "$1" ] || return 0
    [ "$failed" -eq 0 ] || word=failed
    # No more than a hundred: enough to begin with, and it is told to a server.
    { printf '%s %s %d %s\n' "$word" "$(date -u +%FT%TZ)" "$passed" "$2" && printf '%s' "$unmet" | sed -n 1,100p | cut -c 1-200; } |
        replace_with "$VERIFIED" || warn "what was verified cannot be written down; is the disk full?"
    # A stage that has begun meanwhile says so first, and then removes this.
    [ "$(stage_states)" = "$1" ] || rm -f "$VERIFIED"
    publish
}

# read_verified: sets verified (nothing, where nothing is known), at, passed, again and unmet.
read_verified() {
    verified='' at='' passed='' again='' unmet=''
    [ ! -s "$VERIFIED" ] || { read -r verified at passed again && unmet=$(cat); } <"$VERIFIED" || true
    case $verified:$passed in ok:[0-9]* | failed:[0-9]*) ;; *) verified='' ;; esac
}

# unmet_checks: a line for each check that was not content.
unmet_checks() {
    local verified at passed again unmet
    read_verified
    [ "$verified" != failed ] || printf '%s\n' "$unmet"
}

verified_json() {
    local verified at passed again unmet line separator=
    read_verified
    case $verified in '') echo null && return ;; esac
    printf '{"ok":%s,"at":%s,"passed":%d,"failed":[' "$([ "$verified" = ok ] && echo true || echo false)" "$(json "$at")" "$passed"
    while IFS= read -r line; do
        [ -z "$line" ] || printf '%s%s' "$separator" "$(json "$line")"
        [ -z "$line" ] || separator=,
    done <<<"$unmet"
    printf '],"again":%s}' "$([ "$again" = yes ] && echo true || echo false)"
}

# verified_words: the same for the banner, as more about a node that is configured.
verified_words() {
    local verified at passed again unmet count
    read_verified
    count=$(grep -c . <<<"$unmet" || true)
    case $verified:$again in
    ok:*) printf ', %d checks passed' "$passed" ;;
    failed:yes) printf '; %d of %d checks fail so far; as root: trainyard-node status' "$count" $((passed + count)) ;;
    failed:*) printf '; %d of %d checks failed; as root: trainyard-node verify' "$count" $((passed + count)) ;;
    *) printf '; as root: trainyard-node verify' ;;
    esac
}
