"""What the measurements share: names of their parts, a client that pipelines, servers pinned to one core, readings from /proc."""
import argparse
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

SERVER_CPU, CLIENT_CPU = "0", "1"


def names(among):
    """Reads a list of names; one that is not there is an error that tells which are."""

    def read(text):
        chosen = text.split(",")
        for name in chosen:
            if name not in among:
                raise argparse.ArgumentTypeError(f"there is no '{name}': it is one or more of {','.join(among)}, with commas between them")
        return chosen

    return read


class Conn:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=600)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", 1 << 16)

    def read(self):
        line = self.file.readline()
        if not line:
            raise EOFError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        return int(rest) if kind == b":" else rest

    def call(self, *words):
        self.socket.sendall(encode(*words))
        return self.read()

    def info(self):
        lines = self.call("INFO").decode("utf8", "replace").split("\r\n")
        return dict(line.split(":", 1) for line in lines if ":" in line and not line.startswith("#"))

    def pipe(self, commands, batch=1000):
        """Sends encoded commands whose replies are one line each; fails at the first error."""
        buffer = []
        for command in commands:
            buffer.append(command)
            if len(buffer) == batch:
                self.flush(buffer)
        self.flush(buffer)

    def flush(self, buffer):
        self.socket.sendall(b"".join(buffer))
        for _ in buffer:
            line = self.file.readline()
            if line[:1] == b"-":
                raise RuntimeError(line.decode())
        buffer.clear()


def encode(*words):
    out = [b"*%d\r\n" % len(words)]
    for word in words:
        word = word if isinstance(word, bytes) else str(word).encode()
        out.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(out)


KEVY = "kevy"


class Server:
    """`binary conf-file` on a free port, pinned to one core, in a directory that goes with it. Kevy takes flags in place of the
    file: one shard, as it has one core, and no journal."""

    def __init__(self, name, binary, settings=()):
        self.name, self.binary = name, binary
        self.dir = tempfile.mkdtemp(prefix="nuthatch-bench-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.conf = os.path.join(self.dir, "server.conf")
        usual = (f"port {self.port}", "bind 127.0.0.1", f"dir {self.dir}", 'save ""', "appendonly no")
        with open(self.conf, "w") as file:
            file.writelines(f"{line}\n" for line in (*usual, *settings))
        self.start()

    def start(self):
        """Also after `end`, over what it left."""
        log = open(os.path.join(self.dir, "log"), "ab")
        flags = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", self.dir, "--threads", "1", "--no-aof"]
        command = ["taskset", "-c", SERVER_CPU, self.binary, *(flags if self.name == KEVY else [self.conf])]
        self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.dir)
        self.pid = self.process.pid
        self.conn = self.wait()

    def wait(self):
        until = time.time() + 30
        while time.time() < until and self.process.poll() is None:
            try:
                conn = Conn(self.port)
                if conn.call("PING") == b"PONG":
                    return conn
            except (OSError, RuntimeError):
                time.sleep(0.01)
        log = open(os.path.join(self.dir, "log")).read()
        self.stop()
        raise RuntimeError(f"{self.name} does not start: {log}")

    def end(self, how):
        self.conn.socket.close()
        os.kill(self.pid, how)
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def cpu_nanos(self):
        """Nanoseconds that all its threads ran."""
        total = 0
        for thread in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{thread}/schedstat") as file:
                total += int(file.read().split()[0])
        return total

    def resident(self):
        with open(f"/proc/{self.pid}/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))


def median(values):
    values = sorted(values)
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)
