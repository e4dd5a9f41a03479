#!/usr/bin/env python3
"""What is kept: backups that come back whole, keys that are replaced, events that nobody can
take back."""

import concurrent.futures
import contextlib
import csv
import hashlib
import http.client
import io
import json
import os
import pathlib
import shutil
import stat
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from usher import App, Skipped, UnixConnection, Usher, check, equal, main, of_the_command, wait_for  # noqa: E402

CONFIG = "[tasks]\nretry-wait = 20ms\n"
HEAD = 512


class Elsewhere:
    """A scratch of its own folder, ended with the first: another machine."""

    def __init__(self, scratch, name):
        self.dir = scratch.dir / name
        self.dir.mkdir()
        self.callback = scratch.callback

    def file(self, name, text):
        path = self.dir / name
        path.write_text(text)
        return path


def backup(usher, name="backup"):
    path = usher.scratch.dir / name
    usher.usher("backup", path, "--yes")
    return path


def emails(usher):
    return sorted(p["email"] for p in usher.json("person", "list"))


def send(usher, file):
    """The file to POST /restore, as it is."""
    connection = UnixConnection(usher.socket)
    try:
        connection.request("POST", "/api/v1/restore?confirm=true", file.read_bytes(),
                           {"Content-Type": "application/octet-stream"})
        return connection.getresponse().status
    finally:
        connection.close()


def dies(usher):
    wait_for(lambda: usher.process.poll() is not None, "the daemon's death")
    equal(usher.process.returncode, -9, "how it died")


def verified(usher):
    found = usher.json("audit", "verify")
    check(found["ok"] and found["events"], f"the chain is not whole: {found}")
    return found


def head_of(data):
    return bytearray(data[:HEAD])


def sealed(head):
    """HEAD with the digest that belongs to it."""
    return bytes(head[:480]) + hashlib.blake2b(bytes(head[:480]), digest_size=32).digest()


@of_the_command
def test_a_backup_comes_back(scratch):
    """A backup holds everything; restored, what came later is aside, tasks are cancelled, hubs are looked at anew."""
    app = App(scratch, users=50)
    usher = Usher(scratch, config=CONFIG)
    usher.connect(app)
    usher.people("before@corp.test")
    app.faults(unauthorized={})
    usher.usher("member", "invite", "Acme", "before@corp.test", "--role", "member", "--no-wait", "--yes")
    wait_for(lambda: usher.hub()["status"].startswith("review-"), "the hub's review")
    usher.usher("task", "retry", usher.tasks(status="not-completed")[0]["id"], "--no-wait")
    answer = usher.usher("backup", scratch.dir / "backup")
    check("no usher.key" in answer.err, f"what a backup does not hold: {answer.err}")
    file = scratch.dir / "backup"
    equal(stat.S_IMODE(file.stat().st_mode), 0o600, "the backup's mode")
    key = (usher.state / "usher.key").read_text().strip()
    data = file.read_bytes()
    check(key.encode() not in data and bytes.fromhex(key) not in data, "the backup holds usher.key")
    check(App.TOKEN.encode() not in data, "the backup holds a secret")
    answer = usher.usher("backup", file, status=2)
    check("exists" in answer.err, f"a file that is there: {answer.err}")
    equal(file.read_bytes(), data, "the file that was there")
    app.faults()
    usher.people("after@corp.test")
    answer = usher.usher("restore", file, status=2)
    check("confirmation-required" in answer.err, f"asked before: {answer.err}")
    check("after@corp.test" in emails(usher), "nothing was changed")
    process, ended = usher.process.pid, verified(usher)["last"]
    answer = usher.usher("restore", file, "--yes")
    check("is in place" in answer.out and "store-before-" in answer.err, f"{answer.out}{answer.err}")
    equal(usher.process.pid, process, "the daemon's process")
    check("before@corp.test" in emails(usher) and "after@corp.test" not in emails(usher), f"people: {emails(usher)}")
    usher.wait_idle()
    invited = [t for t in usher.tasks() if t["kind"] == "add-user"]
    equal([t["error"]["code"] for t in invited], ["cancelled"], "the task that was open in the backup")
    equal(usher.hub()["status"], "healthy", "the hub, after it was looked at anew")
    equal(len(usher.members()), 51, "its members")
    events = usher.json("audit", "list")
    restored = [e for e in events if e["type"] == "workspace.restored"]
    check(len(restored) == 1 and restored[0]["actor"]["kind"] == "person", f"whose restore it was: {restored}")
    check(restored[0]["seq"] > ended["seq"], "sequences go on")
    equal(restored[0]["details"]["replaced"], {"seq": ended["seq"], "hash": ended["hash"]}, "where the chain before ended")
    verified(usher)
    found = usher.api("GET", "/status")[1]["restored"]
    aside = pathlib.Path(found["aside"])
    check(aside.is_dir() and (aside / "data.mdb").exists(), "the store of before")
    check(any(c["name"] == "restore" for c in usher.json("doctor")["checks"]), "the doctor's reminder")
    shutil.rmtree(aside)
    check("restored" not in usher.api("GET", "/status")[1], "the reminder goes with the folder")
    usher.stop()
    usher.start()
    equal(len(usher.members()), 51, "members after another start")
    equal(len([e for e in usher.json("audit", "list") if e["type"] == "workspace.restored"]), 1, "it is settled once")


