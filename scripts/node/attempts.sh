# shellcheck shell=bash
# How trainyard-node runs one stage: what a stage does, in a session of its own with a time limit, tried again where it fails, and
# ended whole. It is sourced after progress.sh, never run.

# ---- what a stage does ----------------------------------------------------------------------------------------------

step() { say "--- $*"; } # the last of these in a log names what failed

place_files() { # STAGE [MARK]: MARK is there when a file changed
    local mode owner group path
    while read -r mode owner group path <&3; do
        put_file "$mode" "$owner" "$group" "$path" "$STAGES/$1/files$path" "${2:-}"
    done 3< <(manifest "$1" file)
}

run_script() { # STAGE NAME: one of its scripts, if it has it
    [ ! -e "$STAGES/$1/$2.sh" ] || /bin/bash "$STAGES/$1/$2.sh"
}

# Ends with 100 where configure.sh does: "done; reboot, then continue". Nothing else may end with 100, and nothing with 124 or 137: a
# command may run out of time or be killed, but that is not the stage's own end. Where TRAINYARD_REBOOT is `no`, as in the
# installer, 100 is a failure.
stage_main() {
    local stage=$1 changed=$VOLATILE/changed.$1 one two three status=0
    trap 'case $? in 100 | 124 | 137) exit 1 ;; esac' EXIT
    load_parameters "$stage"

    step "installing packages"
    # shellcheck disable=SC2046 # package names are plain words
    install_packages $(manifest "$stage" package)

    step "installing files"
    place_files "$stage" "$changed"

    step "creating databases"
    while read -r one two three <&3; do
        create_database "$one" "$two" "$three"
    done 3< <(manifest "$stage" database)

    if [ -e "$STAGES/$stage/identity.json" ]; then
        step "registering users and services"
        cloud register "$STAGES/$stage/identity.json"
    fi

    step "preparing"
    # For put_file, where a script makes a file that the stage's services read.
    TRAINYARD_CHANGED=$changed run_script "$stage" prepare

    step "starting services"
    one=$(manifest "$stage" service)
    if [ -n "$one" ]; then systemctl daemon-reload; fi
    while read -r one <&3; do
        if [ -e "$changed" ]; then run_service "$one" restart; else run_service "$one" start; fi
    done 3< <(manifest "$stage" service)
    rm -f "$changed"

    step "opening the firewall"
    while read -r one two three <&3; do
        open_port "$one" "$two" "$three"
    done 3< <(manifest "$stage" firewall)

    step "configuring"
    run_script "$stage" configure || status=$?
    [ "$status" -ne 100 ] || trap - EXIT
    exit "$status"
}

CURRENT=          # the stage that is worked on
SESSION=          # the session of the attempt that runs
LOG_LIMIT=4194304 # bytes that a log may have when a stage begins to write to it again; then it becomes STAGE.log.old

# ---- attempts ---------------------------------------------------------------------------------------------------------

# note_failure STAGE ATTEMPT REASON
note_failure() {
    set_state "$1" failed "$2" "$3"
    say "stage \`$1\` failed $3" \
        "(log: /var/log/trainyard/$1.log; the next boot or \`trainyard-node run\` tries it again)" >&2
}

# wait_for_needs STAGE: not counted in its time limit, for another node may still be installing itself.
wait_for_needs() {
    local host port limit=${TRAINYARD_NEED_LIMIT:-7200}
    while read -r host port <&3; do
        answers "$host" "$port" && continue
        set_state "$1" waiting 0 "for $host:$port"
        say "stage \`$1\`: waiting for $host:$port, at most $limit s"
        if ! wait_until "$limit" answers "$host" "$port"; then
            note_failure "$1" 0 "while waiting: $host:$port did not answer in $limit s"
            return 1
        fi
    done 3< <(manifest "$1" need)
}

# end_session ID: ends what is left of a stage: commands that it bounded by themselves are process groups of their own, and
# outlive it. rpm goes on to the end of what it is doing when it is asked to stop, so it gets a minute.
end_session() {
    local looks=300
    pkill -TERM -s "$1" || return 0
    while [ "$looks" -gt 0 ] && pgrep -s "$1" >/dev/null; do
        sleep 0.2
        looks=$((looks - 1))
    done
    pkill -KILL -s "$1" || true
}

