#!/bin/bash
# Leaves a list of what runs, for comparing one installation with the next. It may run again at any time.
set -eu
mkdir -p /root/report
rpm -qa | sort > /root/report/packages
systemctl list-units --type=service --state=running --no-legend > /root/report/services
