#!/usr/bin/env bash
# Runs an unpacked image as a container would, after test/image/build.sh OUT: test/image/try.sh OUT/rootfs
# Read-only root, user 65532, the image's own entrypoint as the first process of a PID namespace: events pass from a
# sender to a receiver, and SIGTERM ends the receiver with code 0. Needs root.
set -euo pipefail

rootfs=$(readlink -f "${1:?Expected the folder of an unpacked image}")
port=${PORT:-19800}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/root"

# PROGRAM FLAGS…: unshare is the parent outside, the program is process 1 inside
contained() {
  unshare --mount --pid --fork --kill-child bash -c '
    mount --bind "$1" "$2" && mount -o remount,bind,ro "$2"
    mount -t proc proc "$2/proc"
    root=$2; shift 2
    exec chroot --userspec=65532:65532 "$root" /usr/local/bin/node /app/bin/logstash-link.js "$@"
  ' contained "$rootfs" "$work/root" "$@"
}

fail() { echo "FAILED: $1" >&2; cat "$work"/*.log >&2; exit 1; }

extra=$(find "$rootfs/app" \( -name '*.ts' -o -name '*.map' -o -path '*/app/src' -o -path '*/app/test' -o -name typescript \) | head -3)
[ -z "$extra" ] || fail "the image holds what does not run: $extra"
[ ! -e "$rootfs/bin/sh" ] || echo 'the base has a shell' >&2

contained --version >"$work/version"
NODE_ENV=production contained receiver --host 127.0.0.1 --port "$port" --no-tls --deliver stdout --health-port $((port + 1)) \
  >"$work/events" 2>"$work/receiver.log" &
outside=$!
for _ in $(seq 100); do
  [ "$(curl -s -o "$work/readyz" -w '%{http_code}' "http://127.0.0.1:$((port + 1))/readyz")" = 200 ] && break
  sleep 0.1
done
[ -s "$work/readyz" ] || fail 'the receiver was not ready within 10 s'

# The program itself, below unshare: its memory, and whom it is seen as from outside.
inside=$(pgrep -P "$outside" | head -1)
program=$(pgrep -P "$inside" -f logstash-link.js | head -1 || true)
program=${program:-$inside}
[ "$(stat -c %u "/proc/$program")" = 65532 ] || fail "the program runs as $(stat -c %u "/proc/$program")"
[ "$(awk '/^NSpid/ {print $NF}' "/proc/$program/status")" = 1 ] || fail 'the program is not process 1'

seq 10000 | sed 's/.*/{"seq":&}/' >"$work/sent"
contained sender --hosts "127.0.0.1:$port" --no-tls --health-port $((port + 2)) <"$work/sent" 2>"$work/sender.log" ||
  fail "the sender ended with code $?"
[ "$(sort -u "$work/events" | wc -l)" = 10000 ] || fail "$(wc -l <"$work/events") of 10000 events came"
memory=$(awk '/^VmRSS/ {print int($2 / 1024)}' "/proc/$program/status")

kill -TERM "$program"
code=0; wait "$outside" || code=$?
[ "$code" = 0 ] || fail "SIGTERM ended the receiver with code $code"
echo "version $(cat "$work/version"), 10000 events, receiver's RSS $memory MiB, SIGTERM ends it with code 0"
