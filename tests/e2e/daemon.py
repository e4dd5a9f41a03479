#!/usr/bin/env python3
"""usherd at its edges: what it refuses to start with, how it ends, and a disk that is full."""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from usher import BUILD, TOP, App, Scratch, Skipped, Usher, check, equal, main, stop_process, wait_for  # noqa: E402


def run(scratch, *arguments, env=None, cwd=None, timeout=120):
    """usherd, which is to end by itself: its status and all that it said."""
    done = subprocess.run([str(BUILD / "run"), "usherd", *map(str, arguments)], capture_output=True, text=True,
                          timeout=timeout, env=dict(os.environ, **(env or {})), cwd=cwd or scratch.dir)
    return done.returncode, done.stdout + done.stderr


def flags(scratch):
    """Where everything would be made."""
    return ["--state-dir", scratch.dir / "state", "--runtime-dir", scratch.dir / "run", "--listen",
            f"unix:{scratch.dir}/web.sock"]


def nothing_made(scratch, what):
    for name in ("state", "run", "web.sock"):
        check(not (scratch.dir / name).exists(), f"{what}: {name} was made")


BAD_CONFIGS = [
    ("[web]\nlisten = nonsense\n", 2, "listen"),
    ("[web]\n\n# a comment\nlisen = 127.0.0.1:1\n", 4, "lisen"),
    ("[wbe]\nlisten = 127.0.0.1:1\n", 1, "wbe"),
    ("listen = 127.0.0.1:1\n", 1, "listen"),
    ("[store]\nmap-size = huge\n", 2, "map-size"),
    ("[store]\nmap-size = 1K\n", 2, "map-size"),
    ("[tasks]\nworkers = 0\n", 2, "workers"),
    ("[tasks]\nworkers = 4\n# few\nretry-wait = soon\n", 4, "retry-wait"),
    ("[log]\nlevel = loud\n", 2, "level"),
    ("[log]\nlevel = info\nlevel = debug\n", 3, "level"),
    ("[http]\nproxy = ftp://proxy.example.com\n", 2, "proxy"),
    ("[http]\nallow-private = 10.0.0.0/99\n", 2, "allow-private"),
    ("[mail]\nfrom = nobody\n", 2, "from"),
    ("[retention]\nevents = 1s\n", 2, "events"),
    ("[web]\ntls-cert = relative.pem\n", 2, "tls-cert"),
    ("[log]\nthis is no line\n", 2, "key = value"),
    ("[log]\nlevel = " + "x" * 5000 + "\n", 2, ""),
]


def test_bad_config(scratch):
    """A config error names file, line and key, and usherd makes nothing."""
    path = scratch.dir / "bad.conf"
    for text, line, key in BAD_CONFIGS:
        path.write_text(text)
        for more in ([], ["--check-config"]):
            status, said = run(scratch, "--config", path, *flags(scratch), *more)
            check(status not in (0, None) and status > 0, f"{text!r}: exit {status}")
            check(f"{path}:{line}:" in said and key in said, f"{text[:60]!r}: {said[:300]}")
            check(len(said.strip().splitlines()) == 1, f"{text[:60]!r}: more than a sentence: {said[:500]}")
        nothing_made(scratch, text[:60])
    status, said = run(scratch, "--config", scratch.dir / "none.conf", *flags(scratch))
    check(status > 0 and "none.conf" in said, f"a config that is not there: {status} {said}")
    path.write_text("[http]\nca-file = /nowhere/ca.pem\n")
    status, said = run(scratch, "--config", path, "--check-config", *flags(scratch))
    check(status > 0 and "ca-file: /nowhere/ca.pem cannot be read" in said, f"a file that is not there: {status} {said}")
    path.write_text("[tasks]\nworkers = 8\n[web]\nlisten = 127.0.0.1:0\n")
    status, said = run(scratch, "--config", path, "--check-config", *flags(scratch))
    equal(status, 0, f"a good config: {said}")
    nothing_made(scratch, "--check-config")


