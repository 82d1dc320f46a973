# shellcheck shell=bash
# Packages: yum from the lab's own repositories, and what a yum that was cut off leaves behind. It is sourced by
# stage-lib.sh, never run.

YUM_RUNS=$TRAINYARD_ROOT/var/lib/trainyard/yum-runs     # while yum runs: since when, in seconds since 1970
YUM_TURN=$TRAINYARD_ROOT/run/trainyard/mirror-turn      # how many mirrors yum is to begin behind; gone after a boot

# pinned_sections FILE: prints those repositories of FILE whose signing key is on the node. The keys of the SIGs come
# with their centos-release packages; before that, their repositories must not be used.
pinned_sections() {
    local line section=
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        '#'*) printf '%s\n' "$line" ;;
        '['*) section=$line ;;
        gpgkey=file://*)
            [ ! -e "$TRAINYARD_ROOT${line#gpgkey=file://}" ] || printf '\n%s\n%s\n' "$section" "$line"
            section=
            ;;
        gpgcheck=0) # of the lab's own, which says that it has no key
            printf '\n%s\n%s\n' "$section" "$line"
            section=
            ;;
        *) section=$section$'\n'$line ;;
        esac
    done <"$1"
}

# cache_place FILE: where the package cache that FILE names stands among the mirrors: `first`, or `nowhere` if it does not answer,
# for yum would wait for it at each repository.
cache_place() {
    local cache
    cache=$(sed -n 's/^#cache=//p' "$1")
    if [ -z "$cache" ] || curl -s -f -o /dev/null --noproxy '*' --connect-timeout 3 -m 10 "$cache/packages/"; then
        echo first
    else
        echo nowhere
    fi
}

# from_mirror TURN PLACE: lets each repository of standard input begin with the mirror TURN places further on; the ones before it
# come last. One that answers well and sends rubbish would otherwise be asked first at every attempt. The package cache, which the
# lab has before the mirrors, stands at PLACE: `first`, `last` or `nowhere`.
from_mirror() {
    awk -v turn="$1" -v place="$2" '
        function put(one) { printf "%s%s\n", lines++ ? "        " : "baseurl=", one }
        function flush(   kept, i) {
            kept = count > 1 && cache && index(url[0], cache) == 1 # plain text: no letter of a URL is a pattern
            lines = 0
            if (kept && place == "first") put(url[0])
            for (i = kept; i < count; i++) put(url[kept + (i - kept + turn) % (count - kept)])
            if (kept && place == "last") put(url[0])
            count = 0
        }
        /^#cache=/ { cache = substr($0, 8) "/packages/" }
        /^baseurl=/ { sub(/^baseurl=/, ""); url[count++] = $0; next }
        count && /^[ \t]/ { sub(/^[ \t]+/, ""); url[count++] = $0; next }
        { flush(); print }
        END { flush() }'
}

# pinned_file: where the pinned repositories are. Whichever stage calls yum first, they are there.
pinned_file() {
    local file=$CONFIGURATION/pinned.repo
    [ -e "$file" ] || file=$STAGES/repositories/files/etc/trainyard/pinned.repo
    printf '%s\n' "$file"
}

# pin_repositories [TURN PLACE]: makes the lab's repositories the only ones. CentOS 7's own mirror list is gone, and every package
# that brings repository files (centos-release, centos-release-*) brings dead ones: so this runs before and after every
# yum. Commenting the lines out, rather than deleting the files, keeps rpm from writing them anew at the next upgrade.
pin_repositories() {
    local wanted folder=$TRAINYARD_ROOT/etc/yum.repos.d file
    wanted=$(pinned_file)
    [ -e "$wanted" ] || return 0
    for file in "$folder"/CentOS-*.repo "$folder"/epel*.repo; do
        if [ -e "$file" ] && grep -q '^[^#]' "$file"; then
            sed -i 's/^[^#]/#&/' "$file"
            relabel "$file"
        fi
    done
    put_file 0644 root root /etc/yum.repos.d/trainyard.repo <(pinned_sections "$wanted" | from_mirror "${1:-0}" "${2:-first}")
}

# bounded_yum ARGUMENTS...: one yum, bounded in time.
bounded_yum() { timeout -k 300 "${TRAINYARD_YUM_LIMIT:-1500}" yum -y --disableplugin=fastestmirror "$@"; }

# noted_yum ARGUMENTS...: the same. That it runs is written down first: where that is still there at the next one, the machine was
# switched off, or yum killed, in the middle of it.
noted_yum() {
    local status=0
    date +%s | replace_with "$YUM_RUNS" || return 1
    sync
    bounded_yum "$@" || status=$?
    [ "$status" -ge 124 ] || rm -f "$YUM_RUNS"
    return "$status"
}

