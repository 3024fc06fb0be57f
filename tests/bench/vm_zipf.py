"""Virtual memory: 500,000 values of 1 KiB under a limit of 100 MB, beside a server that holds all of it in memory: loading,
GETs of which some have to be read, from the page cache and from the disk, what a start with paging costs while everything
fits, and what a paged value leaves behind. Runs by itself too: vm_zipf.py --ours BINARY [--vm-steps get,…]."""
import argparse
import mmap
import multiprocessing
import os
import random
import threading
import time

from common import Server, median, names, table
from diskstore import Load

STEPS = ("get", "cold", "fits", "keys")
MEGABYTE = 1_000_000
LIMIT = 100 << 20
PATTERNS = (("95/5", "hot:0.05:0.95"), ("80/20", "hot:0.2:0.8"), ("uniform", "uniform"))
PAGE = 4096


class Peak:
    """The most that the server says it uses while this goes on."""

    def __init__(self, server):
        self.server, self.most, self.over = server, 0, threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.over.wait(0.05):
            self.most = max(self.most, int(self.server.conn.info()["used_memory"]))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


class Uncached:
    """Has the operating system forget what it knows of the file, again and again."""

    def __init__(self, path):
        self.path, self.over = path, threading.Event()
        self.thread = threading.Thread(target=self.forget)

    def forget(self):
        file = os.open(self.path, os.O_RDONLY)
        os.fdatasync(file)
        while True:
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            if self.over.wait(0.05):
                break
        os.close(file)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def swap_ins(server):
    return int(server.conn.info().get("vm_stats_swappin_count", 0))


def paging(threads):
    return ("vm-enabled yes", f"vm-max-memory {LIMIT}", f"vm-max-threads {threads}")


def fill(load, server, options):
    """Loads the values; what the run said, CPU µs each, and the most memory used."""
    cpu = server.cpu_nanos()
    with Peak(server) as peak:
        told, _ = load.run(server, n=options.vm_values, k=options.vm_values, D="seq", P=1, c=50, d=1024)
    return told, (server.cpu_nanos() - cpu) / told["ops"] / 1e3, peak.most


def gets(load, server, options, pattern, seconds, clients=50, seed=7):
    """GETs for some seconds: what the run said, CPU µs each, and the share that had to be read."""
    before, cpu = swap_ins(server), server.cpu_nanos()
    arguments = dict(n=10**12, t=seconds, k=options.vm_values, D=pattern, w=0, P=1, c=clients, d=1024, s=seed)
    told, _ = load.run(server, **arguments)
    return told, (server.cpu_nanos() - cpu) / told["ops"] / 1e3, (swap_ins(server) - before) / told["ops"]


def servers(options, binaries):
    """The reference with everything in memory, and ours with four threads and with none."""
    yield "redis-server", lambda: Server("redis-server", dict(binaries)["redis-server"])
    for threads in (4, 0):
        yield f"nuthatch, {threads} threads", lambda threads=threads: Server("nuthatch", options.ours, paging(threads))


def warm(load, options, binaries):
    """Loading, and GETs whose values the operating system has in memory."""
    loads, rows = [], []
    for name, start in servers(options, binaries):
        with start() as server:
            told, cpu, peak = fill(load, server, options)
            loads.append([
                name,
                f"{told['rps']:,.0f}",
                f"{cpu:.1f}",
                f"{told['p99_us'] / 1e3:.1f}",
                f"{told['max_us'] / 1e3:.0f}",
                f"{peak / MEGABYTE:.1f}",
                f"{server.resident() / MEGABYTE:.0f}",
                f"{server.resident() / LIMIT:.2f}",
            ])
            row = [name]
            for _, pattern in PATTERNS:
                gets(load, server, options, pattern, options.vm_warm, seed=5)
                told, cpu, read = gets(load, server, options, pattern, options.vm_seconds)
                row.append(f"{told['rps']:,.0f}, {cpu:.1f} µs, {read:.2f}")
            rows.append([*row, f"{server.resident() / MEGABYTE:.0f}"])
    print(f"\nLoading {options.vm_values:,} values of 1 KiB, limit {LIMIT / MEGABYTE:.1f} MB, 50 clients:\n")
    table(["", "SET/s", "CPU µs each", "p99 ms", "worst ms", "most used MB", "resident MB", "resident / limit"], loads)
    print("GETs warm: a second, CPU µs each, share that was read:\n")
    table(["", *(name for name, _ in PATTERNS), "resident MB"], rows)


