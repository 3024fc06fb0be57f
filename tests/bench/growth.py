"""The slowest batch of 32 SETs while the table grows. A stall of the server comes back at the same key count in every
run, a disturbance by something else does not; so for each stretch of keys the least of the runs' maxima counts."""
import json
import os
import subprocess

from common import CLIENT_CPU, Server, table

STRETCH = 100_000


def one(name, binary, load, keys):
    with Server(name, binary) as server:
        command = ["taskset", "-c", CLIENT_CPU, load, str(server.port), str(keys), str(STRETCH)]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def run(binaries, options):
    load = os.path.join(options.target, "release", "load")
    rows = []
    for name, binary in binaries:
        runs = [one(name, binary, load, options.keys) for _ in range(options.runs)]
        least = [min(stretch) for stretch in zip(*[run["stretch_max_us"] for run in runs])]
        worst = max(range(len(least)), key=least.__getitem__)
        rows.append([
            name,
            f"{min(run['p50_us'] for run in runs):.0f}",
            f"{min(run['p99_us'] for run in runs):.0f}",
            f"{min(run['p999_us'] for run in runs):.0f}",
            f"{least[worst]:.0f} at {worst * STRETCH / 1e6:.1f}M keys",
        ])
    print(f"\nµs for a batch of 32 SETs while the table grows to {options.keys:,} keys (the worst that came back in each run):\n")
    table(["", "p50", "p99", "p99.9", "worst"], rows)