@of_the_command
def test_a_backup_on_another_machine(scratch):
    """On a new machine a backup needs its usher.key, and with it hubs sync and act again."""
    app = App(scratch, users=20)
    usher = Usher(scratch, config=CONFIG)
    usher.connect(app)
    usher.people("new@corp.test")
    file = backup(usher)
    key = (usher.state / "usher.key").read_text()
    usher.stop()
    other = Usher(Elsewhere(scratch, "other"), config=CONFIG, setup=False)
    answer = other.usher("restore", file, "--yes", status=2)
    check("another usher.key" in answer.err and "fingerprint" in answer.err, f"the wrong key: {answer.err}")
    check(not other.api("GET", "/status")[1]["set_up"], "nothing was changed")
    os.unlink(other.state / "usher.key")
    answer = other.usher("restore", file, "--yes", status=2)
    check("usher.key is missing" in answer.err, f"no key: {answer.err}")
    check(not (other.state / "usher.key").exists(), "a key was made up")
    (other.state / "usher.key").write_text(key)
    (other.state / "usher.key").chmod(0o600)
    other.usher("restore", file, "--yes")
    other.wait_idle()
    equal(other.hub()["status"], "healthy", "the hub there")
    equal(len(other.members()), 20, "its members")
    other.usher("member", "invite", "Acme", "new@corp.test", "--role", "member", "--yes")
    check(app.user("new@corp.test"), "invited in the app")
    verified(other)
    other.stop()
    other.start()
    other.usher("sync", "Acme")


@of_the_command
def test_a_key_put_there_before_the_first_use(scratch):
    """A daemon that was never set up takes the usher.key that is put in place of its own."""
    usher = Usher(scratch, setup=False)
    usher.stop()
    (usher.state / "usher.key").write_text("0123456789abcdef" * 4 + "\n")
    usher.start()
    usher.usher("setup", "--owner", "owner@example.com")
    verified(usher)
    usher.stop()
    (usher.state / "usher.key").write_text("f123456789abcdef" * 4 + "\n")
    usher.start(wait=False)
    wait_for(lambda: usher.process.poll() is not None, "the refusal")
    check("another usher.key" in usher.logged() and "fingerprint" in usher.logged(), usher.logged()[-500:])


