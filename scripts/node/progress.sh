# shellcheck shell=bash
# What trainyard-node was told about this node, and what it knows of how far each stage has come. It is sourced after
# stage-lib.sh, never run.

STATE=$TRAINYARD_ROOT/var/lib/trainyard    # done/STAGE: hash of what it was done with; state/STAGE: how it stands
# shellcheck disable=SC2034 # for trainyard-node
LOGS=$TRAINYARD_ROOT/var/log/trainyard
# shellcheck disable=SC2034 # for trainyard-node
VOLATILE=$TRAINYARD_ROOT/run/trainyard     # gone after a boot, as are services that still run with old files
BANNER=$TRAINYARD_ROOT/run/trainyard.banner # for everyone who logs in (/etc/profile.d/trainyard-status.sh)

# ---- what the node was told ------------------------------------------------------------------------------------------

# load_node: exports what node.env says of this node.
load_node() {
    local name value
    while IFS='=' read -r name value; do
        [ -z "$name" ] || export "$name=$value"
    done <"$CONFIGURATION/node.env"
    # What only the installer could know: a disk that it left as it is.
    if [ -r "$CONFIGURATION/data-disk" ]; then
        read -r TRAINYARD_DATA_DISK <"$CONFIGURATION/data-disk"
        export TRAINYARD_DATA_DISK
    fi
}

# load_parameters STAGE: exports the stage's parameters, as PARAMETER_name, for its scripts.
load_parameters() {
    local name value
    while read -r name value <&3; do
        export "PARAMETER_$name=$value"
    done 3< <(manifest "$1" parameter)
}

# stages [STAGE...]: prints all stages of this node in their order, or only the given ones.
# shellcheck disable=SC2120 # the other callers are in trainyard-node
stages() {
    local stage
    while read -r stage; do
        case " $* " in "  " | *" $stage "*) printf '%s\n' "$stage" ;; esac
    done <"$STAGES/order"
}

# requirements STAGE: the stages that it names as those it cannot do without. (`*` names none of them: it stands for all
# that come before it.)
requirements() { manifest "$1" require | grep -vx '\*' || true; }

# dependents STAGE...: prints these stages and all that require one of them, in their order.
dependents() {
    local found=" $* " stage required
    while read -r stage; do
        for required in $(requirements "$stage"); do
            case $found in *" $required "*) found="$found$stage " ;; esac
        done
        case $found in *" $stage "*) printf '%s\n' "$stage" ;; esac
    done <"$STAGES/order"
}

# own_inputs STAGE: prints all that decides what the stage itself does.
own_inputs() {
    local name value
    cat "$CONFIGURATION/node.env"
    for name in $(manifest "$1" secret) $(manifest "$1" database | cut -d ' ' -f 3); do
        value=$(secret "$name") || return 1
        printf '%s=%s\n' "$name" "$value"
    done
    (cd "$STAGES/$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum)
}

# inputs STAGE: sets hash to one of all that decides what the stage does: its own inputs, and the hashes of those that it
# requires, so that a stage whose foundation changed is not done any more. Fails where a secret is missing.
declare -A INPUTS=()
inputs() {
    local required mine
    if [ -z "${INPUTS[$1]:-}" ]; then
        mine=$(own_inputs "$1") || return 1
        for required in $(requirements "$1"); do
            inputs "$required" || return 1
            mine=$mine$'\n'"require $required $hash"
        done
        INPUTS[$1]=$(printf '%s\n' "$mine" | sha256sum | cut -d ' ' -f 1) # no here-string: bash would put it in a file
    fi
    hash=${INPUTS[$1]}
}

# ---- how far it has come ---------------------------------------------------------------------------------------------

is_done() { # STAGE: with what it would be done with now
    local hash
    [ -e "$STATE/done/$1" ] && inputs "$1" && [ "$(cat "$STATE/done/$1")" = "$hash" ]
}

mark_done() { # STAGE; what the stage wrote reaches the disk before the mark does
    local hash
    inputs "$1" && sync && printf '%s\n' "$hash" | replace_with "$STATE/done/$1" && sync
}

# missing STAGE: the first stage that is not done and that this one cannot do without; nothing when it can run.
missing() {
    local other
    for other in $(requirements "$1"); do
        is_done "$other" || { printf '%s\n' "$other" && return 0; }
    done
    case $'\n'$(manifest "$1" require)$'\n' in *$'\n*\n'*) ;; *) return 0 ;; esac
    while read -r other; do
        [ "$other" != "$1" ] || return 0
        is_done "$other" || { printf '%s\n' "$other" && return 0; }
    done <"$STAGES/order"
}

