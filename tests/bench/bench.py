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
from common import KEVY, names


PARTS = {"throughput": throughput, "memory": memory, "growth": growth, "diskstore": diskstore, "snapshots": snapshots, "vm": vm_zipf}


def main():
    parser = argparse.ArgumentParser(prog="cargo xtask bench", description=__doc__)
    parser.add_argument("--ours", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--target", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--only", type=names(PARTS), default="throughput,memory,growth", metavar="NAME,…", help=f"which of {','.join(PARTS)} (%(default)s)")
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=BINARY", help="another server (BINARY CONF-FILE)")
    parser.add_argument("--kevy", metavar="BINARY", help="kevy (cargo install kevy --version 3.17.3 --locked), the nearest peer, for throughput and memory")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--tests", type=names([name.lower() for name in throughput.TESTS]), help="throughput: set,get,… (all)")
    parser.add_argument("--pipelines", default="16,1")
    parser.add_argument("--kinds", type=names([kind.split()[0] for kind in memory.KINDS]), help="memory: str8,hash10,… (all)")
    parser.add_argument("--scale", type=int, default=1_000_000, help="memory: strings, and elements of collections")
    parser.add_argument("--keys", type=int, default=10_000_000, help="growth: how far")
    diskstore.arguments(parser)
    snapshots.arguments(parser)
    vm_zipf.arguments(parser)
    options = parser.parse_args()
    if options.check:
        return
    binaries = [("nuthatch", options.ours), ("redis-server", "redis-server")]
    binaries += [tuple(peer.split("=", 1)) for peer in options.peer]
    kevy = [(KEVY, options.kevy)] if options.kevy else []
    for name, module in PARTS.items():
        if name in options.only:
            module.run(binaries + kevy if module in (throughput, memory) else binaries, options)


main()
