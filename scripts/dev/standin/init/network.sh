# shellcheck shell=sh disable=SC2154  # `cmdline` is init's
# The network way of the stand-in's init (standin-init reads this in, and its `say`, `value` and `cmdline` are used here): the kickstart
# is fetched as the installer fetches it, and the server is told by the kickstart's own scripts, which bash runs as they are.

# interface: sets `interface` and `mac` to the one that the machine booted from, by BOOTIF=01-52-54-00-…, or the first that is there.
find_interface() {
    wanted=$(value BOOTIF | sed 's/^01-//' | tr 'A-F-' 'a-f:')
    for path in /sys/class/net/*; do
        interface=${path##*/}
        [ "$interface" != lo ] || continue
        mac=$(cat "$path/address")
        [ -n "$wanted" ] && [ "$wanted" != "$mac" ] || return 0
    done
    return 1
}

# fetch URL FILE [HEADER...]: the last words of busybox's wget go to `why`. (Debian's crashes when it is given a time limit of its own.)
fetch() {
    url=$1
    file=$2
    shift 2
    for header; do
        shift
        set -- "$@" --header "$header"
    done
    why=$(timeout 60 wget -q -O "$file" "$@" "$url" 2>&1) && return
    why=${why##*wget: }
    return 1
}

# fetch_kickstart URL: with the headers that the installer sends when it is told to.
fetch_kickstart() {
    kickstart_url=$1
    set --
    case " $cmdline " in *' inst.ks.sendmac '*) set -- "$@" "X-RHN-Provisioning-MAC-0: $interface $mac" ;; esac
    case " $cmdline " in *' inst.ks.sendsn '*) set -- "$@" "X-System-Serial-Number: $(cat /sys/class/dmi/id/product_serial)" ;; esac
    if fetch "$kickstart_url" /tmp/ks.cfg "$@"; then
        sum=$(sha256sum /tmp/ks.cfg)
        say "kickstart: $kickstart_url sha256 ${sum%% *}"
    else
        say "kickstart: missing $kickstart_url: $why"
        return 1
    fi
}

# fetch_stage2 URL: the installer looks for the name of its second stage in .treeinfo.
fetch_stage2() {
    case $1 in
        http://*) ;;
        *) say "stage2: unsupported $1" && return ;;
    esac
    if ! fetch "$1/.treeinfo" /tmp/treeinfo; then
        say "stage2: missing $1/.treeinfo: $why"
        return
    fi
    image=$(sed -n 's/^mainimage *= *//p' /tmp/treeinfo)
    if fetch "$1/$image" /tmp/stage2; then
        sum=$(sha256sum /tmp/stage2)
        say "stage2: $1/$image sha256 ${sum%% *}"
        rm /tmp/stage2
    else
        say "stage2: missing $1/$image: $why"
    fi
}

# section KIND TEXT: the body of the last section of that kind with this text in it. By line numbers, since the bodies are long.
section() {
    lines=$(awk -v kind="%$1" -v text="$2" '
        $1 == kind { first = NR + 1; has = 0 }
        index($0, text) { has = 1 }
        $1 == "%end" { if (first && has) found = first "," NR - 1 "p"; first = 0 }
        END { print found }' /tmp/ks.cfg)
    [ -z "$lines" ] || sed -n "$lines" /tmp/ks.cfg
}

# run_section KIND TEXT
run_section() {
    section "$1" "$2" >/tmp/section
    if [ ! -s /tmp/section ]; then
        say "section: %$1 with \`$2\` is not in the kickstart"
    elif bash /tmp/section; then
        say "section: %$1 with \`$2\` ran"
    else
        say "section: %$1 with \`$2\` ended with $?"
    fi
}

# send_log HOST:PORT: a line as the installer's rsyslog sends them, by TCP. busybox has no program for that, and bash is one.
send_log() {
    # shellcheck disable=SC2016 # bash expands it
    [ -z "$1" ] || bash -c 'exec 3>"/dev/tcp/$1/$2" && echo "<30>Nov 26 07:40:01 localhost standin: this is its log" >&3' bash "${1%:*}" "${1##*:}" ||
        say "network: no log goes to $1"
}

# by_network URL: all of it.
by_network() {
    while read -r module; do
        insmod "/modules/$module.ko" 2>/dev/console
    done </modules/network
    ip link set lo up
    if ! find_interface; then
        say "network: no interface with the address $wanted"
        return
    fi
    ip link set "$interface" up
    if ! udhcpc -q -n -t 10 -T 1 -i "$interface" -s /init.d/lease.sh >/dev/null 2>&1; then
        say "network: $interface $mac has no address"
        return
    fi
    say "network: $interface $mac $(ip -4 -o addr show dev "$interface" | awk '{ print $4 }')"
    fetch_kickstart "$1" || return
    send_log "$(value inst.syslog)"
    fetch_stage2 "$(value inst.stage2)"
    # Where it reports to, and then that it is installed. What is between these two would write to disks.
    run_section pre '> /tmp/trainyard-report'
    run_section post 'tell installed'
}
