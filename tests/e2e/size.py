#!/usr/bin/env python3
"""100,000 members: private memory, and what an unchanged listing writes.  Prints the figures;
nothing is asserted of times.  Uses the build without sanitizers (USHER_PLAIN), which distort
memory."""

import contextlib
import os
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from usher import BUILD, App, Usher, check, equal, main  # noqa: E402

PLAIN = os.environ.get("USHER_PLAIN") or BUILD
MEMBERS = 100_000
CHANGED = 100
MIB = 1 << 20
DAEMON_MAX = 64 * MIB
CHILDREN_MAX = 32 * MIB
# The task, the hub, events and the tree above them; a row each would be thousands.
QUIET_PAGES = 200
DB_PAGE = 4096


def rss_anon(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def children(pid):
    return [int(child) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()]


class Watch(threading.Thread):
    """Samples private memory every 50 ms."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.ended = pid, threading.Event()
        self.samples = self.daemon_peak = self.children_peak = self.children_seen = 0

    def run(self):
        while not self.ended.wait(0.05):
            with contextlib.suppress(OSError):
                self.daemon_peak = max(self.daemon_peak, rss_anon(self.pid))
                mine = children(self.pid)
                self.children_peak = max(self.children_peak, sum(map(rss_anon, mine)))
                self.children_seen = max(self.children_seen, len(mine))
                self.samples += 1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.ended.set()
        self.join()

    def hold(self, what):
        print(f"  {what}: private memory of usherd {self.daemon_peak / MIB:.1f} MiB, of worker and net "
              f"{self.children_peak / MIB:.1f} MiB ({self.samples} samples)", flush=True)
        check(self.samples >= 5 and self.children_seen >= 2, "too few samples of worker and net")
        check(self.daemon_peak < DAEMON_MAX, f"usherd took {self.daemon_peak} bytes")
        check(self.children_peak < CHILDREN_MAX, f"worker and net took {self.children_peak} bytes")


def pages(usher):
    """A fingerprint of each page of the store's file."""
    found = []
    with open(usher.state / "store/data.mdb", "rb") as file:
        while page := file.read(DB_PAGE):
            found.append(hash(page))
    return found


def differing(before, after):
    return sum(a != b for a, b in zip(before, after)) + abs(len(after) - len(before))


def written(usher):
    """What the daemon wrote so far, to any file."""
    for line in pathlib.Path(f"/proc/{usher.process.pid}/io").read_text().splitlines():
        if line.startswith("wchar:"):
            return int(line.split()[1])
    return 0


def sync(usher, what):
    before, wrote, began = pages(usher), written(usher), time.monotonic()
    with Watch(usher.process.pid) as watch:
        usher.usher("sync", "Acme", timeout=300)
    took, wrote, after = time.monotonic() - began, written(usher) - wrote, pages(usher)
    task = usher.tasks()[0]
    result = task["sync"]
    changed = differing(before, after)
    print(f"  {what}: {took:.1f} s, {result['requests']} requests, {result['bytes'] / MIB:.1f} MiB came; "
          f"{wrote / MIB:.1f} MiB written, spool and all; {changed} of {len(after)} pages of the store differ", flush=True)
    watch.hold(what)
    equal((task["status"], result["listing"], result["seen"]), ("completed", "complete", MEMBERS), "the sync")
    return result, changed


def hundred_thousand(scratch):
    """100,000 members fit into the memory promised, and an unchanged listing writes no row"""
    app = App(scratch, users=MEMBERS, page_max=1000, order="permuted")
    usher = Usher(scratch, build=PLAIN)
    began = time.monotonic()
    with Watch(usher.process.pid) as watch:
        usher.connect(app)
    took = time.monotonic() - began
    result = usher.tasks()[0]["sync"]
    print(f"  first sync: {took:.1f} s, {result['requests']} requests, {result['bytes'] / MIB:.1f} MiB came; "
          f"the store has {len(pages(usher))} pages", flush=True)
    watch.hold("first sync")
    equal((result["listing"], result["seen"], result["added"]), ("complete", MEMBERS, MEMBERS), "the first sync")
    equal(usher.hub()["counts"]["unmatched"], MEMBERS, "members")

    result, changed = sync(usher, "unchanged")
    equal((result["added"], result["changed"], result["missing"]), (0, 0, 0), "the unchanged listing")
    check(changed < QUIET_PAGES, f"an unchanged listing changed {changed} pages of the store")

    names = [f"user{n * (MEMBERS // CHANGED):06}@example.com" for n in range(CHANGED)]
    app.change(set={name: {"roles": [{"value": "auditor"}]} for name in names})
    result, changed = sync(usher, f"{CHANGED} changed")
    equal((result["added"], result["changed"], result["missing"]), (0, CHANGED, 0), "the changed listing")
    equal([r["id"] for r in usher.member(names[7])["roles"]], ["auditor"], "a changed member")
    look_deep(usher)


def look_deep(usher):
    """The pages of the list from the first to the last: each member once, the last as quick."""
    hub, seen, token, times = usher.hub()["id"], set(), None, []
    while len(times) <= MEMBERS // 500:
        began = time.monotonic()
        _, page = usher.api("GET", f"/hubs/{hub}/members?limit=500" + (f"&cursor={token}" if token else ""))
        times.append(time.monotonic() - began)
        seen |= {member["id"] for member in page["items"]}
        token = page.get("next")
        if not token:
            break
    equal(len(seen), MEMBERS, "different members on all pages")
    print(f"  lists of 500: the first {times[0] * 1000:.0f} ms, the last {times[-1] * 1000:.0f} ms, all {len(times)} "
          f"{sum(times):.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main([hundred_thousand], "size"))
