"""Diskstore: writes while the cache overflows, a counter, keys in the cache, keys in the store, keys on the disk, keys that are not there,
and a start over many small keys. Runs by itself too: diskstore.py --ours BINARY [--steps overload,counter,…]."""
import argparse
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

from common import CLIENT_CPU, Server, encode, median, names, table
from memory_group import MemoryGroup, can_bound, forget_files

HERE = os.path.dirname(os.path.abspath(__file__))
STEPS = ("overload", "counter", "cached", "misses", "disk", "absent", "start")
MEGABYTE = 1_000_000


class Load:
    """lat.c, compiled where it goes with the run."""

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="nuthatch-bench-")
        self.binary = os.path.join(self.dir, "lat")
        subprocess.check_call(["cc", "-O2", "-w", "-o", self.binary, os.path.join(HERE, "lat.c"), "-lm"])
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)

    def run(self, server, **arguments):
        """What it says at its end, and operations in each second where `i` asks for them."""
        words = [word for name, value in arguments.items() for word in (f"-{name}", str(value))]
        command = ["taskset", "-c", CLIENT_CPU, self.binary, "-p", str(server.port), *words]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        seconds = [int(line.split()[2]) for line in lines if line.startswith("T ")]
        return json.loads(next(line for line in lines if line.startswith("{"))), seconds


def start(options, *settings):
    return Server("nuthatch", options.ours, ("diskstore-enabled yes", f"diskstore-engine {options.engine}", *settings))


def numbers(server):
    return {name: int(value) for name, value in server.conn.info().items() if name.startswith("cache_")}


def since(server, before):
    return {name: value - before[name] for name, value in numbers(server).items()}


def wait_until_saved(server):
    while numbers(server)["cache_dirty_keys"] > 0:
        time.sleep(0.1)


def overload(load, options):
    """SETs of 1 KiB, five times the cache."""
    rows = []
    for delay in (5, 0):
        with start(options, "cache-max-memory 100mb", f"cache-flush-delay {delay}") as server:
            cpu = server.cpu_nanos()
            keys = 500_000 if delay else 200_000
            told, seconds = load.run(server, n=keys, k=keys, D="seq", P=1, c=50, d=1024, i=1000)
            whole = seconds[:-1] or seconds
            stored = numbers(server)["cache_saves"]
            rows.append([
                f"delay {delay}",
                f"{told['rps']:,.0f}",
                f"{min(whole) / told['rps']:.2f}",
                f"{told['p50_us'] / 1e3:.1f}",
                f"{told['p99_us'] / 1e3:.1f}",
                f"{told['max_us'] / 1e3:.0f}",
                f"{stored / told['secs']:,.0f}",
                f"{(server.cpu_nanos() - cpu) / told['ops'] / 1e3:.1f}",
                f"{numbers(server)['cache_used_memory'] / MEGABYTE:.0f}",
                f"{server.resident() / MEGABYTE:.0f}",
            ])
    print("\nSETs of 1 KiB over a cache of 100 MB, 50 clients:\n")
    table(["", "SET/s", "slowest second / mean", "p50 ms", "p99 ms", "worst ms", "saved/s", "CPU µs each", "cache MB", "resident MB"], rows)
    if options.alone:
        with tempfile.TemporaryDirectory() as folder:
            told = store_alone(options.alone, "0", "writes", os.path.join(folder, "store"), 100 << 20, 500_000)
        print(f"\nThe store by itself, on the same core: {told}\n")


def counter(_load, options):
    """A counter incremented a million times."""
    with start(options, "cache-max-memory 100mb", "cache-flush-delay 1") as server:
        begun = time.time()
        server.conn.pipe((encode("INCR", "counter") for _ in range(1_000_000)), 1000)
        seconds = time.time() - begun
        time.sleep(2.5)
        told = numbers(server)
    print(f"\nINCR of one key, 1,000,000 times in {seconds:.1f} s with cache-flush-delay 1: {told['cache_saves']} writes to the store, {told['cache_merged_writes']:,} merged\n")


