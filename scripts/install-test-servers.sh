#!/usr/bin/env bash
# Installs the servers, clients and browser of other projects that the tests talk to, from Debian's packages.
set -euo pipefail

# command:package, or python module:package
PROGRAMS=(nats-server:nats-server redis-cli:redis-tools chromium:chromium)
PYTHON_MODULES=(kazoo:python3-kazoo)

usage() {
  cat <<'HELP'
Usage: scripts/install-test-servers.sh [--dry-run] [--help]

Installs what the tests talk to and npm does not bring:
  nats-server     the broker that the nats transport's tests start and stop
  redis-tools     redis-cli, for the tests of the redis door
  chromium        a browser, for the tests of the pages that we write
  python3-kazoo   a ZooKeeper client, for the tests of the zookeeper door

What is already there is skipped. Needs a Debian or Ubuntu system and the right to install packages (root, or sudo).

  --dry-run   say what would be installed, and stop
  --help      show this
HELP
}

dry_run=false
for argument in "$@"; do
  case "$argument" in
    --help | -h) usage; exit 0 ;;
    --dry-run) dry_run=true ;;
    *) echo "unknown argument: $argument" >&2; usage >&2; exit 2 ;;
  esac
done

missing=()
for item in "${PROGRAMS[@]}"; do
  # Debian puts servers into /usr/sbin, which is not in every user's PATH.
  if PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "${item%%:*}" >/dev/null 2>&1; then
    echo "already there: ${item#*:}"
  else
    missing+=("${item#*:}")
  fi
done
for item in "${PYTHON_MODULES[@]}"; do
  # Debian's modules belong to Debian's python, which need not be the first in PATH.
  if /usr/bin/python3 -c "import ${item%%:*}" >/dev/null 2>&1; then
    echo "already there: ${item#*:}"
  else
    missing+=("${item#*:}")
  fi
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
# A broker that starts by itself would take the port that someone else's test expects; the tests start their own.
policy=/usr/sbin/policy-rc.d
made_policy=false
if [ "$(id -u)" -eq 0 ] && [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
  made_policy=true
  trap 'if $made_policy; then rm -f "$policy"; fi' EXIT
fi
echo "running: apt-get install ${missing[*]}"
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
echo "installed: ${missing[*]}"
