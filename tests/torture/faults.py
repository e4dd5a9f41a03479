#!/usr/bin/env python3
"""Machines that fail: disks and maps that are full, a state that cannot be written, clocks that go
back, a day's work that waits at the start, a backup of long ago.  Nothing is done twice, nothing
is lost, and one sentence says what is wrong.

    tests/torture/faults.py [WORD]...       only those with a word in their name

USHER_TORTURE=long queues 10,000 tasks in place of 300.
"""

import collections
import contextlib
import os
import pathlib
import re
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "lib"), str(TESTS / "e2e")]
import daemon  # noqa: E402
from gate import Gate, Hold  # noqa: E402
from usher import App, Skipped, Usher, check, equal, main, scim_user, wait_for  # noqa: E402

LONG = os.environ.get("USHER_TORTURE") == "long"
MANY = 10000 if LONG else 300
CONFIG = "[tasks]\nretry-wait = 20ms\n"
QUEUE_MEMORY = 4 << 20    # bytes of private memory that so many tasks may add
DAY = 86400
WRITES = ("create-user", "patch-user", "put-user", "delete-user")


def name(i):
    return f"p{i:05}@example.com"


def begin(scratch, people, config=CONFIG, state=None, users=20):
    """An app behind a gate, and a daemon that knows some people."""
    app = App(scratch, users=users)
    gate = Gate(scratch, app, app.port, "/scim/v2")
    usher = Usher(scratch, config=config, setup=state is None)
    if state:
        usher.stop()
        usher.state = state
        usher.start()
        usher.usher("setup", "--owner", "owner@example.com", "--name", "Test")
    usher.connect(gate)
    usher.people(*map(name, range(people)))
    return app, gate, usher


def invite(usher, i):
    usher.usher("member", "invite", "Acme", name(i), "--role", "member", "--yes", "--no-wait")


def effects(gate, mark=0):
    """What the app carried out, by whom it was about."""
    return collections.Counter(r.json().get("userName") if r.kind == "create-user" else r.path.rsplit("/", 1)[1]
                               for r in gate.since(mark) if r.writes and r.status and r.status < 300)


def once_each(app, gate, people, mark=0):
    """Everybody was made by one request, and nobody else."""
    equal(effects(gate, mark), collections.Counter(map(name, people)), "what the app carried out")
    found = collections.Counter(u["userName"] for u in app.users() if u["userName"].startswith("p"))
    equal(found, collections.Counter(map(name, people)), "accounts")


def private_memory(usher):
    text = pathlib.Path(f"/proc/{usher.process.pid}/status").read_text()
    return int(re.search(r"^RssAnon:\s+(\d+)", text, re.M)[1]) << 10


def made(app):
    """How many accounts the app was asked to make: cheap to ask."""
    return app.counts().get("create-user", 0)


def no_task_lost(usher, many):
    kinds = collections.Counter((t["kind"], t["status"]) for t in usher.tasks())
    equal(kinds[("add-user", "completed")], many, f"invitations that are completed, of {kinds}")


def sentence(text):
    """One sentence, which begins and ends like one."""
    check(re.fullmatch(r"[A-Z][^\n]*[.]", text.strip()), f"not a sentence: {text!r}")


def refuses_to_start(usher, part):
    """The daemon does not start, and says one sentence with PART in it."""
    before = len(usher.logged())
    usher.start(wait=False)
    wait_for(lambda: usher.process.poll() is not None, "the refusal")
    check(usher.process.returncode not in (0, -6, -9, -11), f"how it ended: {usher.process.returncode}")
    usher.process = None
    lines = [line for line in usher.logged()[before:].splitlines() if line.strip()]
    equal(len(lines), 1, f"lines about it: {lines}")
    check(part in lines[0], f"what it says: {lines[0]}")


def held_invitation(gate, usher, i):
    """The app has made the account, and the answer is on its way."""
    hold = gate.rule = Hold(*WRITES, after_app=True)
    invite(usher, i)
    check(hold.reached.wait(90), "the invitation never came to the app")
    return hold


def waits_for_room(usher):
    return wait_for(lambda: next((t for t in usher.api("GET", "/tasks?limit=20")[1]["items"]
                                  if t.get("wait_reason") == "store-full"), None), "the wait for room")


def goes_on(usher, many):
    """There is room again: the tasks are tried by the clock, until all are done."""
    def done():
        usher.advance(31)
        tasks = [t for t in usher.tasks() if t["kind"] == "add-user"]
        return len(tasks) == many and all(t["status"] == "completed" for t in tasks)
    wait_for(done, f"{many} invitations")


