#!/usr/bin/env python3
"""Apps that limit how often they are asked: every way to say so, what all who share a key make of
it, and what people are told."""

import calendar
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from usher import TOP, App, Usher, check, equal, main, wait_for  # noqa: E402

USERS = 30
QUICK = "[tasks]\nretry-wait = 20ms\n"
HOURS = 2
WAIT = HOURS * 3600
CLOSE = 20  # seconds: what a slow machine may be late

BUC = '{"17": [{"type": "ads_management", "call_count": 100, "estimated_time_to_regain_access": <minutes>}]}'
DIALECTS = {
    "seconds": {"headers": {"Retry-After": "<wait>"}},
    "date": {"headers": {"Retry-After": "<date>"}},
    "date of a clock five hours behind": {"headers": {"Retry-After": "<date>"}, "skew": -18000},
    "RFC 3339": {"headers": {"Retry-After": "<iso>"}},
    "milliseconds": {"headers": {"Retry-After-Ms": "<ms>"}},
    "503": {"headers": {"Retry-After": "<wait>"}, "status": 503},
    "epoch": {"headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "<epoch>"}},
    "epoch of a clock nine hours ahead": {"headers": {"X-RateLimit-Reset": "<epoch>"}, "skew": 32400},
    "epoch in milliseconds": {"headers": {"X-Rate-Limit-Reset": "<epoch-ms>"}},
    "epoch with 403": {"headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "<epoch>"}, "status": 403},
    "delta": {"headers": {"X-RateLimit-Reset": "<wait>"}},
    "three headers": {"headers": {"RateLimit-Limit": "10", "RateLimit-Remaining": "0", "RateLimit-Reset": "<wait>"}},
    "one list": {"headers": {"RateLimit": "limit=10, remaining=0, reset=<wait>"}},
    "policies": {"headers": {"RateLimit": '"burst";r=3;t=1, "hourly";r=0;t=<wait>'}},
    "minutes in JSON in a header": {"headers": {"X-Business-Use-Case-Usage": BUC}, "status": 400},
    "the body": {"headers": {}, "body": '{"error": {"retry_after": <wait>}}'},
}


def parked(usher, kind="sync", hub="Acme"):
    """The open task of this kind, once it waits as the app asked."""
    return wait_for(lambda: next((t for t in usher.tasks(hub) if t["kind"] == kind and t["status"] == "retrying"
                                  and t.get("wait_reason") == "app-asked"), None), f"the wait of {kind}")


def seconds_to(text, since):
    """From SINCE to a time of the daemon."""
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) - since


def clock(usher):
    """What the daemon takes for now."""
    return time.time() + (int(usher.clock.read_text()) / 1000 if usher.clock.exists() else 0)


def limited(scratch, config=QUICK, **options):
    app, usher = App(scratch, users=USERS, **options), Usher(scratch, config=config)
    usher.connect(app)
    app.reset_counts()
    return app, usher


def open_again(app, usher):
    """The app is well, and a check finds that out."""
    app.faults()
    usher.usher("hub", "check", "Acme")
    usher.wait_idle()
    check("app_waits_until" not in usher.hub(), "the hub waits no more")


def dialects(scratch):
    """However an app says how long to wait, the task waits that long and quotes it"""
    app, usher = limited(scratch)
    for name, how in DIALECTS.items():
        app.faults(rate_limit=dict(how, retry_after=WAIT, times=1))
        since = clock(usher)
        usher.usher("sync", "Acme", "--no-wait")
        task = parked(usher)
        wait = seconds_to(task["next_attempt_at"], since)
        check(WAIT - CLOSE <= wait <= WAIT + CLOSE, f"{name}: waits {wait} s")
        equal((app.fired("rate-limit"), task["attempts"]), (1, 0), f"{name}: refusals, and attempts")
        told = next(iter(reversed(how["headers"])), "its body")
        check(told in task["message"], f"{name}: the task says {task['message']!r}")
        usher.usher("task", "cancel", task["id"], "--yes")
        open_again(app, usher)


def not_believed(scratch):
    """A wait beyond all reason is bounded, one that is none is replaced, and both are said"""
    app, usher = limited(scratch)
    for value in "1" + "0" * 18, "Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59Z":
        app.faults(rate_limit={"headers": {"Retry-After": value}, "times": 1})
        since = clock(usher)
        usher.usher("sync", "Acme", "--no-wait")
        task = parked(usher)
        wait = seconds_to(task["next_attempt_at"], since)
        check(25 * 3600 - CLOSE <= wait <= 25 * 3600 + CLOSE, f"{value}: waits {wait} s")
        check("25 hours" in task["message"] and value in task["message"], f"the task says {task['message']!r}")
        usher.usher("task", "cancel", task["id"], "--yes")
        open_again(app, usher)
    for n, value in enumerate(["-5", "soon", "1e18", "Sun, 06 Nov 1994 08:49:37 GMT"]):
        app.faults(rate_limit={"headers": {"Retry-After": value}, "times": 3})
        since = clock(usher)
        usher.usher("sync", "Acme", "--no-wait")
        task = parked(usher)
        wait = seconds_to(task["next_attempt_at"], since)
        check(60 - CLOSE <= wait <= 60 + CLOSE, f"{value}: waits {wait} s")
        equal(app.fired("rate-limit"), 3, f"{value}: refusals")
        if n == 0:
            wait_for(lambda: "cannot be believed (Retry-After: -5)" in usher.logged(), "a line of the log")
        usher.usher("task", "cancel", task["id"], "--yes")
        open_again(app, usher)
    equal(len(usher.members()), USERS, "members")


def no_wait_at_all(scratch):
    """A refusal that names no wait, for ever, spends attempts, and the task ends"""
    app, usher = limited(scratch)
    app.faults(rate_limit={"headers": {"Retry-After": "0"}, "kind": "list-users"})
    usher.usher("sync", "Acme", status=1)
    task = usher.tasks()[0]
    equal((task["attempts"], task["error"]["code"]), (5, "app-rate-limited"), "the task")
    equal(app.fired("rate-limit"), 15, "refusals, three an attempt")
    app.faults()
    usher.usher("sync", "Acme")


def shared_config(scratch):
    """An app file whose limit is counted by the developer's app, not by the hub's space."""
    app = json.loads((TOP / "plugins/seat/apps/scim.json").read_text())
    app.update(id="shared", name="Shared", rate=[{"key": ["client"], "in_flight": 4, "per": ["60/h"]}])
    app["fields"].append({"key": "client", "label": "Client", "kind": "text", "required": True})
    folder = scratch.dir / "apps"
    folder.mkdir()
    (folder / "shared.json").write_text(json.dumps(app))
    return {"USHER_APP_PATH": str(folder)}


def connect_shared(scratch, usher, app, label, host, client="c1"):
    token = scratch.file(f"token-{label}", app.TOKEN)
    return usher.usher("hub", "connect", "shared", "--label", label, "--login-method", "sso",
                       "--set", f"base_url=http://{host}:{app.port}/scim/v2", "--set", f"client={client}",
                       "--secret", f"token=@{token}")


def shared(scratch):
    """Two hubs of one key share its bucket: what one is told holds for both, what they spend is one sum"""
    app = App(scratch, users=USERS, page_max=10)
    usher = Usher(scratch, config=QUICK, env=shared_config(scratch))
    connect_shared(scratch, usher, app, "One", "127.0.0.1")
    connect_shared(scratch, usher, app, "Two", "localhost")
    other = App(scratch, users=3)
    connect_shared(scratch, usher, other, "Other", "127.0.0.1", client="c2")
    for hub in "One", "Two", "Other":
        usher.wait_idle(hub)
    app.faults(rate_limit={"retry_after": WAIT, "times": 1})
    usher.usher("sync", "One", "--no-wait")
    until = parked(usher, hub="One")["next_attempt_at"]
    spent = sum(app.counts().values())
    usher.usher("sync", "Two", "--no-wait")
    equal(parked(usher, hub="Two")["next_attempt_at"][:15], until[:15], "until when the other waits")
    equal(sum(app.counts().values()), spent, "requests of the other")
    equal(usher.json("status")["hubs"]["limited"], 2, "hubs that are limited")
    for hub in "One", "Two":
        check(until[:15] in usher.hub(hub)["limit"], f"{hub} says {usher.hub(hub)['limit']!r}")
    usher.usher("sync", "Other")
    usher.advance(WAIT + 60)
    for hub in "One", "Two":
        usher.wait_idle(hub)
    # The hour is new: sixty requests, whoever makes them.
    app.reset_counts()
    n = 0
    while not any(t.get("wait_reason") for hub in ("One", "Two") for t in usher.tasks(hub)):
        for hub in "One", "Two":
            usher.usher("sync", hub, "--no-wait")
        wait_for(lambda: all(t["status"] in ("completed", "retrying") for hub in ("One", "Two")
                             for t in usher.tasks(hub)), "two syncs")
        n += 1
        check(n < 60, "the limit of the app file is not kept")
    equal(app.counts(), {"list-users": sum(app.counts().values())}, "what was asked")
    check(50 <= sum(app.counts().values()) <= 60, f"requests within the hour: {app.counts()}")
    waits = next(hub for hub in ("One", "Two") if any(t.get("wait_reason") for t in usher.tasks(hub)))
    check("used up until" in usher.hub(waits)["limit"] or "asked to wait" in usher.hub(waits)["limit"], "the words")
    usher.advance(4000)
    for hub in "One", "Two":
        usher.wait_idle(hub)
        equal(usher.tasks(hub)[0]["status"], "completed", f"the sync of {hub}")


def halved(scratch):
    """A refusal halves what is in flight, and good answers let it grow again"""
    app, usher = App(scratch, users=200, page_max=5), Usher(scratch, config=QUICK)
    usher.connect(app)
    app.faults(rate_limit={"retry_after": 1, "times": 1, "kind": "list-users", "skip": 12},
               slow={"ms": 10, "chunk": 300, "kind": "list-users"})
    usher.usher("sync", "Acme", "--no-wait")
    wait_for(lambda: app.fired("rate-limit"), "the refusal")
    # By the API, which is quicker than the command: it may be over in a second.
    said = wait_for(lambda: usher.api("GET", "/hubs/Acme")[1].get("limit"), "what the hub says")
    usher.wait_idle()
    flights = app.flights()
    check(app.fired("slow"), "the answers were not slow")
    equal(usher.tasks()[0]["status"], "completed", "the sync")
    check(max(flights[:2]) < 3, f"in flight after the refusal: {flights}")
    equal(max(flights), 3, f"in flight at the end, as many as the connector asks for: {flights}")
    check("in flight at once in place of 4" in said or "asked to wait" in said, f"the hub says {said!r}")
    equal(len(usher.members()), 200, "members")


def daily_quota(scratch):
    """The quota of a day parks a task until midnight, its place kept, whatever happens to the daemon"""
    app, usher = App(scratch, users=USERS, page_max=10), Usher(scratch, config=QUICK + "workers = 3\n")
    usher.connect(app)
    app.reset_counts()
    app.faults(rate_limit={"headers": {"X-RateLimit-Remaining-Second": "9", "X-RateLimit-Remaining-Day": "0"},
                           "kind": "list-users", "skip": 1})
    usher.usher("sync", "Acme", "--no-wait")
    task = parked(usher)
    equal(task["next_attempt_at"][10:16], "T00:00", "until when it waits")
    check("X-RateLimit-Remaining-Day: 0" in task["message"], f"the task says {task['message']!r}")
    usher.usher("member", "remove", "Acme", "user000001@example.com", "--yes", "--no-wait")
    parked(usher, "remove-user")
    # The threads are free: others are served.
    other = App(scratch, users=3)
    usher.connect(other, label="Other")
    usher.usher("sync", "Other")
    line = usher.usher("task", "list", "--hub", "Acme").out
    check("app-asked" in line and "UNTIL" in line, f"the list of tasks: {line}")
    doctor = next(c for c in usher.json("doctor")["checks"] if c["name"] == "hub Acme")
    check(task["next_attempt_at"][:16] in doctor["detail"] and "by itself" in doctor["detail"], f"the doctor: {doctor}")

    app.faults()
    spent = app.counts()
    usher.kill()
    usher.start()
    # Neither what waited nor what is new asks an app that asked to be left alone.
    usher.usher("sync", "Acme", "--dry-run", "--no-wait")
    wait_for(lambda: sum(t.get("wait_reason") == "app-asked" for t in usher.tasks()) == 3, "three tasks that wait")
    equal(app.counts(), spent, "requests since the quota was used up")
    equal(usher.json("task", "show", task["id"])["next_attempt_at"], task["next_attempt_at"], "until when")
    usher.advance(seconds_to(task["next_attempt_at"], clock(usher)) + 5)
    usher.wait_idle()
    equal({t["status"] for t in usher.tasks()}, {"completed"}, "what waited")
    check(not app.user("user000001@example.com")["active"], "the removal has its effect")
    check("limit" not in usher.hub(), "nothing holds the hub back")


def told_by_a_good_answer(scratch):
    """What a good answer tells of an allowance that is used up is kept to, and no attempt is spent"""
    app, usher = limited(scratch)
    app.faults(rate_limit={"headers": {"RateLimit-Remaining": "0", "RateLimit-Reset": "<wait>"}, "retry_after": 3000,
                           "status": 200, "body": '{"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],'
                           ' "totalResults": 0, "itemsPerPage": 0}', "times": 1, "kind": "list-users"})
    usher.usher("sync", "Acme", status=5)
    equal(app.fired("rate-limit"), 1, "the answer")
    app.faults()
    app.reset_counts()
    usher.usher("sync", "Acme", "--no-wait")
    task = parked(usher)
    equal((app.counts(), task["attempts"]), ({}, 0), "requests, and attempts")
    check("asked to wait until" in usher.hub()["limit"], "what the hub says")
    usher.advance(3010)
    usher.wait_idle()
    equal(usher.tasks()[0]["status"], "completed", "the sync")


TESTS = [dialects, not_believed, no_wait_at_all, shared, halved, daily_quota, told_by_a_good_answer]

if __name__ == "__main__":
    sys.exit(main(TESTS, "rates"))
