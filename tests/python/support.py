"""What the scripts share: a client of the protocol that was asked for, and a tiny runner that names what failed."""
import inspect
import sys
import time

import redis

PORT, PROTOCOL = int(sys.argv[1]), int(sys.argv[2])


def client(**options):
    options.setdefault("decode_responses", True)
    return redis.Redis(port=PORT, protocol=PROTOCOL, socket_timeout=20, **options)


def eventually(holds, seconds=10):
    """Waits until `holds()` is true."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.01)
    return False


def refuses(call, kind=redis.ResponseError, says=""):
    try:
        call()
    except kind as error:
        assert says in str(error), f"{error!r} should say {says!r}"
        return
    raise AssertionError("the call was not refused")


def run(module):
    """Runs every function called test_*, each on an empty server."""
    tests = [item for item in inspect.getmembers(module, inspect.isfunction) if item[0].startswith("test_")]
    for name, test in tests:
        client().flushall()
        try:
            test()
        except Exception:
            print(f"{name} failed", file=sys.stderr)
            raise
    print(f"{len(tests)} scripts")
