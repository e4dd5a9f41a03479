#!/usr/bin/env python3
"""Connectors that come, change, go, and misbehave, while the rest runs."""

import json
import os
import pathlib
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import usher as lib  # noqa: E402
from usher import TOP, App, Skipped, Usher, check, equal, main, wait_for  # noqa: E402

# A sanitizer would take the crashes for its own: connectors run in the plain build.
PLAIN = pathlib.Path(os.environ.get("USHER_PLAIN") or lib.BUILD).resolve()
BAD = PLAIN / "tests/torture/bad-connector/.libs"
SEAT = PLAIN / "plugins/.libs/seat.so"
QUICK = "[tasks]\nretry-wait = 10ms\n"


class Rig:
    """A daemon with folders of connectors and app files of its own."""

    def __init__(self, scratch, env=None, config=QUICK):
        self.scratch = scratch
        self.connectors, self.apps = scratch.dir / "connectors", scratch.dir / "apps"
        self.connectors.mkdir()
        self.apps.mkdir()
        self.install(SEAT, "seat")
        shutil.copy(TOP / "plugins/seat/apps/scim.json", self.apps)
        paths = {"USHER_CONNECTOR_PATH": str(self.connectors), "USHER_APP_PATH": str(self.apps)}
        self.usher = Usher(scratch, config=config, env=dict(paths, **(env or {})), build=PLAIN)

    def install(self, file, name):
        """By rename, as a package manager does it."""
        new = self.connectors / f".{name}.new"
        shutil.copy(file, new)
        new.rename(self.connectors / f"{name}.so")

    def write_app(self, app, connector, harm):
        no = "This connector does not do it"
        (self.apps / f"{app}.json").write_text(json.dumps({
            "usher_app": 1, "id": app, "name": f"Made for {harm}", "connector": connector,
            "evidence": "unverified against anything",
            "fields": [{"key": "space", "label": "Space", "kind": "text", "required": True, "id": "space"}],
            "login_methods": ["sso"], "native_role": "none",
            "accounts": [{"kind": "token", "fields": [
                {"key": "token", "label": "Token", "kind": "secret", "required": True}]}],
            "hosts": ["app.example.com"], "auth": {"default": {"bearer": "token"}},
            "can": dict({name: no for name in ("add-user", "update-role", "remove-user", "assets", "partners",
                                               "rotate-password", "mfa")}, sync=True),
            "read": "list", "emails": True, "role_groups": [], "roles": [], "asset_types": [], "provisioning": [],
            "run": {"do": harm}}))

    def reload(self):
        n = self.usher.logged().count("were read again")
        self.usher.reload()
        wait_for(lambda: self.usher.logged().count("were read again") > n, "the reload")

    def connect(self, app, label=None, status=0, token="bad-token-0123456789"):
        return self.usher.usher("hub", "connect", app, "--label", label or app, "--set", f"space={label or app}", "--secret",
                                "token=-", stdin=token, status=status)

    def connector(self, name):
        found = [c for c in self.usher.json("connector", "list") if c["name"] == name]
        return found[0] if found else None

    def last(self, hub, kind="sync"):
        return [t for t in self.usher.tasks(hub) if t["kind"] == kind][0]


def other_version(rig, version):
    """The SCIM connector with another version in it, byte for byte as long."""
    data = SEAT.read_bytes()
    old = rig.connector("seat")["version"].encode()
    check(len(old) == len(version) and data.count(old + b"\0") == 1, f"the version {old} stands not once in {SEAT}")
    path = rig.scratch.dir / "other.so"
    path.write_bytes(data.replace(old + b"\0", version.encode() + b"\0"))
    return path


