#!/bin/bash
# Finds in shell scripts and unit files what CentOS 7 does not have: bash 4.2, systemd 219, coreutils 8.22, util-linux 2.23,
# iproute2 4.11, curl 7.29, OpenSSL 1.0.2. Nothing but a real CentOS 7 would show it otherwise. And pipes that fail by chance anywhere.
#
# usage: lint-el7.sh FILE…       prints what it finds as FILE:LINE: text   # why; exit status 1 when there is something
#        lint-el7.sh --self-test plants every offender of the lists, and fails when one is not found
set -euo pipefail
here=$(dirname -- "$0")

# Each: extended regular expression, why, an offender to plant; separated by tabs. Comments are not searched. `check` reads this list, too,
# for the scripts of people.
shell_list() {
    grep -v '^#' "$here/../../src/model/el7/shell.tsv"
}

# Every directive that systemd 219 knows in the sections that we write.
unit_list() {
    cat <<'LIST'
[Unit] Description Documentation Requires RequiresOverridable Requisite RequisiteOverridable Wants BindsTo PartOf Conflicts Before After OnFailure PropagatesReloadTo ReloadPropagatedFrom JoinsNamespaceOf RequiresMountsFor OnFailureJobMode IgnoreOnIsolate IgnoreOnSnapshot StopWhenUnneeded RefuseManualStart RefuseManualStop AllowIsolate DefaultDependencies JobTimeoutSec JobTimeoutAction JobTimeoutRebootArgument SourcePath
[Unit] ConditionArchitecture ConditionVirtualization ConditionHost ConditionKernelCommandLine ConditionSecurity ConditionCapability ConditionACPower ConditionNeedsUpdate ConditionFirstBoot ConditionPathExists ConditionPathExistsGlob ConditionPathIsDirectory ConditionPathIsSymbolicLink ConditionPathIsMountPoint ConditionPathIsReadWrite ConditionDirectoryNotEmpty ConditionFileNotEmpty ConditionFileIsExecutable
[Service] Type RemainAfterExit GuessMainPID PIDFile BusName BusPolicy ExecStart ExecStartPre ExecStartPost ExecReload ExecStop ExecStopPost RestartSec TimeoutStartSec TimeoutStopSec TimeoutSec WatchdogSec Restart SuccessExitStatus RestartPreventExitStatus RestartForceExitStatus PermissionsStartOnly RootDirectoryStartOnly NonBlocking NotifyAccess Sockets StartLimitInterval StartLimitBurst StartLimitAction FailureAction RebootArgument FileDescriptorStoreMax
[Service] WorkingDirectory RootDirectory User Group SupplementaryGroups Nice OOMScoreAdjust IOSchedulingClass IOSchedulingPriority CPUSchedulingPolicy CPUSchedulingPriority CPUSchedulingResetOnFork CPUAffinity UMask Environment EnvironmentFile StandardInput StandardOutput StandardError TTYPath TTYReset TTYVHangup TTYVTDisallocate SyslogIdentifier SyslogFacility SyslogLevel SyslogLevelPrefix TimerSlackNSec
[Service] LimitCPU LimitFSIZE LimitDATA LimitSTACK LimitCORE LimitRSS LimitNOFILE LimitAS LimitNPROC LimitMEMLOCK LimitLOCKS LimitSIGPENDING LimitMSGQUEUE LimitNICE LimitRTPRIO LimitRTTIME PAMName CapabilityBoundingSet SecureBits Capabilities ReadWriteDirectories ReadOnlyDirectories InaccessibleDirectories PrivateTmp PrivateDevices PrivateNetwork ProtectSystem ProtectHome MountFlags
[Service] UtmpIdentifier SELinuxContext AppArmorProfile SmackProcessLabel IgnoreSIGPIPE NoNewPrivileges SystemCallFilter SystemCallErrorNumber SystemCallArchitectures RestrictAddressFamilies Personality RuntimeDirectory RuntimeDirectoryMode KillMode KillSignal SendSIGHUP SendSIGKILL
[Service] Slice CPUAccounting CPUShares StartupCPUShares CPUQuota MemoryAccounting MemoryLimit BlockIOAccounting BlockIOWeight StartupBlockIOWeight BlockIODeviceWeight BlockIOReadBandwidth BlockIOWriteBandwidth DeviceAllow DevicePolicy Delegate
[Install] Alias WantedBy RequiredBy Also DefaultInstance
LIST
}

# What 219 knows by name, but not with this value: expression, why, an offender.
value_list() {
    cat <<'LIST'
^Type=(exec|notify-reload)	of systemd 240 and 253	Type=exec
^Standard(Output|Error)=(file|append|truncate):	of systemd 236 and later	StandardOutput=append:/var/log/x
^Exec[A-Za-z]+=[-@]*[+!:|]	these prefixes are of systemd 231 and later	ExecStart=+/bin/true
^ProtectSystem=strict	of systemd 232	ProtectSystem=strict
LIST
}

# What leaves before it has read everything, at the end of a pipe under pipefail: what writes to it is ended by SIGPIPE, and a match is
# taken for a failure, sometimes. Why, and offenders to plant; in an offender, `\n` is a new line.
early_list() {
    cat <<'LIST'
grep -q	manifest x need | grep -q " 80$"
grep with q among others	ls | cut -c 2 | LC_ALL=C grep -qxF "$1"
grep --quiet	ls | grep -E --quiet x
on the next line	curl --config - |\n    grep -q '<repomd'
head	rpm -qa | head -n 1
grep -m	ls | grep -m 1 x
LIST
}

