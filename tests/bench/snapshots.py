"""Snapshots and the journal: SAVE and load, the journal's restart and rewrite, requests while BGSAVE writes, SAVE and start
with most values paged out, SETs under each appendfsync. The servers take turns. Runs by itself too: snapshots.py --ours
BINARY [--parts save,journal,bgsave,paged,append]."""
import argparse
import os
import signal
import subprocess
import threading
import time

from common import CLIENT_CPU, Server, encode, median, names, table
from diskstore import Load

STEPS = ("save", "journal", "bgsave", "paged", "append")
MEGABYTE = 1_000_000
NO_REWRITE = "auto-aof-rewrite-percentage 0"


class Clock:
    """Seconds on the clock and of the server's CPU."""

    def __init__(self, server):
        self.server, self.cpu, self.time = server, server.cpu_nanos(), time.time()

    def stop(self):
        return time.time() - self.time, (self.server.cpu_nanos() - self.cpu) / 1e9


def restart(server, keys):
    """Kills the server, starts it anew, waits until it serves `keys` keys: seconds on the clock and of CPU."""
    server.end(signal.SIGKILL)
    begun = time.time()
    server.start()
    while server.conn.info().get("loading") != "0":
        time.sleep(0.01)
    found = server.conn.call("DBSIZE")
    if found != keys:
        raise RuntimeError(f"{server.name} has {found} keys, not {keys}")
    return time.time() - begun, server.cpu_nanos() / 1e9


def wait_until_idle(server):
    fields = ("rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled")
    while any(server.conn.info().get(field) != "0" for field in fields):
        time.sleep(0.01)


def least(pairs):
    """Of clock and CPU each the least: other work can only add."""
    return tuple(min(values) for values in zip(*pairs))


def beside(head, servers, figures, aims=()):
    """Rows of figures by name, ours last by the reference's."""
    rows = []
    for index, (name, _) in enumerate(figures[servers[0]]):
        values = {server: figures[server][index][1] for server in servers}
        row = [name, *[f"{clock:.2f} ({cpu:.2f})" for clock, cpu in values.values()]]
        if "nuthatch" in values and "redis-server" in values:
            ours, theirs = values["nuthatch"], values["redis-server"]
            row += [f"{ours[0] / theirs[0]:.2f} ({ours[1] / theirs[1]:.2f})"]
        rows.append(row + ([aims[index]] if aims else []))
    table([head, *servers, "ours / reference", *(["aim"] if aims else [])], rows)


def save(load, binaries, options):
    """SAVE and load of keys of 64 B."""
    for keys in options.counts:
        figures = {}
        for name, binary in binaries:
            with Server(name, binary) as server:
                load.run(server, n=keys, k=keys, D="seq", P=50, c=4, d=64)
                saves, loads = [], []
                for _ in range(options.runs):
                    clock = Clock(server)
                    server.conn.call("SAVE")
                    saves.append(clock.stop())
                for _ in range(options.runs):
                    loads.append(restart(server, keys))
                figures[name] = [("SAVE", least(saves)), ("load", least(loads))]
        print(f"\n{keys:,} keys of 64 B, seconds on the clock (of CPU), the least of {options.runs}:\n")
        beside("", [name for name, _ in binaries], figures, ("0.4", "0.5"))


def journal(load, binaries, options):
    """Restart from a journal with two SETs a key, its rewrite, restart after that."""
    settings = ("appendonly yes", "appendfsync everysec", NO_REWRITE)
    for keys in options.counts:
        figures = {}
        for name, binary in binaries:
            with Server(name, binary, settings) as server:
                for distribution, seed in (("seq", 0), ("uniform", 7)):
                    load.run(server, n=keys, k=keys, D=distribution, P=50, c=4, d=64, s=seed)
                time.sleep(1.5)
                before = [restart(server, keys) for _ in range(options.runs)]
                rewrites = []
                for _ in range(options.runs):
                    begun = time.time()
                    server.conn.call("BGREWRITEAOF")
                    wait_until_idle(server)
                    rewrites.append((time.time() - begun, 0.0))
                after = [restart(server, keys) for _ in range(options.runs)]
                figures[name] = [("restart", least(before)), ("rewrite", (least(rewrites)[0], 1.0)), ("restart after it", least(after))]
        print(f"\nA journal of {2 * keys:,} SETs of 64 B, seconds on the clock (of CPU; the rewrite's is the reference's child's and not counted):\n")
        beside("", [name for name, _ in binaries], figures, ("0.5", "0.6", "0.5"))


