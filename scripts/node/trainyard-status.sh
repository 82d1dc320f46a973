# shellcheck shell=sh
# Says how far trainyard has come, to whoever logs in. Every login shell sources it, so it sets nothing.
if [ -n "${PS1:-}" ] && [ -r /run/trainyard.banner ]; then cat /run/trainyard.banner; fi
