"""The typed methods of redis-py, whose parsing of each reply depends on its exact shape."""
import sys
import time

from support import PROTOCOL, client, refuses, run


def test_strings():
    r = client()
    assert r.set("a", "1") is True
    assert r.set("a", "2", nx=True) is None
    assert r.set("a", "3", xx=True, get=True) == "1"
    assert r.incr("a") == 4 and r.decrby("a", 10) == -6
    assert r.incrbyfloat("f", 0.1) == 0.1 and r.incrbyfloat("f", "0.2") == 0.3
    assert r.append("s", "hello") == 5 and r.getrange("s", 1, -2) == "ell" and r.setrange("s", 7, "x") == 8
    assert r.mset({"k1": 1, "k2": 2}) is True and r.mget("k1", "nokey", "k2") == ["1", None, "2"]
    assert r.msetnx({"k2": 3, "k3": 3}) in (0, False)
    assert r.getex("k1", ex=100) == "1" and 0 < r.ttl("k1") <= 100 and r.getdel("k1") == "1"
    assert r.setbit("bits", 7, 1) == 0 and r.bitcount("bits") == 1 and r.bitpos("bits", 1) == 7
    assert r.bitfield("bits").set("u8", 0, 255).incrby("u8", 0, 1).execute() == [1, 0]
    assert r.lcs("s", "s", len=True) == 8
    raw = client(decode_responses=False)
    blob = bytes(range(256)) * 100
    assert raw.set("blob", blob) and raw.get("blob") == blob


def test_lists():
    r = client()
    assert r.rpush("l", *"abcdef") == 6 and r.lpush("l", "z") == 7
    assert r.lrange("l", 0, -1) == list("zabcdef") and r.lindex("l", -1) == "f" and r.llen("l") == 7
    assert r.lpop("l") == "z" and r.rpop("l", 2) == ["f", "e"] and r.lpop("nokey", 2) is None
    assert r.linsert("l", "BEFORE", "b", "x") == 5 and r.lset("l", 0, "A") is True and r.lrem("l", 1, "x") == 1
    assert r.lpos("l", "c") == 2 and r.lmove("l", "m", "LEFT", "RIGHT") == "A" and r.ltrim("l", 0, 0) is True
    assert r.lmpop(2, "nokey", "l", direction="LEFT", count=5) == ["l", ["b"]] and r.exists("l") == 0


def test_sets():
    r = client()
    assert r.sadd("s", 1, 2, 3) == 3 and r.sismember("s", 2) in (1, True) and r.smismember("s", [1, 9]) in ([1, 0], [True, False])
    assert set(r.smembers("s")) == {"1", "2", "3"} and r.scard("s") == 3
    r.sadd("t", 3, 4)
    assert set(r.sinter("s", "t")) == {"3"} and set(r.sunion("s", "t")) == {"1", "2", "3", "4"} and set(r.sdiff("s", "t")) == {"1", "2"}
    assert r.sunionstore("u", "s", "t") == 4 and r.smove("s", "t", 1) in (1, True) and r.sintercard(2, ["s", "t"]) == 1
    assert r.spop("s") in {"2", "3"} and len(r.srandmember("t", 2)) == 2
    assert set(r.sscan_iter("u")) == {"1", "2", "3", "4"}


def test_hashes():
    r = client()
    assert r.hset("h", mapping={"a": 1, "b": 2}) == 2 and r.hgetall("h") == {"a": "1", "b": "2"}
    assert r.hmget("h", "a", "nofield") == ["1", None] and r.hincrby("h", "a", 5) == 6 and r.hincrbyfloat("h", "b", 0.5) == 2.5
    assert r.hdel("h", "a") == 1 and r.hexists("h", "a") is False and r.hlen("h") == 1 and r.hsetnx("h", "b", 1) in (0, False)
    for i in range(1000):
        r.hset("big", f"f{i}", i)
    assert dict(r.hscan_iter("big", count=50)) == {f"f{i}": str(i) for i in range(1000)}
    assert len(r.hrandfield("big", 10)) == 10