def cached(load, options):
    """GETs of keys in the cache, beside the same without diskstore."""
    costs = {"diskstore": [], "without": []}
    rates = {"diskstore": [], "without": []}
    with start(options, "cache-max-memory 500mb") as one, Server("nuthatch", options.ours) as other:
        for server in (one, other):
            load.run(server, n=200_000, k=200_000, D="seq", P=16, c=50, d=64)
        wait_until_saved(one)
        for _ in range(options.runs):
            for name, server in (("diskstore", one), ("without", other)):
                cpu = server.cpu_nanos()
                told, _ = load.run(server, n=10**9, t=3, k=200_000, D="uniform", w=0, P=16, c=50, d=64)
                costs[name].append((server.cpu_nanos() - cpu) / told["ops"] / 1e3)
                rates[name].append(told["rps"])
    print("\nGETs of keys in the cache, -P 16, 50 clients:\n")
    table(["", "CPU µs each", "GET/s"], [[name, f"{median(costs[name]):.2f}", f"{median(rates[name]):,.0f}"] for name in costs])


def reads(load, server, cpus, clients, depth, keys, seconds=4):
    """GETs of random keys with the server on these cores: a row of what came of them."""
    subprocess.run(["taskset", "-a", "-p", "-c", cpus, str(server.pid)], check=True, capture_output=True)
    asked = dict(n=10**9, k=keys, D="uniform", w=0, P=depth, c=clients, d=1024)
    load.run(server, t=1, **asked)
    before, cpu = numbers(server), server.cpu_nanos()
    told, _ = load.run(server, t=seconds, **asked)
    return [
        f"cores {cpus}, {clients} clients, -P {depth}, {keys:,} keys",
        f"{told['rps']:,.0f}",
        f"{since(server, before)['cache_loads'] / told['ops']:.2f}",
        f"{told['p50_us']:.0f}",
        f"{told['p99_us']:.0f}",
        f"{(server.cpu_nanos() - cpu) / told['ops'] / 1e3:.1f}",
    ]


READS = ["", "GET/s", "read from the store", "p50 µs", "p99 µs", "CPU µs each"]


def misses(load, options):
    """GETs of which nearly all have to be read, beside GETs of keys in the cache, which cost what a request costs without a read."""
    rows = []
    with start(options, "cache-max-memory 10mb", "cache-flush-delay 5") as server:
        load.run(server, n=300_000, k=300_000, D="seq", P=1, c=50, d=1024)
        wait_until_saved(server)
        for cpus in ("0", "0,1"):
            for clients, depth, keys in ((50, 1, 2_000), (50, 1, 300_000), (50, 16, 300_000), (1, 1, 300_000)):
                rows.append(reads(load, server, cpus, clients, depth, keys))
        print("\nGETs over 300 MB with a cache of 10 MB:\n")
        table(READS, rows)
        if options.alone:
            server.end(signal.SIGTERM)
            by_itself(options.alone, os.path.join(server.dir, "nuthatch.ds"), 300_000, (("0", 1), ("0,1", 1), ("0,1", 2), ("0,1", 4)))


def from_disk(load, options):
    """The same where the disk is waited for: all that the process and the files that it reads may take of memory is an eighth of the data."""
    if not can_bound():
        print("\nGETs from the disk: not measured, as memory cannot be bounded here (it needs root and control groups)\n")
        return
    with MemoryGroup(150 * MEGABYTE) as group:
        with start(options, "cache-max-memory 10mb", "cache-flush-delay 5") as server:
            load.run(server, n=options.on_disk, k=options.on_disk, D="seq", P=16, c=50, d=1024)
            wait_until_saved(server)
            server.end(signal.SIGTERM)
            forget_files()
            server.start()
            group.take(server.pid)
            rows = [reads(load, server, cpus, 50, depth, options.on_disk, 8) for cpus in ("0", "0,1") for depth in (1, 16)]
            print(f"\nGETs over {options.on_disk * 1.2 / 1e6:.1f} GB with a cache of 10 MB, 150 MB of memory in all:\n")
            table(READS, rows)
            if options.alone:
                server.end(signal.SIGTERM)
                alone = (("0", 1), ("0", 4), ("0", 10), ("0,1", 1), ("0,1", 4), ("0,1", 10))
                by_itself(options.alone, os.path.join(server.dir, "nuthatch.ds"), options.on_disk, alone, group)


