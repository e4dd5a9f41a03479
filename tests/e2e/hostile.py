#!/usr/bin/env python3
"""Apps that fail, lie and flood, and children that die: each time the task says what is wrong and
what to do, and nobody is removed."""

import os
import pathlib
import re
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from usher import App, Usher, check, equal, main, scim_user, wait_for  # noqa: E402

USERS = 30
QUICK = "[tasks]\nretry-wait = 20ms\n"
BY_CLOCK = "[tasks]\nretry-wait = 1h\n"  # so that what is between two attempts can be looked at
ATTEMPTS = 5


def connected(scratch, users=USERS, config=QUICK, env=None, **options):
    app = App(scratch, users=users, **options)
    usher = Usher(scratch, config=config, env=env)
    usher.connect(app)
    app.reset_counts()
    return app, usher


def members(usher, hub="Acme"):
    """Everybody of a hub, without what differs between two daemons."""
    return sorted((m["username"], m["status"], m["app_state"], tuple(r["id"] for r in m["roles"]))
                  for m in usher.members(hub))


def explained(task, code, kind):
    """The error of a task, held to a code, its class, a sentence and an action."""
    error = task.get("error")
    check(error, f"the task has no error: {task}")
    equal((error["code"], error["class"]), (code, kind), f"code and class of {error}")
    sentence = error["message"]
    check(not re.match("[a-z]+ ", sentence) and sentence[-1] in ".!?", f"{sentence!r} is not a sentence")
    check(error["action"].endswith("."), f"no action: {error}")
    return error


def refused(app, usher, faults, code, kind, status=1, attempts=1):
    """A sync under these faults ends with this code and changes nobody."""
    before = members(usher)
    app.faults(**faults)
    usher.usher("sync", "Acme", status=status)
    for fault in faults:
        check(app.fired(fault.replace("_", "-")), f"{fault} did not fire")
    app.faults()
    task = usher.tasks()[0]
    equal(task["status"], "not-completed", "the task")
    equal(task["attempts"], attempts, "attempts")
    explained(task, code, kind)
    equal(members(usher), before, "members")
    return task


def recovers(usher):
    usher.usher("sync", "Acme")
    equal(len(usher.members()), USERS, "members after the fault")


# ---- Answers that are no answers.

def wrong_token(scratch):
    """A wrong token ends in the account's review, and a right one leads out of it"""
    app = App(scratch, users=USERS)
    usher = Usher(scratch, config=QUICK)
    good, app.TOKEN = app.TOKEN, "tok-wrong-0123456789"
    usher.connect(app, status=1)
    app.TOKEN = good
    check(app.counts().get("unauthorized"), "the app refused no token")
    explained(usher.tasks()[0], "token-rejected", "credential")
    equal(usher.hub()["status"], "review-automation-account", "the hub")
    equal(usher.members(), [], "members")
    token = scratch.file("good", good)
    account = usher.hub()["account"]
    usher.usher("account", "set", account, "--secret", f"token=@{token}")
    wait_for(lambda: usher.hub()["status"] == "healthy", "the hub's recovery")
    equal(len(usher.members()), USERS, "members")


def token_revoked(scratch):
    """A token that is refused one day stops the sync and removes nobody"""
    app, usher = connected(scratch)
    refused(app, usher, {"unauthorized": {}}, "token-rejected", "credential")
    equal(usher.hub()["status"], "review-automation-account", "the hub")


def wrong_url(scratch):
    """A base URL without a SCIM service is named as a setting to correct"""
    app = App(scratch, users=USERS)
    usher = Usher(scratch, config=QUICK)
    app.url = app.url.replace("/scim/v2", "/elsewhere")
    usher.connect(app, status=1)
    check(app.counts().get("off-base"), "nothing was asked there")
    error = explained(usher.tasks()[0], "wrong-business-id", "config")
    equal(error.get("field"), "base_url", "the field")
    equal(usher.hub()["status"], "review-configuration", "the hub")


