#!/bin/sh
# Runs a command in a network of its own, in which all addresses of pods are this machine: 10.245.0.0/16 and fd00:10:245::/64
# lie on its loopback, so that whoever listens on an address of a pod is that pod. Ends with the command.
set -eu
[ $# -gt 0 ] || { echo "Expected a command, got none" >&2; exit 2; }
namespaces=--net
[ "$(id -u)" = 0 ] || namespaces='--net --map-root-user'
# shellcheck disable=SC2086,SC2016
exec unshare $namespaces sh -c '
  ip link set lo up
  ip address add 10.245.0.0/16 dev lo
  ip -6 route add local fd00:10:245::/64 dev lo 2>/dev/null || echo "Without IPv6: this machine has none" >&2
  exec "$@"' sh "$@"