def by_itself(program, folder, keys, runs, group=None):
    """What the store reads without a server, on these cores with so many threads."""
    print("\nThe store by itself:\n")
    for cpus, threads in runs:
        print(f"    cores {cpus}, threads {threads}: {store_alone(program, cpus, 'reads', folder, 10 << 20, keys, threads, 4, group=group)}")


def store_alone(program, cpus, *words, group=None):
    """Runs the example store_alone on these cores; what it says."""
    command = ["taskset", "-c", cpus, program, *map(str, words)]
    begin = (lambda: group.take(os.getpid())) if group else None
    return subprocess.run(command, capture_output=True, text=True, check=True, preexec_fn=begin).stdout.strip()


def absent(load, options):
    """GETs of keys that are known to be absent."""
    with start(options, "cache-max-memory 200mb") as server:
        load.run(server, n=100_000, k=100_000, D="seq", P=16, c=50, d=64)
        wait_until_saved(server)
        asked = dict(k=50_000, f=10_000_000, w=0, P=16, c=50, d=64)
        load.run(server, n=50_000, D="seq", **asked)
        before = numbers(server)
        told, _ = load.run(server, n=500_000, D="uniform", **asked)
        moved = since(server, before)
    print(f"\n{told['ops']:,} GETs of keys known to be absent: {moved['cache_absent_loads'] + moved['cache_loads']} store reads, {moved['cache_negative_hits']:,} known, {told['rps']:,.0f} a second\n")


def first_answer(server):
    """Starts the server anew over what it left; seconds until it answers DBSIZE, and the answer."""
    begun = time.time()
    server.start()
    keys = server.conn.call("DBSIZE")
    return time.time() - begun, keys


def start_over_many(load, options):
    """Many small keys over a cache of 200 MB: filling, starting, memory."""
    rows = []
    with start(options, "cache-max-memory 200mb", "cache-flush-delay 5") as server:
        told, _ = load.run(server, n=options.small, k=options.small, D="seq", P=16, c=50, d=8, t=options.fill)
        rows.append(["filled", f"{told['secs']:.0f} s, {told['rps']:,.0f} SETs a second", f"{server.resident() / MEGABYTE:.0f}"])
        for signal_name in ("SIGTERM", "SIGKILL"):
            server.end(getattr(signal, signal_name))
            seconds, keys = first_answer(server)
            rows.append([f"started after {signal_name}", f"{seconds:.2f} s, {keys:,} keys", f"{server.resident() / MEGABYTE:.0f}"])
        load.run(server, n=10**9, t=5, k=max(1, told["ops"]), D="uniform", w=0, P=16, c=50, d=8)
        rows.append(["5 s of GETs later", f"{numbers(server)['cache_resident_keys']:,} keys in the cache", f"{server.resident() / MEGABYTE:.0f}"])
    print("\nSmall keys over a cache of 200 MB:\n")
    table(["", "", "resident MB"], rows)


def run(_binaries, options):
    steps = dict(zip(STEPS, (overload, counter, cached, misses, from_disk, absent, start_over_many)))
    with Load() as load:
        for name in options.steps:
            steps[name](load, options)


def arguments(parser):
    parser.add_argument("--steps", type=names(STEPS), default=",".join(STEPS), help=f"diskstore: which of {','.join(STEPS)}")
    parser.add_argument("--engine", choices=("default", "files"), default="default", help="diskstore: which store")
    parser.add_argument("--alone", help="diskstore: nuthatch's example store_alone, built; shows what the store reads and writes by itself")
    parser.add_argument("--on-disk", type=int, default=1_000_000, help="diskstore: how many keys of 1 KiB for the GETs from the disk")
    parser.add_argument("--small", type=int, default=50_000_000, help="diskstore: how many small keys")
    parser.add_argument("--fill", type=float, default=1800, help="diskstore: seconds that filling may take")


if __name__ == "__main__":
    alone = argparse.ArgumentParser(description=__doc__)
    alone.add_argument("--ours", required=True)
    alone.add_argument("--runs", type=int, default=3)
    arguments(alone)
    run(None, alone.parse_args())
