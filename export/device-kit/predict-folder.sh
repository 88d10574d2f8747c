#!/usr/bin/env bash
# Classify the images and videos in a folder once: add the answers to a file, move the files away.
#
#   predict-folder.sh BUNDLE INBOX DONE RESULTS.jsonl
#
# It calls `edgefit watch --once`. Files that cannot be read go to the folder `failed` beside INBOX.
set -euo pipefail

[ $# -eq 4 ] || { sed -n '2,4s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }

exec "${EDGEFIT:-/opt/edgefit/venv/bin/edgefit}" watch "$1" "$2" --done "$3" --out "$4" --once --quiet
