#!/usr/bin/env python3
"""Reports while things go wrong: applied at once by many, by a daemon that is killed, over a listing that
fails, with more rows than a report can show."""

import concurrent.futures
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from usher import App, Usher, check, equal, main, scim_user, wait_for  # noqa: E402

CONFIG = "[tasks]\nretry-wait = 20ms\n"
REASON = "They left"


def user(n):
    return f"user{n:06}@example.com"


def stopped(scratch, n=60, gone=20, config=CONFIG):
    """A hub whose sync the guard has just stopped, and the open report."""
    app = App(scratch, users=n)
    usher = Usher(scratch, config=config)
    usher.connect(app)
    app.change(remove=[user(i) for i in range(gone)])
    usher.usher("sync", "Acme", status=5)
    return app, usher, the_report(usher)


def the_report(usher, hub="Acme"):
    reports = usher.json("report", "list")
    return usher.json("report", "show", reports[0]["id"])


def body(report, reason=REASON):
    return {"revision": report["revision"], "reason": reason, "confirm": True}


def apply(usher, report, expect=202, headers=None):
    return usher.api("POST", f"/reports/{report['id']}/apply", body(report), expect=expect, headers=headers)


def removed(usher):
    return sorted(m["username"] for m in usher.members() if m["status"] == "removed")


def events(usher, kind):
    return [event for event in usher.json("audit", "list", "--hub", "Acme") if event["type"] == kind]


def open_issues(usher):
    return [i for i in usher.json("issue", "list") if i["state"] != "resolved"]


def wait_report(usher, status):
    return wait_for(lambda: the_report(usher)["status"] == status and the_report(usher), f"a report that is {status}")


def applied_once(usher, gone=20):
    """What has to hold after a report was applied, whatever happened meanwhile."""
    report = wait_report(usher, "applied")
    usher.wait_idle()
    equal(removed(usher), [user(i) for i in range(gone)], "members removed")
    equal((len(events(usher, "report.applied")), len(events(usher, "member.removed"))), (1, gone), "events")
    equal(len([t for t in usher.tasks() if t["trigger"] == "report"]), 1, "syncs made by it")
    equal({row["result"] for row in report["removed_users"]}, {"removed"}, "the rows")
    equal(usher.hub()["status"], "healthy", "the hub")


def test_applied_by_many_at_once(scratch):
    """Of sixteen that apply a report at once, one does; the others are told that it is closed."""
    _, usher, report = stopped(scratch)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: apply(usher, report, expect=None), range(16)))
    equal(sorted(status for status, _ in answers), [202] + [409] * 15, "the answers")
    equal({answer["code"] for status, answer in answers if status == 409}, {"report-closed"}, "why")
    applied_once(usher)


def test_applied_and_dismissed_at_once(scratch):
    """Of a report that is applied and dismissed at once, one holds and the other is refused."""
    _, usher, report = stopped(scratch)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        one = pool.submit(apply, usher, report, None)
        other = pool.submit(usher.api, "POST", f"/reports/{report['id']}/dismiss", {"reason": REASON}, None)
        statuses = one.result()[0], other.result()[0]
    check(statuses in ((202, 409), (409, 200)), f"the answers: {statuses}")
    if statuses[0] == 202:
        applied_once(usher)
    else:
        equal((the_report(usher)["status"], removed(usher)), ("dismissed", []), "a dismissed one")


def test_the_same_request_twice(scratch):
    """A request to apply with an Idempotency-Key, sent twice, is one, and answered twice."""
    _, usher, report = stopped(scratch)
    key = {"Idempotency-Key": "ticket-1"}
    first, second = (apply(usher, report, headers=key)[1] for _ in range(2))
    equal(second["id"], first["id"], "the task")
    applied_once(usher)


def test_killed_while_it_is_applied(scratch):
    """A daemon that is killed while a report is applied goes on with it, and does nothing twice."""
    for point in ("call-commit", "call-committed", "sync-page", "sync-sealed", "delta-batch"):
        with scratch.__class__() as own:
            killed_at(own, point)


def killed_at(scratch, point):
    app, usher, report = stopped(scratch)
    usher.stop()
    usher.start(fail_points=f"{point}=kill")
    try:
        apply(usher, report, expect=None)
    except OSError:
        pass  # it died while it answered
    wait_for(lambda: usher.process.poll() is not None, f"the end of the daemon at {point}")
    check(usher.fired(point), f"{point}: the fail point fired")
    usher.start()
    if the_report(usher)["status"] == "open":  # it was lost before it was decided: asked again, it is done
        apply(usher, report)
    applied_once(usher)
    check(len(app.users()) == 40, f"{point}: the app is as it was")


