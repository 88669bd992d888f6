#!/usr/bin/env bash
# Installs the servers, clients and browser of other projects that the tests talk to, from Debian's packages.
set -euo pipefail

# A line is how to see that it is there, and the package that brings it: a command, a file, or a module of python.
PEERS=(
  command:nats-server:nats-server
  command:etcd:etcd-server
  command:redis-server:redis-server
  file:/usr/share/java/zookeeper.jar:zookeeper
  file:/usr/share/java/slf4j-simple.jar:libslf4j-java
  command:java:default-jre-headless
)
OTHERS=(
  command:redis-cli:redis-tools
  command:chromium:chromium
  module:kazoo:python3-kazoo
  module:pytest:python3-pytest
  module:mock:python3-mock
  module:objgraph:python3-objgraph
)

usage() {
  cat <<'HELP'
Usage: scripts/install-test-servers.sh [--peers] [--dry-run] [--help]

Installs what the tests and `catenary compare` talk to and npm does not bring. The peers of the comparison:
  nats-server     the broker that the nats transport's tests start and stop, too
  etcd-server     etcd
  redis-server    Redis
  zookeeper       Apache ZooKeeper, with a logger (libslf4j-java) and Java (default-jre-headless)
and, for other tests:
  redis-tools     redis-cli, for the tests of the redis door
  chromium        a browser, for the tests of the pages that we write
  python3-kazoo   a ZooKeeper client, for the tests of the zookeeper door; with python3-pytest, python3-mock and
                  python3-objgraph for the suite that it ships (scripts/kazoo-suite.py)

What is already there is skipped. Nothing is started, now or at the next boot: tests and comparison start their own.
Needs a Debian or Ubuntu system and the right to install packages (root, or sudo).

  --peers     only the peers of the comparison
  --dry-run   say what would be installed, and stop
  --help      show this
HELP
}

dry_run=false
wanted=("${PEERS[@]}" "${OTHERS[@]}")
for argument in "$@"; do
  case "$argument" in
    --help | -h) usage; exit 0 ;;
    --dry-run) dry_run=true ;;
    --peers) wanted=("${PEERS[@]}") ;;
    *) echo "unknown argument: $argument" >&2; usage >&2; exit 2 ;;
  esac
done

is_there() {
  case "$1" in
    # Debian puts servers into /usr/sbin, which is not in every user's PATH.
    command) PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$2" >/dev/null 2>&1 ;;
    file) [ -e "$2" ] ;;
    # Debian's modules belong to Debian's python, which need not be the first in PATH.
    module) /usr/bin/python3 -c "import $2" >/dev/null 2>&1 ;;
  esac
}

missing=()
for item in "${wanted[@]}"; do
  IFS=: read -r kind name package <<<"$item"
  if is_there "$kind" "$name"; then echo "already there: $package"; else missing+=("$package"); fi
done

if [ "${#missing[@]}" -eq 0 ]; then
  echo 'nothing to install'
  exit 0
fi

echo "to install: ${missing[*]}"
if $dry_run; then exit 0; fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
export DEBIAN_FRONTEND=noninteractive
echo 'running: apt-get update'
"${as_root[@]}" apt-get update -qq
# A server that starts by itself would take the port that someone else expects; tests and comparison start their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod +x "$policy"
fi
echo "running: apt-get install ${missing[*]}"
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
for package in "${missing[@]}"; do
  case "$package" in
    nats-server | redis-server) service=$package ;;
    etcd-server) service=etcd ;;
    *) continue ;;
  esac
  # Not where there is no systemd (a container): nothing starts at boot there.
  "${as_root[@]}" systemctl disable "$service" >/dev/null 2>&1 || true
done
echo "installed: ${missing[*]}"