# end_leftovers: ends what a runner left that was killed in the middle of a stage. The number of its session can belong to
# others by now: ours know their stage.
end_leftovers() {
    local session process
    [ -s "$VOLATILE/session" ] || return 0
    session=$(cat "$VOLATILE/session")
    for process in $(pgrep -s "$session" || true); do
        case $'\n'$(tr '\0' '\n' <"/proc/$process/environ" 2>/dev/null) in *$'\nTRAINYARD_STAGE='*) ;; *) continue ;; esac
        say "ending what a run that was killed left behind"
        end_session "$session"
        break
    done
    rm -f "$VOLATILE/session"
}

# to_journal STAGE LOG PROCESS SIZE: hands what is added to the log, which had SIZE bytes, to the journal, until the process has
# ended. The log does not depend on it.
to_journal() {
    [ -S "$TRAINYARD_ROOT/run/systemd/journal/stdout" ] || return 0
    tail -c "+$(($4 + 1))" -f -s 0.2 --pid="$3" "$2" 2>/dev/null | systemd-cat -t "trainyard/$1" || true
}

# attempt_stage STAGE: one attempt, in a session of its own with a time limit; returns its status, and sets reason when it
# failed.
attempt_stage() {
    local limit log=$LOGS/$1.log status=0 journal began size last
    limit=$(manifest "$1" limit)
    limit=${limit:-1800}
    size=$(stat -c %s "$log")
    began=$(seconds_up)
    # In the background, so that a signal to this program ends it too. It says itself which session is a stage's, before it
    # does anything: this program may be killed at any moment.
    # shellcheck disable=SC2016 # the inner bash expands them
    TRAINYARD_STAGE=$1 setsid /bin/bash -c 'echo "$$" >"$1/session"; shift; exec "$@"' session "$VOLATILE" \
        timeout -k 30 "$limit" /bin/bash "$PROGRAM" _stage "$1" >>"$log" 2>&1 </dev/null 9>&- &
    SESSION=$!
    to_journal "$1" "$log" "$SESSION" "$size" 9>&- &
    journal=$!
    wait "$SESSION" || status=$?
    case $status in 0 | 100) ;; *) end_session "$SESSION" ;; esac
    SESSION=
    wait "$journal" || true
    rm -f "$VOLATILE/session"
    [ "$status" -ne 0 ] || return 0
    reason="while $(tail -c "+$((size + 1))" "$log" | sed -n 's/^--- //p' | tail -n 1)"
    last=$(tail -c "+$((size + 1))" "$log" | grep -v -e '^ *$' -e '^--- ' | tail -n 1 | cut -c 1-300)
    case $status in
    124) reason="$reason: more than $limit s" ;;
    137)
        if [ $(($(seconds_up) - began)) -ge "$limit" ]; then reason="$reason: more than $limit s"; else reason="$reason: it was killed"; fi
        ;;
    *) reason="$reason: ${last:+$last }(exit status $status)" ;;
    esac
    return "$status"
}

# interrupted: somebody ends the run.
interrupted() {
    trap '' INT TERM HUP
    trap - EXIT
    [ -z "$SESSION" ] || end_session "$SESSION"
    rm -f "$VOLATILE/session"
    [ -z "$CURRENT" ] || set_state "$CURRENT" pending 0 "was interrupted"
    exit 130
}

# run_stage STAGE: 0 when it is done, 100 when it wants a reboot now, 1 when it failed.
run_stage() {
    local attempt=1 delay=$TRAINYARD_BACKOFF status reason
    if [ "$(stat -c %s "$LOGS/$1.log" 2>/dev/null || echo 0)" -gt "$LOG_LIMIT" ]; then mv -f "$LOGS/$1.log" "$LOGS/$1.log.old"; fi
    (umask 077 && : >>"$LOGS/$1.log")
    while :; do
        set_state "$1" running "$attempt"
        printf '=== %s, attempt %d, %s\n' "$1" "$attempt" "$(date -u +%FT%TZ)" >>"$LOGS/$1.log"
        status=0
        attempt_stage "$1" || status=$?
        case $status in
        0) return 0 ;;
        100)
            [ "${TRAINYARD_REBOOT:-yes}" = no ] || return 100
            reason="while configuring: it asks for a reboot, and there is none here (exit status 100)"
            ;;
        esac
        if [ "$attempt" -ge "$TRAINYARD_ATTEMPTS" ]; then
            note_failure "$1" "$attempt" "$reason"
            return 1
        fi
        say "stage \`$1\`: attempt $attempt of $TRAINYARD_ATTEMPTS failed $reason; the next one in $delay s"
        pause "$delay"
        delay=$((delay * 2)) attempt=$((attempt + 1))
    done
}
