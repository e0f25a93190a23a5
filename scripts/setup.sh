#!/bin/sh
# Brings node_modules in line with package-lock.json, and does nothing when it is already so.
set -eu
cd "$(dirname "$0")/.."
stamp=node_modules/.mergedock-lock
if ! cmp -s package-lock.json "$stamp" 2>/dev/null; then
  echo "setup: installing the npm packages" >&2
  npm ci --no-audit --no-fund --loglevel=error >&2
  cp package-lock.json "$stamp"
fi
