#!/usr/bin/env python3
"""What a listing has to show before somebody who is not in it counts as gone, when it is
interrupted, when the connector takes a fault for an empty page, when rows move between pages,
when somebody cannot be read or is shown on asking alone, when it takes days."""

import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from inviting import QUICK, connected  # noqa: E402
from usher import App as Scim, Usher, check, equal, main, wait_for  # noqa: E402

PAGE = 10
NAMES = [f"p{n:02}@example.com" for n in range(5 * PAGE)]


def start(scratch, run=""):
    app, usher = connected(scratch, people=NAMES, run=run)
    usher.usher("sync", "Acme")
    equal(shown(usher), set(NAMES), "members")
    app.control("people")
    return app, usher


def shown(usher):
    return {m.get("email") for m in usher.members() if m["status"] != "removed"}


def asked(app):
    return app.control()["asked"]


def newest(usher):
    return next(task for task in usher.tasks() if task["kind"] == "sync")


def killed_after(usher, page):
    """A sync that dies with the daemon once PAGE is acknowledged."""
    usher.stop()
    usher.start(fail_points=f"sync-page=kill:{page}")
    usher.run("sync", "Acme", "--no-wait")
    wait_for(lambda: usher.process.poll() is not None, "the kill")
    equal(usher.fired("sync-page"), 1, "the fail point")
    usher.process = None


def complete(usher, attempts=1):
    """The sync; a kill costs it an attempt."""
    task = newest(usher)
    equal((task["status"], task["attempts"], task["sync"]["listing"]), ("completed", attempts, "complete"), "the sync")


# ---- Faults that the connector does not tell of.

def swallowed(scratch):
    """A page that failed and that the connector took for an empty one: the listing removes nobody"""
    app, usher = start(scratch, "swallow")
    app.control("faults", **{"down-3": 99})
    usher.usher("sync", "Acme", status=1)
    task = newest(usher)
    equal((task["error"]["code"], task["attempts"], task["sync"]["listing"]),
          ("listing-incomplete", 5, "unproved"), "the sync")
    equal(app.fired("down-3"), 5, "pages that failed")
    equal(shown(usher), set(NAMES), "members")


def swallowed_and_killed(scratch):
    """... and the daemon is killed pages later: it goes on before the page that failed"""
    app, usher = start(scratch, "swallow")
    app.control("faults", **{"down-2": 1})
    killed_after(usher, 4)
    equal((app.fired("down-2"), asked(app)), (1, [1, 2, 3, 4]), "pages before the kill")
    usher.start()
    usher.wait_idle()
    complete(usher, attempts=2)
    equal(asked(app), [1, 2, 3, 4, 2, 3, 4, 5], "pages")
    equal(shown(usher), set(NAMES), "members")


def swallowed_and_signed_out(scratch):
    """... and the session ends pages later: after the sign-in it goes on before the page that failed"""
    app, usher = start(scratch, "swallow")
    app.control("faults", **{"down-2": 1, "sign-out-4": 1})
    usher.usher("sync", "Acme")
    equal(app.control()["fired"], {"down-2": 1, "sign-out-4": 1}, "faults")
    complete(usher)
    equal(asked(app), [1, 2, 3, 4, 2, 3, 4, 5], "pages")
    equal(shown(usher), set(NAMES), "members")


# ---- Interruptions, and nothing wrong.

def killed(scratch):
    """Killed where nothing spoke against the pages so far: none of them is asked for again"""
    app, usher = start(scratch)
    killed_after(usher, 4)
    usher.start()
    usher.wait_idle()
    complete(usher, attempts=2)
    equal(asked(app), [1, 2, 3, 4, 5], "pages")


def signed_out(scratch):
    """A session that ends in a listing is begun anew, and the listing goes on at its page"""
    app, usher = start(scratch)
    app.control("faults", **{"sign-out-3": 1})
    usher.usher("sync", "Acme")
    equal(app.fired("sign-out-3"), 1, "sessions that ended")
    complete(usher)
    equal(asked(app), [1, 2, 3, 3, 4, 5], "pages")
    equal(newest(usher)["sync"]["requests"], 6 + 1, "requests of both parts, and that for invitations")


