#!/usr/bin/env python3
"""Invitations to an app that mails each time it is asked: nobody gets a second mail that no
person wanted, none goes on for ever, and who accepts stays the same member."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import usher as lib  # noqa: E402
from inviting import ANN, QUICK, connected  # noqa: E402
from usher import TOP, App as Scim, Usher, check, equal, main, wait_for  # noqa: E402

MINUTE, DAY = 60, 24 * 3600


def invite(usher, email=ANN, status=0, *more):
    return usher.usher("member", "invite", "Acme", email, "--role", "member", "--yes", *more, status=status)


def status(usher, email=ANN):
    return usher.member(email)["status"]


def of_person(usher, email=ANN):
    """The live members of a person."""
    return [m for m in usher.members() if m.get("person") and m["email"] == email and m["status"] != "removed"]


def added(usher):
    """The newest task that invites."""
    return next(task for task in usher.tasks() if task["kind"] == "add-user")


def open_issues(usher):
    """Those of members; a clock that is moved makes others."""
    return [(i["code"], i["member"]) for i in usher.json("issue", "list") if i["state"] != "resolved" and "member" in i]


def refused(answer, code):
    check(answer.status != 0 and f"[{code}]" in answer.err, f"wanted the refusal {code}: {answer.status} {answer.err}")


# ---- Lost answers.

def lost_and_shown(scratch):
    """An answer is lost and the app shows the invitation: it is out, and nothing is sent again"""
    for number, pending in enumerate(("section", "listed")):
        part = scratch.enter_context(lib.Scratch())
        app, usher = connected(part, pending)
        app.control("faults", lose=1)
        invite(usher)
        equal((app.fired("lose"), app.mails(), status(usher)), (1, 1, "pending-invite-claim"), pending)


def unsent_and_not_shown(scratch):
    """A request is lost and the app shows no invitation: it is sent once more"""
    app, usher = connected(scratch)
    app.control("faults", unsent=1)
    invite(usher)
    equal((app.fired("unsent"), app.mails(), status(usher)), (1, 1, "pending-invite-claim"), "the invitation")


def lost_and_invisible(scratch):
    """An answer is lost and the app never shows invitations: not confirmed, and sent again by a person alone"""
    app, usher = connected(scratch, "none")
    app.control("faults", lose=1)
    invite(usher, ANN, 1)
    task = added(usher)
    equal((app.fired("lose"), app.mails()), (1, 1), "mails")
    equal((task["error"]["code"], task["attempts"], status(usher)), ("not-confirmed", 5, "invite-failed"), "the task")
    usher.stop()
    usher.start()
    usher.usher("sync", "Acme")
    usher.advance(DAY)
    usher.usher("sync", "Acme")
    equal(app.mails(), 1, "mails after a restart, a sync and a day")
    usher.usher("task", "retry", task["id"])
    wait_for(lambda: usher.json("task", "show", task["id"])["status"] == "completed", "the retry")
    equal((app.mails(), status(usher)), (2, "pending-invite-claim"), "after the retry")
    equal(open_issues(usher), [], "issues")


def lost_with_a_key(scratch):
    """Where the app file declares an idempotency header, the same key is sent and the app mails once"""
    app, usher = connected(scratch, "none", idempotency="X-Intent")
    app.control("faults", lose=1)
    invite(usher)
    state = app.control()
    equal((state["fired"], app.mails(), state["keys"]), ({"lose": 1}, 1, 1), "faults, mails and keys")
    equal((added(usher)["attempts"], status(usher)), (2, "pending-invite-claim"), "attempts, the member")
    # Another invitation is another intent.
    invite(usher, "ben@example.com")
    equal(app.control()["keys"], 2, "keys")


def scim_with_a_key(scratch):
    """SCIM: the header goes with the one request that makes the user"""
    apps = scratch.dir / "apps"
    apps.mkdir()
    app = json.loads((TOP / "plugins/seat/apps/scim.json").read_text())
    app["add"]["idempotency"] = "X-Intent"
    (apps / "scim.json").write_text(json.dumps(app))
    scim = Scim(scratch, users=2, once="X-Intent")
    usher = Usher(scratch, config=QUICK, env={"USHER_APP_PATH": str(apps)})
    usher.people(ANN, "ben@example.com")
    usher.connect(scim)
    scim.reset_counts()
    for email in (ANN, "ben@example.com"):
        invite(usher, email)
    counts = scim.counts()
    equal((counts.get("create-user"), counts.get("keyed")), (2, 2), "requests, keys")


def expired_and_shown(scratch):
    """Invited anew beside an invitation that expired: what the app shows of old is not taken for the new one"""
    for fault, mails in (("lose", 2), ("unsent", 1)):
        app, usher = connected(scratch.enter_context(lib.Scratch()), lifetime_days=2)
        invite(usher)
        usher.advance(3 * DAY)
        usher.usher("sync", "Acme")
        equal(status(usher), "invite-expired", "before")
        app.control("faults", **{fault: 1})
        invite(usher, ANN, 2 - mails)
        equal((app.fired(fault), app.mails()), (1, mails), fault)
    task = added(usher)
    equal((task["error"]["code"], status(usher)), ("not-confirmed", "invite-failed"), "the task")
    usher.usher("sync", "Acme")
    usher.usher("task", "retry", task["id"])
    usher.wait_idle()
    equal((app.mails(), status(usher)), (2, "pending-invite-claim"), "after the retry")


def killed(scratch, pending, point):
    app, usher = connected(scratch, pending)
    usher.stop()
    usher.start(fail_points=f"{point}=kill")
    usher.run("member", "invite", "Acme", ANN, "--role", "member", "--yes", "--no-wait")
    wait_for(lambda: usher.process.poll() is not None, "the kill")
    equal(usher.fired(point), 1, point)
    usher.process = None
    usher.start()
    usher.wait_idle()
    return app, usher, added(usher)


def killed_and_shown(scratch):
    """Killed around the call, where the app shows invitations: one mail each time"""
    for point in ("change-intent", "change-answered", "change-commit"):
        app, usher, task = killed(scratch.enter_context(lib.Scratch()), "section", point)
        equal((task["status"], app.mails(), status(usher)), ("completed", 1, "pending-invite-claim"), point)


def killed_and_invisible(scratch):
    """Killed around the call, where the app shows none: at most one mail, and the task says that nobody knows"""
    for point, mails in (("change-intent", 0), ("change-answered", 1)):
        app, usher, task = killed(scratch.enter_context(lib.Scratch()), "none", point)
        equal((task["error"]["code"], app.mails(), status(usher)), ("not-confirmed", mails, "invite-failed"), point)


# ---- Sending again.

def resent(scratch):
    """An invitation is mailed again where the app can, and after the cool-down"""
    app, usher = connected(scratch, "section", resend=True)
    invite(usher)
    again = lambda: usher.run("member", "resend", "Acme", ANN)  # noqa: E731
    for wait in (10, 40, 160):
        before = app.mails()
        refused(again(), "rate-limited")
        usher.advance((wait - 1) * MINUTE)
        refused(again(), "rate-limited")
        usher.advance(2 * MINUTE)
        equal(again().status, 0, "the resend")
        equal((app.mails(), status(usher)), (before + 1, "pending-invite-claim"), "mails")
    equal(usher.api("POST", f"/hubs/Acme/members/{ANN}/resend", {}, expect=429)[1]["code"], "rate-limited", "the API")
    # Its answer lost, nobody can see whether it was mailed: not again by itself.
    usher.advance(DAY)
    before = app.mails()
    app.control("faults", lose=1)
    equal(again().status, 1, "a resend whose answer is lost")
    equal((app.fired("lose"), app.mails()), (1, before + 1), "mails")
    equal((added(usher)["error"]["code"], status(usher)), ("not-confirmed", "pending-invite-claim"), "how it ends")
    # Once the person joined there is nothing to send.
    app.control("accept", email=ANN)
    usher.usher("sync", "Acme")
    refused(again(), "validation-failed")


def not_resent(scratch):
    """Where the app cannot mail it again, a pending invitation is left alone; nor is it made twice"""
    app, usher = connected(scratch)
    invite(usher)
    usher.advance(DAY)
    refused(usher.run("member", "resend", "Acme", ANN), "capability-unsupported")
    refused(usher.run("member", "invite", "Acme", ANN, "--role", "member", "--yes"), "invite-pending")
    equal(app.mails(), 1, "mails")


def never_endless(scratch):
    """Whoever invites by a timer somebody who never accepts sends fewer and fewer mails"""
    app, usher = connected(scratch)
    invite(usher)
    answers = []
    for _ in range(45):
        app.control("set", email=ANN, state="expired")
        usher.advance(DAY)
        usher.usher("sync", "Acme")
        answers.append(usher.run("member", "invite", "Acme", ANN, "--role", "member", "--yes").status)
    check(0 in answers and 1 in answers, f"answers: {answers}")
    equal(app.mails(), answers.count(0) + 1, "mails")
    check(app.mails() <= 8, f"{app.mails()} mails in six weeks")
    equal(len(of_person(usher)), 1, "members of the person")


def not_retried(scratch):
    """A task that failed long ago does not send what a newer one sent, nor mail again too soon"""
    app, usher = connected(scratch, "none")
    app.control("faults", lose=1)
    invite(usher, ANN, 1)
    old = added(usher)["id"]
    usher.usher("member", "resend", "Acme", ANN)
    equal((app.mails(), status(usher)), (2, "pending-invite-claim"), "a new task")
    usher.advance(DAY)
    refused(usher.run("task", "retry", old), "invite-pending")
    equal((app.mails(), status(usher)), (2, "pending-invite-claim"), "after the retry of an invitation")

    app, usher = connected(scratch.enter_context(lib.Scratch()), resend=True, lifetime_days=7)
    invite(usher)
    usher.advance(DAY)
    app.control("faults", lose=1)
    usher.usher("member", "resend", "Acme", ANN, status=1)
    old = added(usher)["id"]
    usher.usher("member", "resend", "Acme", ANN)
    equal(app.mails(), 3, "a new task")
    refused(usher.run("task", "retry", old), "rate-limited")
    equal((app.mails(), status(usher)), (3, "pending-invite-claim"), "after the retry of a resend")
    usher.advance(7 * DAY)
    usher.usher("sync", "Acme")
    refused(usher.run("task", "retry", old), "not-retryable")
    equal((app.mails(), status(usher)), (3, "invite-expired"), "once the invitation has ended")


# ---- How invitations end.

def lifetime_over(scratch):
    """A declared lifetime that is over expires an invitation, also one that the app never shows"""
    for pending in ("none", "section"):
        part = scratch.enter_context(lib.Scratch())
        app, usher = connected(part, pending, lifetime_days=7)
        invite(usher)
        member = usher.member(ANN)
        usher.advance(6 * DAY)
        usher.usher("sync", "Acme")
        equal((status(usher), open_issues(usher)), ("pending-invite-claim", []), "a day before")
        usher.advance(DAY + MINUTE)
        usher.usher("sync", "Acme")
        equal((status(usher), open_issues(usher)), ("invite-expired", [("invite-expired", member["id"])]), "after it")
        usher.usher("sync", "Acme")
        equal((status(usher), len(open_issues(usher))), ("invite-expired", 1), "a sync later")
        usher.usher("member", "resend", "Acme", ANN)
        equal((app.mails(), status(usher), open_issues(usher)), (2, "pending-invite-claim", []), "sent anew")
        app.control("accept", email=ANN)
        usher.usher("sync", "Acme")
        now = usher.member(ANN)
        equal((now["id"], now.get("person"), now["status"], now["app_state"]),
              (member["id"], member["person"], "onboarded", "active"), "who accepted")


def ended_by_the_app(scratch):
    """An invitation that the app shows as expired, or shows no more, is expired and never missing"""
    for pending in ("section", "listed"):
        for what, body in (("set", {"state": "expired"}), ("set", {"expires": 1000}), ("forget", {})):
            part = scratch.enter_context(lib.Scratch())
            app, usher = connected(part, pending)
            invite(usher)
            app.control(what, email=ANN, **body)
            usher.usher("sync", "Acme")
            task = usher.tasks()[0]
            equal((task["status"], task["sync"]["missing"], status(usher)), ("completed", 0, "invite-expired"),
                  f"{pending}: {what} {body}")
            equal(len(open_issues(usher)), 1, "issues")
            # The invitation may still be accepted: then all is well.
            app.control("invite", email=ANN)
            app.control("accept", email=ANN)
            usher.usher("sync", "Acme")
            equal([m["status"] for m in of_person(usher)], ["onboarded"], "who accepted")
            equal(open_issues(usher), [], "issues")


def ended_and_unreadable(scratch):
    """Who accepted an invitation that had ended, and cannot be read yet, has one issue until all is well"""
    for state, now, issues in (("disabled", "invite-expired", 1), ("active", "onboarded", 0)):
        app, usher = connected(scratch.enter_context(lib.Scratch()), people=["bo@example.com"])
        invite(usher)
        app.control("set", email=ANN, state="expired")
        usher.usher("sync", "Acme")
        seen = [status(usher)]
        app.control("accept", email=ANN)
        for shown in ("garbled", state):
            app.control("show", email=ANN, state=shown)
            usher.usher("sync", "Acme")
            seen.append(status(usher))
        equal(seen, ["invite-expired", "sync-failed", now], f"{state}: status")
        found = [i for i in usher.json("issue", "list") if i["state"] != "resolved"]
        equal([(i["code"], i["count"]) for i in found], [("invite-expired", 1)] * issues, f"{state}: issues")


def many_end_at_once(scratch):
    """However many invitations end in one sync, or are accepted, there is an issue for each, or none"""
    crowd = [f"c{n:03}@example.com" for n in range(250)]
    app, usher = connected(scratch)
    usher.people(*crowd)
    for email in crowd:
        app.control("invite", email=email)
    usher.usher("sync", "Acme")
    equal({m["status"] for m in usher.members()}, {"pending-invite-claim"}, "members")
    for email in crowd:
        app.control("set", email=email, state="expired")
    usher.usher("sync", "Acme")
    equal(sorted(open_issues(usher)), sorted(("invite-expired", m["id"]) for m in usher.members()), "issues")
    equal(len(open_issues(usher)), len(crowd), "issues")
    for email in crowd:
        app.control("accept", email=email)
    usher.usher("sync", "Acme")
    equal({m["status"] for m in usher.members()}, {"onboarded"}, "members")
    equal(open_issues(usher), [], "issues once all accepted")


def accepted(scratch):
    """Who accepts goes on as the same member of the same person, wherever the app showed the invitation"""
    for pending in ("section", "listed", "none"):
        part = scratch.enter_context(lib.Scratch())
        app, usher = connected(part, pending)
        invite(usher)
        before = usher.member(ANN)
        app.control("accept", email=ANN)
        usher.usher("sync", "Acme")
        after = usher.member(ANN)
        equal((after["id"], after["person"], after["status"]), (before["id"], before["person"], "onboarded"), pending)
        equal(len(usher.members()), 1, "members")


def accepted_and_open(scratch):
    """An app that leaves the invitation open beside its member: the member has the person, the rest is nobody's"""
    for also in ({}, {"state": "expired"}):
        part = scratch.enter_context(lib.Scratch())
        app, usher = connected(part)
        invite(usher)
        before = usher.member(ANN)
        app.control("accept", email=ANN, stays=True)
        if also:
            app.control("set", email=ANN, **also)
        for _ in range(3):
            usher.usher("sync", "Acme")
            mine = of_person(usher)
            equal([(m["id"], m["status"], m["app_state"]) for m in mine], [(before["id"], "onboarded", "active")],
                  "hers")
            equal([m["app_state"] in ("pending", "expired") for m in usher.members() if not m.get("person")],
                  [True] * (len(usher.members()) - 1), "what is left")
        equal(app.mails(), 1, "mails")