def nobody_listens(scratch):
    """An address where nobody listens any more is a network error, and is tried again"""
    app, usher = connected(scratch, config=BY_CLOCK)
    before = members(usher)
    app.process.kill()
    app.process.wait()
    usher.usher("sync", "Acme", "--no-wait")
    task = wait_for(lambda: next((t for t in usher.tasks() if t.get("error")), None), "the failure")
    explained(task, "network-error", "transient")
    check(task["status"] != "not-completed", "the task ended at its first failure")
    equal(members(usher), before, "members")


def never_listened(scratch):
    """A hub whose app cannot be reached is named with the reason, and is validated again every hour"""
    app = App(scratch, users=USERS)
    usher = Usher(scratch, config=QUICK)
    there, app.url = app.url, "http://127.0.0.1:1/scim"
    usher.connect(app, status=1)
    first = usher.tasks()[0]
    explained(first, "network-error", "transient")
    message = first["error"]["message"]
    equal([(i["code"], i["message"], i["state"]) for i in usher.json("issue", "list")],
          [("network-error", message, "unread")], "issues")
    for wait in 3601, 0:
        # While it is tried again, it is still not well.
        hub = usher.hub()
        equal((hub["status"], hub["status_reason"]), ("under-validation", message), "the hub")
        said = next(c for c in usher.json("doctor", status=1)["checks"] if c["name"] == "hub Acme")
        check(not said["ok"] and message in said["detail"] and "hour" in said["action"], f"the doctor says {said}")
        usher.advance(wait)
        wait_for(lambda: usher.tasks()[0]["id"] != first["id"], "the next validation")
    app.url = there
    token = scratch.file("token", app.TOKEN)
    usher.usher("hub", "set", "Acme", f"base_url={there}", "--secret", f"token=@{token}")
    wait_for(lambda: usher.hub()["status"] == "healthy", "the hub's recovery")
    check("status_reason" not in usher.hub(), "no reason is left")
    usher.usher("doctor")
    equal(usher.json("issue", "list"), [], "open issues")


def html(scratch):
    """A web page with status 200 is no list"""
    app, usher = connected(scratch)
    refused(app, usher, {"html": {}}, "unexpected-answer", "contract")
    recovers(usher)


def truncated(scratch):
    """JSON that ends in its middle is no list, on the first page and on a later one"""
    app, usher = connected(scratch, page_max=10)
    refused(app, usher, {"truncate": {"kind": "list-users"}}, "unexpected-answer", "contract")
    refused(app, usher, {"truncate": {"kind": "list-users", "skip": 2}}, "unexpected-answer", "contract")
    recovers(usher)


def redirected(scratch):
    """A redirect to another host is not followed, and the other host learns nothing"""
    app, usher = connected(scratch)
    other = App(scratch, users=3)
    refused(app, usher, {"redirect": {"to": other.url + "/Users"}}, "unexpected-answer", "contract")
    equal(other.counts(), {}, "requests at the other host")
    recovers(usher)


def emptied(scratch):
    """A list without anybody, where there were members, stops and asks"""
    app, usher = connected(scratch)
    refused(app, usher, {"empty": {}}, "safeguard-exceeded", "host", status=5)
    equal(usher.hub()["status"], "requires-sync", "the hub")
    check([r for r in usher.json("report", "list") if r["kind"] == "safeguard"], "no report")
    recovers(usher)
    equal(usher.hub()["status"], "healthy", "the hub")