def down_once(scratch):
    """A page that fails once is asked for again, and the sync tells the requests of all its parts"""
    app, usher = start(scratch)
    app.control("faults", **{"down-3": 1})
    usher.usher("sync", "Acme")
    equal(app.fired("down-3"), 1, "pages that failed")
    equal(asked(app), [1, 2, 3, 3, 4, 5], "pages")
    sync = newest(usher)["sync"]
    equal((sync["listing"], sync["requests"]), ("complete", 6 + 1), "the sync")
    usher.usher("sync", "Acme")
    equal(newest(usher)["sync"]["requests"], 5 + 1, "requests of the next sync")


def down_for_good(scratch):
    """A page that never answers ends the sync after its attempts, and pages before it are not asked for again"""
    app, usher = start(scratch)
    app.control("faults", **{"down-3": 99})
    usher.usher("sync", "Acme", status=1)
    task = newest(usher)
    equal((task["error"]["code"], task["attempts"]), ("app-unavailable", 5), "the sync")
    equal(asked(app), [1, 2] + [3] * app.fired("down-3"), "pages")
    check(app.fired("down-3") <= 6, f"page 3 was asked for {app.fired('down-3')} times")
    app.control("faults")
    usher.usher("sync", "Acme")
    equal(shown(usher), set(NAMES), "members")


def down_ahead(scratch):
    """The same where pages are asked for ahead: at most those in flight are asked for again"""
    app = Scim(scratch, users=100, page_max=10)
    usher = Usher(scratch, config=QUICK)
    usher.connect(app)
    app.reset_counts()
    app.faults(error={"at": "startIndex=61&"})
    usher.usher("sync", "Acme", status=1)
    check(5 <= app.fired("error") <= 8, f"page 7 was asked for {app.fired('error')} times")
    task = newest(usher)
    equal((task["error"]["code"], task["attempts"]), ("app-unavailable", 5), "the sync")
    check(app.counts()["list-users"] <= 6 + 4 * app.fired("error"), f"page requests: {app.counts()}")
    app.faults()
    usher.usher("sync", "Acme")
    complete(usher)


# ---- Rows that move.

def shown_twice(scratch):
    """Somebody who comes on two pages, because rows moved while the daemon was down, makes it no proof"""
    app, usher = start(scratch)
    killed_after(usher, 3)
    app.control("people", add=["new@example.com"], front=True)
    usher.start()
    usher.wait_idle()
    # The page after the kill begins with the last of the page before; so all are read again.
    complete(usher, attempts=3)
    equal(asked(app), [4, 5, 6, 1, 2, 3, 4, 5, 6], "pages after the kill")
    equal(shown(usher), {*NAMES, "new@example.com"}, "members")


def slipped_through(scratch):
    """Somebody who slipped between two pages, because another left, is asked for and stays"""
    app, usher = start(scratch)
    killed_after(usher, 3)
    app.control("people", remove=[NAMES[4]])
    usher.start()
    usher.wait_idle()
    complete(usher, attempts=2)
    equal(asked(app), [4, 5], "pages after the kill")
    # Missing is the first one of what was page 4, who is there; who left was read before.
    equal((newest(usher)["sync"]["missing"], shown(usher)), (1, set(NAMES)), "who waits, who is there")
    usher.usher("sync", "Acme")
    equal(shown(usher), set(NAMES) - {NAMES[4]}, "members")


# ---- Who is there after all.