class Held:
    """A sync that its app holds."""

    def __init__(self, rig, users=50):
        self.rig, self.app = rig, App(rig.scratch, users=users)
        rig.usher.connect(self.app, "Held")
        self.app.faults(hold={"page": 1})
        self.task = rig.usher.usher("sync", "Held", "--no-wait", "-o", "json").json()["id"]
        wait_for(lambda: self.app.fired("hold"), "the app's hold of a page")

    def check_open(self, when):
        equal(self.show()["status"], "started", f"the sync that is held, {when}")

    def show(self):
        return self.rig.usher.json("task", "show", self.task)

    def release(self):
        self.app.faults()
        self.app.release()
        task = wait_for(lambda: self.show().get("ended_at") and self.show(), "the end of the sync that was held")
        equal((task["status"], task["attempts"]), ("completed", 1), f"the sync that was held: {task}")


def app_broken(rig, app):
    return rig.usher.json("app", "show", app).get("broken", "")


def open_task(rig, hub):
    return [t for t in rig.usher.tasks(hub) if not t.get("ended_at")][0]


def test_comes_changes_goes(scratch):
    """A connector dropped in, replaced or removed takes effect at SIGHUP while another hub syncs."""
    rig = Rig(scratch)
    other = App(scratch, users=3)
    rig.usher.connect(other, "Other")
    held = Held(rig)

    # Dropped in: until then its hub waits, and says for what.
    rig.write_app("late", "late", "print")
    rig.reload()
    check("not installed" in app_broken(rig, "late"), f"an app without its connector: {app_broken(rig, 'late')!r}")
    answer = rig.connect("late", status=5)
    check("connector" in answer.err, f"the command does not say what it waits for: {answer.err}")
    task = open_task(rig, "late")
    equal((task["status"], task["wait_reason"], task["attempts"]), ("queued", "connector-missing", 0), "the task")
    equal(rig.usher.hub("late")["status"], "under-validation", "the hub's status")
    rig.install(BAD / "bad.so", "late")
    check(rig.connector("late") is None, "a file takes effect before SIGHUP")
    rig.reload()
    equal(rig.connector("late")["version"], "0", "the connector that was dropped in")
    equal(app_broken(rig, "late"), "", "the app")
    wait_for(lambda: rig.usher.tasks("late")[-1]["status"] == "completed", "the validation that waited")
    held.check_open("when a connector was dropped in")

    # Replaced by rename.
    new = other_version(rig, "9.8.7")
    rig.install(new, "seat")
    rig.reload()
    equal(rig.connector("seat")["version"], "9.8.7", "the version after the file was replaced")
    rig.usher.usher("sync", "Other")
    held.check_open("when its connector was replaced")

    # Removed.
    (rig.connectors / "seat.so").unlink()
    rig.reload()
    check(rig.connector("seat") is None, "a connector that was removed is listed")
    check("not installed" in app_broken(rig, "scim"), "the app of the removed connector is not broken")
    rig.usher.usher("sync", "Other", status=5)
    equal(open_task(rig, "Other")["wait_reason"], "connector-missing", "a sync without its connector")
    check(len(rig.usher.members("Other")) == 3, "members cannot be read without the connector")
    held.check_open("when its connector was removed")
    held.release()

    rig.install(new, "seat")
    rig.reload()
    rig.usher.wait_idle("Other")
    task = rig.last("Other")
    equal((task["status"], task["attempts"]), ("completed", 1), "the sync that waited for its connector")
    equal(rig.usher.hub("Other")["status"], "healthy", "the hub after its connector came back")


