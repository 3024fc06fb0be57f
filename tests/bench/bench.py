"""Ours beside redis-server, as markdown tables. `cargo xtask bench` builds what this needs and calls it.

Judge by ratios and by server CPU: the machine's other load moves requests a second, and without a pipeline the loopback
costs more than the engine."""
import argparse

import diskstore
import growth
import memory
import snapshots
import throughput
import vm_zipf


def main():
    parser = argparse.ArgumentParser(prog="cargo xtask bench", description=__doc__)
    parser.add_argument("--ours", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--target", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--only", default="throughput,memory,growth", help="which of: throughput,memory,growth,diskstore,snapshots,vm")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=BINARY", help="another server (BINARY CONF-FILE)")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--tests", default="", help="throughput: set,get,… (all)")
    parser.add_argument("--pipelines", default="16,1")
    parser.add_argument("--kinds", default="", help="memory: str8,hash10,… (all)")
    parser.add_argument("--scale", type=int, default=1_000_000, help="memory: strings, and elements of collections")
    parser.add_argument("--keys", type=int, default=10_000_000, help="growth: how far")
    diskstore.arguments(parser)
    snapshots.arguments(parser)
    vm_zipf.arguments(parser)
    options = parser.parse_args()
    binaries = [("nuthatch", options.ours), ("redis-server", "redis-server")]
    binaries += [tuple(peer.split("=", 1)) for peer in options.peer]
    parts = {"throughput": throughput, "memory": memory, "growth": growth, "diskstore": diskstore, "snapshots": snapshots, "vm": vm_zipf}
    for name, module in parts.items():
        if name in options.only.split(","):
            module.run(binaries, options)


main()
