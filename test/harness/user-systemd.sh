#!/usr/bin/env bash
# Runs a command beside a systemd of this user, in a mount namespace of its own: user-systemd.sh FOLDER COMMAND…
# Exits with 77 if this machine does not let it.
set -u
if [[ ${IN_NAMESPACE:-} != 1 ]]; then
  IN_NAMESPACE=1 exec unshare --mount -- "$0" "$@" || exit 77
fi
folder=$1
shift
mount -t tmpfs tmpfs /run || exit 77
# A system that was started by systemd has these.
mkdir -p /run/systemd/{system,unit-root,mount-rootfs,inaccessible,propagate} /run/user
chmod 700 /run/user
export XDG_RUNTIME_DIR=/run/user HOME=$folder
unset XDG_CONFIG_HOME DBUS_SESSION_BUS_ADDRESS
/usr/lib/systemd/systemd --user --log-target=console >/dev/null 2>&1 &
manager=$!
for ((tries = 0; tries < 100; tries++)); do
  systemctl --user is-system-running >/dev/null 2>&1 && break
  [[ $(systemctl --user is-system-running 2>/dev/null) == degraded ]] && break
  kill -0 "$manager" 2>/dev/null || exit 77
  sleep 0.1
done
((tries < 100)) || { kill "$manager"; exit 77; }
"$@"
result=$?
kill -TERM "$manager"
wait "$manager"
exit "$result"
