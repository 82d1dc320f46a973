#!/bin/sh
/usr/sbin/modprobe bridge
/usr/sbin/modprobe br_netfilter
for protocol in ip ip6; do
    /usr/sbin/sysctl -w net.bridge.bridge-nf-call-${protocol}tables=1
done
