"""What running processes use: processor time, private memory, bytes given to write."""

import contextlib
import os
import pathlib
import threading
import time

SAMPLE_S = 0.05
CPUCLOCK_SCHED = 2   # of the kernel's numbers for clocks of processes


def cpu_seconds(pid):
    """User and system time of a process so far, by its own clock."""
    try:
        return time.clock_gettime(~pid << 3 | CPUCLOCK_SCHED)
    except OSError:
        return 0.0


def status_field(pid, name, thread=None):
    path = f"/proc/{pid}/task/{thread}/status" if thread else f"/proc/{pid}/status"
    for line in pathlib.Path(path).read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    return 0


def rss_anon(pid):
    with contextlib.suppress(OSError):
        return status_field(pid, "RssAnon") * 1024
    return 0


def children(pid):
    found = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError):
            text = pathlib.Path(f"/proc/{pid}/task/{thread}/children").read_text()
            found += [int(child) for child in text.split()]
    return found


def written(pid):
    """Bytes the process gave to write(2) and its like so far: "wchar" of proc(5)."""
    for line in pathlib.Path(f"/proc/{pid}/io").read_text().splitlines():
        if line.startswith("wchar:"):
            return int(line.split()[1])
    return 0


class Watch(threading.Thread):
    """Samples a process and its children every 50 ms: the peaks of private memory, and the sizes
    of the files below FOLDER that it has open, but for those of the database.  Such files are
    written once, front to back, so the greatest size seen of each is what was written."""

    def __init__(self, pid, folder):
        super().__init__(daemon=True)
        self.pid, self.folder, self.ended = pid, os.path.realpath(folder), threading.Event()
        self.lock = threading.Lock()
        self.reset()
        self.start()

    def reset(self):
        self.own = self.others = self.samples = 0
        self.files = {}

    def run(self):
        while not self.ended.wait(SAMPLE_S):
            with self.lock, contextlib.suppress(OSError):
                self.sample()

    def sample(self):
        self.own = max(self.own, rss_anon(self.pid))
        self.others = max(self.others, sum(map(rss_anon, children(self.pid))))
        self.samples += 1
        for fd in os.listdir(f"/proc/{self.pid}/fd"):
            path = f"/proc/{self.pid}/fd/{fd}"
            with contextlib.suppress(OSError):
                name = os.readlink(path)
                if name.startswith(self.folder) and not name.endswith(".mdb"):
                    found = os.stat(path)
                    self.files[found.st_ino] = max(self.files.get(found.st_ino, 0), found.st_size)

    def take(self):
        """The peaks since the last time: own memory, the children's, bytes of other files."""
        with self.lock:
            with contextlib.suppress(OSError):
                self.sample()
            taken = self.own, self.others, sum(self.files.values())
            self.reset()
        return taken

    def stop(self):
        self.ended.set()
        self.join()