def test_broken_files(scratch):
    """A file that is no connector is listed with the reason; its hubs wait and the rest runs."""
    rig = Rig(scratch)
    app = App(scratch, users=3)
    rig.usher.connect(app, "Good")
    text = scratch.file("text", "this is no shared object\n")
    cut = scratch.dir / "cut"
    cut.write_bytes(SEAT.read_bytes()[:5000])
    wanted = {"magic": (BAD / "broken-magic.so", "magic number 12345678"),
              "minor": (BAD / "broken-minor.so", "needs version 1.7 of the connector ABI, this host has 1.0"),
              "major": (BAD / "broken-major.so", "built for version 2"),
              "symbol": (BAD / "broken-symbol.so", "does not export usher_connector_v1"),
              "size": (BAD / "broken-size.so", "40 bytes"),
              "library": (BAD / "broken-library.so", "no_library_has_this"),
              "constructor": (BAD / "broken-constructor.so", "signal 11"),
              "text": (text, "is not a shared object"), "cut": (cut, "is damaged")}
    for name, (file, _) in wanted.items():
        rig.install(file, name)
        rig.write_app(f"app-{name}", name, "print")
    (rig.connectors / "dangling.so").symlink_to(rig.connectors / "nothing")
    (rig.connectors / "notes.txt").write_text("not looked at")
    rig.reload()
    listed = {c["name"]: c for c in rig.usher.json("connector", "list")}
    doctor = rig.usher.usher("-o", "json", "doctor", status=1).json()
    check("notes" not in listed and "broken" not in listed["seat"], f"the list: {sorted(listed)}")
    for name, (_, sentence) in wanted.items():
        check(sentence in listed[name].get("broken", ""), f"{name}: {listed[name]}")
        check(sentence in app_broken(rig, f"app-{name}"), f"the app of {name} is not shown as broken")
        found = [c for c in doctor["checks"] if c["name"] == f"connector {name}"]
        check(len(found) == 1 and not found[0]["ok"] and sentence in found[0]["detail"] and str(rig.connectors) in
              found[0]["detail"], f"doctor of {name}: {found}")
    rig.connect("app-magic", status=5)
    equal(open_task(rig, "app-magic")["wait_reason"], "connector-missing", "the task of a hub with a broken connector")
    answer = rig.usher.usher("doctor", status=1)
    check("magic number" in answer.out, f"doctor does not tell why: {answer.out}")
    rig.usher.usher("sync", "Good")
    # Mended, it goes on by itself.
    rig.install(BAD / "bad.so", "magic")
    rig.reload()
    wait_for(lambda: rig.usher.tasks("app-magic")[-1]["status"] == "completed", "the validation after the file was mended")
    # Without a daemon the same is said.
    answer = rig.usher.usher("connector", "inspect", BAD / "broken-minor.so", status=1)
    check("needs version 1.7" in answer.err + answer.out, f"inspect: {answer.out}{answer.err}")
    equal(rig.usher.json("connector", "inspect", SEAT)["abi"], "1.0", "inspect")


# What ends the process, and how that is told; and what breaks the contract or is refused, and
# the code and sentence that the task ends with.
DEATHS = {"crash": "signal 11", "recurse": "signal 11", "abort": "signal 6", "exit": "status 0", "loop": "signal 24",
          "endless-rows": "signal 24", "fork": "signal 31", "thread": "signal 31", "exec": "signal 31",
          "socket": "signal 31", "ptrace": "signal 31", "kill": "signal 31"}
FAULTS = {"forge": ("connector-fault", "no frame"), "huge-row": ("answer-too-large", "over its limit"),
          "not-utf8": ("connector-fault", "not UTF-8"), "no-section": ("connector-fault", "outside a section"),
          "left-open": ("connector-fault", "section open"), "odd-answer": ("connector-fault", "answered 42"),
          "null": ("connector-fault", "NULL"), "bad-scheme": ("connector-fault", "no http or https address"),
          "secret-checkpoint": ("connector-fault", "secret"), "many-requests": ("connector-fault", "8 requests"),
          "deny-everything": ("connector-fault", "outside a section"),
          # Refused with an error, after which the connector lists nobody.
          "shadow": ("listing-incomplete", "listed no members"), "environ": ("listing-incomplete", "listed no members"),
          "write": ("listing-incomplete", "listed no members"), "print": ("listing-incomplete", "listed no members"),
          "memory": (None, "")}