def repeated_page(scratch):
    """A page that comes again and again is a loop"""
    app, usher = connected(scratch, page_max=10)
    refused(app, usher, {"repeat_page": {}}, "cursor-loop", "limit")
    # What it showed before counts for nothing: the next sync begins at the first page.
    app.faults()
    app.reset_counts()
    usher.usher("sync", "Acme")
    done = usher.tasks()[0]["sync"]
    equal((done["seen"], done["listing"]), (USERS, "complete"), "the sync after it")
    check(app.counts()["list-users"] >= USERS // 10, f"pages that were asked for: {app.counts()['list-users']}")
    recovers(usher)


def repeated_cursor(scratch):
    """A cursor that comes again and again is a loop"""
    app, usher = connected(scratch, page_max=10, paging="cursor")
    refused(app, usher, {"repeat_cursor": {}}, "cursor-loop", "limit")
    recovers(usher)


def endless(scratch):
    """A body without end is cut off at the limit"""
    app, usher = connected(scratch)
    refused(app, usher, {"endless": {"kind": "list-users"}}, "answer-too-large", "limit")
    recovers(usher)


def cut(scratch):
    """A body shorter than announced is a network error, tried again"""
    app, usher = connected(scratch, page_max=10)
    refused(app, usher, {"cut": {"kind": "list-users", "skip": 1}}, "network-error", "transient",
            attempts=ATTEMPTS)
    recovers(usher)


def cut_once(scratch):
    """A body that is cut once costs one attempt and no member"""
    app, usher = connected(scratch, page_max=10)
    app.faults(cut={"kind": "list-users", "skip": 1, "times": 1})
    usher.usher("sync", "Acme")
    equal(app.fired("cut"), 1, "cut")
    equal(len(usher.members()), USERS, "members")


def short_last_page(scratch):
    """A listing that ends before its total is not proved, and nobody is missing"""
    app, usher = connected(scratch, page_max=10)
    task = refused(app, usher, {"missing": {"rows": 4, "skip": 2}}, "listing-incomplete", "contract",
                   attempts=ATTEMPTS)
    equal(task["sync"]["listing"], "unproved", "the listing")
    recovers(usher)


def short_page(scratch):
    """Rows that a page left out are asked for again"""
    app, usher = connected(scratch, page_max=10)
    app.faults(missing={"rows": 4, "skip": 1, "times": 1})
    usher.usher("sync", "Acme")
    equal(app.fired("missing"), 1, "missing")
    equal(usher.tasks()[0]["sync"]["listing"], "complete", "the listing")
    equal(len(usher.members()), USERS, "members")


def slow_body(scratch):
    """A body in small pieces loses nobody"""
    app, usher = connected(scratch)
    app.faults(slow={"ms": 5, "chunk": 100, "kind": "list-users"})
    usher.usher("sync", "Acme")
    check(app.fired("slow"), "slow did not fire")
    equal(usher.tasks()[0]["sync"]["seen"], USERS, "seen")


def server_error(scratch):
    """Status 500 is the app's own fault, and is tried again"""
    app, usher = connected(scratch)
    app.faults(error={"times": 2})
    usher.usher("sync", "Acme")
    equal(app.fired("error"), 2, "errors")
    refused(app, usher, {"error": {}}, "app-unavailable", "transient", attempts=ATTEMPTS)
    recovers(usher)


def rate_limited(scratch, **limit):
    app, usher = connected(scratch)
    before = members(usher)
    app.faults(rate_limit=dict(limit, retry_after=1, times=1))
    usher.usher("sync", "Acme")
    equal(app.fired("rate-limit"), 1, "short limits")
    app.faults(rate_limit=dict(limit, retry_after=600, times=1))
    usher.usher("sync", "Acme", "--no-wait")
    task = wait_for(lambda: next((t for t in usher.tasks() if t["status"] == "retrying"), None), "the wait")
    equal(app.fired("rate-limit"), 1, "long limits")
    equal((task.get("wait_reason"), task["attempts"]), ("app-asked", 0), "why it waits")
    usher.advance(500)
    equal(usher.tasks()[0]["status"], "retrying", "before the time named")
    equal(members(usher), before, "members")
    usher.advance(110)
    wait_for(lambda: usher.tasks()[0]["status"] == "completed", "the end of the wait")
    equal(members(usher), before, "members")


def rate_seconds(scratch):
    """An app that asks to wait, in seconds, is given the time, and no attempt is counted"""
    rate_limited(scratch)


def rate_date(scratch):
    """An app that asks to wait until a date is given the time, and no attempt is counted"""
    rate_limited(scratch, date=True)


def parked(usher, kind):
    """The open task of this kind, once it waits as the app asked."""
    return wait_for(lambda: next((t for t in usher.tasks() if t["kind"] == kind and t["status"] == "retrying"
                                  and t.get("wait_reason") == "app-asked"), None), f"the wait of {kind}")


def rate_shared(scratch):
    """Whatever meets an app that asked to wait parks at once; a check that finds the app well ends the wait"""
    app, usher = connected(scratch)
    app.faults(rate_limit={"retry_after": 7200, "times": 1})
    # One after the other, in a session that knows already how long the wait is.
    for _ in range(3):
        usher.usher("sync", "Acme", "--no-wait")
        usher.usher("task", "cancel", parked(usher, "sync")["id"], "--yes")
    equal(app.fired("rate-limit"), 1, "limits")
    app.reset_counts()
    usher.usher("sync", "Acme", "--no-wait")
    sync = parked(usher, "sync")
    usher.usher("member", "remove", "Acme", "user000001@example.com", "--yes", "--no-wait")
    until = parked(usher, "remove-user")["next_attempt_at"]
    equal(sync["next_attempt_at"][:15], until[:15], "until when they wait")
    equal(app.counts(), {}, "requests while the app asked for none")
    equal(usher.hub()["app_waits_until"][:15], until[:15], "what the hub says")
    hub = next(c for c in usher.json("doctor")["checks"] if c["name"] == "hub Acme")
    check(until[:15] in hub["detail"], f"the doctor says {hub}")

    # The app still refuses: one request, and the wait is longer.
    app.faults(rate_limit={"retry_after": 14400, "times": 1})
    usher.usher("hub", "check", "Acme", "--no-wait")
    check(parked(usher, "validate")["next_attempt_at"] > until, "the new wait")
    equal(app.fired("rate-limit"), 1, "requests of the check")

    app.faults()
    usher.usher("hub", "check", "Acme")
    usher.wait_idle()
    equal([t["status"] for t in usher.tasks()][:3], ["completed"] * 3, "what waited")
    check(not app.user("user000001@example.com")["active"], "the removal has its effect")
    check("app_waits_until" not in usher.hub(), "the hub waits no more")


def expired_cursor(scratch):
    """A cursor that the app no longer takes begins the listing again, once"""
    app, usher = connected(scratch, page_max=10, paging="cursor")
    app.faults(expired_cursor={"times": 1})
    usher.usher("sync", "Acme")
    equal(app.fired("expired-cursor"), 1, "expired cursors")
    equal((usher.tasks()[0]["sync"]["listing"], len(usher.members())), ("complete", USERS), "the sync")


def redirected_within(scratch):
    """A redirect within the app's own host is followed"""
    app, usher = connected(scratch, page_max=10)
    app.faults(redirect_within={"kind": "list-users"})
    usher.usher("sync", "Acme")
    check(app.fired("redirect-within") >= 3, "no redirect")
    equal((usher.tasks()[0]["sync"]["listing"], len(usher.members())), ("complete", USERS), "the sync")


# ---- Writes.

def one(app, name):
    return [u for u in app.users() if u["userName"].lower() == name]


def strange_names(scratch):
    """Somebody whose name no text can hold stops no sync, and can be removed"""
    app, usher = connected(scratch)
    app.change(add=[scim_user("nul@example.com", displayName="a\0b"),
                    scim_user("half@example.com", displayName="a\ud83d")])
    usher.usher("sync", "Acme")
    equal(usher.tasks()[0]["sync"]["listing"], "complete", "the listing")
    equal(len(usher.members()), USERS + 2, "members")
    for name, shown in (("nul@example.com", "a\ufffdb"), ("half@example.com", "a\ufffd")):
        equal(usher.member(name)["name"], shown, "the name")
        usher.usher("member", "remove", "Acme", name, "--yes")
        check(not app.user(name)["active"], "the removal has its effect")


def lost_answers(scratch):
    """A write whose answer is lost has exactly one effect"""
    app, usher = connected(scratch)
    usher.people("new@example.com")
    for kind, command, there in (
            ("create-user", ("invite", "Acme", "new@example.com", "--role", "member"),
             lambda user: user and user["active"]),
            ("patch-user", ("set-role", "Acme", "new@example.com", "--role", "admin"),
             lambda user: [r["value"] for r in user["roles"]] == ["admin"]),
            ("patch-user", ("remove", "Acme", "new@example.com"), lambda user: not user["active"])):
        app.reset_counts()
        app.faults(reset={"kind": kind, "times": 1})
        usher.usher("member", *command, "--yes")
        equal(app.fired("reset"), 1, f"resets of {command[0]}")
        equal(app.counts().get(kind), 1, f"{kind} of {command[0]}")
        equal(len(one(app, "new@example.com")), 1, "accounts")
        check(there(app.user("new@example.com")), f"{command[0]} has no effect")
        equal(usher.tasks()[0]["status"], "completed", command[0])


def without_ids(scratch, **options):
    app, usher = connected(scratch, **options)
    usher.people("user000002@example.com")
    usher.usher("sync", "Acme")
    app.faults(error={"kind": "read-user", "status": 404})
    usher.usher("member", "remove", "Acme", "user000001@example.com", "--yes")
    check(app.fired("error"), "no id was asked for")
    task = usher.tasks()[0]
    equal((task["status"], task["result"]), ("completed", "done"), "the removal")
    check(not app.user("user000001@example.com")["active"], "the removal has its effect")
    usher.usher("member", "set-role", "Acme", "user000002@example.com", "--role", "admin", "--yes")
    equal(app.roles("user000002@example.com"), ["admin"], "the new role")
    # Who is gone for good is gone, whatever answers.
    app.change(remove=["user000003@example.com"])
    usher.usher("member", "remove", "Acme", "user000003@example.com", "--yes")
    equal(usher.tasks()[0]["result"], "no-op", "the removal of nobody")


def no_read_by_id(scratch):
    """An app that answers 404 to every id is asked by name before somebody counts as gone"""
    without_ids(scratch)


def no_read_no_filter(scratch):
    """An app that answers 404 to every id and takes no filter is asked for its whole list"""
    without_ids(scratch, no_filter=True)


def delete_is_no_proof(scratch):
    """An app that deletes is asked who is there first, and its 404 to a deletion does not count as gone"""
    app = App(scratch, users=USERS)
    usher = Usher(scratch, config=QUICK)
    usher.connect(app, leave="delete")
    # Nobody by that id any more: nothing is sent.
    app.change(remove=["user000001@example.com"])
    app.reset_counts()
    usher.usher("member", "remove", "Acme", "user000001@example.com", "--yes")
    equal((usher.tasks()[0]["result"], app.counts().get("delete-user", 0)), ("no-op", 0), "the removal of nobody")
    # Found in the list alone.
    app.faults(error={"kind": "read-user", "status": 404})
    usher.usher("member", "remove", "Acme", "user000002@example.com", "--yes")
    check(app.fired("error"), "no id was asked for")
    equal((usher.tasks()[0]["result"], app.user("user000002@example.com")), ("done", None), "the removal")
    # It says 404 to the deletion, and shows who was to be deleted.
    app.faults(error={"kind": "delete-user", "status": 404})
    usher.usher("member", "remove", "Acme", "user000003@example.com", "--yes", status=1)
    check(app.fired("error"), "nobody was to be deleted")
    explained(usher.tasks()[0], "not-confirmed", "uncertain")
    equal(usher.member("user000003@example.com")["status"], "deprovisioning-failed", "who was not deleted")


def silent_app(scratch):
    """An app that never answers is given up after a time, and a change it had made is not made again"""
    app, usher = connected(scratch, env={"USHER_TEST_TIMEOUT_MS": "1000"})
    usher.people("new@example.com")
    refused(app, usher, {"silent": {"kind": "list-users"}}, "timed-out", "transient", attempts=5)
    for kind, command in (("create-user", ("invite", "Acme", "new@example.com", "--role", "member")),
                          ("patch-user", ("remove", "Acme", "new@example.com"))):
        app.reset_counts()
        app.faults(silent={"kind": kind, "times": 1})
        usher.usher("member", *command, "--yes")
        equal(app.fired("silent"), 1, f"silences at {command[0]}")
        equal(app.counts().get(kind), 1, f"{kind} of {command[0]}")
        equal(usher.tasks()[0]["status"], "completed", command[0])
    equal(len(one(app, "new@example.com")), 1, "accounts")
    check(not app.user("new@example.com")["active"], "the removal has its effect")


def lying_app(scratch):
    """A change that the app only claims is not confirmed, and says so"""
    app, usher = connected(scratch, config=BY_CLOCK)
    usher.people("new@example.com", "user000001@example.com")
    usher.usher("sync", "Acme")
    app.faults(ignore_write={"kind": "create-user", "times": 2})
    usher.usher("member", "invite", "Acme", "new@example.com", "--role", "member", "--yes", "--no-wait")
    for lies in (1, 2):
        task = wait_for(lambda: next((t for t in usher.tasks() if t["status"] == "retrying" and t["attempts"] == lies), None),
                        "the doubt")
        explained(task, "not-confirmed", "uncertain")
        equal(app.fired("ignore-write"), lies, "lies")
        usher.advance(8 * 3600)
    usher.wait_idle()
    usher.stop()
    usher.config.write_text(QUICK)
    usher.start()
    equal(len(one(app, "new@example.com")), 1, "accounts")
    app.faults(ignore_write={"kind": "patch-user"})
    usher.usher("member", "remove", "Acme", "user000001@example.com", "--yes", status=1)
    check(app.fired("ignore-write"), "ignore-write did not fire")
    explained(usher.tasks()[0], "not-confirmed", "uncertain")
    check(app.user("user000001@example.com")["active"], "the app removed somebody")
    equal(usher.member("user000001@example.com")["status"], "deprovisioning-failed", "the member")


def odd_answers_to_writes(scratch):
    """A write that is answered oddly is done once or not at all, and the task says which"""
    app, usher = connected(scratch)
    usher.people("user000001@example.com")
    usher.usher("sync", "Acme")
    other = App(scratch)
    roles = {True: "admin", False: "member"}
    admin = True
    for fault, sent, code, kind in (
            ({"cut": {}}, 1, None, None),                       # carried out, the answer cut short
            ({"truncate": {}}, 1, None, None),                  # carried out, the answer is half of one
            ({"no_body": {}}, 1, None, None),                   # carried out, 204
            ({"error": {"times": 1}}, 2, None, None),           # not carried out, a passing fault
            ({"rate_limit": {"times": 1}}, 2, None, None),      # not carried out, asked to wait
            ({"html": {}}, 1, "unexpected-answer", "contract"),
            ({"redirect": {"to": other.url + "/Users/1"}}, 1, "unexpected-answer", "contract"),
            ({"error": {"status": 403}}, 1, "account-lacks-permission", "permission")):
        name, = fault
        app.reset_counts()
        app.faults(**{name: dict(fault[name], kind="patch-user")})
        usher.usher("member", "set-role", "Acme", "user000001@example.com", "--role", roles[admin], "--yes",
                    status=1 if code else 0)
        check(app.fired(name.replace("_", "-")), f"{name} did not fire")
        app.faults()
        task = usher.tasks()[0]
        equal(app.counts()["patch-user"], sent, f"changes sent under {name}")
        if code:
            explained(task, code, kind)
        equal(app.roles("user000001@example.com"), [roles[admin != bool(code)]], f"roles after {name}")
        if not code:
            equal(task["status"], "completed", name)
            admin = not admin
    equal(other.counts(), {}, "requests at the other host")


# ---- Children that die.

def two_hubs(scratch):
    """Two apps with a hub each, and the children of the first hub."""
    app, usher = connected(scratch, page_max=5, config=BY_CLOCK)
    first = {name: wait_for(lambda: len(pids := usher.children(name)) == 1 and pids[0], f"one {name}")
             for name in ("usher-worker", "usher-net")}
    other = App(scratch, users=USERS, page_max=5)
    usher.connect(other, label="Other")
    return app, other, usher, first


def hangs_hold_up_nobody(scratch):
    """Apps that hang hold up themselves alone: two of them all threads for syncs, and ten others are synced"""
    hung, others = [App(scratch, users=USERS, page_max=5) for _ in range(2)], [App(scratch, users=1) for _ in range(10)]
    usher = Usher(scratch, config=QUICK)
    hubs = ["Acme", *(f"Hub {i}" for i in range(11))]
    for hub, app in zip(hubs, hung + others):
        usher.connect(app, label=hub)

    def threads():
        return len(os.listdir(f"/proc/{usher.process.pid}/task"))

    def newest(i):
        return usher.tasks(hubs[i])[0]
    before = threads()
    for i, app in enumerate(hung):
        app.faults(hold={"page": 4, "times": 1})
        usher.usher("sync", hubs[i], "--no-wait")
    wait_for(lambda: all(app.fired("hold") for app in hung), "both holds")
    for i in range(2, 12):
        usher.usher("sync", hubs[i], "--no-wait")
    wait_for(lambda: all(newest(i)["status"] == "completed" for i in range(2, 12)), "the syncs of the others")
    equal([newest(i)["kind"] for i in range(12)], ["sync"] * 12, "tasks")
    check(all("ended_at" not in newest(i) for i in range(2)), "those that hang have ended")
    # Who is heard again goes on, and nobody is there twice.
    for app in hung:
        app.release()
    wait_for(lambda: all("ended_at" in newest(i) for i in range(2)), "those that hung")
    equal([(newest(i)["sync"]["seen"], newest(i)["attempts"]) for i in range(2)], [(USERS, 1)] * 2, "those that hung")
    wait_for(lambda: threads() <= before, "the end of the threads that stood in")


def hangs_beyond_the_stand_ins(scratch):
    """Who falls silent while all stand-ins are lent gets the first that is given back"""
    hung, other = [App(scratch, users=USERS, page_max=5) for _ in range(4)], App(scratch, users=1)
    # One thread for syncs, and three that may stand in for it.
    usher = Usher(scratch, config=QUICK + "workers = 3\n")
    hubs = [f"Hub {i}" for i in range(5)]
    for hub, app in zip(hubs, [*hung, other]):
        usher.connect(app, label=hub)
    for hub, app in zip(hubs, hung):
        app.faults(hold={"page": 4, "times": 1})
        usher.usher("sync", hub, "--no-wait")
        wait_for(lambda app=app: app.fired("hold"), "the hold")
    # So long that the last of them has fallen silent too.
    time.sleep(7)
    usher.usher("sync", hubs[4], "--no-wait")
    time.sleep(1)
    equal(usher.tasks(hubs[4])[0]["status"], "queued", "a sync for which there is no thread")
    hung[0].release()
    wait_for(lambda: "ended_at" in usher.tasks(hubs[0])[0], "the end of the one that is heard again")
    wait_for(lambda: usher.tasks(hubs[4])[0]["status"] == "completed", "the sync that waited")
    check(all("ended_at" not in usher.tasks(hub)[0] for hub in hubs[1:4]), "those that hang have ended")
    for app in hung[1:]:
        app.release()
    wait_for(lambda: all(usher.tasks(hub)[0]["status"] == "completed" for hub in hubs), "the others")


def child_dies(scratch, name, code, kind, says):
    app, other, usher, pids = two_hubs(scratch)
    before = members(usher)
    # In the middle of a listing.
    app.faults(hold={"page": 4, "times": 1})
    other.faults(hold={"page": 4, "times": 1})
    usher.usher("sync", "Acme", "--no-wait")
    usher.usher("sync", "Other", "--no-wait")
    wait_for(lambda: app.fired("hold") and other.fired("hold"), "both holds")
    os.kill(pids[name], signal.SIGKILL)
    task = wait_for(lambda: next((t for t in usher.tasks() if t.get("error")), None), "the death to be noticed")
    error = explained(task, code, kind)
    check(says in error["message"], f"{error['message']!r} does not name {says}")
    app.release()
    other.release()
    usher.wait_idle("Other")
    usher.advance(2 * 3600)
    usher.wait_idle()
    task = usher.tasks()[0]
    equal((task["status"], task["sync"]["seen"]), ("completed", USERS), "the task of the dead child")
    equal(members(usher), before, "members")
    task = usher.tasks("Other")[0]
    equal((task["status"], task["attempts"], task["sync"]["seen"]), ("completed", 1, USERS), "the other hub")
    # Where net's end was noticed by its worker first, the log has it by the next attempt.
    wait_for(lambda: re.search(says + r" ended by signal 9 \(Killed\) in (list|or after its last operation)", usher.logged()),
             f"the log's word of {says}")
    # In the middle of a write: its answer comes too slowly to be read before.
    usher.people("user000002@example.com")
    usher.usher("sync", "Acme")
    app.reset_counts()
    app.faults(slow={"kind": "patch-user", "ms": 400, "chunk": 60, "times": 1})
    mine = [pid for pid in usher.children(name)]
    usher.usher("member", "set-role", "Acme", "user000002@example.com", "--role", "admin", "--yes", "--no-wait")
    wait_for(lambda: app.fired("slow"), "the write")
    for pid in mine:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: usher.tasks()[0]["status"] in ("retrying", "completed"), "the death to be noticed, or the end of the write")
    usher.advance(2 * 3600)
    usher.wait_idle()
    task = usher.tasks()[0]
    equal((task["kind"], task["status"]), ("update-role", "completed"), "the write")
    equal(app.counts()["patch-user"], 1, "changes sent")
    equal(app.roles("user000002@example.com"), ["admin"], "roles at the app")