# by_age: all packages, `SECONDS NAME.ARCH NAME-VERSION-RELEASE.ARCH`, in the order in which they were installed.
by_age() {
    rpm -qa --queryformat '%{INSTALLTIME} %{NAME}.%{ARCH} %{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}\n' | sort -n | grep -v ' gpg-pubkey\.' || true
}

# older_twins: packages that a newer version of themselves was to replace: yum was cut off between installing that and erasing
# these. Kernels stand beside each other by right.
older_twins() {
    awk '$2 !~ /^kernel(-(debug|devel|modules|PAE|smp)[a-z-]*)?\./ { if ($2 in last) print last[$2]; last[$2] = $3 }' < <(by_age)
}

# heal_packages: makes good what a yum left that did not end by itself. A package can be known as installed while its files
# or its scripts are not done, or twice in two versions: those that came since that yum began are installed once more. Until all
# of that is done, it is still known when that was.
heal_packages() {
    local since
    [ -e "$YUM_RUNS" ] || return 0
    since=$(cat "$YUM_RUNS")
    since=${since:-$(stat -c %Y "$YUM_RUNS")}
    warn "yum was cut off at $(date -u -d "@$since" +%FT%TZ); what came since then is installed again"
    rm -f "$TRAINYARD_ROOT"/var/lib/rpm/__db.* # locks of processes that are no more
    # shellcheck disable=SC2046 # names of packages are plain words
    set -- $(older_twins)
    # Their scripts would undo what those of the newer ones have done.
    [ $# -eq 0 ] || timeout 600 rpm -e --nodeps --noscripts "$@" || return 1
    # shellcheck disable=SC2046 # names of packages are plain words
    set -- $(awk -v since="$since" '$1 >= since { print $3 }' < <(by_age))
    if [ $# -gt 0 ] && ! bounded_yum reinstall "$@"; then
        warn "what yum did not finish is not installed again yet: $* (if it is whole, remove $YUM_RUNS)"
        return 1
    fi
    rm -f "$YUM_RUNS"
}

# yum_run ARGUMENTS...: yum from the pinned repositories, bounded in time and tried again, each time from the next mirror on.
# The mirror that answered is the first one for the next yum, too; on the disk they stand in the lab's order, with the cache. That
# is asked once in a stage whether it answers: what it said goes on to the stage's scripts.
yum_run() {
    local attempt=1 delay=$TRAINYARD_BACKOFF turn=0 place wanted
    wanted=$(pinned_file)
    [ -n "${TRAINYARD_CACHE_PLACE:-}" ] || [ ! -e "$wanted" ] || TRAINYARD_CACHE_PLACE=$(cache_place "$wanted")
    export TRAINYARD_CACHE_PLACE
    place=${TRAINYARD_CACHE_PLACE:-first}
    [ ! -e "$YUM_TURN" ] || turn=$(cat "$YUM_TURN")
    pin_repositories "$turn" "$place"
    until heal_packages && noted_yum "$@"; do
        [ "$attempt" -lt "$TRAINYARD_ATTEMPTS" ] || fail "yum $* failed"
        turn=$((turn + 1))
        printf '%d\n' "$turn" | replace_with "$YUM_TURN"
        say "attempt $attempt of $TRAINYARD_ATTEMPTS failed; the next one, from the next mirror, in $delay s: yum $*"
        pause "$delay"
        delay=$((delay * 2)) attempt=$((attempt + 1))
        # A cache may list what no mirror has any more. The last attempt believes the mirrors.
        [ "$attempt" -lt "$TRAINYARD_ATTEMPTS" ] || [ "$place" != first ] || place=last
        pin_repositories "$turn" "$place"
    done
    pin_repositories
}

# installed NAME: by what it provides (python-openstackclient is python2-...), or by its name with a version.
installed() { rpm -q --whatprovides "$1" >/dev/null 2>&1 || rpm -q --quiet "$1"; }

# install_packages NAME...: installs those that are missing.
install_packages() {
    local count=$# name
    while [ "$count" -gt 0 ]; do # rotates through "$@", dropping what is installed
        name=$1 count=$((count - 1))
        shift
        installed "$name" || set -- "$@" "$name"
    done
    [ $# -gt 0 ] || return 0
    yum_run install "$@"
    for name in "$@"; do # yum succeeds when it finds only some of them
        installed "$name" || fail "yum ended well but did not install $name"
    done
}