# search_pipes FILE: prints the lines of FILE in which a pipe ends in such a program; a line that ends in a pipe goes on in the next.
search_pipes() {
    grep -qE '^set -[a-z]*o pipefail|^# shellcheck shell=bash' "$1" || return 0 # what is sourced is under it, too
    awk -v file="$1" '
        /^[[:space:]]*#/ { next }
        { line = held $0; if (held == "") at = FNR; held = "" }
        /[^|]\|[[:space:]]*$/ { held = line; next }
        line ~ /[^|]\|[[:space:]]*([A-Z_]+=[^ ]* +)*(head([[:space:]]|$)|grep +(-[A-Za-z-]+ +)*(-[A-Za-z]*[qm]|--quiet|--silent|--max-count))/ {
            printf "%s:%d: %s   # it leaves before the end of its input, and under pipefail that is a failure: read it into a variable first\n", file, at, line
        }' "$1"
}

# search FILE LIST: prints the lines of FILE that an expression of LIST finds.
search() {
    local expression why offender number text
    while IFS=$'\t' read -r expression why offender _; do
        grep -nE -e "$expression" "$1" | grep -vE '^[0-9]+:[[:space:]]*#' | while IFS=: read -r number text; do
            printf '%s:%s: %s   # %s\n' "$1" "$number" "$text" "$why"
        done || true
    done < <("$2")
}

search_unit() {
    local number=0 section='' line name options=''
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1)) name=${line%%=*}
        options="$options $line"
        case $line in
        '' | '#'* | ';'* | ' '*) ;;
        '['*) section=$line ;;
        *)
            unit_list | grep -F "$section " | grep -qw -e "${name/#Assert/Condition}" ||
                printf '%s:%d: %s   # systemd 219 has no such directive in %s\n' "$1" "$number" "$line" "$section"
            ;;
        esac
    done <"$1"
    case $options in
    *" Type=oneshot"*" Restart="[a-mo-z]* | *" Restart="[a-mo-z]*" Type=oneshot"*)
        printf '%s:1: Restart= beside Type=oneshot   # systemd 219 refuses the unit (allowed from 244 on)\n' "$1"
        ;;
    esac
}

lint() {
    if grep -qE '^\[(Unit|Service|Install)\]$' "$1"; then
        search_unit "$1"
        search "$1" value_list
    else
        search "$1" shell_list
        search_pipes "$1"
    fi
}

self_test() {
    local expression why offender missed=0 planted=0
    folder=$(mktemp -d) # not local: the trap runs when the function is over
    trap 'rm -rf "$folder"' EXIT
    expect() { # WHAT FILE yes|no: whether lint finds something in FILE
        planted=$((planted + 1))
        if [ -n "$(lint "$2")" ]; then set -- "$1" "$3" yes; else set -- "$1" "$3" no; fi
        [ "$2" = "$3" ] || { printf 'self-test: found=%s, wanted %s: %s\n' "$3" "$2" "$1"; missed=$((missed + 1)); }
    }
    while IFS=$'\t' read -r expression why offender _; do
        printf 'true\n%s\n' "$offender" >"$folder/script"
        expect "$offender" "$folder/script" yes
        printf '# %s\n' "$offender" >"$folder/script"
        expect "a comment: $offender" "$folder/script" no
    done < <(shell_list)
    while IFS=$'\t' read -r expression why offender; do
        printf '[Service]\n%s\n' "$offender" >"$folder/unit"
        expect "$offender" "$folder/unit" yes
    done < <(value_list)
    while IFS=$'\t' read -r why offender; do
        printf 'set -euo pipefail\n%b\n' "$offender" >"$folder/script"
        expect "$why: $offender" "$folder/script" yes
        printf '%b\n' "$offender" >"$folder/script"
        expect "without pipefail: $offender" "$folder/script" no
    done < <(early_list)
    for offender in "[Service] DynamicUser=yes" "[Service] StateDirectory=x" "[Unit] StartLimitIntervalSec=0" \
        "[Service] Type=oneshot Restart=on-failure" "[Install] Description=x"; do
        printf '%s\n' "${offender// /$'\n'}" >"$folder/unit"
        expect "$offender" "$folder/unit" yes
    done
    printf '%s\n' '[Unit]' 'AssertPathExists=/x' '[Service]' Type=oneshot Restart=no 'ExecStart=-/bin/true' >"$folder/unit"
    expect "a unit that 219 takes" "$folder/unit" no
    # shellcheck disable=SC2016
    printf '%s\n' 'set -euo pipefail' 'grep -q x <<<"$found" || head -n 1 file' 'ls | grep -v x' 'local name=$1' 'wait "$child"' 'run ${x[@]+"${x[@]}"} "$@"' 'sync' 'sync; ls -l' 'ip -4 -o address' \
        'systemctl enable x' 'for x in "$@"; do echo "${x:-none}"; done' >"$folder/script"
    expect "a script that EL7 runs" "$folder/script" no
    [ "$missed" -eq 0 ] || exit 1
    printf 'self-test: %d plants, all as they should be\n' "$planted"
}

case ${1:-} in
--self-test) self_test ;;
'' | -*) sed -n '5,6s/^# *//p' "$0" >&2; exit 2 ;;
*)
    found=$(for file in "$@"; do lint "$file"; done)
    [ -z "$found" ] || { printf '%s\n' "$found"; exit 1; }
    ;;
esac
