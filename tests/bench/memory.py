"""Bytes a key, by used_memory and by resident memory: each kind of data in a fresh server."""
import random
import time

from common import KEVY, Server, encode, table

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-"
POOL = [bytes(random.Random(i).choices(ALPHABET, k=256)) for i in range(997)]


def value(i, length):
    """Different for each number, hard to compress, cheap to make."""
    return (b"%08x" % (i * 2654435761 & 0xFFFFFFFF) + POOL[i % 997])[:length]


def strings(n, length, ttl=False):
    for i in range(n):
        key = b"key:%012d" % i
        yield encode("SETEX", key, 100_000 + i % 800_000, value(i, length)) if ttl else encode("SET", key, value(i, length))


def hashes(n):
    for i in range(n):
        yield encode("HSET", f"hash:{i:08d}", *[word for j in range(10) for word in (f"f{j}", value(i * 10 + j, 8))])


def zsets(n):
    rng = random.Random(1)
    for i in range(n):
        yield encode("ZADD", f"zset:{i:08d}", *[w for j in range(10) for w in (f"{rng.random() * 1e4:.4f}", f"m:{j:06d}")])


def lists(n, length):
    for i in range(n):
        yield encode("RPUSH", f"list:{i:08d}", *[value(i * length + j, 10) for j in range(length)])


def int_sets(n):
    rng = random.Random(2)
    for i in range(n):
        yield encode("SADD", f"set:{i:08d}", *[rng.randrange(1_000_000) for _ in range(10)])


def string_sets(n):
    for i in range(n):
        yield encode("SADD", f"set:{i:08d}", *[value(i * 10 + j, 10) for j in range(10)])


def big_hash(n):
    for i in range(n):
        yield encode("HSET", "big", f"field:{i:08d}", value(i, 8))


def big_zset(n):
    rng = random.Random(3)
    for i in range(n):
        yield encode("ZADD", "big", f"{rng.random() * 1e6:.6f}", f"member:{i:08d}")


def big_set(n):
    for i in range(n):
        yield encode("SADD", "big", f"member:{i:08d}")


# name: (share of the scale, commands for so many)
KINDS = {
    "str8": (1, lambda n: strings(n, 8)),
    "str64": (1, lambda n: strings(n, 64)),
    "str256": (1, lambda n: strings(n, 256)),
    "str8+ttl": (1, lambda n: strings(n, 8, True)),
    "str64+ttl": (1, lambda n: strings(n, 64, True)),
    "hash10": (10, hashes),
    "zset10": (10, zsets),
    "list10": (10, lambda n: lists(n, 10)),
    "list100": (100, lambda n: lists(n, 100)),
    "intset10": (10, int_sets),
    "strset10": (10, string_sets),
    "bighash (a field)": (1, big_hash),
    "bigzset (a member)": (1, big_zset),
    "bigset (a member)": (1, big_set),
}


def one(name, binary, kind, scale):
    share, commands = KINDS[kind]
    count = scale // share
    with Server(name, binary) as server:
        time.sleep(0.2)
        used, resident = used_memory(server), server.resident()
        server.conn.pipe(commands(count))
        # Growth in slices and returned memory settle.
        time.sleep(1)
        used = used_memory(server) - used
        return used / count, (server.resident() - resident) / count


def used_memory(server):
    """What the server says of itself; kevy has no such counter."""
    return 0 if server.name == KEVY else int(server.conn.info()["used_memory"])


def run(binaries, options):
    print(f"\nBytes a key, used_memory (resident), {options.scale:,} strings and as many elements:\n")
    rows = []
    for kind in KINDS:
        if options.kinds and kind.split()[0] not in options.kinds:
            continue
        cells = [one(name, binary, kind, options.scale) for name, binary in binaries]
        ratio = f"{cells[0][0] / cells[1][0]:.2f}" if len(cells) > 1 else ""
        shown = [f"{used:.0f} ({resident:.0f})" if used else f"({resident:.0f})" for used, resident in cells]
        rows.append([kind, *shown, ratio])
    table(["", *[name for name, _ in binaries], "ours / reference"], rows)
