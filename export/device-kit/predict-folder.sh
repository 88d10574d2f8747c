#!/usr/bin/env bash
# Classify the images in a folder, append the answers to a file, move the images away.
#
#   predict-folder.sh BUNDLE INBOX DONE RESULTS.jsonl
#
# edgefit-predict.service runs it whenever an image arrives. It moves an image only after its line
# is on the disk: a power cut may repeat a line but loses none. It ignores names that start with a
# dot: write an image under such a name and rename it when it is complete.
set -euo pipefail

[ $# -eq 4 ] || { sed -n '2,4s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
bundle=$1
inbox=$(cd "$2" && pwd)
finished=$3
results=$4
edgefit=${EDGEFIT:-/opt/edgefit/venv/bin/edgefit}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

while :; do
    # Links fix the batch before the program starts: images that arrive later form the next batch.
    rm -rf "$work/batch" "$work/answers.jsonl"
    mkdir "$work/batch"
    find "$inbox" -maxdepth 1 -type f ! -name '.*' \
        \( -iname '*.jpg' -o -iname '*.jpeg' -o -iname '*.png' -o -iname '*.bmp' \
           -o -iname '*.tif' -o -iname '*.tiff' -o -iname '*.webp' \) \
        -exec ln -s -t "$work/batch" {} +
    [ -n "$(ls "$work/batch")" ] || break
    # Exit code 1 is allowed if there are answers: it means that no image of the batch could be
    # read, and their lines say why. Without answers the program itself failed; the images stay.
    "$edgefit" predict "$bundle" "$work/batch" --out "$work/answers.jsonl" --quiet || [ $? -eq 1 ]
    [ -s "$work/answers.jsonl" ] || exit 1
    cat "$work/answers.jsonl" >> "$results"
    sync "$results"
    for link in "$work/batch"/*; do
        mv --backup=numbered -t "$finished" -- "$(readlink "$link")"
    done
done
