"""What is measured of a usherd that stands: pages of its list of members, the beginning of a
session, and what it takes while nothing happens."""

import contextlib
import http.server
import itertools
import os
import socket
import statistics
import subprocess
import threading
import time

import contestants
import meter
from usher import UnixConnection, Usher, check, wait_for

HUBS = 20
CALLS = 200
DEPTHS = (0, 50, 99)


# ---- Pages of members.

class Pages:
    """GET /hubs/{hub}/members?limit=50 at some depths of the list."""

    def __init__(self, ours):
        self.ours, self.connection = ours, UnixConnection(ours.usher.socket)
        self.cursors = {}

    def get(self, query):
        self.connection.request("GET", f"/api/v1/hubs/{self.ours.hub}/members?{query}")
        answer = self.connection.getresponse()
        body = answer.read()
        check(answer.status == 200, f"members: {answer.status} {body[:300]}")
        return body

    def find(self, members):
        """Walks through the list once, for the cursors."""
        wanted, seen, cursor, limit = list(DEPTHS), 0, None, min(max(members // 200, 50), 500)
        while wanted:
            if seen * 100 >= wanted[0] * members:
                self.cursors[wanted.pop(0)] = cursor
            _, page = self.ours.usher.api("GET", f"/hubs/{self.ours.hub}/members?limit={limit}"
                                          + (f"&cursor={cursor}" if cursor else ""))
            seen, cursor = seen + len(page["items"]), page.get("next")
            check(cursor or not wanted, "the list ended early")

    def measure(self, running=None):
        """Median seconds of a call at each depth, in turn.  RUNNING: only calls count that began
        and ended while it answers true."""
        times = {depth: [] for depth in self.cursors}
        while any(len(found) < CALLS for found in times.values()):
            for depth, cursor in self.cursors.items():
                counts, began = not running or running(), time.monotonic()
                self.get("limit=50" + (f"&cursor={cursor}" if cursor else ""))
                took = time.monotonic() - began
                if counts and (not running or running()):
                    times[depth].append(took)
        return {depth: statistics.median(found[:CALLS]) for depth, found in times.items()}


class Syncs(threading.Thread):
    """Syncs a hub again and again; busy is true while rows come."""

    def __init__(self, ours):
        super().__init__(daemon=True)
        self.ours, self.ended, self.busy = ours, threading.Event(), False

    def run(self):
        while not self.ended.is_set():
            task = self.ours.begin_sync()
            self.busy = True
            self.ours.wait_sync(task)
            self.busy = False

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.ended.set()
        self.join()


def member_pages(scratch, app, members, page):
    """{"idle": {depth: seconds}, "syncing": {...}}"""
    ours = contestants.Ours(scratch, app)
    try:
        ours.connect(app.url(members, page))
        pages = Pages(ours)
        pages.find(members)
        found = {"idle": pages.measure()}
        with Syncs(ours) as syncs:
            found["syncing"] = pages.measure(lambda: syncs.busy)
        pages.connection.close()
        return found
    finally:
        ours.close()


# ---- Sessions that begin.

class Ear(http.server.ThreadingHTTPServer):
    """A SCIM app of one member for any base URL, that notes when connections began to speak."""

    daemon_threads = True

    def __init__(self):
        self.heard, self.lock = [], threading.Lock()
        super().__init__(("127.0.0.1", 0), Mouth)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, name):
        return f"http://127.0.0.1:{self.server_address[1]}/{name}/scim/v2"

    def first_after(self, moment):
        with self.lock:
            return min((heard for heard in self.heard if heard > moment), default=None)


class Mouth(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    USERS = (b'{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":1,"startIndex":1,'
             b'"itemsPerPage":1,"Resources":[{"id":"1","userName":"ada@example.com","active":true,'
             b'"emails":[{"value":"ada@example.com"}]}]}')

    def setup(self):
        with contextlib.suppress(OSError):
            if self.request.recv(1, socket.MSG_PEEK):
                with self.server.lock:
                    self.server.heard.append(time.monotonic_ns())
        super().setup()

    def do_GET(self):
        body = self.USERS if "/Users" in self.path else b"{}"
        self.send_response(200)
        self.send_header("Content-Type", "application/scim+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def spawn_cost(ear):
    """Milliseconds from the beginning of a session of the floor to its first byte."""
    done = subprocess.run([contestants.PROGRAMS / "floor", "spawn", ear.url("floor"), str(HUBS)], check=True,
                          capture_output=True, text=True)
    return [(ear.first_after(began) - began) / 1e6 for began in map(int, done.stdout.split())]


class Many:
    """A usherd with 20 hubs."""

    def __init__(self, scratch, ear):
        self.usher, self.ear = Usher(scratch), ear
        self.hubs = []
        for n in range(HUBS):
            hub = {"app": "scim", "label": f"Hub {n}", "login_method": "sso", "fields": {"base_url": ear.url(f"hub{n}")},
                   "account": {"label": f"Hub {n}", "kind": "token", "secrets": {"token": contestants.TOKEN}}}
            self.hubs.append(self.usher.api("POST", "/hubs", hub, expect=202)[1]["hub"]["id"])
        wait_for(self.quiet, "the first syncs", 120)

    def quiet(self):
        """No task is open, and each hub has been synced."""
        hubs = self.usher.api("GET", "/hubs?limit=50")[1]["items"]
        tasks = self.usher.api("GET", "/tasks?limit=50")[1]["items"]
        return all(hub.get("last_synced_at") for hub in hubs) and all(task.get("ended_at") for task in tasks)

    def restart(self):
        """Afterwards there is no session."""
        self.usher.stop()
        self.usher.start()

    def first_bytes(self):
        """Milliseconds from the request to sync and from the start of its task to the first byte,
        each in a session of its own."""
        self.usher.stop()
        self.usher.start()
        asked, started = [], []
        for hub in self.hubs:
            began, wall = time.monotonic_ns(), time.time()
            task = self.usher.api("POST", f"/hubs/{hub}/sync", {}, expect=202)[1]["id"]
            asked.append((wait_for(lambda began=began: self.ear.first_after(began), "a request") - began) / 1e6)
            wait_for(self.quiet, "the sync")
            task = self.usher.api("GET", f"/tasks/{task}")[1]
            started.append(asked[-1] - (contestants.moment(task["started_at"]) - wall) * 1e3)
        return asked, started

    def idle(self, seconds):
        """Private bytes and switches of context a second, once no session is left."""
        pid = self.usher.process.pid
        wait_for(lambda: not meter.children(pid), "the end of the sessions", 120)
        time.sleep(1)
        before, began = switches(pid), time.monotonic()
        time.sleep(seconds)
        return meter.rss_anon(pid), (switches(pid) - before) / (time.monotonic() - began)


def switches(pid):
    """Voluntary and other switches of all threads so far."""
    return sum(meter.status_field(pid, name, thread) for thread, name in itertools.product(
        os.listdir(f"/proc/{pid}/task"), ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches")))
