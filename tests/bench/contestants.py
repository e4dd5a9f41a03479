"""The programs that are compared.  Each answers {"first": Cost, "unchanged": Cost} for one list."""

import contextlib
import datetime
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import meter  # noqa: E402
from usher import BUILD, Usher, check, wait_for  # noqa: E402

PROGRAMS = BUILD / "tests/bench"
SOURCE = pathlib.Path(__file__).resolve().parents[2]
TOKEN = "bench"


def moment(text):
    """Seconds since 1970 of a time that the API tells."""
    return datetime.datetime.fromisoformat(text).timestamp()


class Cost:
    """Of one pass: seconds, bytes given to the database's files and to others, peaks of memory of
    the process that stores and of its children, rows and their own size."""

    def __init__(self, wall, cpu, written=0, temp=0, own=0, others=0, size=0, rows=0, row_bytes=0):
        self.wall, self.cpu, self.own, self.others = wall, cpu, own, others
        self.temp, self.db, self.size = temp, max(written - temp, 0), size
        self.rows, self.row_bytes = rows, row_bytes

    def __str__(self):
        mib = 1 << 20
        return (f"cpu={self.cpu:.3f}s wall={self.wall:.3f}s db={self.db / mib:.1f}MiB temp={self.temp / mib:.1f}MiB "
                f"anon={self.own / mib:.1f}+{self.others / mib:.1f}MiB")