def unreadable(scratch):
    """Somebody who cannot be read is neither missing nor lowered, and goes on as they were"""
    app, usher = start(scratch)
    off, on, new = NAMES[3], NAMES[4], "ann@example.com"
    app.control("show", email=off, state="disabled")
    usher.usher("sync", "Acme")
    app.control("people", add=[new])
    for email in off, on, new:
        app.control("show", email=email, state="unreadable")
    plan = usher.json("sync", "Acme", "--dry-run")["plan"]
    equal((plan["guard"]["known"], plan["counts"]["remove"], plan["counts"]["lower"]), (len(NAMES) - 1, 0, 0), "the plan")
    for _ in range(2):
        usher.usher("sync", "Acme")
        equal(newest(usher)["sync"]["missing"], 0, "who is missing")
    equal([usher.member(email)["status"] for email in (off, on)], ["sync-failed"] * 2, "who was known")
    equal([m["status"] for m in usher.members() if not m.get("email")], ["sync-failed"], "who was not")
    # Who is switched off holds no seat, whether or not they can be read.
    equal(usher.json("sync", "Acme", "--dry-run")["plan"]["guard"]["known"], len(NAMES), "who is known")
    for email, state in (off, "disabled"), (on, "active"), (new, "active"):
        app.control("show", email=email, state=state)
    usher.usher("sync", "Acme")
    equal([usher.member(email)["status"] for email in (off, on, new)], ["unmatched", "unmatched", "onboarded"],
          "after they could be read")
    equal(len(usher.members()), len(NAMES) + 1, "members")


def kept_by_name(scratch):
    """Where the app shows no address, a user name that is one keeps its member"""
    app, usher = start(scratch)
    app.control("show", email=NAMES[7], state="named")
    usher.usher("sync", "Acme")
    check(NAMES[7] not in shown(usher), "an address is shown")
    usher.usher("hub", "set", "Acme", f"keep-members={NAMES[7].upper()}")
    usher.wait_idle()
    app.control("people", remove=[NAMES[7]])
    usher.usher("sync", "Acme", status=5)
    check("keep list" in newest(usher)["error"]["message"], "one of keep-members missing")


def shown_when_asked(scratch):
    """Whom the app shows when it is asked was missing in no listing"""
    crowd = [f"q{n:03}@example.com" for n in range(101)]
    app, usher = connected(scratch, people=NAMES + crowd)
    usher.usher("hub", "set", "Acme", "safeguard-threshold=100")
    usher.wait_idle()
    app.control("show", email=NAMES[0], hidden=True)
    usher.usher("sync", "Acme")
    equal((newest(usher)["sync"]["missing"], NAMES[0] in shown(usher)), (1, True), "who is hidden")
    # Too many to be asked for: that they are missing once more is the first time.
    app.control("people", remove=crowd)
    usher.usher("sync", "Acme")
    equal((newest(usher)["sync"]["missing"], shown(usher)), (102, {*NAMES, *crowd}), "who waits, who is there")
    app.control("show", email=NAMES[0], hidden=False)
    usher.usher("sync", "Acme")
    equal((newest(usher)["sync"]["missing"], shown(usher)), (0, set(NAMES)), "two listings agree about the others")


def older_than_a_day(scratch):
    """A listing of which the beginning is older than a day when its end comes proves nothing, and is made anew"""
    app, usher = start(scratch)
    usher.stop()
    usher.start(fail_points="sync-page=stop:3")
    app.control("people", remove=[NAMES[-1]])
    usher.run("sync", "Acme", "--no-wait")
    wait_for(lambda: usher.fired("sync-page"), "the stop")
    usher.set_clock(24 * 3600 + 1)
    os.kill(usher.process.pid, signal.SIGCONT)
    usher.wait_idle()
    complete(usher, attempts=2)
    equal(asked(app), [1, 2, 3, 4, 5] * 2, "pages")
    equal(shown(usher), set(NAMES[:-1]), "members")


if __name__ == "__main__":
    sys.exit(main([swallowed, swallowed_and_killed, swallowed_and_signed_out, killed, signed_out, down_once,
                   down_for_good, down_ahead, shown_twice, slipped_through, unreadable, kept_by_name,
                   shown_when_asked, older_than_a_day], "proof"))