def random_reads(path, seconds, latencies=None):
    """Reads pages at random past the page cache, one after another; how many."""
    file = os.open(path, os.O_RDONLY | os.O_DIRECT)
    pages, buffer = os.fstat(file).st_size // PAGE, mmap.mmap(-1, PAGE)
    dice, count, until = random.Random(), 0, time.perf_counter() + seconds
    while (begun := time.perf_counter()) < until:
        os.preadv(file, [buffer], dice.randrange(pages) * PAGE)
        count += 1
        if latencies is not None:
            latencies.append(time.perf_counter() - begun)
    os.close(file)
    return count


def many_reads(path, seconds, counts):
    def one():
        counts.put(random_reads(path, seconds))

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def disk(path):
    """Reads a second with 32 under way, and the 99th percentile of one alone, in µs."""
    latencies, counts = [], multiprocessing.Queue()
    random_reads(path, 2, latencies)
    processes = [multiprocessing.Process(target=many_reads, args=(path, 2, counts)) for _ in range(4)]
    for process in processes:
        process.start()
    total = sum(counts.get() for _ in range(32))
    for process in processes:
        process.join()
    return total / 2, sorted(latencies)[len(latencies) * 99 // 100] * 1e6


def cold(load, options, binaries):
    """GETs whose values come from the disk."""
    rows = []
    for name, start in list(servers(options, binaries))[1:]:
        with start() as server:
            fill(load, server, options)
            path = os.path.join(server.dir, "nuthatch.swap")
            with Uncached(path):
                reads, alone = disk(path)
                many, _, share = gets(load, server, options, "uniform", options.vm_seconds)
                one, _, _ = gets(load, server, options, "uniform", options.vm_seconds, clients=1)
            rows.append([
                name,
                f"{many['rps']:,.0f}",
                f"{share:.2f}",
                f"{reads:,.0f}",
                f"{many['rps'] * share / reads:.2f}",
                f"{one['p99_us']:.0f}",
                f"{alone:.0f}",
                f"{one['p99_us'] / alone:.1f}",
            ])
    print("GETs from the disk, uniform; the disk read 4 KiB at random, 32 at once and one alone:\n")
    head = ["", "GET/s, 50 clients", "share read", "disk reads/s", "ratio", "one client, p99 µs", "one read, p99 µs", "ratio"]
    table(head, rows)


def fits(load, options, _binaries):
    """Nothing over the limit: with paging, and without."""
    costs = {"vm-enabled yes": {}, "vm-enabled no": {}}
    with Server("nuthatch", options.ours, ("vm-enabled yes", "vm-max-memory 4gb")) as one, Server("nuthatch", options.ours, ("vm-enabled no",)) as other:
        for _ in range(options.runs):
            for name, server in (("vm-enabled yes", one), ("vm-enabled no", other)):
                for kind, share in (("SET", 1), ("GET", 0)):
                    cpu = server.cpu_nanos()
                    told, _ = load.run(server, n=1_000_000, k=200_000, D="uniform", w=share, P=16, c=50, d=64)
                    costs[name].setdefault(kind, []).append((server.cpu_nanos() - cpu) / told["ops"] / 1e3)
    print("Nothing over the limit, CPU µs a request, -P 16:\n")
    table(["", "SET", "GET"], [[name, *(f"{median(of[kind]):.3f}" for kind in ("SET", "GET"))] for name, of in costs.items()])


def keys(load, options, _binaries):
    """What is left of keys whose values have all left."""
    with Server("nuthatch", options.ours, ("vm-enabled yes", "vm-max-memory 0")) as server:
        empty = int(server.conn.info()["used_memory"])
        load.run(server, n=options.vm_values, k=options.vm_values, D="seq", P=1, c=50, d=1024)
        time.sleep(2)
        told = server.conn.info()
        left = (int(told["used_memory"]) - empty) / options.vm_values
    print(f"{told['vm_stats_swapped_objects']} of {options.vm_values:,} values on the device: {left:.1f} bytes left a key\n")


def run(binaries, options):
    steps = dict(zip(STEPS, (warm, cold, fits, keys)))
    with Load() as load:
        for name in options.vm_steps:
            steps[name](load, options, binaries)


def arguments(parser):
    parser.add_argument("--vm-steps", type=names(STEPS), default=",".join(STEPS), help=f"vm: which of {','.join(STEPS)}")
    parser.add_argument("--vm-values", type=int, default=500_000, help="vm: how many values")
    parser.add_argument("--vm-seconds", type=float, default=4, help="vm: how long each run of GETs is")
    parser.add_argument("--vm-warm", type=float, default=6, help="vm: how long it is warmed")


if __name__ == "__main__":
    alone = argparse.ArgumentParser(description=__doc__)
    alone.add_argument("--ours", required=True)
    alone.add_argument("--runs", type=int, default=3)
    arguments(alone)
    chosen = alone.parse_args()
    run([("nuthatch", chosen.ours), ("redis-server", "redis-server")], chosen)