@of_the_command
def test_damage_is_refused(scratch):
    """A backup that is damaged or cut anywhere, newer, or none at all is refused, and nothing changes."""
    app = App(scratch, users=10)
    usher = Usher(scratch, config=CONFIG)
    usher.connect(app)
    data = backup(usher).read_bytes()
    usher.people("after@corp.test")
    before = emails(usher)
    bad = scratch.dir / "bad"

    def refused(text, content):
        bad.write_bytes(content)
        answer = usher.usher("restore", bad, "--yes", status=2)
        check(text in answer.err and "backup-refused" in answer.err, f"wanted {text!r}: {answer.err}")
    for i in range(16):
        at = len(data) * i // 16 + 7
        refused("no backup" if at < 16 else "damaged", data[:at] + bytes([data[at] ^ 4]) + data[at + 1:])
        refused("damaged", data[:at])
    refused("damaged", data + b"x")
    refused("damaged", b"")
    refused("no backup", b"hello" * 1000)
    refused("no backup", data.replace(b"\r\n", b"\n", 1))
    head = head_of(data)
    struct.pack_into("<I", head, 20, 99)
    refused("schema 99", sealed(head) + data[HEAD:])
    head = head_of(data)
    head[24:40] = bytes(16)
    refused("damaged", sealed(head) + data[HEAD:])
    head = head_of(data)
    struct.pack_into("<I", head, 16, 2)
    refused("newer usherd", sealed(head) + data[HEAD:])
    answer = usher.usher("restore", scratch.dir / "nowhere", "--yes", status=3)
    check("cannot be read" in answer.err, answer.err)
    equal(emails(usher), before, "people")
    equal([p.name for p in (usher.state / "work").iterdir() if p.name.startswith(("restore", "backup"))], [], "left over")
    check(not (usher.state / "restore").exists(), "it was marked")
    usher.usher("sync", "Acme")


def test_only_the_owner(scratch):
    """A token without the admin scope gets neither a backup nor a restore nor a rotation."""
    usher = Usher(scratch)
    token = usher.api("POST", "/tokens", {"name": "weak", "scopes": ["read", "write"]}, expect=201)[1]["token"]
    for path in ("/backup", "/key/rotate"):
        equal(usher.api("POST", path, headers={"Authorization": f"Bearer {token}"}, expect=None)[0], 403, path)
    equal(usher.api("POST", "/restore", text="", expect=None,
                    headers={"Authorization": f"Bearer {token}", "Content-Type": "application/octet-stream"})[0],
          403, "/restore")
    usher.api("GET", "/audit/verify", headers={"Authorization": f"Bearer {token}"})
    equal(usher.api("POST", "/restore", text="", expect=None)[0], 415, "a body of another type")


@of_the_command
def test_kill_in_a_restore(scratch):
    """kill -9 at any step of a restore leaves the old or the new state whole, and a marked one is finished."""
    app = App(scratch, users=10)
    usher = Usher(scratch, config=CONFIG)
    usher.connect(app)
    file = backup(usher)
    for point, new in (("restore-received", False), ("restore-before-mark", False), ("restore-marked", True),
                       ("restore-store-aside", True), ("restore-in-place", True), ("restore-settled", True)):
        usher.stop()
        usher.start()
        usher.people(f"{point}@corp.test")
        restores = [e["type"] for e in usher.json("audit", "list")].count("workspace.restored")
        usher.stop()
        usher.start(fail_points=f"{point}=kill")
        with contextlib.suppress(OSError, http.client.HTTPException):
            send(usher, file)
        dies(usher)
        equal(usher.fired(point), 1, f"{point} fired")
        usher.start()
        equal(f"{point}@corp.test" not in emails(usher), new, f"killed at {point}: the new state")
        usher.wait_idle()
        equal(len(usher.members()), 10, f"killed at {point}: members")
        verified(usher)
        check(not (usher.state / "restore").exists(), f"killed at {point}: finished")
        equal([e["type"] for e in usher.json("audit", "list")].count("workspace.restored"),
              restores if new is False else 1, f"killed at {point}: settled once")
        usher.usher("restore", file, "--yes")


