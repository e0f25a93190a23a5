#!/bin/sh
# Is PID 1 of the private namespaces: makes them livable, runs one command in them, passes signals and the exit code on.
#   sh namespace.sh NAME ROOT ADDRESS HOST [WRITABLE...] -- COMMAND [ARGUMENT...]
# ROOT is seen read-only but for the WRITABLE folders (relative to it); what is written elsewhere is gone with the namespace.
set -eu
umask 022

name=$1 root=$2 address=$3 host=$4
shift 4

# The working directory keeps the real ROOT in reach while other mounts cover its path.
cd "$root"

ip link set lo up
ip address add "$address/32" dev lo

mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p -m 1777 /run/lock
mkdir -p /run/mergedock/home
for folder in etc opt var; do
  mkdir -p "/run/mergedock/$folder/upper" "/run/mergedock/$folder/work"
  mount -t overlay -o "lowerdir=/$folder,upperdir=/run/mergedock/$folder/upper,workdir=/run/mergedock/$folder/work" overlay "/$folder"
done
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs -o mode=1777 tmpfs /dev/shm

# AppArmor knows no namespaces: an engine that sees it would load its profile into the machine's kernel.
if [ -d /sys/kernel/security/apparmor ]; then mount -t tmpfs tmpfs /sys/kernel/security; fi

rm -rf /etc/docker
mkdir -p /etc/docker
printf '127.0.0.1 localhost\n::1 localhost\n%s %s\n' "$address" "$host" >/etc/hosts

mkdir -p "$root"
mount --no-canonicalize --rbind . "$root"
mount -o remount,bind,ro "$root"
while [ "$1" != -- ]; do
  mount --no-canonicalize --rbind "./$1" "$root/$1"
  shift
done
shift
cd "$root"
printf '%s\n' "$name" >/run/mergedock/namespace

# A shell, because it reaps the orphans that end up below PID 1; `wait` returns early when a trap ran.
"$@" &
child=$!
trap 'kill -TERM "$child"' TERM
trap 'kill -INT "$child"' INT
trap 'kill -HUP "$child"' HUP
code=0
wait "$child" || code=$?
while kill -0 "$child" 2>/dev/null; do
  code=0
  wait "$child" || code=$?
done
exit "$code"
