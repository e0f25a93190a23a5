#!/bin/sh
# Brings node_modules in line with package-lock.json, and the built dashboard with its sources; does nothing when it is so.
set -eu
cd "$(dirname "$0")/.."
stamp=node_modules/.mergedock-lock
if ! cmp -s package-lock.json "$stamp" 2>/dev/null; then
  echo "setup: installing the npm packages" >&2
  npm ci --no-audit --no-fund --loglevel=error >&2
  cp package-lock.json "$stamp"
fi

built=ci-server/dashboard/dist/index.html
# An installation without the development packages cannot build it, and says so where the dashboard would be.
if [ -e node_modules/.bin/vite ] &&
  { [ ! -e "$built" ] || [ -n "$(find ci-server/dashboard package-lock.json -newer "$built" -type f ! -path "*/dist/*" | head -n 1)" ]; }; then
  echo "setup: building the dashboard" >&2
  npm run --silent dashboard >&2
fi