def disk_full(scratch):
    """A disk that fills up while the app answers: the outcome waits for room, the app is told once"""
    with contextlib.ExitStack() as stack:
        disk = scratch.dir / "disk"
        stack.enter_context(daemon.small_disk(disk, "24m"))
        app, gate, usher = begin(scratch, people=10, state=disk / "state")
        stack.callback(usher.stop)
        for i in range(1, 6):
            invite(usher, i)
        usher.wait_idle()
        hold = held_invitation(gate, usher, 0)
        daemon.fill(disk / "filler")
        # Pages of the store that are free may serve for a few writes yet.
        for i in range(400):
            status, found = usher.api("POST", "/people", {"email": f"q{i}@corp.test"}, expect=None)
            if status != 201:
                break
        equal((status, found["code"]), (503, "read-only"), "a write on the full disk")
        sentence(found["detail"])
        hold.let_go()
        gate.rule = None
        waits_for_room(usher)
        # Nobody is told of a success that is nowhere written, and a start changes nothing of it.
        usher.kill()
        usher.start()
        waits_for_room(usher)
        doctor = next(c for c in usher.usher("-o", "json", "doctor", status=1).json()["checks"] if not c["ok"])
        sentence(doctor["action"])
        (disk / "filler").unlink()
        goes_on(usher, 6)
        once_each(app, gate, range(6))
        usher.stop()


def map_full(scratch):
    """A map that fills up while the app answers: the outcome waits for a larger one, the app is told once"""
    app, gate, usher = begin(scratch, people=10, config=CONFIG + "[store]\nmap-size = 64M\n")
    hold = held_invitation(gate, usher, 0)
    for part in range(60):
        rows = "".join(f"m{part}-{i}@corp.test,First name of some length,Last name\n" for i in range(4000))
        status, found = usher.api("POST", "/directory/import", text="email,first_name,last_name\n" + rows, expect=None)
        if status != 200:
            break
    equal((status, found["code"]), (503, "read-only"), "an import into the full map")
    for i in range(3000):
        status, found = usher.api("POST", "/people", {"email": f"q{i}@corp.test"}, expect=None)
        if status != 201:
            break
    equal((status, found["code"]), (503, "read-only"), "a person more")
    sentence(found["detail"])
    hold.let_go()
    gate.rule = None
    waits_for_room(usher)
    usher.kill()
    usher.config.write_text(CONFIG + "[store]\nmap-size = 1G\n")
    usher.start()
    goes_on(usher, 1)
    once_each(app, gate, range(1))


def read_only_state(scratch):
    """A state folder that cannot be written: one sentence and no start, and later the change is made once"""
    with contextlib.ExitStack() as stack:
        disk = scratch.dir / "disk"
        stack.enter_context(daemon.small_disk(disk, "64m"))
        app, gate, usher = begin(scratch, people=4, state=disk / "state")
        stack.callback(usher.stop)
        hold = held_invitation(gate, usher, 0)
        usher.kill()
        hold.let_go(drop=True)
        gate.rule = None
        gate.settled()
        for mode in ("ro", "rw"):
            done = subprocess.run(["mount", "-o", f"remount,{mode}", str(disk)], capture_output=True, text=True)
            if done.returncode:
                raise Skipped("a disk cannot be made read-only here: " + done.stderr.strip())
            if mode == "ro":
                refuses_to_start(usher, str(usher.state))
        usher.start()
        usher.wait_idle()
        invite(usher, 1)
        usher.wait_idle()
        no_task_lost(usher, 2)
        once_each(app, gate, range(2))
        usher.stop()


def clock_back(scratch):
    """A clock that goes back a day in the middle of everything: order and waits stay as they were"""
    app, gate, usher = begin(scratch, people=10)
    invite(usher, 0)
    usher.wait_idle()
    # One waits for the app, and waits no longer for the clock.
    app.faults(rate_limit={"retry_after": 600, "times": 1})
    invite(usher, 1)
    waits = wait_for(lambda: next((t for t in usher.tasks() if t.get("wait_reason") == "app-asked"), None), "the wait")
    usher.set_clock(-DAY)
    usher.advance(620)
    wait_for(lambda: usher.api("GET", f"/tasks/{waits['id']}")[1]["status"] == "completed", "the end of the wait, in its time")
    # Of one nobody knows the outcome, and one is to come.
    hold = held_invitation(gate, usher, 2)
    usher.kill()
    hold.let_go(drop=True)
    gate.rule = None
    gate.settled()
    usher.set_clock(-DAY)
    usher.start()
    invite(usher, 3)
    usher.wait_idle()
    app.change(add=[scim_user("native@example.com")], remove=["user000001@example.com"])
    usher.usher("sync", "Acme")
    equal(usher.member("native@example.com")["status"], "unmatched", "whoever came while the clock was back")
    equal(usher.member("user000001@example.com")["status"], "removed", "whoever went while the clock was back")
    no_task_lost(usher, 4)
    once_each(app, gate, range(4))
    events = usher.json("audit", "list")
    equal([e["seq"] for e in events], sorted((e["seq"] for e in events), reverse=True), "the order of events")
    check(usher.json("audit", "verify")["ok"], "the chain is not whole")
    # And on again, by both days at once.
    usher.set_clock(2 * DAY)
    usher.wait_idle()
    once_each(app, gate, range(4))


