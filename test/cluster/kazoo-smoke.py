"""What kazoo, a ZooKeeper client that knows nothing of this project, does with our coordinators.

Usage: kazoo-smoke.py host:port,host:port,...
"""

import sys
import threading

from kazoo.client import KazooClient
from kazoo.exceptions import (
    BadVersionError,
    NoChildrenForEphemeralsError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
)

HOSTS = sys.argv[1]
WAIT = 15


def connect(hosts=HOSTS):
    client = KazooClient(hosts=hosts, timeout=4)
    client.start(timeout=WAIT)
    return client


def raises(error, act, *args, **named):
    try:
        act(*args, **named)
    except error:
        return
    raise AssertionError(f"expected {error.__name__}")


def basics(zk):
    assert zk.create("/smoke", b"one") == "/smoke"
    raises(NodeExistsError, zk.create, "/smoke", b"again")
    raises(NoNodeError, zk.get, "/nowhere")
    data, stat = zk.get("/smoke")
    assert (data, stat.version) == (b"one", 0)
    assert zk.set("/smoke", b"two", version=0).version == 1
    raises(BadVersionError, zk.set, "/smoke", b"three", version=0)
    assert zk.exists("/nowhere") is None
    zk.ensure_path("/smoke/a/b")
    raises(NotEmptyError, zk.delete, "/smoke/a")
    assert zk.get_children("/smoke") == ["a"]
    zk.delete("/smoke/a", recursive=True)
    assert zk.get_children("/smoke") == []


def sequences(zk):
    zk.ensure_path("/smoke/queue")
    made = [zk.create("/smoke/queue/item-", sequence=True) for _ in range(5)]
    assert made == [f"/smoke/queue/item-{n:010d}" for n in range(5)], made
    results = [zk.create_async("/smoke/queue/later-", sequence=True) for _ in range(100)]
    numbers = [int(result.get(timeout=WAIT)[-10:]) for result in results]
    assert numbers == list(range(5, 105)), numbers  # asynchronous requests take effect in order


def ephemerals(zk, other):
    path = other.create("/smoke/here", b"me", ephemeral=True)
    raises(NoChildrenForEphemeralsError, other.create, path + "/child")
    zk.sync("/smoke")
    assert zk.get(path)[1].ephemeralOwner == other.client_id[0]
    gone = threading.Event()
    assert zk.exists(path, watch=lambda event: gone.set()) is not None
    other.stop()
    assert gone.wait(WAIT), "an ephemeral outlived its session"
    assert zk.exists(path) is None


def watches(zk, other):
    seen = []
    changed = threading.Condition()

    def note(event):
        with changed:
            seen.append((event.type, event.path))
            changed.notify_all()

    def expect(*events):
        with changed:
            assert changed.wait_for(lambda: len(seen) >= len(events), WAIT), seen
            assert seen == list(events), seen
            seen.clear()

    zk.exists("/smoke/watched", watch=note)
    other.create("/smoke/watched", b"1")
    expect(("CREATED", "/smoke/watched"))
    zk.sync("/smoke/watched")
    zk.get("/smoke/watched", watch=note)
    other.set("/smoke/watched", b"2")
    other.set("/smoke/watched", b"3")
    expect(("CHANGED", "/smoke/watched"))  # once
    zk.get_children("/smoke/watched", watch=note)
    other.create("/smoke/watched/child")
    expect(("CHILD", "/smoke/watched"))
    zk.exists("/smoke/watched/child", watch=note)
    other.delete("/smoke/watched/child")
    expect(("DELETED", "/smoke/watched/child"))


def transactions(zk):
    good = zk.transaction()
    good.create("/smoke/t1", b"x")
    good.check("/smoke", version=1)
    good.set_data("/smoke", b"three")
    assert good.commit()[0] == "/smoke/t1"
    bad = zk.transaction()
    bad.create("/smoke/t2")
    bad.delete("/smoke/nowhere")
    assert isinstance(bad.commit()[1], NoNodeError)
    assert zk.exists("/smoke/t2") is None


def recipes(zk, other):
    order = []
    first = zk.Lock("/smoke/lock", "first")
    second = other.Lock("/smoke/lock", "second")
    assert first.acquire(timeout=WAIT)
    waiter = threading.Thread(target=lambda: (second.acquire(timeout=WAIT), order.append("second")))
    waiter.start()
    order.append("first")
    first.release()
    waiter.join(WAIT)
    assert order == ["first", "second"], order
    second.release()
    counter = zk.Counter("/smoke/counter")
    counter += 2
    counter += 3
    assert counter.value == 5
    members = threading.Event()
    zk.ChildrenWatch("/smoke/group", lambda children: members.set() if len(children) == 2 else None) if zk.ensure_path(
        "/smoke/group"
    ) else None
    parties = [zk.Party("/smoke/group", "a"), other.Party("/smoke/group", "b")]
    for party in parties:
        party.join()
    assert members.wait(WAIT)
    for party in parties:
        party.leave()


def main():
    clients = [connect(host) for host in HOSTS.split(",")]
    zk, other, leaver = clients[0], clients[1 % len(clients)], connect()
    for name, act in [
        ("basics", lambda: basics(zk)),
        ("sequences", lambda: sequences(zk)),
        ("watches", lambda: watches(zk, other)),
        ("ephemerals", lambda: ephemerals(zk, leaver)),
        ("transactions", lambda: transactions(zk)),
        ("recipes", lambda: recipes(zk, other)),
    ]:
        act()
        print(f"kazoo: {name}: ok")
    for client in clients:
        client.sync("/smoke")
        assert client.get("/smoke")[0] == b"three"
    zk.delete("/smoke", recursive=True)
    for client in clients:
        client.stop()
        client.close()
    print("all is well")


main()
