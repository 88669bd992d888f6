"""kazoo's recipes and watches, while members of the ensemble are killed.

Usage: real-clients-kazoo.py host:port,host:port,...
Asks for kills on standard output (`kill leader`, `kill follower`) and waits for the answer on standard input.
"""

import logging
import sys
import threading

from kazoo.client import KazooClient
from kazoo.exceptions import ConnectionLoss, SessionExpiredError
from kazoo.handlers.threading import KazooTimeoutError

HOSTS = sys.argv[1]
WAIT = 20
logging.lastResort = None  # that connections break is what this is about


def connect():
    client = KazooClient(hosts=HOSTS, timeout=6, connection_retry={"max_tries": -1, "delay": 0.05, "max_delay": 0.3})
    client.start(timeout=WAIT)
    return client


def kill(part):
    print(f"kill {part}", flush=True)
    sys.stdin.readline()


def in_threads(acts):
    failures = []

    def run(act):
        try:
            act()
        except Exception as error:  # told to the main thread
            failures.append(error)

    threads = [threading.Thread(target=run, args=(act,), daemon=True) for act in acts]
    for thread in threads:
        thread.start()
    return threads, failures


def join(threads, failures):
    for thread in threads:
        thread.join(WAIT)
        assert not thread.is_alive(), "it hangs"
    assert not failures, failures


def locks(clients):
    inside = []
    turns = []
    half = threading.Event()

    def act(client, number):
        for _ in range(4):
            with client.Lock("/kills/lock", str(number)):
                inside.append(number)
                assert len(inside) == 1, inside
                inside.remove(number)
                turns.append(number)
                if len(turns) == 4:
                    half.set()

    threads, failures = in_threads([lambda c=c, n=n: act(c, n) for n, c in enumerate(clients)])
    assert half.wait(WAIT)
    kill("leader")
    join(threads, failures)
    assert len(turns) == 4 * len(clients), turns


def elections(clients):
    led = []

    def act(client, number):
        client.Election("/kills/election", str(number)).run(lambda: led.append(number))

    threads, failures = in_threads([lambda c=c, n=n: act(c, n) for n, c in enumerate(clients)])
    join(threads, failures)
    assert sorted(led) == list(range(len(clients))), led


def watches(clients):
    zk, other = clients[0], clients[1]
    seen = []
    changed = threading.Condition()

    def note(kind, value):
        with changed:
            seen.append((kind, value))
            changed.notify_all()

    zk.ensure_path("/kills/watched")
    zk.DataWatch("/kills/watched", lambda data, stat: note("data", data))
    zk.ChildrenWatch("/kills/watched", lambda children: note("children", sorted(children)))
    kill("follower")
    other.retry(other.set, "/kills/watched", b"after a follower")
    kill("leader")
    other.retry(other.create, "/kills/watched/child")
    with changed:
        until = lambda: ("data", b"after a follower") in seen and ("children", ["child"]) in seen
        assert changed.wait_for(until, WAIT), seen


def queues(clients):
    zk = clients[0]
    queue = zk.LockingQueue("/kills/queue")
    for number in range(20):
        queue.put(b"%d" % number)
    kill("leader")
    taken = []
    for _ in range(20):
        item = zk.retry(queue.get, 10)
        taken.append(int(item))
        assert zk.retry(queue.consume)
    assert taken == list(range(20)), taken


def counters(clients):
    counters = [client.Counter("/kills/counter") for client in clients]
    unknown = []

    def act(counter):
        for _ in range(5):
            try:
                counter += 1
            except (ConnectionLoss, SessionExpiredError):
                unknown.append(1)

    threads, failures = in_threads([lambda c=c: act(c) for c in counters])
    kill("follower")
    join(threads, failures)
    clients[0].sync("/kills/counter")
    asked = 5 * len(clients)
    # kazoo repeats a write whose reply was lost: each client may count once too often.
    assert asked - len(unknown) <= counters[0].value <= asked + len(clients), counters[0].value


def barriers(clients):
    threads, failures = in_threads(
        [lambda b=client.DoubleBarrier("/kills/barrier", len(clients)): (b.enter(), b.leave()) for client in clients]
    )
    join(threads, failures)


def main():
    clients = [connect() for _ in range(3)]
    sessions = [client.client_id for client in clients]
    for act in [locks, elections, watches, counters, queues, barriers]:
        act(clients)
        print(f"kazoo: {act.__name__}: ok", flush=True)
    assert [client.client_id for client in clients] == sessions, "a session was lost"
    for client in clients:
        client.stop()
        client.close()
    print("all is well", flush=True)


try:
    main()
except KazooTimeoutError as error:
    sys.exit(f"kazoo: {error}")
