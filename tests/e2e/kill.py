#!/usr/bin/env python3
"""kill -9 of usherd: nothing is asked for twice, applied by half or done twice."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from usher import App, Scratch, Usher, check, equal, main, scim_user, wait_for  # noqa: E402

CONFIG = "[tasks]\nretry-wait = 20ms\n"
PAGES = 20
PAGE = 50
IN_FLIGHT = 3
MANY = 12000


def state(usher, hub="Acme"):
    """What is known of everybody, without ids and times."""
    return sorted((m["native_id"], m["username"], m["email"], m.get("name"), m["status"], m["tab"], m["app_state"],
                   m["disabled"], tuple(r["id"] for r in m["roles"])) for m in usher.members(hub))


def undisturbed(usher, app):
    """The same app, seen by a daemon that nobody kills."""
    class Elsewhere:
        """A scratch of its own folder, ended with the first."""
        def __init__(self, scratch):
            self.dir = scratch.dir / "undisturbed"
            self.dir.mkdir()
            self.callback = scratch.callback
            self.file = lambda name, text: (self.dir / name).write_text(text) and self.dir / name
    other = Usher(Elsewhere(usher.scratch), config=CONFIG)
    other.connect(app)
    return state(other)


def dies(usher, what):
    """Waits for the daemon's death by kill."""
    wait_for(lambda: usher.process.poll() is not None, what)
    equal(usher.process.returncode, -9, "how usherd ended")
    usher.process = None


def restarted(usher, points):
    usher.stop()
    usher.start(fail_points=points)


def given_up(usher):
    """The change, once it has ended."""
    try:
        return next((t for t in usher.tasks() if t["kind"] == "add-user" and "ended_at" in t), None)
    except Exception:  # the daemon died while it was asked, or does not answer yet
        return None


def not_for_ever(scratch):
    """A change during which the daemon dies each time before its intent is written is given up one day"""
    app = App(scratch, users=3)
    usher = Usher(scratch, config=CONFIG)
    usher.connect(app)
    usher.people("new@example.com")
    restarted(usher, "session-before-result=kill")
    usher.run("member", "invite", "Acme", "new@example.com", "--role", "member", "--yes", "--no-wait")
    deaths = 0
    while deaths < 20:
        wait_for(lambda: usher.process.poll() is not None or (usher.ready() and given_up(usher)), "a death, or the end")
        if usher.process.poll() is None:
            break
        dies(usher, "the kill")
        deaths += 1
        usher.start(fail_points="session-before-result=kill", wait=False)
    task = given_up(usher)
    equal((task["status"], task["error"]["code"], deaths), ("not-completed", "store-error", 11), "the change")
    equal(usher.fired("session-before-result"), deaths, "the fail point")
    equal(app.counts().get("create-user", 0), 0, "what the app was asked for")
    restarted(usher, None)
    usher.usher("task", "retry", task["id"])
    check(app.user("new@example.com")["active"], "who was invited")


# ---- A listing.

def listing_killed(scratch, kill, fired):
    """KILL starts usherd so that it dies; returns when it is dead."""
    app = App(scratch, users=PAGE, page_max=PAGE)
    usher = Usher(scratch, config=CONFIG)
    usher.connect(app)
    app.change(add=[{"userName": f"more{i:04}@example.com", "active": True, "roles": [{"value": "member"}],
                     "emails": [{"value": f"more{i:04}@example.com", "primary": True}]}
                    for i in range(PAGE * (PAGES - 1))])
    app.reset_counts()
    kill(app, usher)
    check(fired(app, usher), "the fault did not fire")
    before = app.counts()["list-users"]
    usher.start()
    usher.wait_idle()
    task = usher.tasks()[0]
    equal((task["kind"], task["status"], task["sync"]["listing"], task["sync"]["seen"], task["sync"]["added"]),
          ("sync", "completed", "complete", PAGE * PAGES, PAGE * (PAGES - 1)), "the sync")
    asked = app.counts()["list-users"]
    print(f"  {asked} page requests, {before} of them before the kill", flush=True)
    check(asked <= PAGES + IN_FLIGHT, f"{asked} page requests for {PAGES} pages")
    equal(state(usher), undisturbed(usher, app), "the state")


def after_page_5(scratch):
    """Killed when page 5 of 20 was acknowledged: the listing goes on behind it"""
    def kill(app, usher):
        restarted(usher, "sync-page=kill:5")
        usher.usher("sync", "Acme", "--no-wait")
        dies(usher, "the kill")
    listing_killed(scratch, kill, lambda app, usher: usher.fired("sync-page") == 1)