def test_bad_flags(scratch):
    """A bad flag is named, and usherd makes nothing."""
    config = scratch.file("good.conf", "")
    for arguments, word in ((["--no-such-flag"], "--no-such-flag"), (["--listen", "here"], "--listen"),
                            (["--listen", "127.0.0.1:99999"], "--listen"), (["--log-level", "loud"], "--log-level"),
                            (["--log-format", "xml"], "--log-format"), (["stray"], "stray"), (["--state-dir"], "state-dir"),
                            (["--listen", "unix:"], "--listen")):
        status, said = run(scratch, "--config", config, *flags(scratch), *arguments)
        check(status > 0 and word in said, f"{arguments}: exit {status}: {said}")
        nothing_made(scratch, arguments)
    for arguments in (["--version"], ["--help"]):
        status, said = run(scratch, *arguments)
        check(status == 0 and "usherd" in said, f"{arguments}: {status} {said}")


def test_folders(scratch):
    """Folders are made where their parent is; a state folder may be named relatively."""
    config = scratch.file("good.conf", "")
    for name in ("--state-dir", "--runtime-dir"):
        path = scratch.dir / "no" / "such"
        status, said = run(scratch, "--config", config, *flags(scratch), name, path)
        check(status > 0 and str(path) in said and "parent" in said, f"{name} without a parent: {status} {said}")
        check(not path.parent.exists(), "a parent was made")
        file = scratch.file("file", "")
        status, said = run(scratch, "--config", config, *flags(scratch), name, file)
        check(status > 0 and str(file) in said, f"{name} is a file: {status} {said}")
    for name in ("state", "run"):
        shutil.rmtree(scratch.dir / name, ignore_errors=True)
    process = subprocess.Popen([str(BUILD / "run"), "usherd", "--config", str(config), "--state-dir", "s", "--runtime-dir",
                                "r", "--listen", "unix:" + str(scratch.dir / "web.sock")], cwd=scratch.dir,
                               stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: (scratch.dir / "r/usher.sock").exists(), "the start with relative folders")
        check((scratch.dir / "s/usher.key").exists(), "the state is elsewhere")
    finally:
        process.terminate()
        equal(process.wait(60), 0, "the end")


