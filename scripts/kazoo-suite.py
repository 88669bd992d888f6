#!/usr/bin/env python3
"""Runs the test suite that kazoo ships against three of our coordinators, and says what fails and why.

kazoo's tests start a ZooKeeper of their own; here they are given a cluster with the same methods whose members are
`catenary coordinator` processes. Nothing of kazoo is changed. Needs Debian's python3-kazoo, python3-pytest,
python3-mock and python3-objgraph (scripts/install-test-servers.sh), and dist/ (npm run build).

Usage: scripts/kazoo-suite.py [--only EXPRESSION] [--limit SECONDS] [--json FILE] [--keep]
  --only    pytest's -k: names of tests or files
  --limit   for one test, default 60
  --json    write the outcome of each test there, too
  --keep    keep the members' data and logs, and say where they are
Status 0: nothing failed but what KNOWN names.
"""

import argparse
import json
import logging
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ADVICE = "run scripts/install-test-servers.sh, and use Debian's python: /usr/bin/python3 scripts/kazoo-suite.py"
try:
    import kazoo.testing.harness as harness
    import mock  # noqa: F401
    import objgraph  # noqa: F401
    import pytest
except ImportError as error:
    sys.exit(f"{error.name} is not installed: {ADVICE}")

ROOT = pathlib.Path(__file__).resolve().parent.parent
ENTRY = ROOT / "dist" / "cli" / "main.js"
NODE = shutil.which("node") or "node"
MEMBERS = 3
READY_SECONDS = 20
# What kazoo's own cluster gives its servers: the password of `super` is `test`.
SUPER_DIGEST = "super:D/InIHSb7yEEbrWz8b9l71RjZJU="

# The start of a test's name (`file::class::test`), and why it may fail.
KNOWN = {
    "test_sasl.py": "sasl is not offered (docs/COORDINATOR.md)",
    "test_connection.py::TestReadOnlyMode": "read-only mode is not offered: a member without a leader serves nobody",
}


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Member:
    """One coordinator, with the methods that kazoo's tests use of their servers."""

    host = "127.0.0.1"

    def __init__(self, number, ports, members, directory):
        self.client_port = ports[1]
        self._name = f"coordinator-{number}"
        self._directory = directory
        self._data = directory / self._name
        self._process = None
        self._command = [NODE, str(ENTRY), "coordinator", "--id", self._name, "--data", str(self._data)]
        self._command += ["--members", members, "--http-port", str(ports[2]), "--no-manager"]
        self._command += EXTRA_FLAGS

    @property
    def address(self):
        return f"{self.host}:{self.client_port}"

    @property
    def running(self):
        return self._process is not None

    def run(self):
        if self.running:
            return
        log = open(self._directory / f"{self._name}.log", "ab")
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()

    def stop(self):
        if not self.running:
            return
        self._process.terminate()
        self._process.wait()
        self._process = None

    def reset(self):
        self.stop()
        shutil.rmtree(self._data, ignore_errors=True)

    destroy = reset

    def serves(self):
        try:
            with socket.create_connection((self.host, self.client_port), timeout=1) as client:
                client.sendall(b"srvr")
                return b"Mode:" in client.recv(4096)
        except OSError:
            return False


class Cluster:
    def __init__(self, directory):
        ports = [free_ports(3) for _ in range(MEMBERS)]
        members = ",".join(f"coordinator-{n + 1}=127.0.0.1:{peer}:{client}" for n, (peer, client, _) in enumerate(ports))
        self._members = [Member(n + 1, ports[n], members, directory) for n in range(MEMBERS)]

    def __getitem__(self, place):
        return self._members[place]

    def __iter__(self):
        return iter(self._members)

    def start(self):
        for member in self:
            member.run()
        until = time.monotonic() + READY_SECONDS
        while not all(member.serves() for member in self):
            if time.monotonic() > until:
                raise RuntimeError("the coordinators do not serve; see their logs (--keep)")
            time.sleep(0.05)

    def stop(self):
        for member in self:
            member.stop()

    def terminate(self):
        self.stop()

    def reset(self):
        for member in self:
            member.reset()


def flags():
    """What only newer builds know."""
    known = subprocess.run([NODE, str(ENTRY), "coordinator", "--help"], capture_output=True, text=True).stdout
    given = {"--super-digest": SUPER_DIGEST, "--four-letter-words": "*"}
    return [word for flag, value in given.items() if flag in known for word in (flag, value)]


class Limit:
    """Ends a test that hangs, and collects what came of each."""

    def __init__(self, seconds):
        self._seconds = seconds
        self.outcomes = {}

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item):
        def on_alarm(number, frame):
            raise TimeoutError(f"not done after {self._seconds} s")

        signal.signal(signal.SIGALRM, on_alarm)
        signal.alarm(self._seconds)
        try:
            yield
        finally:
            signal.alarm(0)

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.split("/")[-1]
        if report.failed:
            message = report.longrepr.reprcrash.message if hasattr(report.longrepr, "reprcrash") else str(report.longrepr)
            self.outcomes[name] = ("failed", message.split("\n")[0])
        elif report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.outcomes.setdefault(name, ("skipped", reason))
        elif report.when == "call":
            self.outcomes.setdefault(name, ("passed", ""))


def reason_of(name):
    return next((why for start, why in KNOWN.items() if name.startswith(start)), None)


def table(outcomes):
    counts = {kind: sum(1 for outcome, _ in outcomes.values() if outcome == kind) for kind in ("passed", "failed", "skipped")}
    print("\n| outcome | tests |\n| --- | --- |")
    for kind, count in counts.items():
        print(f"| {kind} | {count} |")
    print("\n| test | outcome | why |\n| --- | --- | --- |")
    for name, (outcome, message) in sorted(outcomes.items()):
        if outcome != "passed":
            known = reason_of(name) if outcome == "failed" else None
            print(f"| {name.replace('::', ' ')} | {outcome} | {known or message.replace('|', '/')[:160]} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--json")
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    if not ENTRY.exists():
        sys.exit("there is no dist/: run npm run build")
    global EXTRA_FLAGS
    EXTRA_FLAGS = flags()
    os.environ.setdefault("ZOOKEEPER_VERSION", "3.8.0")
    logging.lastResort = None  # clients that a test left behind would go on to complain
    directory = pathlib.Path(tempfile.mkdtemp(prefix="catenary-kazoo-"))
    cluster = Cluster(directory)
    harness.get_global_cluster = lambda: cluster
    limit = Limit(arguments.limit)
    tests = pathlib.Path(harness.__file__).parent.parent / "tests"
    options = [str(tests), "-q", "-p", "no:cacheprovider", "--tb=short", "--rootdir", str(tests), "-W", "ignore"]
    if arguments.only:
        options += ["-k", arguments.only]
    try:
        pytest.main(options, plugins=[limit])
    finally:
        cluster.stop()
        if arguments.keep:
            print(f"kept: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)
    table(limit.outcomes)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(limit.outcomes, indent=1))
    unknown = [name for name, (outcome, _) in limit.outcomes.items() if outcome == "failed" and not reason_of(name)]
    sys.stdout.flush()
    # Threads of clients that a test left behind may still be running.
    os._exit(1 if unknown or not limit.outcomes else 0)


EXTRA_FLAGS = []
if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main()
