#!/bin/bash
# The firewall is on, and its default zone lets in what the stages opened and ssh.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

state=$(firewall-cmd --state 2>&1) || fail "firewalld: $state"
services=$(firewall-cmd --list-services)
case " $services " in *" ssh "*) ;; *) fail "ssh is closed" ;; esac
say "firewalld is $state; services: $services"
firewall-cmd --list-rich-rules