def test_taken_address(scratch):
    """An address that is taken is named, and the daemon does not start."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        status, said = run(scratch, "--config", scratch.file("good.conf", ""), *flags(scratch), "--listen", address)
    check(status > 0 and address in said and said.startswith("usherd: cannot listen on "), f"{status} {said}")


def test_log_at_a_terminal(scratch):
    """The priority that the journal takes off a line again is not shown to a person."""
    usher = Usher(scratch)
    check("<6>usherd: ready on" in usher.logged(), f"the log in a file: {usher.logged()}")
    usher.stop()
    person, terminal = os.openpty()
    process = subprocess.Popen([str(BUILD / "run"), "usherd", "--config", str(usher.config), "--state-dir",
                                str(usher.state), "--runtime-dir", str(usher.runtime), "--listen", "127.0.0.1:0"],
                               stdout=terminal, stderr=terminal, env=usher.env)
    scratch.callback(stop_process, process)
    said = ""
    while "ready on" not in said:
        said += os.read(person, 65536).decode()
    stop_process(process)
    os.close(terminal)
    os.close(person)
    check("usherd: ready on" in said and not re.search(r"<\d>", said), f"the log at a terminal: {said}")


def test_one_daemon_a_state(scratch):
    """A second usherd on the same state is refused, and the first goes on."""
    usher = Usher(scratch)
    usher.usher("person", "add", "one@corp.test")
    status, said = run(scratch, "--config", usher.config, "--state-dir", usher.state, "--runtime-dir", scratch.dir / "other",
                       "--listen", f"unix:{scratch.dir}/other.sock")
    check(status > 0 and str(usher.state) in said and "in use" in said, f"{status} {said}")
    usher.usher("person", "show", "one@corp.test")
    # Nor may one with a state of its own take the socket.
    status, said = run(scratch, "--config", usher.config, "--state-dir", scratch.dir / "second", "--runtime-dir",
                       usher.runtime, "--listen", f"unix:{scratch.dir}/other.sock")
    check(status > 0 and str(usher.socket) in said, f"{status} {said}")
    usher.usher("person", "show", "one@corp.test")
    # After a kill nothing is in the way.
    usher.kill()
    usher.start()
    usher.usher("person", "show", "one@corp.test")


def test_newer_state(scratch):
    """A state of a newer version is refused and left as it was."""
    usher = Usher(scratch)
    usher.stop()
    data = usher.state / "store/data.mdb"
    raw = data.read_bytes()
    # Where the number of the schema stands: behind its key, in every version of the page.
    newer, n = re.subn(rb"(schema.{0,2}?\0\0\0)[\x01-\x09]", lambda m: m.group(1) + b"\x63", raw, flags=re.DOTALL)
    check(n > 0, "the schema's number was not found")
    data.write_bytes(newer)
    files = {p: p.read_bytes() for p in usher.state.rglob("*") if p.is_file() and p.name not in ("lock.mdb", "usher.lock")}
    status, said = run(scratch, "--config", usher.config, "--state-dir", usher.state, "--runtime-dir", usher.runtime,
                       "--listen", f"unix:{scratch.dir}/web.sock")
    check(status > 0 and "schema 99" in said and str(usher.state) in said, f"{status} {said}")
    after = {p: p.read_bytes() for p in usher.state.rglob("*") if p.is_file() and p.name not in ("lock.mdb", "usher.lock")}
    equal(sorted(after), sorted(files), "files")
    check(after == files, "a file was changed")
    data.write_bytes(raw)
    usher.start()
    check(usher.api("GET", "/status")[1]["set_up"], "the state as it was")


def test_damaged_state(scratch):
    """A store that is damaged is refused in a sentence."""
    usher = Usher(scratch)
    usher.stop()
    data = usher.state / "store/data.mdb"
    raw = data.read_bytes()
    for name, text in (("cut", raw[:1000]), ("zeros", bytes(len(raw))), ("text", b"no store " * 2000)):
        data.write_bytes(text)
        status, said = run(scratch, "--config", usher.config, "--state-dir", usher.state, "--runtime-dir", usher.runtime,
                           "--listen", f"unix:{scratch.dir}/web.sock")
        check(status > 0 and str(usher.state) in said, f"{name}: {status} {said}")


def test_key(scratch):
    """A key that others can read, that is damaged, or that is not the store's is refused."""
    usher = Usher(scratch)
    usher.stop()
    key = usher.state / "usher.key"
    good = key.read_text()

    def refused(what, *words):
        status, said = run(scratch, "--config", usher.config, "--state-dir", usher.state, "--runtime-dir", usher.runtime,
                           "--listen", f"unix:{scratch.dir}/web.sock")
        check(status > 0 and all(word in said for word in words), f"{what}: {status} {said}")
        check(good.strip() not in said, f"{what}: the key was printed")

    for mode in (0o644, 0o640, 0o620):
        key.chmod(mode)
        refused(f"mode {mode:o}", str(key), "chmod 600")
    key.chmod(0o600)
    for text in ("", "xyz", good[:-5], good.strip() + "00\n"):
        key.write_text(text)
        refused(f"the key {text[:10]!r}", str(key))
    key.write_text("0" * 64 + "\n")
    refused("another key", str(key), "another usher.key")
    key.unlink()
    refused("no key although the store has secrets", str(key), "missing")
    check(not key.exists(), "a key was made that opens nothing")
    key.write_text(good)
    key.chmod(0o600)
    usher.start()