def test_a_listing_that_fails_gives_the_report_back(scratch):
    """A report whose sync fails waits again, as it was, and can be applied then."""
    app, usher, report = stopped(scratch)
    app.faults(missing={"kind": "list-users", "rows": 5})
    task = apply(usher, report)[1]["id"]
    wait_for(lambda: usher.json("task", "show", task)["status"] == "not-completed", "the end of the sync")
    check(app.fired("missing"), "the fault fired")
    again = the_report(usher)
    equal((again["status"], again["revision"], removed(usher)), ("open", report["revision"], []), "the report")
    usher.stop()
    usher.config.write_text("[tasks]\nretry-wait = 1h\n")
    usher.start()
    app.faults(error={"status": 503})
    task = apply(usher, again)[1]["id"]
    wait_for(lambda: usher.json("task", "show", task)["status"] == "retrying", "the first attempt")
    equal(apply(usher, again, expect=409)[1]["code"], "report-closed", "while it is applied")
    app.faults()
    usher.advance(2 * 3600)
    wait_report(usher, "applied")
    equal(removed(usher), [user(i) for i in range(20)], "members removed")


def test_cancelled_and_gone(scratch):
    """A report whose sync is cancelled waits again; one whose hub is removed is withdrawn."""
    app, usher, report = stopped(scratch, config="[tasks]\nretry-wait = 1h\n")
    app.faults(error={"status": 503})
    task = apply(usher, report)[1]["id"]
    wait_for(lambda: usher.json("task", "show", task)["status"] == "retrying", "the first attempt")
    usher.usher("task", "cancel", task)
    equal(the_report(usher)["status"], "open", "after its sync was cancelled")
    task = apply(usher, report)[1]["id"]
    wait_for(lambda: usher.json("task", "show", task)["status"] == "retrying", "the first attempt")
    usher.usher("hub", "remove", "Acme", "--reason", "no-longer-used", "--yes")
    equal([r["status"] for r in usher.json("report", "list")], ["withdrawn"], "after its hub was removed")


def test_another_sync_does_not_use_it(scratch):
    """A sync that was under way when a report was applied is judged as any other; what comes meanwhile is done."""
    app, usher, report = stopped(scratch)
    usher.people("new@example.com")
    usher.usher("member", "invite", "Acme", "new@example.com", "--role", "member", "--yes")
    check(app.user("new@example.com"), "an invitation while the report waits")
    app.faults(hold={"page": 1})
    plain = usher.usher("sync", "Acme", "--no-wait").out.split()[0]
    wait_for(lambda: app.fired("hold"), "the held page")
    task = apply(usher, report)[1]["id"]
    check(task != plain, "a sync of its own")
    app.release()
    app.faults()
    wait_for(lambda: usher.json("task", "show", plain)["status"] == "not-completed", "the end of the other sync")
    equal(usher.json("task", "show", plain)["error"]["code"], "safeguard-exceeded", "the other sync")
    applied_once(usher)


def test_more_than_a_report_shows(scratch):
    """More than 10,000 missing are applied as exactly the set that the report was made of, and as no other."""
    app = App(scratch, users=10600, page_max=1000)
    usher = Usher(scratch, config=CONFIG)
    usher.connect(app)
    app.change(remove=[user(i) for i in range(10500)])
    usher.usher("sync", "Acme", status=5)
    report = the_report(usher)
    equal((report["removed_count"], len(report["removed_users"])), (10500, 10000), "the report")
    back = scim_user("somebody@example.com")
    app.change(add=[back], remove=[user(10599)])
    task = apply(usher, report)[1]["id"]
    wait_for(lambda: usher.json("task", "show", task)["status"] == "not-completed", "the end of the sync")
    equal(usher.hub()["counts"]["unmatched"], 10600, "members, with one more missing")
    report = the_report(usher)
    equal((report["status"], report["revision"], report["removed_count"]), ("open", 2, 10501), "the report, refreshed")
    apply(usher, report)
    wait_report(usher, "applied")
    equal(usher.hub()["counts"]["unmatched"], 100, "members")


def test_thousands_within_the_limits(scratch):
    """Thousands who are missing in two listings, with limits that allow it, go by a sync like any other."""
    app = App(scratch, users=4500, page_max=1000)
    usher = Usher(scratch, config=CONFIG)
    usher.people(user(4399))
    usher.connect(app)
    usher.usher("hub", "set", "Acme", "safeguard-threshold=100", "safeguard-cap=100000")
    # What failed about the last of them is settled when they are gone.
    app.faults(ignore_write={"kind": "patch-user"})
    usher.usher("member", "remove", "Acme", user(4399), "--yes", status=1)
    check(app.fired("ignore-write"), "the fault fired")
    app.faults()
    equal(len(open_issues(usher)), 1, "issues")
    app.change(remove=[user(i) for i in range(4400)])
    usher.usher("sync", "Acme")
    equal((usher.tasks()[0]["sync"]["missing"], usher.hub()["counts"]["unmatched"]), (4400, 4499), "after the first")
    usher.usher("sync", "Acme")
    equal(usher.hub()["counts"]["unmatched"], 100, "after the second")
    equal(open_issues(usher), [], "issues")
    equal(usher.json("report", "list"), [], "reports")


if __name__ == "__main__":
    sys.exit(main([test_applied_by_many_at_once, test_applied_and_dismissed_at_once, test_the_same_request_twice,
                   test_killed_while_it_is_applied, test_a_listing_that_fails_gives_the_report_back,
                   test_cancelled_and_gone, test_another_sync_does_not_use_it, test_more_than_a_report_shows,
                   test_thousands_within_the_limits], "report"))