@of_the_command
def test_full_disk(scratch):
    """On a full disk neither a backup nor a restore leaves anything, and the daemon goes on."""
    app = App(scratch, users=10)
    usher = Usher(scratch, config=CONFIG)
    usher.connect(app)
    file = backup(usher)
    usher.stop()
    usher.start(fail_points="backup-copy=full,restore-received=full,restore-before-mark=full")
    answer = usher.usher("backup", scratch.dir / "second", status=1)
    check("no room" in answer.err and "read-only" in answer.err, f"a backup: {answer.err}")
    equal(list(scratch.dir.glob("second*")), [], "what a failed backup leaves")
    for point in ("restore-received", "restore-before-mark"):
        answer = usher.usher("restore", file, "--yes", status=1)
        equal(usher.fired(point), 1, f"{point} fired")
        check("read-only" in answer.err, f"a restore: {answer.err}")
    check(not (usher.state / "restore").exists(), "it was marked")
    usher.usher("sync", "Acme")
    usher.usher("backup", scratch.dir / "second")
    usher.usher("restore", scratch.dir / "second", "--yes")
    # A disk that is too small for the copy is not filled by it.
    disk = scratch.dir / "disk"
    disk.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(disk)], capture_output=True, text=True)
    if done.returncode:
        raise Skipped("a small disk cannot be mounted here: " + done.stderr.strip())
    with contextlib.ExitStack() as stack:
        stack.callback(subprocess.run, ["umount", "-l", str(disk)], check=True)
        small = Usher(Elsewhere(scratch, "small"), setup=False)
        small.stop()
        small.state = disk / "state"
        small.start()
        stack.callback(small.stop)
        answer = small.run("restore", scratch.dir / "second", "--yes")
        check(answer.status in (1, 2), f"a restore on a small disk: {answer.status} {answer.err}")
        small.usher("setup", "--owner", "owner@example.com")
        answer = small.usher("backup", scratch.dir / "third", status=1)
        check("no room" in answer.err, f"a backup on a small disk: {answer.err}")
        small.usher("status")