def test_end_and_resume(scratch):
    """SIGTERM ends cleanly in the middle of a sync, which goes on after the start."""
    usher = Usher(scratch)
    app = App(scratch, users=5000)
    usher.connect(app)
    app.faults(hold={"page": 4})
    app.reset_counts()
    task = usher.usher("sync", "Acme", "--no-wait", "-o", "json").json()["id"]
    wait_for(lambda: app.fired("hold"), "the app's hold of a page")
    began = time.monotonic()
    status = usher.stop()
    took = time.monotonic() - began
    equal(status, 0, "the exit status after SIGTERM")
    check(took < 20, f"the end took {took:.1f} s")
    app.faults()
    app.release()
    usher.start()
    found = wait_for(lambda: (t := usher.json("task", "show", task)).get("ended_at") and t, "the end of the sync")
    equal((found["status"], found["sync"]["listing"], found["sync"]["seen"]), ("completed", "complete", 5000),
          f"the sync after the start: {found}")
    pages = app.counts()["list-users"]
    check(pages <= 5 + 3, f"{pages} pages were asked for where five would do")


def test_reload_of_a_bad_config(scratch):
    """SIGHUP with a broken config keeps what was read before, and says so."""
    usher = Usher(scratch)
    good = usher.config.read_text()
    usher.config.write_text("[log]\nlevel = loud\n")
    usher.reload()
    wait_for(lambda: "cannot be read again" in usher.logged(), "the complaint")
    check(f"{usher.config}:2: level" in usher.logged(), f"file, line and key: {usher.logged()}")
    usher.usher("status")
    usher.config.write_text(good + "[log]\nlevel = debug\n")
    usher.reload()
    wait_for(lambda: usher.logged().count("were read again") == 2, "the second reload")
    usher.usher("status")


def test_bad_app_file(scratch):
    """An app file that is wrong is told with line and column; the others are used."""
    apps = scratch.dir / "apps"
    apps.mkdir()
    text = (TOP / "plugins/seat/apps/scim.json").read_text()
    (apps / "scim.json").write_text(text)
    (apps / "wrong.json").write_text(text.replace('"id": "scim"', '"id": "wrong"').replace('"login_methods"', '"login_metods"'))
    (apps / "cut.json").write_text(text[: len(text) // 2])
    usher = Usher(scratch, env={"USHER_APP_PATH": str(apps)})
    listed = usher.json("app", "list")
    equal([(a["id"], "broken" in a) for a in listed], [("cut", True), ("scim", False), ("wrong", True)], "the catalogue")
    line = next(i for i, l in enumerate((apps / "wrong.json").read_text().splitlines(), 1) if "login_metods" in l)
    check(re.search(rf"wrong\.json:{line}:\d+: login_metods", usher.logged()), f"the log: {usher.logged()}")
    check(re.search(r"cut\.json:\d+:\d+:", usher.logged()), f"the log: {usher.logged()}")
    check(f"wrong.json:{line}:" in listed[2]["broken"], f"why it is broken: {listed[2]}")
    doctor = usher.usher("-o", "json", "doctor", status=1).json()
    found = {c["name"]: c["detail"] for c in doctor["checks"] if not c["ok"]}
    equal(sorted(found), ["app cut", "app wrong"], "what doctor finds")
    check(f"wrong.json:{line}:" in found["app wrong"], f"what doctor says: {found}")
    answer = usher.usher("app", "show", "wrong", status=3)
    check(f"wrong.json:{line}:" in answer.err, f"app show: {answer.err}")
    answer = usher.usher("app", "check", apps / "wrong.json", status=1)
    check(f"wrong.json:{line}:" in answer.err + answer.out, f"app check: {answer.out}{answer.err}")


def test_wrong_import(scratch):
    """An import that is refused names the file as it was given, its first 20 mistakes, and how many more there are."""
    usher = Usher(scratch)
    one = scratch.file("c1.csv", "email,first_name\nnobody,First\na@corp.test,First\n")
    answer = usher.usher("directory", "import", "csv", one, status=2)
    check(f"{one}:2: email: " in answer.err, f"one mistake: {answer.err}")
    many = scratch.file("c2.csv", "email,first_name\n" + "".join(f"nobody{i},First\n" for i in range(33)))
    answer = usher.usher("directory", "import", "csv", many, status=2)
    lines = answer.err.splitlines()
    check(f"{many} has 33 mistakes; nothing was imported." in lines[0], f"many: {answer.err}")
    equal([l.split(" ")[0] for l in lines[1:-1]], [f"{many}:{i}:" for i in range(2, 22)], "the lines named")
    equal(lines[-1], "and 13 more", "the last line")
    answer = usher.usher("directory", "import", "csv", "-", stdin=one.read_text(), status=2)
    check("standard input:2: email: " in answer.err, f"from standard input: {answer.err}")
    equal(len(usher.json("person", "list")), 1, "people")


def test_doctor(scratch):
    """doctor finds what is wrong, says what to do, and exits 1."""
    usher = Usher(scratch)
    usher.usher("doctor")
    for path, mode, name in ((usher.state, 0o755, "state folder"), (usher.state / "usher.key", 0o644, "key")):
        before = path.stat().st_mode
        path.chmod(mode)
        answer = usher.usher("-o", "json", "doctor", status=1).json()
        found = [c for c in answer["checks"] if not c["ok"]]
        equal([c["name"] for c in found], [name], "what is wrong")
        check("chmod" in found[0]["action"], f"what to do: {found}")
        path.chmod(before)
    usher.usher("doctor")
    app = App(scratch, users=1)
    app.faults(unauthorized={})
    usher.connect(app, status=1)
    answer = usher.usher("-o", "json", "doctor", status=1).json()
    equal([c["name"] for c in answer["checks"] if not c["ok"]], ["hub Acme"], "what is wrong")


@contextlib.contextmanager
def small_disk(path, size):
    path.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(path)], capture_output=True, text=True)
    if done.returncode:
        raise Skipped("a small disk cannot be mounted here: " + done.stderr.strip())
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def fill(path):
    """Leaves not a block on the disk of PATH."""
    with open(path, "wb", 0) as file:
        for size in (65536, 4096, 512):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass


def test_full_disk(scratch):
    """On a full disk tasks wait, reads go on, nothing is lost, and it goes on when there is room."""
    disk = scratch.dir / "disk"
    with contextlib.ExitStack() as stack:
        stack.enter_context(small_disk(disk, "24m"))
        usher = Usher(scratch, setup=False)
        usher.stop()
        usher.state = disk / "state"
        usher.start()
        stack.callback(usher.stop)
        usher.usher("setup", "--owner", "owner@example.com")
        app = App(scratch, users=200)
        usher.connect(app)
        usher.people("a@corp.test")
        fill(disk / "filler")
        # Free pages of the store may take a few writes yet.
        for i in range(400):
            status, found = usher.api("POST", "/people", {"email": f"p{i}@corp.test"}, expect=None)
            if status != 201:
                break
        equal((status, found.get("code")), (503, "read-only"), "a write on a full disk")
        added = i
        equal(len(usher.api("GET", "/people?limit=500")[1]["items"]), 2 + added, "people: all that was said to be added")
        equal(len(usher.api("GET", "/hubs/Acme/members?limit=500")[1]["items"]), 200, "members")
        check(f"The disk that holds {usher.state} is full" in found["detail"], f"the sentence: {found}")
        usher.usher("doctor", status=1)
        # A write that is cut short, as some of it has room.
        with open(disk / "filler", "r+b") as filler:
            filler.truncate(os.path.getsize(disk / "filler") - 100_000)
        answer = usher.run("directory", "import", "csv", scratch.file(
            "many.csv", "email,first_name\n" + "".join(f"q{i}@corp.test,First name\n" for i in range(1900))))
        equal((answer.status, f"The disk that holds {usher.state} is full; nothing was changed." in answer.err), (1, True),
              f"an import into a disk that fills up: {answer.err}")
        equal(len(usher.api("GET", "/people?limit=500")[1]["items"]), 2 + added, "people after the import that failed")
        app.change(add=[{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": f"new{i}@corp.test",
                         "active": True, "emails": [{"value": f"new{i}@corp.test"}]} for i in range(3000)])
        # A little room: the task can be made, its listing cannot be kept.
        with open(disk / "filler", "r+b") as filler:
            filler.truncate(os.path.getsize(disk / "filler") - 500_000)
        task = usher.api("POST", "/hubs/Acme/sync", {}, expect=202)[1]
        task = task.get("task", task)["id"]
        fill(disk / "filler2")

        def waits():
            shown = usher.api("GET", f"/tasks/{task}")[1]
            return shown.get("wait_reason") == "store-full" and shown

        shown = wait_for(waits, "the wait for room")
        equal(shown["status"], "queued", f"the task: {shown}")
        equal(len(usher.api("GET", "/hubs/Acme/members?limit=500")[1]["items"]), 200, "members, while the disk is full")
        # A restart on a full disk: still there, still readable.
        usher.kill()
        usher.start()
        equal(len(usher.api("GET", "/people?limit=500")[1]["items"]), 2 + added, "people after a restart on a full disk")
        (disk / "filler").unlink()
        (disk / "filler2").unlink()

        def goes_on():
            usher.advance(31)
            shown = usher.api("GET", f"/tasks/{task}")[1]
            return shown.get("ended_at") and shown

        shown = wait_for(goes_on, "the end of the sync when there is room again")
        equal((shown["status"], shown["sync"]["seen"]), ("completed", 3200), f"the sync: {shown}")
        usher.api("POST", "/people", {"email": "after@corp.test"}, expect=201)
        usher.stop()


