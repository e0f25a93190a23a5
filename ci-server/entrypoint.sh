#!/bin/sh
# Starts as root only to see which group may use the engine's socket, and becomes the user node, with that group, for good.
set -eu

# To name a file that is not there is a mistake; without any the server starts and says that no repository is configured.
config=/etc/mergedock/mergedock.yml
if [ -z "${MERGEDOCK_CONFIG:-}" ] && [ -e "$config" ]; then export MERGEDOCK_CONFIG="$config"; fi

# tini runs as the same user as the server: root without CAP_KILL could not pass a signal on.
set -- tini -- "$@"
if [ "$(id -u)" != 0 ]; then exec "$@"; fi

groups=$(id -g node)
host=${MERGEDOCK_ENGINE_HOST:-unix:///var/run/docker.sock}
socket=${host#unix://}
if [ -S "$socket" ]; then groups="$groups,$(stat -L -c %g "$socket")"; fi
exec setpriv --reuid=node --regid=node --groups="$groups" --inh-caps=-all --bounding-set=-all --no-new-privs "$@"
