"""Blocking commands across connections, and many connections at once."""
import sys
import threading
import time

from support import client, eventually, refuses, run


def waiting(r, count):
    return eventually(lambda: r.info("clients")["blocked_clients"] == count)


def test_queue_of_workers():
    r = client()
    got, lock = [], threading.Lock()

    def work():
        own = client()
        while True:
            _, job = own.blpop("jobs", timeout=10)
            if job == "stop":
                return
            with lock:
                got.append(int(job))

    threads = [threading.Thread(target=work) for _ in range(5)]
    [thread.start() for thread in threads]
    assert waiting(r, 5)
    for i in range(500):
        r.rpush("jobs", i)
    r.rpush("jobs", *["stop"] * 5)
    [thread.join(20) for thread in threads]
    assert sorted(got) == list(range(500)) and r.llen("jobs") == 0


def test_timeouts():
    r = client()
    begun = time.monotonic()
    assert r.blpop("nokey", timeout=0.2) is None and r.bzpopmin("nokey", timeout=0.1) is None
    assert 0.25 < time.monotonic() - begun < 5


def test_first_come_first_served():
    r = client()
    order = []

    def take(name):
        client().blpop("q")
        order.append(name)

    threads = []
    for i in range(5):
        threads.append(threading.Thread(target=take, args=(i,)))
        threads[-1].start()
        assert waiting(r, i + 1)
    for i in range(5):
        r.rpush("q", i)
        assert eventually(lambda: len(order) == i + 1)
    [thread.join(10) for thread in threads]
    assert order == [0, 1, 2, 3, 4], order


def test_unblock_and_kill():
    r = client()
    ends = []

    def wait():
        own = client(single_connection_client=True)
        try:
            ends.append(own.blpop("never"))
        except Exception as error:
            ends.append(str(error))

    def blocked():
        return [c for c in r.client_list() if "b" in c["flags"]]

    for end in ("TIMEOUT", "ERROR"):
        thread = threading.Thread(target=wait)
        thread.start()
        assert eventually(lambda: len(blocked()) == 1)
        assert r.client_unblock(int(blocked()[0]["id"]), error=end == "ERROR") == 1
        thread.join(10)
    assert ends[0] is None and "UNBLOCKED" in ends[1], ends


def test_move_between_lists():
    r = client()
    result = []
    thread = threading.Thread(target=lambda: result.append(client().blmove("a", "b", 5, "LEFT", "RIGHT")))
    thread.start()
    assert waiting(r, 1)
    r.rpush("a", "x")
    thread.join(10)
    assert result == ["x"] and r.lrange("b", 0, -1) == ["x"]


def test_hundreds_of_connections():
    clients = [client(single_connection_client=True) for _ in range(300)]
    for i, c in enumerate(clients):
        c.set(f"c{i}", i)
    assert [c.get(f"c{i}") for i, c in enumerate(clients)] == [str(i) for i in range(300)]
    assert client().info("clients")["connected_clients"] >= 300
    for c in clients:
        c.close()
    assert eventually(lambda: client().info("clients")["connected_clients"] < 100)


run(sys.modules[__name__])