def while_page_6_is_under_way(scratch):
    """Killed while the app takes its time over page 6: the listing goes on with it"""
    def kill(app, usher):
        app.faults(hold={"page": 6, "times": 1})
        usher.usher("sync", "Acme", "--no-wait")
        wait_for(lambda: app.fired("hold"), "page 6")
        # What came before it is taken in.
        wait_for(lambda: usher.tasks()[0].get("progress", {}).get("done", 0) >= 5 * PAGE, "page 5")
        usher.kill()
    def fired(app, usher):
        held = app.fired("hold") == 1
        app.release()
        app.faults()
        return held
    listing_killed(scratch, kill, fired)


# ---- Applying.

def apply_killed(scratch, point, added=MANY):
    app = App(scratch, users=100, page_max=1000)
    usher = Usher(scratch, config=CONFIG)
    usher.connect(app)
    app.change(add=[{"userName": f"more{i:05}@example.com", "active": True, "roles": [{"value": "member"}],
                     "emails": [{"value": f"more{i:05}@example.com", "primary": True}]} for i in range(added)],
               disable=["user000003@example.com"])
    app.reset_counts()
    restarted(usher, point)
    usher.usher("sync", "Acme", "--no-wait")
    dies(usher, "the kill")
    equal(usher.fired(point.split("=")[0]), 1, "the fail point")
    listed = app.counts()["list-users"]
    usher.start()
    return app, usher, listed


def finished(app, usher, listed, added=MANY):
    usher.wait_idle()
    task = usher.tasks()[0]
    equal((task["kind"], task["status"], task["sync"]["seen"], task["sync"]["added"], task["sync"]["changed"]),
          ("sync", "completed", 100 + added, added, 1), "the sync")
    equal(app.counts()["list-users"], listed, "page requests: the listing was whole, nothing is asked again")
    equal(usher.hub()["counts"]["unmatched"], 100 + added, "the counter")
    found = state(usher)
    equal(len(found), 100 + added, "members")
    equal(found, undisturbed(usher, app), "the state")


def in_the_middle_of_apply(scratch):
    """Killed between two batches of a large apply: rolled forward before anything else"""
    app, usher, listed = apply_killed(scratch, "delta-batch=kill:2")
    # The daemon answers only now, and the hub is whole already: no half is ever shown.
    equal(usher.hub()["counts"]["unmatched"], 100 + MANY, "members at the first answer after the start")
    finished(app, usher, listed)


def in_the_first_batch(scratch):
    """Killed in the first batch of a large apply, before it is committed: rolled forward all the same"""
    app, usher, listed = apply_killed(scratch, "delta-batch=kill:1")
    equal(usher.hub()["counts"]["unmatched"], 100 + MANY, "members at the first answer after the start")
    finished(app, usher, listed)


def before_apply(scratch):
    """Killed when the delta is on disk and not begun: the listing is used, and applied once"""
    app, usher, listed = apply_killed(scratch, "sync-sealed=kill")
    finished(app, usher, listed)


def small_apply(scratch):
    """Killed in an apply that is one transaction: nothing of it is there, and it is done again"""
    app, usher, listed = apply_killed(scratch, "delta-batch=kill:1", added=50)
    finished(app, usher, listed, added=50)


def lost_apply(scratch, damage):
    """Killed in the middle of a large apply; DAMAGE is done to the file it would go on from."""
    app = App(scratch, users=100, page_max=1000)
    usher = Usher(scratch, config=CONFIG)
    usher.connect(app)
    app.change(add=[scim_user(f"more{i:05}@example.com") for i in range(MANY)], disable=["user000003@example.com"])
    restarted(usher, "delta-batch=kill:3")
    usher.usher("sync", "Acme", "--no-wait")
    dies(usher, "the kill")
    equal(usher.fired("delta-batch"), 1, "the fail point")
    files = list((usher.state / "work").glob("delta-*"))
    equal(len(files), 1, "files of a half-applied sync")
    damage(files[0])
    return app, usher