# set_state STAGE STATE ATTEMPT [DETAIL]: pending, blocked, waiting, running, done or failed. What was verified is something
# else from here on.
set_state() {
    printf '%s %s %s %s\n' "$2" "$3" "$(date -u +%FT%TZ)" "${4:-}" | replace_with "$STATE/state/$1" ||
        warn "that $1 is $2 cannot be written down; is the disk full?"
    rm -f "$VERIFIED"
    if [ "$2" = failed ]; then tell_log "$1" "$LOGS/$1.log"; fi
    publish
}

# publish: what is known goes to where programs and people look for it.
publish() {
    status_json | replace_with "$STATE/status.json" || true
    { banner >"$BANNER~" && chmod 0644 "$BANNER~" && mv -f "$BANNER~" "$BANNER"; } || true
    tell_server
}

# The server that installed this node, where one did, is told how far its stages have come: beside the work, by one at a time. Who
# finds another one at it leaves a mark, by which that one looks again. An installer tells by itself how far it is.
UNTOLD=$VOLATILE/untold
TELLS= # `yes` where this run has told it something

tells() { [ -r "$CONFIGURATION/report" ] && [ "${TRAINYARD_REBOOT:-yes}" = yes ]; }

tell_server() {
    tells || return 0
    TELLS=yes
    : >"$UNTOLD"
    # It holds neither the turn nor what this program writes to.
    tell_untold -n </dev/null >/dev/null 2>&1 9>&- &
}

# tell_log NAME FILE: its end goes with the next word.
tell_log() { ! tells || printf '%s %s\n' "$1" "$2" >>"$UNTOLD-logs" || true; }

# tell_packages: what is installed goes with the next word.
tell_packages() {
    local list
    tells || return 0
    TELLS=yes
    if ! list=$(installed_packages) || ! printf '%s\n' "$list" | replace_with "$UNTOLD-packages"; then
        warn "what is installed cannot be told to the server"
    fi
}

# The last word is told before the run ends: systemd ends what it leaves. Where the server is gone that takes two minutes at most.
server_told() {
    [ -n "$TELLS" ] || return 0
    : >"$UNTOLD"
    tell_untold -w 60
}

# tell_file WHERE FILE TYPE: to the server, three times at most. The address by standard input: everyone may read a command line.
# Where the server's certificate is known to nobody else, the node brought what proves it.
tell_file() {
    local options proof=$CONFIGURATION/report.pem
    options="url = \"$(cat "$CONFIGURATION/report")/$1\""
    if [ -e "$proof" ]; then options+=$'\n'"cacert = \"$proof\""; fi
    for _ in 1 2 3; do
        if printf '%s\n' "$options" |
            curl -s -f -m 8 -H "Content-Type: $3" --data-binary "@$2" -K -; then return 0; fi
        sleep 3
    done
    return 1
}

