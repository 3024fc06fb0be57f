"""A group of processes that may use only so much memory, files that the system keeps in memory among it: what is larger waits for the disk."""
import os
import time

ROOT = "/sys/fs/cgroup"


def can_bound():
    """Whether there are such groups: for root, and with control groups of version 2 where they are switched on."""
    if os.geteuid() != 0:
        return False
    if os.path.isdir(os.path.join(ROOT, "memory")):
        return True
    try:
        with open(os.path.join(ROOT, "cgroup.subtree_control")) as file:
            return "memory" in file.read().split()
    except OSError:
        return False


class MemoryGroup:
    """Of control groups of either version."""

    def __init__(self, most):
        first = os.path.isdir(os.path.join(ROOT, "memory"))
        self.folder = os.path.join(ROOT, "memory" if first else "", f"nuthatch-bench-{os.getpid()}")
        self.limit = "memory.limit_in_bytes" if first else "memory.max"
        self.most = most

    def __enter__(self):
        if not os.path.isdir(self.folder):
            os.mkdir(self.folder)
        self.write(self.limit, self.most)
        return self

    def __exit__(self, *_):
        # Its processes may not be gone yet.
        for _ in range(100):
            try:
                return os.rmdir(self.folder)
            except OSError:
                time.sleep(0.05)

    def take(self, pid):
        """Everything that this process has to do with memory from now on counts."""
        self.write("cgroup.procs", pid)

    def write(self, name, value):
        with open(os.path.join(self.folder, name), "w") as file:
            file.write(str(value))


def forget_files():
    """What the system keeps of files in memory goes."""
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w") as file:
        file.write("3")
