"""Publish and subscribe, patterns, shards, keyspace notifications."""
import sys
import time

from support import PROTOCOL, client, eventually, run


def messages(p, count, seconds=10):
    out, until = [], time.monotonic() + seconds
    while len(out) < count and time.monotonic() < until:
        message = p.get_message(timeout=0.1)
        if message:
            out.append(message)
    return out


def test_channels_and_patterns():
    r = client()
    p = r.pubsub()
    p.subscribe("news", "sport")
    p.psubscribe("n*")
    assert [m["type"] for m in messages(p, 3)] == ["subscribe", "subscribe", "psubscribe"]
    assert r.publish("news", "hello") == 2 and r.publish("nobody's", "x") == 1 and r.publish("zzz", "x") == 0
    got = [(m["type"], m["pattern"], m["channel"], m["data"]) for m in messages(p, 3)]
    assert got == [
        ("message", None, "news", "hello"),
        ("pmessage", "n*", "news", "hello"),
        ("pmessage", "n*", "nobody's", "x"),
    ], got
    assert sorted(r.pubsub_channels()) == ["news", "sport"] and r.pubsub_numsub("news") == [("news", 1)] and r.pubsub_numpat() == 1
    p.unsubscribe()
    p.punsubscribe()
    assert len(messages(p, 3)) == 3 and r.publish("news", "x") == 0
    p.close()


def test_ignored_acknowledgements_and_ping():
    r = client()
    p = r.pubsub(ignore_subscribe_messages=True)
    p.subscribe("c")
    if PROTOCOL == 2:
        p.ping("here")
        assert messages(p, 1)[0]["type"] == "pong"
    for i in range(1000):
        r.publish("c", i)
    assert [m["data"] for m in messages(p, 1000)] == [str(i) for i in range(1000)]
    p.close()


def test_keyspace_notifications():
    r = client()
    r.config_set("notify-keyspace-events", "KEA")
    p = r.pubsub(ignore_subscribe_messages=True)
    p.psubscribe("__keyevent@0__:*")
    assert eventually(lambda: r.pubsub_numpat() == 1)
    r.set("k", 1, px=30)
    r.lpush("l", 1)
    r.delete("l")
    names = [m["channel"].split(":")[1] for m in messages(p, 5)]
    assert names == ["set", "expire", "lpush", "del", "expired"], names
    r.config_set("notify-keyspace-events", "")
    p.close()


def test_a_subscriber_that_goes_is_forgotten():
    r = client()
    p = r.pubsub()
    p.subscribe("c")
    assert eventually(lambda: r.publish("c", "x") == 1)
    p.close()
    assert eventually(lambda: r.publish("c", "x") == 0)


run(sys.modules[__name__])
