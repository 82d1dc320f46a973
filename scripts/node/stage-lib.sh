# shellcheck shell=bash
# What trainyard-node and the scripts of the stages share. It is sourced, never run.
#
# Nodes run CentOS 7: bash 4.2, systemd 219, coreutils 8.22. Nothing newer may be used here (scripts/dev/lint-el7.sh knows
# the list). In particular an empty array is an error there under `set -u`, so lists are the positional parameters, "$@".
#
# TRAINYARD_ROOT, empty on a node, stands before every absolute path: a folder can then play the machine.

TRAINYARD_ROOT=${TRAINYARD_ROOT:-}
TRAINYARD_ATTEMPTS=${TRAINYARD_ATTEMPTS:-3}   # how often a stage, or a yum run within it, is tried
TRAINYARD_BACKOFF=${TRAINYARD_BACKOFF:-15}    # seconds before the second attempt; twice as many before each later one
CONFIGURATION=$TRAINYARD_ROOT/etc/trainyard
STAGES=$CONFIGURATION/stages

# shellcheck source-path=SCRIPTDIR source=checks.sh
. "${BASH_SOURCE[0]%/*}/checks.sh"

# shellcheck source-path=SCRIPTDIR source=packages.sh
. "${BASH_SOURCE[0]%/*}/packages.sh"

say() { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# manifest STAGE KEY: what follows KEY on each line of the stage's manifest that begins with it.
manifest() {
    local key rest
    while read -r key rest; do
        [ "$key" != "$2" ] || printf '%s\n' "$rest"
    done <"$STAGES/$1/manifest"
}

# json TEXT: a JSON string. It keeps ASCII only: a log line may hold half a character, which no JSON reader takes.
json() {
    local text=$1
    text=${text//\\/\\\\} text=${text//\"/\\\"} text=${text//$'\n'/\\n} text=${text//$'\t'/\\t}
    case $text in *[!' '-'~']*) text=$(printf '%s' "$text" | tr -cd '\040-\176') ;; esac
    printf '"%s"' "$text"
}

# replace_with PATH: PATH holds standard input, whole or not at all, readable by root alone. No name of a
# stage has a `~`.
replace_with() {
    if (umask 077 && cat >"$1~") && mv -f "$1~" "$1"; then return 0; fi
    rm -f "$1~"
    return 1
}

# answers HOST PORT: whether something accepts a TCP connection there. bash itself connects, so no package is needed.
answers() {
    # shellcheck disable=SC2016 # the inner bash expands them
    timeout 5 bash -c ': <"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null 9>&-
}

# seconds_up: since the machine started. Stages set its clock right, so no wait may go by that.
seconds_up() {
    local now _
    read -r now _ </proc/uptime
    printf '%d\n' "${now%.*}"
}

# pause SECONDS: a sleep that a signal to this program ends at once, and that holds nothing of this program open.
pause() {
    sleep "$1" >/dev/null 2>&1 9>&- &
    wait $! || true
}

# wait_until SECONDS COMMAND...: runs COMMAND every five seconds until it succeeds; fails when SECONDS have passed.
wait_until() {
    local end=$(($(seconds_up) + $1))
    shift
    until "$@"; do
        [ "$(seconds_up)" -lt "$end" ] || return 1
        pause 5
    done
}

# await SECONDS WHAT COMMAND...: the same for a stage; whoever looks sees that it waits for WHAT.
await() {
    local limit=$1 what=$2
    shift 2
    "$@" && return 0
    say "waiting for $what, at most $limit s"
    tell_state waiting "for $what"
    wait_until "$limit" "$@" || return 1
    tell_state running
}

# tell_state STATE [DETAIL]: a stage tells the runner how it stands.
tell_state() { [ -z "${TRAINYARD_STAGE:-}" ] || /bin/bash "$TRAINYARD_PROGRAM" _state "$TRAINYARD_STAGE" "$@"; }

# secret NAME: prints the secret. Only builtins touch it, so no process list shows it; hand it on by standard input or
# by the environment, never as an argument.
secret() {
    local line
    # Not split at `=`: `read` would take one off the end of a value.
    while IFS= read -r line || [ -n "$line" ]; do
        if [ "${line%%=*}" = "$1" ]; then
            printf '%s' "${line#*=}"
            return 0
        fi
    done <"$CONFIGURATION/secrets.env"
    fail "the secret $1 is not in $CONFIGURATION/secrets.env"
}

# fill_secrets FILE: prints FILE with every @SECRET_NAME@ replaced by that secret, and nothing else changed: awk would end a
# last line that has no end.
fill_secrets() {
    awk -v secrets="$CONFIGURATION/secrets.env" '
        BEGIN {
            while ((getline line < secrets) > 0) {
                at = index(line, "=")
                value[substr(line, 1, at - 1)] = substr(line, at + 1)
            }
        }
        {
            line = $0
            printf "%s", separator
            separator = "\n"
            while (match(line, /@SECRET_[A-Z0-9_]+@/)) {
                name = substr(line, RSTART + 8, RLENGTH - 9)
                if (!(name in value)) {
                    print "error: the secret " name " is not in " secrets > "/dev/stderr"
                    exit 1
                }
                printf "%s%s", substr(line, 1, RSTART - 1), value[name]
                line = substr(line, RSTART + RLENGTH)
            }
            printf "%s", line
        }' "$1" || return 1
    [ -n "$(tail -c 1 "$1")" ] || printf '\n'
}

# relabel PATH: gives PATH the SELinux type that the policy has for it. /etc/systemd, /usr/local, /etc/my.cnf.d and
# /etc/yum.repos.d are not labelled by the installer, and a service cannot read a file with the wrong type.
relabel() {
    if command -v restorecon >/dev/null; then
        restorecon -RF "$1" || warn "restorecon $1 failed"
    fi
}

# is_ours: whether nobody but this account may change what is in the folder that we are in.
is_ours() {
    local owner mode
    read -r owner mode < <(stat -c '%u %a' .)
    [ "$owner" -eq "$EUID" ] && [ $((0$mode & 022)) -eq 0 ]
}

# step_into NAME: goes to the folder NAME of one that others may change, unless they have put something else there: the
# kernel says where we are (bash would say where it thinks to be), and from there on no link can lead us elsewhere.
step_into() {
    local here
    here=$(env pwd -P)
    if ! cd -P "./$1" 2>/dev/null || [ "$(env pwd -P)" != "${here%/}/$1" ]; then
        fail "${here#"$TRAINYARD_ROOT"}/$1 is no folder, or a link that another account than root may have made:" \
            "what is meant for it would land elsewhere"
    fi
}

# enter_folder PATH: goes to the folder PATH, and makes what is missing of it. An account could lead root astray by a link
# in a folder of its own, so links are followed only where none but root can have made them. What is made in an
# account's folder belongs to the account.
enter_folder() {
    local rest=$1/ part target owner links=0
    cd -P "$TRAINYARD_ROOT/" || exit
    while [ -n "$rest" ]; do
        part=${rest%%/*} rest=${rest#*/}
        case $part in '' | .) continue ;; ..) cd -P .. || exit; continue ;; esac
        owner=
        is_ours || owner=$(stat -c '%u:%g' .)
        if [ -z "$owner" ] && [ -L "$part" ]; then
            links=$((links + 1))
            [ "$links" -le 40 ] || fail "$1: too many links"
            target=$(readlink "$part")
            case $target in /*) cd -P "$TRAINYARD_ROOT/" || exit ;; esac
            rest=$target/$rest
            continue
        fi
        if [ -e "$part" ] || [ -L "$part" ]; then
            step_into "$part"
        else
            (umask 022 && mkdir "./$part")
            step_into "$part"
            [ -z "$owner" ] || chown "$owner" .
            relabel "$PWD"
        fi
    done
}

# put_folder MODE OWNER GROUP PATH: PATH is a folder with these.
put_folder() {
    local back=$PWD
    enter_folder "$4"
    chown "$2:$3" .
    chmod "$1" .
    relabel "$PWD"
    cd -P "$back" || exit
}

# is_same FILE OTHER: whether OTHER is a file with the same content, mode and owners. It is no link, and reading it cannot
# last for ever, whatever its owner makes of it in the meantime.
is_same() {
    [ "$(stat -c '%a %U %G' "$1")" = "$(stat -c '%a %U %G' "$2" 2>/dev/null)" ] &&
        dd if="$2" iflag=nofollow,nonblock bs=64K 2>/dev/null | cmp -s - "$1"
}

# put_file MODE OWNER GROUP PATH SOURCE [MARK]: makes PATH a copy of SOURCE with the secrets filled in. The new file appears
# whole or not at all; an equal one is left alone, and a link is replaced. It is made in a folder beside it into which
# nobody else can look, so that a folder's owner gets the file when it is finished. Before PATH changes, the file MARK is there.
put_file() {
    local mode=$1 owner=$2 group=$3 path=$4 source=$5 name=${4##*/} back=$PWD private
    enter_folder "${path%/*}"
    if [ -d "$name" ] && [ ! -L "$name" ]; then fail "$path is a folder, and is to be a file"; fi
    rm -rf ./.trainyard.??????                 # what a power cut left behind
    private=$(mktemp -d ./.trainyard.XXXXXX)   # mode 0700
    step_into "${private#./}"
    is_ours || fail "${path%/*}: another folder was put in the place of the one made there"
    cat "$source" >content
    if grep -q '@SECRET_[A-Z0-9_]*@' content; then
        mv content marked
        fill_secrets marked >content || fail "$path needs a secret that this node does not have"
    fi
    chown "$owner:$group" content
    chmod "$mode" content
    if ! is_same content "../$name"; then
        [ -z "${6:-}" ] || : >"$6"
        mv -fT content "../$name"
    fi
    cd -P .. || exit
    rm -rf "$private"
    relabel "$TRAINYARD_ROOT$path"
    cd -P "$back" || exit
}