def test_harms(scratch):
    """A connector that crashes, floods, lies or breaks out harms its own task and nothing else."""
    rig = Rig(scratch, env={"USHER_TEST_CPU_S": "1"}, config="[tasks]\nretry-wait = 100ms\nworkers = 16\n")
    for harm in [*DEATHS, *FAULTS]:
        rig.install(BAD / "bad.so", f"b-{harm}")
        rig.write_app(f"a-{harm}", f"b-{harm}", harm)
    rig.reload()
    held = Held(rig, users=2000)
    steady = App(scratch, users=20)
    rig.usher.connect(steady, "Steady")
    hubs, ends = {}, {}
    for harm in [*DEATHS, *FAULTS]:
        made = rig.usher.api("POST", "/hubs", {
            "app": f"a-{harm}", "label": harm, "fields": {"space": harm},
            "account": {"kind": "token", "secrets": {"token": "bad-token-0123456789"}}}, expect=202)[1]
        hubs[made["hub"]["id"]] = harm

    def look():
        for task in rig.usher.api("GET", "/tasks?limit=500")[1]["items"]:
            harm = hubs.get(task["hub"])
            if harm and task["kind"] == "sync" and task.get("ended_at"):
                ends[harm] = task
        return len(ends) == len(hubs)

    wait_for(look, f"the end of every sync (open: {sorted(set(hubs.values()) - set(ends))})", 60)
    lines = rig.usher.logged().splitlines()
    for harm, sign in DEATHS.items():
        deaths = [line for line in lines if f"the connector b-{harm} ended" in line]
        check(len(deaths) == 3 and all(sign in line for line in deaths), f"{harm}: {deaths}")
        equal(ends[harm]["error"]["code"], "connector-quarantined", harm)
    for harm, (code, sentence) in FAULTS.items():
        error = ends[harm]["error"]
        check(code in (None, error["code"]) and sentence in error["message"], f"{harm}: {error}")
        check(error["class"] != "bug" or f"b-{harm}" in error["message"], f"{harm}: the connector is not named: {error}")
        check(error["action"], f"{harm}: no action: {error}")
    check(not os.path.exists("/tmp/usher-bad-connector"), "a connector wrote a file")
    check(rig.usher.process.poll() is None, "the daemon ended")
    held.check_open("after all the harm")
    rig.usher.usher("sync", "Steady")
    held.release()
    for app in ("Held", "Steady"):
        equal(rig.usher.hub(app)["status"], "healthy", app)
    rig.usher.usher("status")


def test_quarantine(scratch):
    """Three faults in ten minutes pause a connector until a person or a new file ends it."""
    rig = Rig(scratch)
    rig.install(BAD / "bad.so", "crashy")
    rig.write_app("crashy", "crashy", "crash")
    rig.reload()
    rig.connect("crashy", status=1)
    task = rig.last("crashy")
    equal(task["error"]["code"], "connector-quarantined", "the third fault")
    check("usher connector enable crashy" in task["error"]["message"], f"how to end it: {task['error']}")
    found = rig.connector("crashy")
    check(found["paused"] and not found["enabled"] and "paused" in found["broken"], f"the list: {found}")
    equal(rig.usher.hub("crashy")["status"], "review-configuration", "the hub")
    rig.usher.usher("doctor", status=1)
    # It lasts over a restart and a reload.
    rig.usher.stop()
    rig.usher.start()
    rig.reload()
    check(rig.connector("crashy")["paused"], "the pause ended by itself")
    # A person ends it.  The app file was changed meanwhile, so that validation and sync do no harm.
    rig.write_app("crashy", "crashy", "print")
    rig.reload()
    rig.usher.usher("connector", "enable", "crashy")
    check(rig.connector("crashy")["enabled"], "enabled")
    rig.usher.wait_idle("crashy")
    check(rig.last("crashy")["error"]["code"] == "listing-incomplete", f"the sync after it: {rig.last('crashy')}")
    # Three again; this time a new file ends it.
    rig.write_app("crashy", "crashy", "crash")
    rig.reload()
    rig.usher.usher("sync", "crashy", status=1)
    check(rig.connector("crashy")["paused"], "three more faults did not pause it")
    rig.write_app("crashy", "crashy", "print")
    rig.install(BAD / "bad.so", "crashy")
    rig.reload()
    check(not rig.connector("crashy")["paused"], "a new file did not end the pause")
    rig.usher.wait_idle("crashy")
    check(rig.usher.hub("crashy")["status"] != "review-configuration", "the hub was not validated again")
    # Switched off, its hubs wait.
    rig.write_app("crashy", "crashy", "crash")
    rig.reload()
    rig.usher.usher("connector", "disable", "crashy", "--yes")
    rig.usher.usher("sync", "crashy", status=5)
    equal(open_task(rig, "crashy")["wait_reason"], "connector-missing", "a sync while the connector is switched off")


