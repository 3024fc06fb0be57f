"""A group of processes that may use only so much memory, files that the system keeps in memory among it: what is larger waits for the disk."""
import os

ROOT = "/sys/fs/cgroup"


class MemoryGroup:
    """Needs root, and control groups of either version."""

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
        os.rmdir(self.folder)

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
