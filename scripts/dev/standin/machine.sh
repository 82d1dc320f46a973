# shellcheck shell=bash
# A machine in QEMU without a screen: what boot-iso.sh and boot-net.sh share. Sourced, never run. It ends what it started, and no more.
# shellcheck disable=SC2034  # `timeout`, `log` and `firmware` are used by the scripts that source this

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/common.sh"

usage() {
    sed -n '2,/^set /{/^#/!d; s/^# \{0,1\}//; p}' "$0"
}

fail() {
    printf '%s: %s\n' "${0##*/}" "$2" >&2
    exit "$1"
}

timeout=180
log=

# read_words NAME... -- ARGUMENT...: sets `words` to the two words of a command line, and for each `--NAME VALUE` in it the variable of that
# name. --timeout and --log there are always.
read_words() {
    local known=' timeout log '
    while [ "$1" != -- ]; do known+="$1 " && shift; done
    shift
    words=()
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help) usage && exit ;;
            -*)
                [[ $known == *" ${1#--} "* ]] || fail 2 "unknown option $1"
                [ $# -ge 2 ] || fail 2 'an option without its value'
                printf -v "${1#--}" %s "$2"
                shift
                ;;
            *) words+=("$1") ;;
        esac
        shift
    done
    if [ ${#words[@]} -ne 2 ]; then
        usage >&2
        exit 2
    fi
}

# begin: once the words of the command line are read.
begin() {
    [[ $timeout =~ ^[1-9][0-9]*$ ]] || fail 2 "--timeout: a number of seconds, not \`$timeout\`"
    command -v qemu-system-x86_64 >/dev/null || fail 4 'qemu-system-x86_64 is missing; run scripts/dev/setup.sh'
    work=$(mktemp -d)
    serial=$work/serial.log
    : >"$serial"
    qemu=
    trap cleanup EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

cleanup() {
    if [ -n "$qemu" ]; then
        kill "$qemu" 2>/dev/null || true
        wait "$qemu" 2>/dev/null || true
    fi
    rm -rf "$work"
}

firmware=()
# uefi: sets `firmware` to what makes the machine one with OVMF.
uefi() {
    local code vars
    code=$(first_file /usr/share/OVMF/OVMF_CODE_4M.fd /usr/share/edk2/ovmf/OVMF_CODE.fd /usr/share/OVMF/OVMF_CODE.fd) || exit 4
    vars=$(first_file /usr/share/OVMF/OVMF_VARS_4M.fd /usr/share/edk2/ovmf/OVMF_VARS.fd /usr/share/OVMF/OVMF_VARS.fd) || exit 4
    cp "$vars" "$work/vars.fd"
    firmware=(-drive "if=pflash,format=raw,unit=0,readonly=on,file=$code" -drive "if=pflash,format=raw,unit=1,file=$work/vars.fd")
}

# start OPTION...: the machine, with these options of QEMU's beside those that every one has.
start() {
    # Emulation only: /dev/kvm may be there and still not run firmware.
    qemu-system-x86_64 -machine q35,accel=tcg -cpu max -m 512 -display none -monitor none -serial "file:$serial" -no-reboot \
        "${firmware[@]}" "$@" </dev/null >"$work/qemu.out" 2>&1 &
    qemu=$!
}

# lines: what was told so far. Firmware writes carriage returns and escape sequences.
lines() {
    tr -d '\r' <"$serial" | grep -a -o 'standin: .*' || true
}

# What watch_for does each time that it looks.
each_look=:
# watch_for WHAT LINE: waits until such a line (an extended regular expression) came, tells all of them, and ends the script: with 0 only if
# it came; with 1, and the last lines, if the machine that boots WHAT ended without it, or took too long.
watch_for() {
    local started=$SECONDS took result=1
    while [ $((SECONDS - started)) -lt "$timeout" ]; do
        if lines | grep -qE "$2"; then
            result=0
            break
        fi
        kill -0 "$qemu" 2>/dev/null || break
        "$each_look"
        sleep 0.5
    done
    took=$((SECONDS - started))
    # The machine may have ended between the last look and now.
    if lines | grep -qE "$2"; then
        result=0
    fi
    [ -z "$log" ] || cp -- "$serial" "$log"
    lines
    if [ "$result" -ne 0 ]; then
        {
            if [ "$took" -ge "$timeout" ]; then
                printf '%s: %s: not done within %s s; the last lines:\n' "${0##*/}" "$1" "$timeout"
            else
                printf '%s: %s: the machine stopped after %s s without being done; the last lines:\n' "${0##*/}" "$1" "$took"
            fi
            cat "$work/qemu.out"
            tr -d '\r' <"$serial" | tr -c '[:print:]\n\t' '?' | tail -n 20
        } >&2
    fi
    exit "$result"
}