def children(pid):
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)
            name = fields[0].split("(", 1)[1]
            if int(fields[1].split()[1]) == pid:
                found.setdefault(name, []).append(entry)
        except OSError:
            continue
    return found


def memory_holds(process, text):
    """Whether TEXT lies in memory that the process can write."""
    with open(process / "mem", "rb", 0) as memory:
        for line in (process / "maps").read_text().splitlines():
            where, rights = line.split()[:2]
            if not rights.startswith("rw"):
                continue
            begin, end = (int(x, 16) for x in where.split("-"))
            try:
                memory.seek(begin)
                if text in memory.read(end - begin):
                    return True
            except OSError:
                continue
    return False


def test_confinement(scratch):
    """Seen from outside, a worker is confined and holds no secret while its session is open."""
    rig = Rig(scratch)
    held = Held(rig)
    found = children(rig.usher.process.pid)
    equal(sorted(found), ["usher-net", "usher-worker"], "the daemon's children")
    (worker,), (net,) = found["usher-worker"], found["usher-net"]
    secret = App.TOKEN.encode()
    for process in (worker, net):
        status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
        equal((status["NoNewPrivs"].strip(), status["Seccomp"].strip(), status["Threads"].strip()), ("1", "2", "1"),
              f"the status of {process}")
        variables = [v for v in (process / "environ").read_bytes().split(b"\0") if v]
        # Test builds hand on what their hooks need.
        equal([v for v in variables if not v.startswith(b"USHER_TEST_")], [], "the environment")
        check(secret not in (process / "cmdline").read_bytes(), "a secret on the command line")
        limits = (process / "limits").read_text()
        check(any(line.startswith("Max core file size") and line.split()[4] == "0" for line in limits.splitlines()),
              f"cores are not off: {limits}")
    descriptors = {int(d.name): os.readlink(d) for d in (worker / "fd").iterdir()}
    equal(sorted(descriptors), [0, 1, 2, 3, 4], f"the worker's descriptors: {descriptors}")
    equal([descriptors[i] for i in (0, 1)], ["/dev/null", "/dev/null"], "what the worker reads and prints")
    equal([i for i, what in descriptors.items() if what.startswith("socket:")], [3, 4], "the worker's sockets")
    check(str(rig.usher.state) not in str(descriptors), "the worker has a file of the state folder")
    network = [os.readlink(d) for d in (net / "fd").iterdir()]
    check(not any(str(rig.usher.state) in what for what in network), f"usher-net has a file of the state folder: {network}")
    if os.geteuid() == 0:
        check(memory_holds(net, secret), "the search finds nothing where the secret must be")
        check(not memory_holds(worker, secret), "the worker's memory holds the secret")
    check(secret not in (pathlib.Path("/proc") / str(rig.usher.process.pid) / "cmdline").read_bytes(), "the daemon's")
    held.release()
    rig.usher.stop()
    check(not worker.exists() and not net.exists(), "children outlive the daemon")


def test_old_binary(scratch):
    """A connector that was built when the ABI was fixed still loads."""
    machine = f"{os.uname().machine}-linux-gnu"
    files = sorted((TOP / "tests/old" / machine).glob("*/*.so"))
    if not files:
        raise Skipped(f"there is no binary of another day for {machine}")
    rig = Rig(scratch)
    for file in files:
        about = rig.usher.json("connector", "inspect", file)
        equal(about["abi"], file.parent.name, f"the ABI of {file}")
        check("list" in about["operations"], f"operations of {file}: {about}")
        rig.install(file, file.stem)
        rig.reload()
        check("broken" not in rig.connector(file.stem), f"usherd cannot use {file}: {rig.connector(file.stem)}")


if __name__ == "__main__":
    sys.exit(main([test_comes_changes_goes, test_broken_files, test_harms, test_quarantine, test_confinement,
                   test_old_binary], "connectors"))
