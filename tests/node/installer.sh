#!/bin/bash
# What the installer does to a test host: the packages of the medium, what the commands of the kickstart stand for, and then the kickstart's
# own scripts, each as it is. Runs in a mount namespace of its own, as root:
#
#     unshare --mount --uts installer.sh LOWER UPPER WORK SHIMS INPUT
#
# INPUT holds ks.cfg, its scripts as NUMBER.nochroot or NUMBER.chroot, `packages` (of the medium) and `hostname`. Without ks.cfg it
# becomes what a cloud image is before its first boot.
set -euo pipefail
lower=$1 upper=$2 work=$3 shims=$4 input=$5
root=/mnt/sysimage

mount -t tmpfs tmpfs /mnt
mkdir $root /mnt/input
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work" $root
cp "$input"/* /mnt/input
cp -r --preserve=mode "$shims/base/." $root
mkdir -p $root/usr/share/el7
cp -r --preserve=mode "$shims/packages" $root/usr/share/el7
cp -r --preserve=mode "$shims/cloud-image" /mnt
# Only where a test lets it.
mkdir -p $root/usr/lib/systemd/system/trainyard-verify.service.d
printf '[Unit]\nConditionPathExists=/run/verifies-itself\n' >$root/usr/lib/systemd/system/trainyard-verify.service.d/test.conf
mount -t tmpfs tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /tmp
mkdir /run/install
# What the guard writes down of a disk for data.
echo /dev/sdb >/tmp/trainyard-data-disk
[ ! -e /mnt/input/ks.cfg ] || cp /mnt/input/ks.cfg /run/install/ks.cfg
for folder in dev proc sys; do mount --rbind /$folder $root/$folder; done
hostname localhost

# The programs of a test host know nothing of this machine's environment.
inside() { env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin HOME=/root LC_ALL=C chroot $root "$@"; }

mapfile -t packages </mnt/input/packages
inside python3 -c 'import sys
sys.path.insert(0, "/usr/lib/el7")
import el7
for name in sys.argv[1:]: el7.install(name)' "${packages[@]}" >/dev/null 2>&1
cp /mnt/input/hostname $root/etc/hostname
printf '127.0.0.1   localhost localhost.localdomain localhost4 localhost4.localdomain4\n' >$root/etc/hosts
[ ! -e /mnt/input/ks.cfg ] || inside firewall-offline-cmd --enabled --service=ssh >/dev/null
# The installer writes a file for each adapter that it sees.
mkdir -p $root/etc/sysconfig/network-scripts
printf 'DEVICE=lo\nIPADDR=127.0.0.1\nONBOOT=yes\n' >$root/etc/sysconfig/network-scripts/ifcfg-lo
if [ ! -e /mnt/input/ks.cfg ]; then
    printf '%s\n' 'DEVICE="eth0"' 'BOOTPROTO="dhcp"' 'ONBOOT="yes"' 'TYPE="Ethernet"' 'USERCTL="yes"' 'PEERDNS="yes"' 'IPV6INIT="no"' \
        'PERSISTENT_DHCLIENT="1"' >$root/etc/sysconfig/network-scripts/ifcfg-eth0
    printf 'NETWORKING=yes\nNOZEROCONF=yes\n' >$root/etc/sysconfig/network
    inside systemctl --quiet enable network.service
    cp -r --preserve=mode /mnt/cloud-image/. $root
    # Debian's own decides whether there is a seed; CentOS 7's cloud-init always runs.
    mkdir -p $root/etc/systemd/system-generators
    ln -s /dev/null $root/etc/systemd/system-generators/cloud-init-generator
    inside systemctl --quiet enable cloud-init-local.service cloud-init.service cloud-config.service cloud-final.service
    # Keys of the image, which others know.
    inside ssh-keygen -q -A
    exit
fi
for name in enp0s3 enp0s9; do
    printf 'TYPE=Ethernet\nBOOTPROTO=dhcp\nDEVICE=%s\nONBOOT=no\n' $name >$root/etc/sysconfig/network-scripts/ifcfg-$name
done

for path in /mnt/input/[0-9].*chroot; do
    script=${path##*/}
    echo "--- $script"
    case $script in
    *.nochroot) timeout 120 /bin/bash /mnt/input/"$script" </dev/null ;;
    *)
        cp /mnt/input/"$script" $root/tmp/ks-script-"${script%.*}" # where the installer leaves it
        chmod 0700 $root/tmp/ks-script-"${script%.*}"
        inside timeout 120 /bin/bash /tmp/ks-script-"${script%.*}" </dev/null
        ;;
    esac
done
# Where the installer leaves the kickstart, with its secrets.
cp /run/install/ks.cfg $root/root/anaconda-ks.cfg
