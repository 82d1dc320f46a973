#!/bin/bash
# Tells on the serial line when the installation has begun.
set -eu
echo "$TRAINYARD_NODE is being installed" > /dev/ttyS0 || true
