"""redis-py on a serial line, which has room for one client."""
import time

import redis
from support import client

def test_types():
    r = client()
    r.flushall()
    assert r.set("greeting", "hello") and r.get("greeting") == "hello"
    assert r.rpush("list", *range(20)) == 20 and r.lrange("list", 0, 2) == ["0", "1", "2"]
    assert r.hset("hash", mapping={"a": "1", "b": "2"}) == 2 and r.hgetall("hash") == {"a": "1", "b": "2"}
    assert r.sadd("set", "x", "y") == 2 and r.smembers("set") == {"x", "y"}
    assert r.zadd("zset", {"one": 1, "two": 2}) == 2 and [tuple(pair) for pair in r.zrange("zset", 0, -1, withscores=True)] == [("one", 1.0), ("two", 2.0)]
    assert r.dbsize() == 5
    r.close()

def test_pipelines_transactions_and_deadlines():
    r = client()
    with r.pipeline(transaction=True) as pipe:
        assert pipe.set("n", 1).incr("n").pexpire("n", 60_000).execute() == [True, 2, True]
    with r.pipeline(transaction=False) as pipe:
        [pipe.set(f"k{i}", "v" * i) for i in range(200)]
        assert pipe.execute() == [True] * 200
    assert 0 < r.pttl("n") <= 60_000
    assert r.pexpire("n", 50)
    time.sleep(0.5)
    assert r.get("n") is None
    try:
        r.lpush("k1", "x")
        raise AssertionError("a string is no list")
    except redis.ResponseError as error:
        assert "WRONGTYPE" in str(error)
    r.close()

test_types()
test_pipelines_transactions_and_deadlines()