class Paced:
    """10,000 SETs a second for so long, in the background; keeps the highest resident memory of all the server's processes."""

    def __init__(self, load, server, seconds, keys):
        self.server, self.peak, self.private = server, server.resident(), 0
        arguments = dict(n=10**12, t=seconds, k=keys, D="uniform", P=1, c=4, d=1000, r=10_000, i=100)
        self.thread = threading.Thread(target=lambda: setattr(self, "told", load.run(server, **arguments)[0]))
        self.thread.start()

    def sample(self):
        self.peak = max(self.peak, self.server.resident())
        children = open(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read().split()
        for child in children:
            try:
                os.sched_setaffinity(int(child), {int(CLIENT_CPU)})
                with open(f"/proc/{child}/smaps_rollup") as file:
                    private = sum(int(line.split()[1]) for line in file if line.startswith("Private_"))
                self.private = max(self.private, private * 1024)
            except OSError:
                pass

    def finish(self):
        while self.thread.is_alive():
            self.sample()
            time.sleep(0.1)
        return self.told


def bgsave(load, binaries, options):
    """The slowest request with and without BGSAVE of a million values of 1,000 B."""
    rows = []
    for name, binary in binaries:
        with Server(name, binary) as server:
            load.run(server, n=options.large, k=options.large, D="seq", P=50, c=4, d=1000)
            Paced(load, server, 2, options.large).finish()
            for _ in range(options.runs):
                quiet = Paced(load, server, 5, options.large).finish()
                base = server.resident()
                paced = Paced(load, server, 15, options.large)
                time.sleep(2)
                begun = time.time()
                server.conn.call("BGSAVE")
                while server.conn.info().get("rdb_bgsave_in_progress") != "0" and time.time() - begun < 60:
                    paced.sample()
                    time.sleep(0.05)
                seconds = time.time() - begun
                busy = paced.finish()
                extra = max(paced.peak - base, 0) + paced.private
                rows.append([
                    name,
                    f"{quiet['p99_us'] / 1e3:.1f}",
                    f"{quiet['max_us'] / 1e3:.1f}",
                    f"{busy['p99_us'] / 1e3:.1f}",
                    f"{busy['max_us'] / 1e3:.1f}",
                    f"{(busy['max_us'] - quiet['max_us']) / 1e3:+.1f}",
                    f"{extra / MEGABYTE:.0f}",
                    f"{seconds:.1f}",
                ])
    print(f"\nBGSAVE of {options.large:,} values of 1,000 B under 10,000 SETs a second (aim: at most 3 ms over the quiet maximum, 64 MB more):\n")
    table(["", "quiet p99 ms", "quiet max ms", "p99 ms", "max ms", "difference", "extra MB", "BGSAVE s"], rows)


def first_get(server, key, expected):
    """Kills and starts anew; seconds until a GET answers rightly."""
    server.end(signal.SIGKILL)
    begun = time.time()
    server.start()
    while True:
        try:
            found = server.conn.call("GET", key)
        except RuntimeError as error:
            if "LOADING" not in str(error):
                raise
            time.sleep(0.002)
            continue
        if found != expected:
            raise RuntimeError(f"{server.name}: GET {key} is {found}")
        return time.time() - begun


def paged(_load, binaries, options):
    """SAVE and the first right GET after a start with 90 % of the values paged out."""
    values, rows = 500_000, []
    key = b"key:%012d" % 3
    for name, binary in binaries:
        settings = ("vm-enabled yes", "vm-max-memory 100mb", "vm-max-threads 4") if name == "nuthatch" else ()
        with Server(name, binary, settings) as server:
            body = os.urandom(512).hex().encode()
            server.conn.pipe((encode("SET", b"key:%012d" % i, body[16:] + b"%016d" % i) for i in range(values)), 500)
            time.sleep(2)
            saves, starts = [], []
            for _ in range(options.runs):
                clock = Clock(server)
                server.conn.call("SAVE")
                saves.append(clock.stop())
            for _ in range(options.runs):
                starts.append(first_get(server, key, body[16:] + b"%016d" % 3))
            rows.append([name, *[f"{value:.2f}" for value in (*least(saves), starts[0], min(starts))], f"{server.resident() / MEGABYTE:.0f}"])
    print(f"\n{values:,} values of 1 KiB, ours with vm-max-memory 100mb (aims: SAVE 0.5 of the reference's, first GET 0.2):\n")
    table(["", "SAVE s", "its CPU s", "start to first GET s", "a later one's", "resident MB after it"], rows)


def benchmark(server, requests, pipeline):
    command = ["redis-benchmark", "-p", server.port, "-c", 50, "-P", pipeline, "-n", requests, "-r", 1_000_000, "--csv", "-t", "set"]
    cpu = server.cpu_nanos()
    out = subprocess.run(["taskset", "-c", CLIENT_CPU, *map(str, command)], capture_output=True, text=True, check=True)
    rate = float(out.stdout.splitlines()[-1].split(",")[1].strip('"'))
    return rate, (server.cpu_nanos() - cpu) / 1e3 / requests


def append(_load, binaries, options):
    """SETs of 3 bytes, -P 16, under each policy; all of a round in turn."""
    policies = ("off", "no", "everysec", "always")
    found = {(name, policy): [] for name, _ in binaries for policy in policies}
    for _ in range(options.rounds):
        for policy in policies:
            for name, binary in binaries:
                settings = ("appendonly no",) if policy == "off" else ("appendonly yes", f"appendfsync {policy}")
                with Server(name, binary, (*settings, NO_REWRITE)) as server:
                    time.sleep(0.2)
                    requests = 300_000 if policy == "always" else 1_500_000
                    found[name, policy].append(benchmark(server, requests, 16))
    rows = []
    for name, _ in binaries:
        rate = {policy: median([rate for rate, _ in found[name, policy]]) for policy in policies}
        best = {policy: max(rate for rate, _ in found[name, policy]) for policy in policies}
        cpu = {policy: median([cpu for _, cpu in found[name, policy]]) for policy in policies}
        for policy in policies:
            rows.append([
                name,
                policy,
                f"{rate[policy]:,.0f}",
                f"{best[policy]:,.0f}",
                f"{rate[policy] / rate['off']:.2f}",
                f"{cpu[policy]:.2f}",
                f"{cpu[policy] / cpu['off']:.2f}",
            ])
    print(f"\nSETs of 3 B, -P 16, 50 clients, medians of {options.rounds} rounds (aims: everysec at least 0.90 of off; always at least 0.9 of the reference):\n")
    table(["", "appendfsync", "SET/s", "the best", "of off", "CPU µs each", "of off"], rows)


def arguments(parser):
    parser.add_argument("--parts", type=names(STEPS), default=",".join(STEPS), help=f"snapshots: which of {','.join(STEPS)}")
    parser.add_argument("--counts", type=lambda text: [int(n) for n in text.split(",")], default=[1_000_000, 5_000_000], help="snapshots: keys")
    parser.add_argument("--large", type=int, default=1_000_000, help="snapshots: values of 1,000 B for BGSAVE")
    parser.add_argument("--rounds", type=int, default=5, help="snapshots: rounds of appending")


def run(binaries, options):
    steps = dict(zip(STEPS, (save, journal, bgsave, paged, append)))
    with Load() as load:
        for name in options.parts:
            steps[name](load, binaries, options)


if __name__ == "__main__":
    alone = argparse.ArgumentParser(description=__doc__)
    alone.add_argument("--ours", required=True)
    alone.add_argument("--runs", type=int, default=2)
    alone.add_argument("--without-reference", action="store_true")
    arguments(alone)
    given = alone.parse_args()
    both = [("nuthatch", given.ours), ("redis-server", "redis-server")]
    run(both[:1] if given.without_reference else both, given)