def worker_dies(scratch):
    """A worker killed in a listing and in a write costs an attempt; the other hub does not notice"""
    child_dies(scratch, "usher-worker", "connector-crashed", "bug", "connector seat")


def net_dies(scratch):
    """A net process killed in a listing and in a write costs an attempt; the other hub does not notice"""
    child_dies(scratch, "usher-net", "network-error", "transient", "usher-net")


def slow_reader(scratch):
    """A worker that stops reading for a while loses nobody"""
    app, usher = connected(scratch, users=20000, page_max=1000)
    app.faults(hold={"page": 3, "times": 1})
    usher.usher("sync", "Acme", "--no-wait")
    wait_for(lambda: app.fired("hold"), "the hold")
    pid, = usher.children("usher-worker")
    os.kill(pid, signal.SIGSTOP)
    app.release()
    time.sleep(1.5)
    state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    os.kill(pid, signal.SIGCONT)
    equal(state, "T", "the worker's state")
    usher.wait_idle()
    task = usher.tasks()[0]
    equal((task["status"], task["sync"]["listing"], task["sync"]["seen"]), ("completed", "complete", 20000), "the sync")


if __name__ == "__main__":
    sys.exit(main([wrong_token, token_revoked, wrong_url, nobody_listens, never_listened, html, truncated,
                   redirected, emptied, repeated_page, repeated_cursor, endless, cut, cut_once, short_last_page, short_page,
                   slow_body, slow_reader, server_error, rate_seconds, rate_date, rate_shared, expired_cursor,
                   redirected_within, strange_names, lost_answers, no_read_by_id, no_read_no_filter,
                   delete_is_no_proof, silent_app, odd_answers_to_writes, lying_app, hangs_hold_up_nobody, hangs_beyond_the_stand_ins,
                   worker_dies, net_dies], "hostile"))
