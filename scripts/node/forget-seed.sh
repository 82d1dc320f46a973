#!/bin/bash
# Removes what cloud-init keeps of this node's seed, whose user-data holds the node's secrets. Runs after the last stage of
# cloud-init, at every boot: a seed that is attached is read at every boot, and all of this is written again.
#
# What stays tells cloud-init that this instance is done: its `sem`, and data/instance-id. Without a seed cloud-init would take
# the machine for a new one, with other host keys and another user; so a seed that may be detached leaves a stand-in, which
# says no more than which instance this is. It is a config drive's, for a folder of NoCloud's would go before a new seed.
set -euo pipefail
umask 077
export LC_ALL=C PATH=${PATH:-/usr/sbin:/usr/bin}
root=${TRAINYARD_ROOT:-}
cloud=$root/var/lib/cloud
standin=$cloud/seed/config_drive

# stand_in INSTANCE HOST: what cloud-init finds where there is no seed. Whole, or not there.
stand_in() {
    local file=$standin/openstack/latest/meta_data.json
    mkdir -p "${file%/*}"
    printf '{"uuid": "%s", "hostname": "%s"}\n' "$1" "$2" >"$file~"
    mv -f "$file~" "$file"
}

if [ -r "$cloud/instance/datasource" ] && [ -r "$cloud/data/instance-id" ]; then
    source=$(<"$cloud/instance/datasource")
    instance=$(<"$cloud/data/instance-id")
    node=$(sed -n 's/^TRAINYARD_NODE=//p' "$root/etc/trainyard/node.env") || node=$(hostname)
    case $source in
    # A web server's would never be asked again: it comes with the network, and the stand-in before.
    *DataSourceNoCloudNet*) rm -rf "$standin" ;;
    *DataSourceNoCloud*) stand_in "$instance" "$node" ;;
    esac
    sync
fi
rm -rf "$cloud/seed/nocloud" "$cloud/seed/nocloud-net"
for folder in "$cloud"/instances/*/; do
    [ ! -d "$folder" ] || find "$folder" -mindepth 1 -maxdepth 1 \
        ! -name sem ! -name boot-finished ! -name datasource ! -name manual-clean -exec rm -rf {} +
done
rm -f "$root"/run/cloud-init/*sensitive* "$root"/run/cloud-init/combined-cloud-config.json
