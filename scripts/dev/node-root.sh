#!/bin/bash
# Makes a root file system tree that test hosts are started from (tests/node), and prints where it is. It is made once: it lies under
# target/node-root, under a name that is the digest of this script, and takes no time and no network when it is there.
#
#     scripts/dev/node-root.sh [--openstack]            makes it if need be
#     scripts/dev/node-root.sh [--openstack] --there    only says where it is, or fails
#
# With --openstack it is the larger tree, which has the services of OpenStack as well.
#
# As root or by sudo. A tree is Debian's, of one release whatever this machine has, because it stands for one set of services; its mirror
# is the one that this machine's apt is configured for, and mmdebstrap's own choice where there is none. One tree serves all hosts of all
# tests: each has a layer of its own above it.
set -euo pipefail

root=$(readlink -f -- "$(dirname -- "$0")/../..")
suite=bookworm
packages=(systemd-sysv dbus netbase iproute2 iputils-ping procps kmod hostname sudo curl
    openssh-server openssh-client chrony firewalld nftables iptables
    mariadb-server mariadb-client rabbitmq-server memcached etcd-server etcd-client
    python3 python3-pymysql cloud-init)
# For cloud-boot.sh, whose machines are no containers; they lie in /usr/src, and no host has them installed.
machine=(udev cloud-guest-utils)
openstack=(python3-openstackclient python3-osc-placement
    keystone glance-api placement-api nova-api nova-conductor nova-scheduler nova-consoleproxy novnc nova-compute
    neutron-server neutron-linuxbridge-agent neutron-dhcp-agent neutron-l3-agent neutron-metadata-agent
    ipset ebtables haproxy dnsmasq-base conntrack keepalived iputils-arping
    openstack-dashboard apache2 libapache2-mod-wsgi-py3 python3-memcache
    cinder-api cinder-scheduler cinder-volume qemu-utils)

folder=$root/target/node-root
digest=$(sha256sum <"$0" | cut -c 1-16)
tree=$folder/$digest takes='about a minute'
options=() hooks=() with='' only_say=''

die() {
    printf 'node-root.sh: %s\n' "$*" >&2
    exit 1
}

for option; do
    case $option in
    --openstack)
        tree+=-openstack takes='three minutes'
        packages+=("${openstack[@]}")
        with=' --openstack'
        ;;
    --there) only_say=1 ;;
    *)
        sed -n '2,/^set /{/^#/!d; s/^# \{0,1\}//; p}' "$0"
        [ "$option" = --help ] || exit 2
        exit
        ;;
    esac
done
if [ -n "$only_say" ]; then
    [ -d "$tree" ] || die "$tree is not there: run scripts/dev/node-root.sh$with"
    printf '%s\n' "$tree"
    exit
fi

mkdir -p "$folder"
exec 9>"$folder/.lock"
flock 9 # two that are started at once make one tree
if [ -d "$tree" ]; then
    printf '%s\n' "$tree"
    exit
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die 'neither root nor sudo'
    as_root=(sudo)
fi
command -v mmdebstrap >/dev/null || die 'mmdebstrap is not installed: run scripts/dev/setup.sh'

# Makes of OpenStack's services, in the tree that is the working folder, programs that nothing is configured for yet, as they are before yum
# has installed them. What they need for that lies in usr/share/debian, for the packages of tests/node/shims.
# shellcheck disable=SC2016  # for the shell that mmdebstrap starts
hide_openstack='set -e
cd "$1"
services="keystone glance placement nova neutron cinder"
mkdir -p usr/share/debian
for name in $services openstack-dashboard; do mv etc/$name usr/share/debian; done
rm -rf etc/apache2 etc/iscsi/initiatorname.iscsi
for name in $services apache haproxy keepalived libvirt virt iscsid open-iscsi lvm2 radvd rtslib uwsgi; do
    rm -rf usr/lib/systemd/system/$name* etc/init.d/$name* etc/default/$name* etc/logrotate.d/$name* etc/sudoers.d/$name* \
        usr/lib/tmpfiles.d/$name* etc/cron.daily/$name* etc/rc?.d/[SK]??$name*