@of_the_command
def test_backups_beside_a_sync(scratch):
    """Backups taken while a sync runs and people write are each whole, and one at a time."""
    app = App(scratch, users=3000)
    usher = Usher(scratch, config=CONFIG)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        sync = pool.submit(usher.connect, app)
        files = []
        while not sync.done():
            files.append(backup(usher, f"backup-{len(files)}"))
            usher.usher("person", "add", f"p{len(files)}@corp.test")
        sync.result()
        both = [pool.submit(usher.run, "backup", scratch.dir / f"both-{i}") for i in range(4)]
        answers = [one.result() for one in both]
    check(files and any(a.status == 0 for a in answers), f"{len(files)} backups, {[a.err for a in answers]}")
    for answer in answers:
        check(answer.status == 0 or "backup-busy" in answer.err, f"two at once: {answer.err}")
    for file in (files[0], files[len(files) // 2], files[-1]):
        usher.usher("restore", file, "--yes")
        verified(usher)
        if usher.json("hub", "list"):
            usher.wait_idle()
            equal(sum(usher.hub()["counts"].values()), 3000, "members, after the sync that follows")


@of_the_command
def test_a_backup_of_a_half_applied_sync(scratch):
    """A sync that was half applied when the backup was made is given up, and the hub listed anew."""
    app = App(scratch, users=12000)
    usher = Usher(scratch, config=CONFIG)
    usher.stop()
    usher.start(fail_points="delta-batch=kill:2")
    usher.run("hub", "connect", "scim", "--label", "Acme", "--login-method", "sso", "--set", f"base_url={app.url}",
              "--secret", f"token=@{scratch.file('token', app.TOKEN)}", "--no-wait")
    dies(usher)
    equal(usher.fired("delta-batch"), 1, "delta-batch fired")
    image = (usher.state / "store/data.mdb").read_bytes()
    # What a backup would hold that was made at that moment: a head of another one, for this image.
    usher.start()
    head = head_of(backup(usher, "any").read_bytes())
    struct.pack_into("<Q", head, 48, len(image))
    head[56:88] = hashlib.blake2b(image, digest_size=32).digest()
    file = scratch.dir / "half"
    file.write_bytes(sealed(head) + image)
    usher.wait_idle()
    usher.usher("restore", file, "--yes")
    usher.wait_idle()
    equal(usher.hub()["status"], "healthy", "the hub")
    counts = usher.hub()["counts"]
    equal(sum(counts.values()), 12000, "its members")
    verified(usher)


@of_the_command
def test_nobody_is_removed_after_a_restore(scratch):
    """The first sync after a restore makes a report of who is missing, be it one, and removes nobody."""
    app = App(scratch, users=20)
    usher = Usher(scratch, config=CONFIG)
    usher.connect(app)
    usher.people(*[u["userName"] for u in app.users()])
    usher.usher("sync", "Acme")
    gone = app.users()[3]["userName"]
    file = backup(usher)
    app.change(remove=[gone])
    usher.usher("restore", file, "--yes")
    usher.wait_idle()
    reports = [r for r in usher.json("report", "list") if r["status"] == "open"]
    equal([r["removed_count"] for r in reports], [1], "who is missing")
    check(usher.member(gone)["status"] != "removed", "nobody was removed")
    usher.usher("sync", "Acme", status=5)
    check(usher.member(gone)["status"] != "removed", "nor by the next sync")
    usher.usher("member", "remove", "Acme", gone, "--yes")
    usher.usher("sync", "Acme")
    equal([r for r in usher.json("report", "list") if r["status"] == "open"], [], "the report is withdrawn")


def test_keys_rotate(scratch):
    """A rotation seals everything anew, under kill -9 at any step, and the old key goes when nothing needs it."""
    app = App(scratch, users=5)
    usher = Usher(scratch, config=CONFIG)
    usher.connect(app)
    for i in range(70):
        usher.api("POST", "/accounts", {"app": "scim", "label": f"a{i}", "secrets": {"token": f"secret-{i}"}}, expect=201)

    def secrets():
        return next(c for c in usher.json("doctor")["checks"] if c["name"] == "secrets")
    equal(usher.json("key", "rotate"), {"key": 2, "sealed": 71, "unopened": 0}, "a rotation")
    usher.usher("sync", "Acme")
    key = 2
    for point, old in (("rotate-key-kept", 72), ("rotate-resealed", 7), ("call-committed", 0)):
        usher.stop()
        usher.start(fail_points=f"{point}=kill")
        with contextlib.suppress(OSError, http.client.HTTPException):
            usher.api("POST", "/key/rotate", headers={"Idempotency-Key": point})
        dies(usher)
        equal(usher.fired(point), 1, f"{point} fired")
        usher.start()
        doctor = usher.json("doctor", status=1 if old else 0)
        found = next(c for c in doctor["checks"] if c["name"] == "secrets")
        equal((found["ok"], f"{old} of 72" in found["detail"]), (not old, bool(old)), f"killed at {point}: {found}")
        usher.usher("sync", "Acme")
        # The same request again: done, unless its answer is kept.
        key += 2 if old else 1
        for _ in range(2):
            again = usher.api("POST", "/key/rotate", headers={"Idempotency-Key": point}, expect=200)[1]
            equal(again, {"key": key, "sealed": 71, "unopened": 0}, f"after a kill at {point}")
        check(secrets()["ok"], f"after a kill at {point}: {secrets()}")
    usher.stop()
    usher.start()
    usher.usher("sync", "Acme")
    file = backup(usher)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        rotations = pool.submit(lambda: [usher.usher("key", "rotate") for _ in range(5)])
        while not rotations.done():
            usher.usher("hub", "check", "Acme")
        rotations.result()
    usher.usher("restore", file, "--yes")
    usher.wait_idle()
    equal(usher.hub()["status"], "healthy", "a backup of before the rotations")
    verified(usher)


@of_the_command
def test_usher_key_is_replaced(scratch):
    """usher.key.new takes over at a start, and becomes usher.key when a person says so."""
    app = App(scratch, users=5)
    usher = Usher(scratch, config=CONFIG)
    usher.connect(app)
    file = backup(usher)
    old, new = usher.state / "usher.key", usher.state / "usher.key.new"
    before = old.read_text()
    usher.stop()
    new.write_text("00112233445566778899aabbccddeeff" * 2 + "\n")
    new.chmod(0o600)
    usher.start()
    usher.usher("sync", "Acme")
    answer = usher.usher("doctor", status=1)
    check("usher.key.new" in answer.out, f"the doctor: {answer.out}")
    usher.stop()
    usher.start()
    usher.usher("sync", "Acme")
    usher.stop()
    new.rename(old)
    usher.start()
    usher.usher("doctor")
    usher.usher("sync", "Acme")
    answer = usher.usher("restore", file, "--yes", status=2)
    check("another usher.key" in answer.err, f"a backup under the old key: {answer.err}")
    old.write_text(before)
    usher.usher("restore", file, "--yes")
    usher.wait_idle()
    equal(usher.hub()["status"], "healthy", "with the key of then")


@of_the_command
def test_events_cannot_be_taken_back(scratch):
    """An event that is changed, dropped, moved or cut off in the file is found, and named."""
    usher = Usher(scratch)
    for i in range(30):
        usher.api("POST", "/people", {"email": f"p{i}@corp.test"}, expect=201)
    last = verified(usher)["last"]["seq"]
    usher.stop()
    store = usher.state / "store"
    whole = (store / "data.mdb").read_bytes()
    tool = usher.build / "tests/torture/edit-events"
    if not tool.exists():
        subprocess.run(["make", "-C", str(usher.build), "-s", "tests/torture/edit-events"], check=True)
    for edit, kind, seq in ((("drop", 10), "missing", 10), (("change", 10), "changed", 10),
                            (("swap", 10, 11), "moved", 10), (("cut", last), "cut-off", last),
                            (("cut", 5), "cut-off", last), (("drop", 1), "missing", 1),
                            (("head", last - 3), "head", last)):
        (store / "data.mdb").write_bytes(whole)
        subprocess.run([str(tool), str(store), *map(str, edit)], check=True)
        usher.start()
        answer = usher.usher("audit", "verify", status=1)
        check(f"Event {seq}" in answer.err and f"[{kind}]" in answer.err, f"{edit}: {answer.err}")
        found = usher.api("GET", "/audit/verify")[1]
        equal((found["ok"], found["fault"]["kind"], found["fault"]["seq"]), (False, kind, seq), f"{edit}")
        # What is added does not hide it.
        usher.api("POST", "/people", {"email": "new@corp.test"}, expect=201)
        check(not usher.api("GET", "/audit/verify")[1]["ok"], f"{edit}: healed")
        usher.stop()
    (store / "data.mdb").write_bytes(whole)
    usher.start()
    equal(verified(usher)["last"]["seq"], last, "the file as it was")


def test_retention_keeps_the_chain(scratch):
    """Retention deletes thousands of events at one time, and leaves a chain that is whole from there on."""
    usher = Usher(scratch, config="[retention]\nevents = 30d\n")
    usher.people(*(f"p{i}@corp.test" for i in range(3500)))
    before = verified(usher)
    check(before["events"] > 3500, "events")
    usher.advance(40 * 24 * 3600)
    usher.api("POST", "/people", {"email": "later@corp.test"}, expect=201)
    wait_for(lambda: verified(usher)["first"]["seq"] > before["last"]["seq"], "retention")
    verified(usher)


@of_the_command
def test_export(scratch):
    """An export has every event, a line each, and no cell that a spreadsheet would run."""
    usher = Usher(scratch)
    for i in range(600):
        usher.api("POST", "/people", {"email": f"p{i}@corp.test"}, expect=201)
    usher.api("POST", "/tokens", {"name": "=cmd()"}, expect=201, headers={"User-Agent": "=2+5"})
    lines = [json.loads(line) for line in usher.usher("audit", "export").out.splitlines()]
    equal(len(lines), verified(usher)["events"], "events in the export")
    equal([e["seq"] for e in lines], sorted((e["seq"] for e in lines), reverse=True), "their order")
    rows = list(csv.DictReader(io.StringIO(usher.usher("-o", "csv", "audit", "export").out)))
    equal(len(rows), len(lines), "rows")
    equal([row["client"] for row in rows if row["type"] == "token.created"], ["'=2+5"], "a formula")
    check(not any(cell[:1] in ("=", "+", "@") for row in rows for cell in row.values() if cell), "a cell that is run")


TESTS = [test_a_backup_comes_back, test_a_backup_on_another_machine, test_a_key_put_there_before_the_first_use,
         test_damage_is_refused, test_only_the_owner, test_kill_in_a_restore, test_full_disk, test_backups_beside_a_sync,
         test_a_backup_of_a_half_applied_sync, test_nobody_is_removed_after_a_restore, test_keys_rotate,
         test_usher_key_is_replaced, test_events_cannot_be_taken_back, test_retention_keeps_the_chain, test_export]

if __name__ == "__main__":
    sys.exit(main(TESTS, "keep"))