# await_clock TRIES: waits, ten seconds a try, until the clock is right to half a second. `waitsync` knows only what chronyd has
# still to correct; whether it could, the last sample of the source tells, less what was corrected since. (Where nobody may set
# the clock, as in a container, nothing is left to correct, and it stays wrong.)
await_clock() {
    local off
    chronyc waitsync "$1" 0.5 ||
        fail "the clock could not be set; chronyc says of it:$(chronyc tracking | sed -n 's/^System time *:/ /p')"
    off=$(chronyc -c -n sources | awk -F , '$2 == "*" { print $8 }')
    awk -v off="$off" 'BEGIN { exit !(off > -0.5 && off < 0.5) }' ||
        fail "the clock could not be set: it differs from its source by $off s"
}

# as_user USER COMMAND...: what a service's own commands write, such as a log, must be the service's.
as_user() {
    local user=$1
    shift
    runuser -u "$user" -- "$@"
}

# cloud COMMAND...: asks OpenStack's services (cloud.py).
cloud() { python2 "${TRAINYARD_LIB%/*}/cloud.py" "$@"; }

# sql: runs the SQL of standard input as the database's root, whose password is in /root/.my.cnf.
sql() { mysql --defaults-file="$TRAINYARD_ROOT/root/.my.cnf" --batch --skip-column-names; }

# create_database NAME USER SECRET: both exist afterwards, and USER may do everything in NAME, from here and elsewhere.
create_database() {
    local password
    case $1$2 in *[!A-Za-z0-9_]*) fail "not a database name and user: $1 $2" ;; esac
    password=$(secret "$3")
    # By a builtin into a pipe: a here-document would be a file on the disk for a moment.
    {
        printf "CREATE DATABASE IF NOT EXISTS \`%s\`;\n" "$1"
        printf "GRANT ALL PRIVILEGES ON \`%s\`.* TO '%s'@'%s' IDENTIFIED BY '%s';\n" \
            "$1" "$2" localhost "$password" "$1" "$2" % "$password"
    } | sql
}