done
for name in $services horizon openstack-dashboard apache2; do rm -rf var/lib/$name var/log/$name; done
rm -rf var/www
# Others have other numbers and other homes there.
for name in $services horizon; do chroot . userdel $name 2>/dev/null; done
# The dashboard is one folder there, and what its settings are in a link out of it.
dashboard=usr/share/openstack-dashboard
rm -r $dashboard/static $dashboard/__pycache__
mv usr/lib/python3/dist-packages/openstack_dashboard $dashboard
rm -r $dashboard/openstack_dashboard/conf $dashboard/openstack_dashboard/themes $dashboard/openstack_dashboard/local/local_settings.* \
    $dashboard/openstack_dashboard/local/enabled
mkdir $dashboard/openstack_dashboard/local/enabled
: >$dashboard/openstack_dashboard/local/enabled/__init__.py
mv $dashboard/themes $dashboard/wsgi.py $dashboard/openstack_dashboard
ln -s ../../../../../etc/openstack-dashboard/local_settings $dashboard/openstack_dashboard/local/local_settings.py
# EL7 has Python 2, which OpenStack has left; what runs there as python2 runs here under 3.
ln -s python3 usr/bin/python2
ln -s python3 usr/bin/python'
[ -z "$with" ] || hooks+=(--customize-hook="$hide_openstack")

# The mirror of this machine's own Debian, and the way to it.
mirror=''
if command -v apt-get >/dev/null; then
    # shellcheck disable=SC2016  # for apt-get to expand
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' 'Origin: Debian' 'Component: main' |
        awk '$2 !~ /-/ { print $1; exit }')
    proxy=$(apt-config shell proxy Acquire::http::Proxy)
    eval "$proxy"
    [ -z "${proxy:-}" ] || options+=(--aptopt="Acquire::http::Proxy \"$proxy\"")
fi

new=$(mktemp -d "$folder/.new.XXXXXX")
trap '"${as_root[@]}" rm -rf "$new"' EXIT
printf 'node-root: making the tree of the test hosts%s (Debian %s, %d packages and what they need; once, %s)\n' "${with:+ with OpenStack}" "$suite" "${#packages[@]}" "$takes" >&2
begun=$SECONDS

# EL7 enables no service of these at installation, and a database that is made at installation would hide how it is made at the first start.
# shellcheck disable=SC2016  # for the shell that mmdebstrap starts
"${as_root[@]}" mmdebstrap --quiet --variant=minbase --mode=root --format=directory \
    --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Retries "3"' "${options[@]}" \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --include="$(IFS=,; echo "${packages[*]}")" \
    --customize-hook='mkdir -p "$1/etc/systemd/system-preset"; echo "disable *" >"$1/etc/systemd/system-preset/00-test-hosts.preset"' \
    --customize-hook='chroot "$1" systemctl --quiet preset-all 2>/dev/null' \
    --customize-hook="cd \"\$1/usr/src\" && APT_CONFIG=\$MMDEBSTRAP_APT_CONFIG apt-get -qq -o APT::Sandbox::User=root download ${machine[*]}" \
    --customize-hook='rm -rf "$1"/var/lib/mysql/* "$1"/var/lib/mysql/.[!.]* "$1"/var/lib/rabbitmq/* "$1"/var/lib/rabbitmq/.[!.]* "$1"/var/lib/etcd/*' \
    --customize-hook='rm -rf "$1"/etc/ssh/ssh_host_* "$1"/etc/hostname "$1"/etc/resolv.conf "$1"/etc/hosts "$1"/var/lib/apt/lists "$1"/var/cache/apt' \
    --customize-hook=': >"$1/etc/machine-id"; rm -f "$1/var/lib/dbus/machine-id"' "${hooks[@]}" \
    "$suite" "$new/tree" "${mirror:+deb $mirror $suite main}" >&2 9>&- || die 'mmdebstrap failed'

"${as_root[@]}" mv "$new/tree" "$tree"
printf 'node-root: made in %d s\n' $((SECONDS - begun)) >&2
# Those of earlier inputs; a test that runs on one of them at this moment would lose it.
find "$folder" -mindepth 1 -maxdepth 1 -type d ! -name "$digest*" ! -name '.new.*' -mmin +60 -exec "${as_root[@]}" rm -rf --one-file-system {} +
printf '%s\n' "$tree"
