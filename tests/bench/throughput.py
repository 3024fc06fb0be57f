"""Server CPU per request, requests a second and p99 with redis-benchmark. The servers take turns, run by run, so that
whatever else the machine does falls on all of them."""
import csv
import io
import subprocess
import sys

from common import CLIENT_CPU, Server, encode, median, table

KEYS = 1_000_000
CLIENTS = 50
VALUE = "xxx"
# name: (command, requests without a pipeline, requests with one)
TESTS = {
    "SET": (["SET", "key:__rand_int__", VALUE], 60_000, 400_000),
    "GET": (["GET", "key:__rand_int__"], 60_000, 400_000),
    "INCR": (["INCR", "counter:__rand_int__"], 60_000, 400_000),
    "LPUSH": (["LPUSH", "mylist", VALUE], 60_000, 400_000),
    "SADD": (["SADD", "myset", "element:__rand_int__"], 60_000, 300_000),
    "HSET": (["HSET", "myhash", "element:__rand_int__", VALUE], 60_000, 300_000),
    "ZADD": (["ZADD", "myzset", "__rand_int__", "element:__rand_int__"], 60_000, 250_000),
    "LRANGE_100": (["LRANGE", "rlist", "0", "99"], 30_000, 40_000),
    "MSET10": (["MSET", *["key:__rand_int__", VALUE] * 10], 30_000, 60_000),
}


def fill(server):
    server.conn.pipe(encode("SET", b"key:%012d" % i, VALUE) for i in range(KEYS))
    server.conn.pipe(encode("RPUSH", "rlist", VALUE) for _ in range(1000))


def once(server, command, requests, pipeline):
    for key in ("mylist", "myset", "myhash", "myzset"):
        server.conn.call("DEL", key)
    arguments = ["-p", server.port, "-c", CLIENTS, "-P", pipeline, "-n", requests, "-r", KEYS, "--csv", *command]
    before = server.cpu_nanos()
    out = subprocess.run(
        ["taskset", "-c", CLIENT_CPU, "redis-benchmark", *map(str, arguments)], capture_output=True, text=True, check=True
    )
    micros = (server.cpu_nanos() - before) / 1000 / requests
    row = [row for row in csv.reader(io.StringIO(out.stdout)) if len(row) >= 8][-1]
    return {"cpu": micros, "rps": float(row[1]), "p99": float(row[6]) * 1000}


def measure(servers, tests, pipelines, runs):
    for server in servers:
        fill(server)
    for pipeline in pipelines:
        rows = []
        for name in tests:
            command, plain, piped = TESTS[name]
            results = {server.name: [] for server in servers}
            for _ in range(runs):
                for server in servers:
                    requests = plain if pipeline == 1 else piped
                    results[server.name].append(once(server, command, requests, pipeline))
            rows.append(summary(name, servers, results))
            print("measured:", " | ".join(rows[-1]), file=sys.stderr, flush=True)
        print(f"\nServer CPU µs a request (requests a second, p99 µs), `-P {pipeline}`, {CLIENTS} clients, {KEYS:,} keys:\n")
        table(["", *[server.name for server in servers], *[f"ours / {server.name}" for server in servers[1:]]], rows)


def summary(name, servers, results):
    cells, micros = [], []
    for server in servers:
        runs = results[server.name]
        middle = {field: median([run[field] for run in runs]) for field in ("cpu", "rps", "p99")}
        micros.append(middle["cpu"])
        cells.append(f"{middle['cpu']:.2f} ({middle['rps'] / 1000:.0f}k, {middle['p99']:.0f})")
    return [name, *cells, *[f"{micros[0] / other:.2f}" for other in micros[1:]]]


def run(binaries, options):
    servers = []
    try:
        for name, binary in binaries:
            servers.append(Server(name, binary))
        tests = [name.upper() for name in options.tests] if options.tests else list(TESTS)
        measure(servers, tests, [int(p) for p in options.pipelines.split(",")], options.runs)
    finally:
        for server in servers:
            server.stop()