# make_tables DATABASES USER COMMAND...: COMMAND, run as USER, makes the tables of these databases; a second time changes nothing. MariaDB cannot take back half of a
# change of tables, and no later COMMAND gets over one. So a mark stands from before the first time until it has ended, and as long as
# it does, what is there is thrown away: nobody has used it yet. A database that had tables before gets no mark, and is not touched.
make_tables() {
    local databases=$1 user=$2 name mark status=0
    shift 2
    for name in $databases; do
        mark=$TRAINYARD_ROOT/var/lib/trainyard/first-tables.$name
        if [ -z "$(sql <<<"SHOW TABLES IN \`$name\`")" ]; then
            : >"$mark"
        elif [ -e "$mark" ]; then
            say "the tables of $name were cut off when they were made; they are made anew"
            sql <<<"DROP DATABASE \`$name\`; CREATE DATABASE \`$name\`"
        fi
    done
    sync
    as_user "$user" "$@" || status=$?
    [ "$status" -eq 0 ] || fail "$* failed (exit status $status); what it says of that is in /var/log/${1%%-*}"
    sync
    for name in $databases; do rm -f "$TRAINYARD_ROOT/var/lib/trainyard/first-tables.$name"; done
}

# rich_rule PORT PROTOCOL SOURCE: the rule of firewalld that lets SOURCE (a CIDR, or `any`) reach PORT, as firewalld itself
# writes it.
rich_rule() {
    local from=
    [ "$3" = any ] || from="family=\"ipv4\" source address=\"$3\" "
    printf 'rule %sport port="%s" protocol="%s" accept\n' "$from" "$1" "$2"
}

# open_port PORT PROTOCOL SOURCE: lets SOURCE reach PORT. Never by `firewall-cmd --reload`, which flushes the chains that
# neutron and libvirt have made: the permanent rule and the running one are both set.
open_port() {
    local rule
    rule=$(rich_rule "$@")
    if ! command -v firewall-cmd >/dev/null; then
        warn "there is no firewalld: $1/$2 is as open as this machine leaves it"
    elif firewall-cmd --state >/dev/null 2>&1; then
        firewall-cmd --permanent --query-rich-rule="$rule" >/dev/null || firewall-cmd --permanent --add-rich-rule="$rule"
        firewall-cmd --query-rich-rule="$rule" >/dev/null || firewall-cmd --add-rich-rule="$rule"
    else
        firewall-offline-cmd --query-rich-rule="$rule" >/dev/null || firewall-offline-cmd --add-rich-rule="$rule"
    fi
}

# kernel_has_arguments: whether the running kernel was started as the manifest of the stage `kernel` says. What is removed
# by its name alone is removed with any value.
kernel_has_arguments() {
    local running argument
    running=" $(tr '\n' ' ' <"$TRAINYARD_ROOT/proc/cmdline") "
    while read -r argument; do
        case $running in *" $argument "*) ;; *) return 1 ;; esac
    done < <(manifest kernel add)
    while read -r argument; do
        case $running in *" $argument "* | *" $argument="*) return 1 ;; esac
    done < <(manifest kernel remove)
}

# put_lvm_filter [DISK]: LVM looks at DISK and at what groups of volumes lie on now, and at no other disk: servers make groups of their own on
# their volumes, which this machine would make active, and whose names may be its own. A disk's letter is another one after some boot, so what
# has a group is accepted by udev's name for its UUID as well.
put_lvm_filter() {
    local found list='' device uuid rest
    found=$(pvs --noheadings --separator ' ' -o pv_name,pv_uuid,vg_name) || fail "pvs does not say what groups of volumes lie on"
    while read -r device uuid rest; do
        # What has no group is nobody's, and what is missing has no name.
        case $rest:$device in :*) ;; *:/dev/*) list+="\"a|^$device\$|\", \"a|^/dev/disk/by-id/lvm-pv-uuid-$uuid\$|\", " ;; esac
    done <<<"$found"
    for device; do
        list+="\"a|^$device\$|\", \"a|^$(readlink -f "$device")\$|\", "
    done
    # lvmetad, which makes active what it is told of, heeds the second one alone.
    put_file 0644 root root /etc/lvm/lvmlocal.conf <(
        printf 'devices {\n    filter = [ %s"r|.*|" ]\n    global_filter = [ %s"r|.*|" ]\n}\n' "$list" "$list"
    ) "${TRAINYARD_CHANGED:?}"
}

# newest_kernel: the kernel that was installed last, as `uname -r` calls it; nothing where there is none. Not by its version: to
# `sort -V`, 3.10.0-1160.el7 comes after 3.10.0-1160.119.1.el7.
newest_kernel() {
    rpm -q kernel --queryformat '%{INSTALLTIME} %{VERSION}-%{RELEASE}.%{ARCH}\n' | sort -n | sed -n '$s/^[0-9]* //p' || true
}

# run_service UNIT ACTION: enables UNIT, and starts or restarts it; shows what it said when it does not come up.
run_service() {
    systemctl enable "$1"
    if ! timeout 600 systemctl "$2" "$1"; then
        systemctl status --full --no-pager "$1" || true
        journalctl --unit="$1" --lines=40 --no-pager || true
        fail "systemctl $2 $1 failed"
    fi
}