def taken_back(scratch):
    """An invitation is taken back where the app file says that it can be; elsewhere its person is removed once in"""
    for number, add in enumerate(({"revoke": True}, {"revoke": False}, {})):
        app, usher = connected(scratch.enter_context(lib.Scratch()), **add)
        invite(usher)
        answer = usher.run("member", "remove", "Acme", ANN, "--yes")
        if number == 0:
            equal((answer.status, status(usher), app.control()["invites"]), (0, "removed", []), "taken back")
            continue
        refused(answer, "capability-unsupported")
        check("Inviting does not take invitations back." in answer.err, answer.err)
        equal((status(usher), len(app.control()["invites"])), ("pending-invite-claim", 1), add)
        app.control("accept", email=ANN)
        usher.usher("sync", "Acme")
        usher.usher("member", "remove", "Acme", ANN, "--yes")
        equal((status(usher), app.control()["people"]), ("removed", []), "once they joined")


if __name__ == "__main__":
    sys.exit(main([lost_and_shown, unsent_and_not_shown, lost_and_invisible, lost_with_a_key, scim_with_a_key,
                   expired_and_shown, killed_and_shown, killed_and_invisible, resent, not_resent, not_retried,
                    never_endless, lifetime_over, ended_by_the_app, ended_and_unreadable, many_end_at_once, accepted,
                    accepted_and_open, taken_back], "invites"))
