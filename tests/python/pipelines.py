"""Pipelines, transactions with WATCH, and locks that are built on them."""
import sys
import threading

import redis

from support import client, refuses, run


def test_long_pipeline():
    r = client()
    with r.pipeline(transaction=False) as pipe:
        for i in range(20_000):
            pipe.set(f"k{i}", i)
            pipe.incr("n")
        replies = pipe.execute()
    assert len(replies) == 40_000 and replies[-1] == 20_000 and r.dbsize() == 20_001


def test_big_values_in_a_pipeline():
    r = client(decode_responses=False)
    values = [bytes([i]) * (1 << 20) for i in range(20)]
    with r.pipeline(transaction=False) as pipe:
        for i, value in enumerate(values):
            pipe.set(f"v{i}", value)
        for i in range(20):
            pipe.get(f"v{i}")
        assert pipe.execute()[20:] == values


def test_transaction():
    r = client()
    with r.pipeline() as pipe:
        pipe.set("a", 1).incr("a").lpush("a", "x").get("a")
        replies = pipe.execute(raise_on_error=False)
    assert replies[:2] == [True, 2] and isinstance(replies[2], redis.ResponseError) and replies[3] == "2"
    with r.pipeline() as pipe:
        pipe.execute_command("NOSUCH")
        pipe.set("b", 1)
        refuses(pipe.execute)
    assert r.exists("b") == 0


def test_watch():
    r = client()
    r.set("n", 5)
    with r.pipeline() as pipe:
        pipe.watch("n")
        value = int(pipe.get("n"))
        r.set("n", 100)
        pipe.multi()
        pipe.set("n", value + 1)
        refuses(pipe.execute, redis.WatchError)
    assert r.get("n") == "100"


def test_concurrent_increments_lose_nothing():
    client().set("n", 0)

    def add():
        own = client()
        for _ in range(50):
            own.transaction(lambda pipe: (lambda n: (pipe.multi(), pipe.set("n", n + 1)))(int(pipe.get("n"))), "n")

    threads = [threading.Thread(target=add) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert client().get("n") == "200"


run(sys.modules[__name__])