def test_sorted_sets():
    r = client()
    assert r.zadd("z", {"a": 1, "b": 2.5, "c": 3}) == 3 and r.zadd("z", {"a": 2}, gt=True, ch=True) == 1
    assert r.zscore("z", "b") == 2.5 and r.zrank("z", "c") == 2 and r.zincrby("z", 0.5, "a") == 2.5
    pairs = r.zrange("z", 0, -1, withscores=True)
    assert [(m, s) for m, s in pairs] == [("a", 2.5), ("b", 2.5), ("c", 3.0)], pairs
    assert r.zrangebyscore("z", "(2.5", "+inf") == ["c"] and r.zcount("z", "-inf", "+inf") == 3
    assert r.zrange("z", "[a", "[b", bylex=True) == ["a", "b"] and r.zrange("z", 0, 0, desc=True) == ["c"]
    popped = r.zpopmin("z")
    assert popped == (["a", 2.5] if PROTOCOL == 3 else [("a", 2.5)]), popped
    r.zadd("y", {"c": 10, "d": 20})
    assert r.zunionstore("u", {"z": 1, "y": 2}) == 3 and r.zscore("u", "d") == 40
    assert r.zinter(["u", "y"]) == ["c", "d"] and r.zdiff(["u", "y"]) == ["b"]
    assert r.zmscore("u", ["b", "nomember"])[1] is None and r.zrandmember("u") in {"b", "c", "d"}
    assert dict(r.zscan_iter("u"))["d"] == 40


def test_keys():
    r = client()
    r.mset({f"key:{i}": i for i in range(500)})
    assert sorted(r.scan_iter(match="key:*", count=20)) == sorted(f"key:{i}" for i in range(500))
    assert len(r.keys("key:1*")) == 111 and r.dbsize() == 500 and r.randomkey().startswith("key:")
    assert r.expire("key:1", 100) is True and r.expire("key:1", 50, gt=True) in (0, False) and r.persist("key:1") is True
    assert r.pexpireat("key:2", int(time.time() * 1000) + 50_000) is True and 0 < r.pttl("key:2") <= 50_000
    assert r.expiretime("key:2") > time.time() and r.ttl("key:3") == -1 and r.ttl("nokey") == -2
    assert r.rename("key:3", "new") is True and r.copy("new", "newer") is True and r.type("new") == "string"
    refuses(lambda: r.rename("nokey", "x"), says="no such key")
    assert r.unlink("new", "newer", "nokey") == 2 and r.touch("key:1", "nokey") == 1
    r.rpush("l", 3, 1, 2)
    assert r.sort("l") == ["1", "2", "3"] and r.sort("l", desc=True, store="sorted") == 3
    assert r.object("encoding", "l") == "quicklist" and r.object("idletime", "l") == 0
    assert r.set("soon", 1, px=20) and (time.sleep(0.05) or r.get("soon") is None)
    assert r.move("key:4", 1) in (1, True) and client(db=1).get("key:4") == "4"


def test_server():
    r = client(client_name="bird")
    assert r.client_getname() == "bird" and r.client_id() > 0
    assert any(c["name"] == "bird" for c in r.client_list())
    info = r.info()
    assert info["redis_version"].startswith("7") and info["used_memory"] > 0 and info["connected_clients"] >= 1
    assert r.config_get("maxmemory") == {"maxmemory": "0"} and r.config_set("maxmemory-samples", 5) is True
    assert abs(r.time()[0] - time.time()) < 5 and r.echo("x") == "x" and r.ping() is True
    assert r.memory_usage("nokey") is None and r.set("x", "y") and r.memory_usage("x") > 0
    assert r.command_count() > 150 and "get" in r.command()
    assert isinstance(r.slowlog_get(), list) and r.slowlog_reset() is True
    assert r.command_getkeys("SET", "a", "b") == ["a"]
    refuses(lambda: r.execute_command("NOSUCH"), says="unknown command")
    refuses(lambda: r.lpush("x", 1), says="WRONGTYPE")


run(sys.modules[__name__])
