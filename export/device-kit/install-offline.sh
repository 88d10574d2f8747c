#!/usr/bin/env bash
# Install edgefit on a device without a network: a venv, the wheels beside this script, a self-test.
#
#   ./install-offline.sh [--prefix DIR] [--openvino] [--bundle BUNDLE] [--python PYTHON]
#
# It downloads nothing and writes nothing outside DIR (default /opt/edgefit). You can run it again: it
# builds the new venv beside the old one and switches to it only when everything has worked.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
prefix=/opt/edgefit
python=python3
package=edgefit
bundle=

usage() {
    sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

fail() {
    printf 'install-offline: %s\n' "$1" >&2
    exit 2
}

while [ $# -gt 0 ]; do
    case $1 in
        --prefix) prefix=${2:?--prefix needs a folder}; shift 2 ;;
        --bundle) bundle=${2:?--bundle needs a folder}; shift 2 ;;
        --python) python=${2:?--python needs a program}; shift 2 ;;
        --openvino) package='edgefit[openvino]'; shift ;;
        -h|--help) usage; exit 0 ;;
        *) usage >&2; fail "unknown option: $1" ;;
    esac
done

compgen -G "$here/wheels/edgefit-*.whl" >/dev/null \
    || fail "no edgefit wheel in $here/wheels; see README.md for how to collect the wheels"
if [ -n "$bundle" ] && [ ! -f "$bundle/manifest.json" ]; then
    fail "$bundle is not a bundle: it has no manifest.json"
fi
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
    || fail "$python is older than Python 3.11; name a newer one with --python"
if [ -e "$prefix/venv" ] && [ ! -L "$prefix/venv" ]; then
    fail "$prefix/venv is not a link made by this script; move it away first"
fi
mkdir -p "$prefix"

# A venv writes its own path into its programs, so it is built in place under a new name and only
# the link that the service uses is switched.
venv=$(mktemp -d "$prefix/venv-$(date +%Y%m%d-%H%M%S)-XXXX")
chmod 755 "$venv"
trap 'rm -rf "$venv"' EXIT
"$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --no-index --find-links "$here/wheels" "$package"
"$venv/bin/edgefit" doctor
if [ -n "$bundle" ]; then
    "$venv/bin/edgefit" verify "$bundle" --self-test
fi
ln -sfn "$(basename "$venv")" "$prefix/venv"
trap - EXIT
printf 'installed: %s/venv/bin/edgefit\n' "$prefix"