def test_full_moments(scratch):
    """A disk that is full for a moment, at any point of a task, delays it and repeats nothing."""
    usher = Usher(scratch)
    app = App(scratch, users=12000)
    usher.stop()
    usher.start(fail_points="sync-sealed=full,delta-batch=full:2,change-commit=full")
    token = scratch.file("token", app.TOKEN)
    usher.usher("hub", "connect", "scim", "--label", "Acme", "--login-method", "sso", "--set", f"base_url={app.url}",
                "--secret", f"token=@{token}", "--no-wait")

    def ended(kind):
        def look():
            found = [t for t in usher.tasks() if t["kind"] == kind]
            if not found:
                return None
            waits.add((found[0]["status"], found[0].get("wait_reason")))
            if found[0].get("wait_reason") == "store-full":
                usher.advance(31)
            return found[0].get("ended_at") and found[0]
        return wait_for(look, f"the end of {kind}")

    waits = set()
    task = ended("sync")
    for point in ("sync-sealed", "delta-batch"):
        equal(usher.fired(point), 1, f"how often {point} fired")
    check(("queued", "store-full") in waits, f"how the sync waited: {waits}")
    equal((task["status"], task["attempts"], task["sync"]["seen"]), ("completed", 1, 12000), f"the sync: {task}")
    equal(usher.hub()["counts"]["unmatched"], 12000, "members")
    equal(app.counts()["list-users"], 12 + 1, "pages asked for: validation's, and each of the listing once")
    usher.people("new@corp.test")
    app.reset_counts()
    waits.clear()
    usher.usher("member", "invite", "Acme", "new@corp.test", "--role", "member", "--yes", "--no-wait")
    task = ended("add-user")
    equal(usher.fired("change-commit"), 1, "how often change-commit fired")
    check(("queued", "store-full") in waits, f"how the change waited: {waits}")
    equal(task["status"], "completed", f"the change: {task}")
    equal(app.counts().get("create-user"), 1, "how often the app was told")
    check(app.user("new@corp.test"), "the app does not have the person")


def test_failed_end_of_a_task(scratch):
    """What ends a task that waits and cannot be written leaves it waiting, and it runs when it is due."""
    name = "new@example.com"
    for command in (("member", "remove", "Acme", name, "--yes"), ("task", "cancel")):
        part = scratch.enter_context(Scratch())
        usher, app = Usher(part, config="[tasks]\nretry-wait = 1h\n"), App(part, users=1)
        usher.connect(app)
        usher.people(name)
        app.faults(error={"kind": "create-user", "status": 503, "times": 1})
        usher.usher("member", "invite", "Acme", name, "--role", "member", "--yes", "--no-wait")
        task = next(task["id"] for task in usher.tasks() if task["kind"] == "add-user")
        wait_for(lambda: usher.json("task", "show", task)["status"] == "retrying", "the wait")
        equal(app.fired("error"), 1, "how often the app failed")
        usher.stop()
        usher.start(fail_points="call-commit=fail")
        check(usher.run(*command, *([task] if "cancel" in command else [])).status != 0, f"{command} was written")
        equal(usher.fired("call-commit"), 1, "how often call-commit fired")
        equal(usher.json("task", "show", task)["status"], "queued", "the task")
        usher.advance(2 * 3600)
        wait_for(lambda: usher.json("task", "show", task)["status"] == "completed", "the end of the task")
        check(app.user(name), "the app has them")