# tell_untold HOW...: takes the turn as flock does with these options: how far the stages are, the ends of the logs of those that failed,
# and what is installed.
# Whoever has the turn may have taken the mark away and not told it yet, so the turn comes first, and the mark is looked for once
# more when it is given back.
tell_untold() {
    local name log
    while flock "$@" 8; do
        if [ -e "$UNTOLD" ]; then
            rm -f "$UNTOLD"
            if tell_file stages "$STATE/status.json" application/json; then
                if mv -f "$UNTOLD-logs" "$UNTOLD-logs~"; then
                    while read -r name log <&7; do
                        if tail -c 32768 "$log" >"$UNTOLD-tail"; then tell_file "log?stage=$name" "$UNTOLD-tail" text/plain || true; fi
                    done 7<"$UNTOLD-logs~"
                    rm -f "$UNTOLD-logs~" "$UNTOLD-tail"
                fi
                if mv -f "$UNTOLD-packages" "$UNTOLD-list"; then
                    # Where it fails it goes with the next word, unless there is a newer one by then.
                    tell_file packages "$UNTOLD-list" text/plain || mv -n "$UNTOLD-list" "$UNTOLD-packages" || true
                    rm -f "$UNTOLD-list"
                fi
            fi
        fi
        flock -u 8
        [ -e "$UNTOLD" ] || break
    done 8>"$VOLATILE/telling" 9>&- </dev/null >/dev/null 2>&1
}

ALONE=   # `yes` where no run is under way: what a run that was killed left behind says otherwise
CHANGED= # stages that were done with something else than what they would be done with now, with blanks around each

# state_of STAGE: sets state, attempt, since and detail.
state_of() {
    state='' attempt='' since='' detail=''
    [ ! -e "$STATE/state/$1" ] || read -r state attempt since detail <"$STATE/state/$1" || true
    state=${state:-pending} attempt=${attempt:-0} since=${since:--}
    case $ALONE:$state in
    *:done) case $CHANGED in *" $1 "*) state=pending detail="has changed since then" ;; esac ;;
    yes:running | yes:waiting) state=pending detail="was interrupted" ;;
    esac
}

# refusal: why nothing may be configured here, where that is so.
refusal() { [ ! -e "$STATE/refused" ] || cat "$STATE/refused"; }

status_json() {
    local stage state attempt since detail separator='' whole=yes
    printf '{"schema":1,"node":%s,"updated":"%s","refused":%s,"stages":[' "$(json "${TRAINYARD_NODE:-}")" \
        "$(date -u +%FT%TZ)" "$([ -e "$STATE/refused" ] && json "$(refusal)" || echo null)"
    while read -r stage; do
        state_of "$stage"
        [ "$state" = "done" ] || whole=no
        printf '%s\n{"name":%s,"state":%s,"attempt":%d,"since":%s,"detail":%s,"log":%s}' "$separator" \
            "$(json "$stage")" "$(json "$state")" "$attempt" "$(json "$since")" "$(json "$detail")" \
            "$(json "/var/log/trainyard/$stage.log")"
        separator=,
    done <"$STAGES/order"
    printf '\n],"verified":%s}\n' "$(if [ "$whole" = yes ]; then verified_json; else echo null; fi)"
}

# count_states: sets total, finished, current and bad: how many stages there are and are done, the one that is worked on
# with its state, and the names of those that failed or are blocked.
count_states() {
    local stage state attempt since detail
    total=0 finished=0 current='' bad=''
    while read -r stage; do
        total=$((total + 1))
        state_of "$stage"
        case $state in
        done) finished=$((finished + 1)) ;;
        running) current="$stage is running" ;;
        waiting) current="$stage is waiting $detail" ;;
        failed | blocked) bad="$bad $stage" ;;
        esac
    done <"$STAGES/order"
}

# banner: a few words for who logs in; no stage's own words, for everyone may read them.
banner() {
    local total finished current bad
    count_states
    if [ -e "$STATE/refused" ]; then
        printf 'trainyard: nothing is configured here, for this seems to be another machine than %s (as root: trainyard-node status)\n' \
            "$TRAINYARD_NODE"
    elif [ "$finished" -eq "$total" ]; then
        printf 'trainyard: %s is configured (all %d stages%s)\n' "$TRAINYARD_NODE" "$total" "$(verified_words)"
    else
        printf 'trainyard: %s, %d of %d stages are done%s\n' "$TRAINYARD_NODE" "$finished" "$total" "${current:+; $current}"
    fi
    [ -z "$bad" ] || printf 'trainyard: failed, or blocked by one that failed:%s (as root: trainyard-node status)\n' "$bad"
}
