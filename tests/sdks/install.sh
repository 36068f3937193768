#!/bin/bash
# Installs what examples/ need beside Python and Node: Zoho's SDKs, in the versions and with the hashes of the lock
# files. Does nothing where that is here already; two of it may run at once.
set -euo pipefail
cd "$(dirname "$0")/../../examples"

exec 9<python/requirements.txt
flock 9

if ! cmp -s python/requirements.txt python/.venv/requirements.txt; then
    python3 -m venv --clear python/.venv
    python/.venv/bin/pip install --quiet --require-hashes -r python/requirements.txt
    cp python/requirements.txt python/.venv/
fi
if ! cmp -s node/package-lock.json node/node_modules/installed.json; then
    npm ci --prefix node --ignore-scripts --no-audit --no-fund
    cp node/package-lock.json node/node_modules/installed.json
fi