def queue_at_start(scratch):
    """Thousands of tasks that wait at the start, and kills on the way: each is done once, in its turn"""
    app, gate, usher = begin(scratch, people=MANY, users=5)
    alone = private_memory(usher)
    app.faults(unauthorized={})
    usher.usher("sync", "Acme", status=1)
    equal(usher.hub()["status"], "review-automation-account", "the hub")
    for i in range(MANY):
        usher.api("POST", "/hubs/Acme/members", {"email": name(i), "roles": ["member"], "confirm": True}, expect=None)
    waiting = usher.tasks(status="queued")
    equal(len(waiting), MANY, "tasks that wait")
    usher.kill()
    app.faults()
    usher.start()
    grown = private_memory(usher) - alone
    check(grown <= QUEUE_MEMORY, f"usherd is {grown >> 10} KiB larger with {MANY} tasks")
    equal(len(usher.tasks(status="queued")), MANY, "tasks that wait after the kill")
    usher.usher("hub", "check", "Acme", "--no-wait")
    for part in (1, 2, 3):
        wait_for(lambda: made(app) > MANY * part // 4, f"part {part} of the invitations", 600)
        usher.kill()
        usher.start()
    wait_for(lambda: made(app) >= MANY, "the last invitation", 900)
    usher.wait_idle()
    no_task_lost(usher, MANY)
    once_each(app, gate, range(MANY))
    # Ids are made in the order of the requests, and accounts in that of the tasks.
    order = [u["userName"] for u in app.users() if u["userName"].startswith("p")]
    equal(order, sorted(order), "the order in which the app was told")


def old_backup(scratch):
    """A backup of long ago: what was done since is not done again, and nobody is removed for it"""
    app, gate, usher = begin(scratch, people=8)
    for i in range(4):
        invite(usher, i)
    usher.wait_idle()
    # One task is open in the backup, and done before the backup comes back.
    app.faults(unauthorized={})
    usher.usher("sync", "Acme", status=1)
    invite(usher, 4)
    file = scratch.dir / "backup"
    usher.usher("backup", file, "--yes")
    app.faults()
    usher.usher("hub", "check", "Acme")
    usher.wait_idle()
    invite(usher, 5)
    usher.wait_idle()
    usher.usher("member", "set-role", "Acme", name(1), "--role", "admin", "--yes")
    usher.usher("member", "remove", "Acme", name(2), "--yes")
    app.change(remove=["user000003@example.com"], set={"user000004@example.com": {"roles": [{"value": "admin"}]}})
    before, mark = app.users(), gate.mark()
    answer = usher.usher("restore", file, "--yes")
    sentence(answer.out.strip().splitlines()[-1])
    usher.wait_idle()
    open_then = [t for t in usher.tasks() if t["kind"] == "add-user" and t["status"] != "completed"]
    equal([t["error"]["code"] for t in open_then], ["cancelled"], "the task that was open in the backup")
    sentence(open_then[0]["error"]["message"])
    reports = [r for r in usher.json("report", "list") if r["status"] == "open"]
    equal([r["removed_count"] for r in reports], [1], "who is missing waits for a person")
    usher.usher("member", "remove", "Acme", "user000003@example.com", "--yes")
    usher.usher("sync", "Acme")
    equal([r.kind for r in gate.since(mark) if r.writes], [], "changes that reached the app")
    equal(app.users(), before, "accounts")
    found = {m["username"]: m for m in usher.members() if m.get("username")}
    equal(sorted(n for n, m in found.items() if m["status"] != "removed"), sorted(u["userName"] for u in before), "members")
    equal([r["id"] for r in found[name(1)]["roles"]], ["admin"], "a role that was set since")
    check(found[name(2)]["disabled"], "whoever was removed since is shown as switched off")
    # Whom a person removes again is gone already.
    usher.usher("member", "remove", "Acme", name(2), "--yes")
    equal(usher.tasks()[0]["result"], "no-op", "a removal that was made before")
    equal([r.kind for r in gate.since(mark) if r.writes], [], "changes that reached the app")


if __name__ == "__main__":
    sys.exit(main([disk_full, map_full, read_only_state, clock_back, queue_at_start, old_backup], "faults"))