def lost_file(scratch):
    """The file of a half-applied sync is lost: it is given up, and the next sync makes the hub whole"""
    for number, damage in enumerate((lambda file: file.unlink(), lambda file: os.truncate(file, 5000))):
        part = scratch.enter_context(Scratch())
        app, usher = lost_apply(part, damage)
        usher.start()
        usher.wait_idle()
        equal(usher.logged().count("a half-applied sync is given up"), 1, "lines about it in the log")
        task = usher.tasks()[0]
        equal((task["kind"], task["status"], task["sync"]["listing"]), ("sync", "completed", "complete"), "the sync")
        equal(usher.hub()["status"], "healthy", "the hub")
        equal(usher.hub()["counts"]["unmatched"], 100 + MANY, "the counter")
        equal(state(usher), undisturbed(usher, app), "the state")
        issues = usher.json("issue", "list", "--state", "resolved")
        equal([i["code"] for i in issues], ["store-error"], "issues, resolved by the sync")
        usher.usher("sync", "Acme")


def lost_file_removes_nobody(scratch):
    """After a lost sync the next one asks before it removes a single member"""
    app, usher = lost_apply(scratch, lambda file: file.unlink())
    # The listing it was made of is lost as well: the app is asked again.
    for spool in (usher.state / "work").glob("sync-*"):
        spool.unlink()
    app.change(remove=["user000004@example.com"])
    usher.start()
    wait_for(lambda: usher.tasks()[0].get("ended_at"), "the end of the sync")
    task = usher.tasks()[0]
    equal((task["status"], task.get("error", {}).get("code")), ("not-completed", "safeguard-exceeded"), "the sync")
    check("in doubt" in task["error"]["message"], f"why: {task['error']}")
    equal([(r["status"], r["removed_count"]) for r in usher.json("report", "list")], [("open", 1)], "reports")
    equal(usher.hub()["status"], "requires-sync", "the hub")
    # Removed by a person, nobody is missing: applied, and from then on the safeguard is the usual one.
    usher.usher("member", "remove", "Acme", "user000004@example.com", "--yes")
    usher.usher("sync", "Acme")
    app.change(remove=["user000005@example.com"])
    usher.usher("sync", "Acme")
    equal(usher.hub()["status"], "healthy", "the hub")


# ---- Changes.

def change_killed(scratch, point):
    """Invite, set-role and remove, each killed at POINT."""
    app = App(scratch, users=10)
    usher = Usher(scratch, config=CONFIG)
    usher.connect(app)
    usher.people("new@example.com")
    for kind, command, holds in (
            ("create-user", ("invite", "Acme", "new@example.com", "--role", "member"),
             lambda user: user["active"] and [r["value"] for r in user["roles"]] == ["member"]),
            ("patch-user", ("set-role", "Acme", "new@example.com", "--role", "admin"),
             lambda user: user["active"] and [r["value"] for r in user["roles"]] == ["admin"]),
            ("patch-user", ("remove", "Acme", "new@example.com"), lambda user: not user["active"])):
        before = usher.fired(point)
        app.reset_counts()
        restarted(usher, f"{point}=kill")
        # The command may lose its answer with the daemon: what counts is the task.
        usher.run("member", *command, "--yes", "--no-wait")
        dies(usher, f"the kill in {command[0]}")
        equal(usher.fired(point) - before, 1, f"{point} in {command[0]}")
        usher.start()
        usher.wait_idle()
        task = usher.tasks()[0]
        equal(task["status"], "completed", f"{command[0]} after the restart: {task.get('error')}")
        sent = {k: n for k, n in app.counts().items() if k in ("create-user", "patch-user", "put-user", "delete-user")}
        equal(sent, {kind: 1}, f"changes sent by {command[0]}")
        accounts = [u for u in app.users() if u["userName"] == "new@example.com"]
        equal(len(accounts), 1, "accounts")
        check(holds(accounts[0]), f"the effect of {command[0]}: {accounts[0]}")
        equal(sum(t["kind"] == task["kind"] for t in usher.tasks()), 1, "tasks of this kind")


def change_intended(scratch):
    """Killed when the intent is on disk and nothing was sent: sent once"""
    change_killed(scratch, "change-intent")


def change_answered(scratch):
    """Killed when the app had answered: read back, not sent again"""
    change_killed(scratch, "change-answered")


def change_committed(scratch):
    """Killed in the commit of the outcome: read back, not sent again"""
    change_killed(scratch, "change-commit")


if __name__ == "__main__":
    sys.exit(main([after_page_5, while_page_6_is_under_way, in_the_middle_of_apply, in_the_first_batch, before_apply,
                   small_apply, lost_file, lost_file_removes_nobody, change_intended, change_answered,
                   change_committed, not_for_ever], "kill"))
