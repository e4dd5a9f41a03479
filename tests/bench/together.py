"""Ten hubs of one daemon that are synced at once: against one after the other, and what the API's
callers wait for meanwhile."""

import shutil
import time

import contestants
from standing import UnixConnection
from usher import Usher, check, wait_for

HUBS = 10
PAGE = 1000
CALLS = 400
LOOK_S = 0.2


class Fleet:
    """A usherd with HUBS hubs of MEMBERS members each, connected but for their first sync where
    AT_ONCE, else one after the other; seconds says how long that took."""

    def __init__(self, scratch, app, members, at_once):
        self.usher = Usher(scratch, config=f"[http]\nca-file = {app.cert}\n")
        self.hubs = []
        # Page sizes differ a little, because a second hub of one address is refused.
        urls = [app.url(members, PAGE - n) for n in range(HUBS)]
        began = time.monotonic()
        for n, url in enumerate(urls):
            hub = {"app": "scim", "label": f"Hub {n}", "login_method": "sso", "fields": {"base_url": url},
                   "account": {"label": f"Hub {n}", "kind": "token", "secrets": {"token": contestants.TOKEN}}}
            self.hubs.append(self.usher.api("POST", "/hubs", hub, expect=202)[1]["hub"]["id"])
            if not at_once:
                self.wait()
        self.wait()
        self.seconds = time.monotonic() - began

    def wait(self):
        wait_for(self.quiet, "the syncs", 600)

    def quiet(self):
        hubs = self.usher.api("GET", "/hubs?limit=50")[1]["items"]
        tasks = self.usher.api("GET", "/tasks?limit=100")[1]["items"]
        bad = [task for task in tasks if task["status"] == "not-completed"]
        check(not bad, f"tasks that failed: {bad}")
        return all(hub.get("last_synced_at") for hub in hubs) and all(task.get("ended_at") for task in tasks)

    def sync_all(self):
        for hub in self.hubs:
            self.usher.api("POST", f"/hubs/{hub}/sync", {}, expect=202)

    def stop(self):
        self.usher.stop()
        shutil.rmtree(self.usher.state)
        shutil.rmtree(self.usher.runtime)


class Caller:
    """One client that reads and writes on a connection of its own."""

    def __init__(self, fleet):
        self.fleet, self.connection, self.people = fleet, UnixConnection(fleet.usher.socket), 0

    def call(self, method, path, body, expect):
        began = time.monotonic()
        self.connection.request(method, "/api/v1" + path, body, {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        check(answer.status == expect, f"{method} {path}: {answer.status} {text[:300]}")
        return time.monotonic() - began

    def read(self):
        return self.call("GET", f"/hubs/{self.fleet.hubs[self.people % HUBS]}/members?limit=50", None, 200)

    def write(self):
        self.people += 1
        return self.call("POST", "/people", f'{{"email": "person{self.people}@corp.example.com"}}', 201)

    def measure(self, keep_busy=lambda: None):
        """The 99th of a hundred of reads and of writes, in seconds."""
        reads, writes = [], []
        for _ in range(CALLS):
            keep_busy()
            reads.append(self.read())
            writes.append(self.write())
        return [sorted(found)[len(found) * 99 // 100] for found in (reads, writes)]


class Found:
    """Seconds: of the first syncs, and the 99th of a hundred calls of each kind."""

    def __init__(self, one_by_one, at_once, idle, busy):
        self.one_by_one, self.at_once = one_by_one, at_once
        self.idle_read, self.idle_write = idle
        self.busy_read, self.busy_write = busy


class Busy:
    """Begins the next sync of all hubs when the last ones have ended."""

    def __init__(self, fleet):
        self.fleet, self.looked = fleet, 0

    def keep(self):
        if time.monotonic() - self.looked > LOOK_S:
            self.looked = time.monotonic()
            if self.fleet.quiet():
                self.fleet.sync_all()


def compare(scratch, app, members):
    fleet = Fleet(scratch, app, members, at_once=False)
    one_by_one = fleet.seconds
    fleet.stop()
    fleet = Fleet(scratch, app, members, at_once=True)
    caller = Caller(fleet)
    found = Found(one_by_one, fleet.seconds, caller.measure(), caller.measure(Busy(fleet).keep))
    fleet.wait()
    caller.connection.close()
    fleet.stop()
    return found