def test_full_map(scratch):
    """A map of the store that is full refuses writes, answers reads, and grows by the config."""
    usher = Usher(scratch, config="[store]\nmap-size = 64M\n")
    app = App(scratch, users=2000)
    usher.connect(app)
    n = 0
    for part in range(40):
        rows = "".join(f"p{part}-{i}@corp.test,First name of some length,Last name of some length\n" for i in range(5000))
        status, found = usher.api("POST", "/directory/import", text="email,first_name,last_name\n" + rows, expect=None)
        if status != 200:
            break
        n += 5000
    equal((status, found.get("code")), (503, "read-only"), f"an import into a full map: {found}")
    # The rows that it says were kept are there, and no other.
    kept = int((re.search(r"first (\d+) rows", found["detail"]) or [0, 0])[1])
    check(n > 0, "nothing fitted")
    usher.usher("person", "show", "p0-4999@corp.test")
    if kept:
        usher.usher("person", "show", f"p{part}-{kept - 1}@corp.test")
    usher.usher("person", "show", f"p{part}-{kept}@corp.test", status=3)
    equal(len(usher.api("GET", "/hubs/Acme/members?limit=500")[1]["items"]), 500, "members")
    doctor = usher.usher("-o", "json", "doctor", status=1).json()
    check([c for c in doctor["checks"] if c["name"] == "store" and not c["ok"] and "map-size" in c["action"]],
          f"doctor: {doctor}")
    usher.stop()
    usher.config.write_text("[store]\nmap-size = 1G\n")
    usher.start()
    usher.api("POST", "/people", {"email": "after@corp.test"}, expect=201)
    usher.usher("sync", "Acme")
    usher.usher("doctor")


def test_full_ends(scratch):
    """A task whose ends alone cannot be written goes on with one attempt, however long that takes."""
    usher = Usher(scratch)
    app = App(scratch, users=3)
    usher.connect(app)
    usher.stop()
    refused = 12
    usher.start(fail_points=",".join(f"attempt-end=full:{n + 1}" for n in range(refused)))
    app.faults(error={"status": 500})
    task = usher.api("POST", "/hubs/Acme/sync", {}, expect=202)[1]
    task = task.get("task", task)["id"]

    def goes_on(done):
        usher.advance(31)
        shown = usher.api("GET", f"/tasks/{task}")[1]
        return shown if done(shown) else None

    shown = wait_for(lambda: goes_on(lambda t: t.get("ended_at") or usher.fired("attempt-end") == refused
                                     and t["status"] == "retrying"), "an end that is written")
    equal((shown["status"], shown["attempts"], usher.fired("attempt-end")), ("retrying", 1, refused), f"the task: {shown}")
    app.faults()
    shown = wait_for(lambda: goes_on(lambda t: t.get("ended_at")), "the end")
    equal((shown["status"], shown["attempts"]), ("completed", 2), f"the task: {shown}")


if __name__ == "__main__":
    sys.exit(main([test_bad_config, test_bad_flags, test_folders, test_taken_address, test_log_at_a_terminal, test_one_daemon_a_state,
                   test_newer_state, test_damaged_state, test_key, test_end_and_resume, test_reload_of_a_bad_config,
                   test_bad_app_file, test_wrong_import, test_doctor, test_full_disk, test_full_moments, test_full_ends,
                   test_failed_end_of_a_task, test_full_map], "daemon"))