class App:
    """tests/bench/app, and a certificate that only it has."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.cert, key = scratch.dir / "app.pem", scratch.dir / "app.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-keyout", key, "-out", self.cert, "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        self.process = subprocess.Popen([PROGRAMS / "app", self.cert, key], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        scratch.callback(self.stop)
        self.port = int(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def url(self, members, page, changed=0):
        """The base URL of an app of so many MEMBERS in pages of PAGE, CHANGED in a thousand of them
        changed; the app has written the list when this returns."""
        base = f"https://127.0.0.1:{self.port}/{members}/{page}/{changed}/scim/v2"
        subprocess.run(["curl", "-sSf", "-o", "/dev/null", "--cacert", self.cert, f"{base}/Users?startIndex=1&count=1"],
                       check=True)
        return base


@contextlib.contextmanager
def folder(scratch, name):
    path = scratch.dir / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def run_spans(argv, path):
    """A program of the bench that prints a line at the end of each pass."""
    process = subprocess.Popen(list(map(str, argv)), stdout=subprocess.PIPE, text=True)
    watch, found = meter.Watch(process.pid, path), {}
    try:
        for line in process.stdout:
            span = json.loads(line)
            own, others, temp = watch.take()
            size = (path / "data.mdb").stat().st_size
            found[span["span"]] = Cost(span["wall"], span["cpu"], span["written"], temp, own, others, size,
                                       span["rows"], span["row_bytes"])
    finally:
        watch.stop()
        process.stdout.close()
        check(process.wait() == 0, f"{argv[0]} ended with {process.returncode}")
    return found


def floor(scratch, app, members, page):
    with folder(scratch, "floor") as path:
        return run_spans([PROGRAMS / "floor", "sync", path, app.url(members, page), app.cert], path)


def obvious(scratch, app, members, page):
    with folder(scratch, "obvious") as path:
        return run_spans([PROGRAMS / "obvious", path, app.url(members, page), page, app.cert], path)


def curl(scratch, app, members, page):
    """One curl that gets all pages, one after the other, and drops them."""
    base = app.url(members, page)
    urls = scratch.file("urls", "".join(
        f'url = "{base}/Users?startIndex={start}&count={page}"\noutput = "/dev/null"\n'
        for start in range(1, members + 1, page)))
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(["curl", "-sSf", "--cacert", app.cert, "-K", urls], check=True)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cost = Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {"first": cost, "unchanged": cost}


# What a member is, by jq.
EXPRESSION = ("{id, username: .userName, first_name: .name.givenName, last_name: .name.familyName, "
              "email: .emails[0].value, created: .meta.created, roles: {role: [.roles[].value]}, "
              "state: (if .active then \"active\" else \"disabled\" end)}")


def descriptors(scratch):
    """A folder with the SCIM app file as it is, and as two others for the same lists: "plain" says by paths
    what a member is, and "jq" by an expression."""
    scim = json.loads((SOURCE / "plugins/seat/apps/scim.json").read_text())
    plain = {"id": "id", "username": "userName", "first_name": "name.givenName", "last_name": "name.familyName",
             "email": "emails[0].value", "created": "meta.created", "roles": {"role": "roles[].value"},
             "state": {"at": "active", "map": {"true": "active", "false": "disabled"}}}
    jq = {"jq": EXPRESSION, "roles": {"role": "roles.role"}}
    (scratch.dir / "apps").mkdir(exist_ok=True)
    for name, member in (("plain", plain), ("jq", jq)):
        page = {"style": "offset", "size": 1000, "first": 1, "total": "totalResults",
                "send": {"startIndex": "{offset}", "count": "{size}"}}
        run = {"base": "{base_url}", "list": [{"get": "/Users", "at": "Resources[]", "page": page, "member": member}]}
        one = {**scim, "id": name, "name": name, "read": "list", "remove": {"policy": "delete"}, "provisioning": [],
               "can": {**scim["can"], "add-user": "It only lists", "update-role": "It only lists",
                       "remove-user": "It only lists"}, "run": {"rest": run}}
        one["fields"] = [field for field in scim["fields"] if field["key"] == "base_url"]
        (scratch.dir / f"apps/{name}.json").write_text(json.dumps(one))
    shutil.copy(SOURCE / "plugins/seat/apps/scim.json", scratch.dir / "apps")
    return scratch.dir / "apps"


class Ours:
    """A usherd of its own with one hub."""

    def __init__(self, scratch, app, apps=None):
        self.scratch, self.app = scratch, app
        paths = f"[paths]\napp-path = {apps}\n" if apps else ""
        self.usher = Usher(scratch, config=f"[http]\nca-file = {app.cert}\n{paths}")
        self.pid = self.usher.process.pid
        self.watch = meter.Watch(self.pid, self.usher.state)
        self.hub = None

    def close(self):
        self.watch.stop()
        self.usher.stop()
        shutil.rmtree(self.usher.state)
        shutil.rmtree(self.usher.runtime)

    def cpu(self):
        return sum(map(meter.cpu_seconds, [self.pid, *meter.children(self.pid)]))

    def ended_sync(self, task=None):
        """The sync of this id, or the hub's only one, once it has ended."""
        if task:
            found = self.usher.api("GET", f"/tasks/{task}")[1]
        else:
            tasks = self.usher.api("GET", f"/tasks?hub={self.hub}")[1]["items"]
            bad = [one for one in tasks if one["status"] == "not-completed"]
            check(not bad, f"the hub: {bad}")
            found = next((one for one in tasks if one["kind"] == "sync"), {})
        return found if found.get("ended_at") else None

    def begin_sync(self):
        """Asks for a sync; its id."""
        return self.usher.api("POST", f"/hubs/{self.hub}/sync", {}, expect=202)[1]["id"]

    def wait_sync(self, task=None):
        return wait_for(lambda: self.ended_sync(task), "the end of the sync", 900)

    def span(self, begin):
        """What it costs from BEGIN to the end of the sync that it starts."""
        self.watch.take()
        cpu, written, began = self.cpu(), meter.written(self.pid), time.time()
        task = self.wait_sync(begin())
        cpu, written = self.cpu() - cpu, meter.written(self.pid) - written
        wall = moment(task["ended_at"]) - began
        own, others, temp = self.watch.take()
        check(task["status"] == "completed" and task["sync"]["listing"] == "complete", f"the sync: {task}")
        size = (self.usher.state / "store/data.mdb").stat().st_size
        cost = Cost(wall, cpu, written, temp, own, others, size, task["sync"]["seen"])
        cost.sync = task["sync"]
        return cost

    def connect(self, url, kind="scim"):
        hub = {"app": kind, "label": "Bench", "login_method": "sso", "fields": {"base_url": url},
               "account": {"label": "Bench", "kind": "token", "secrets": {"token": TOKEN}}}

        def begin():
            self.hub = self.usher.api("POST", "/hubs", hub, expect=202)[1]["hub"]["id"]
        return self.span(begin)

    def sync(self):
        return self.span(self.begin_sync)


def ours(scratch, app, members, page, changed=0):
    """The whole product: the first sync from the hub's request on, its check and all."""
    one = Ours(scratch, app)
    try:
        first = one.connect(app.url(members, page))
        unchanged = one.sync()
        check(first.rows == unchanged.rows == members, "not every member was seen")
        check(unchanged.sync["changed"] == unchanged.sync["added"] == 0, f"something changed: {unchanged.sync}")
        return {"first": first, "unchanged": unchanged}
    finally:
        one.close()


def filtered(scratch, app, members, filter):
    """The command jq over the same pages in a file."""
    pages, base = scratch.dir / "pages.json", app.url(members, 1000)
    with open(pages, "wb") as out:
        for start in range(1, members + 1, 1000):
            subprocess.run(["curl", "-sSf", "--cacert", app.cert, f"{base}/Users?startIndex={start}&count=1000"],
                           check=True, stdout=out)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["jq", "-c", f".Resources[] | {filter}", pages], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def listed(scratch, app, apps, kind, members):
    """The first sync of so many MEMBERS through the app file KIND of the folder APPS."""
    one = Ours(scratch, app, apps)
    try:
        first = one.connect(app.url(members, 1000), kind)
        check(first.rows == members, "not every member was seen")
        return first
    finally:
        one.close()
