#!/usr/bin/env python3
"""What stops before it harms: R35, R36, R37, R41, R62, R67, R71, and what a person does then."""

import json
import sys

from lib import QUICK, app_files, by_name, connect, events, refused, task_of, token_file, wait_task, without_times
from usher import FACE, App, Usher, check, equal, main, scim_user, wait_for


def user(n):
    return f"user{n:06}@example.com"


def users(*numbers):
    return [user(n) for n in numbers]


def syncs(u, hub="Acme"):
    return [task for task in u.tasks(hub) if task["kind"] == "sync"]


def plain(scim):
    """Everybody in the app is a member, nobody an admin."""
    scim.change(set={one["userName"]: {"roles": [{"value": "member"}]} for one in scim.users()})
    return scim


def ready(scratch, n, config=QUICK, **options):
    u, scim = Usher(scratch, config), plain(App(scratch, users=n, **options))
    u.connect(scim)
    return u, scim


def removed(u, hub="Acme"):
    return sorted(m["username"] for m in u.members(hub) if m["status"] == "removed")


def report(u, status="open"):
    """The one report in a state, with its rows."""
    found = [r for r in u.json("report", "list") if r["status"] == status]
    equal(len(found), 1, f"reports that are {status}")
    return u.json("report", "show", found[0]["id"])


def held(rows):
    return sorted(row["who"]["username"] for row in rows)


def stopped(u, hub="Acme"):
    """A sync that the guard stops; its task."""
    u.usher("sync", hub, status=5)
    task = syncs(u, hub)[0]
    equal((task["status"], task["error"]["code"]), ("not-completed", "safeguard-exceeded"), "the sync")
    return task


def apply(u, found, reason="They left", status=0):
    return u.usher("report", "apply", found["id"], "--revision", found["revision"], "--reason", reason, "--yes",
                   status=status)


def r35_a_fifth_may_go_and_no_more(scratch):
    """R35: of 50 known members and threshold 20, a sync missing 10 is applied and one missing 11 applies nothing"""
    u, scim = ready(scratch, 50)
    scim.change(remove=users(*range(10)))
    u.usher("sync", "Acme")
    equal(removed(u), users(*range(10)), "ten of fifty")
    scim.change(add=[scim_user(f"new{n}@example.com") for n in range(10)])
    u.usher("sync", "Acme")
    before, counts = without_times(u.members()), u.hub()["counts"]
    back = scim.user(user(20))
    scim.change(remove=users(*range(20, 31)), add=[scim_user("late@example.com")],
                set={user(40): {"displayName": "Other"}})
    task = stopped(u)
    equal(without_times(u.members()), before, "the members: nobody removed, added or changed")
    equal((u.hub()["counts"], u.hub()["status"]), (counts, "requires-sync"), "the hub")
    check("11 of 50" in task["error"]["message"], f"why: {task['error']}")
    found = report(u)
    equal((found["kind"], found["task"], found["revision"], found["removed_count"]),
          ("safeguard", task["id"], 1, 11), "the report")
    equal(held(found["removed_users"]), users(*range(20, 31)), "its rows")
    equal({(r["cause"], r["decision"], r["result"]) for r in found["removed_users"]},
          {("missing-in-app", "remove", "pending")}, "what its rows say")
    equal((len(events(u, "report.created")), len(events(u, "sync.stopped"))), (1, 1), "events")
    issues = [i for i in u.json("issue", "list") if i["code"] == "safeguard-exceeded"]
    equal([(i["group"], i["state"], i["next_step"]) for i in issues], [("routine-sync", "unread", "review-report")],
          "the inbox")
    # The same again refreshes the report; one who is back makes it a sync like any other.
    stopped(u)
    equal((report(u)["id"], report(u)["revision"]), (found["id"], 1), "the report after another stop")
    scim.change(add=[back])
    u.usher("sync", "Acme")
    equal(report(u, "withdrawn")["id"], found["id"], "the report, once a sync passed")
    equal(u.hub()["status"], "healthy", "the hub")
    check("late@example.com" in by_name(u.members()), "what came meanwhile is there")
    equal([i for i in u.json("issue", "list") if i["code"] == "safeguard-exceeded"], [], "the inbox")


def r35_settings_count_from_the_next_sync(scratch):
    """R35: threshold, floor and cap count at their edges as they are set, and a report that is open stays"""
    u, scim = ready(scratch, 50)
    scim.change(remove=users(*range(11)))
    stopped(u)
    u.usher("hub", "set", "Acme", "safeguard-threshold=22")
    equal(report(u)["removed_count"], 11, "the report after the threshold was raised")
    u.usher("sync", "Acme")
    equal(len(removed(u)), 11, "11 of 50 at 22 percent")
    u.usher("hub", "set", "Acme", "safeguard-cap=1", "safeguard-threshold=100")
    scim.change(remove=users(20, 21))
    check("cap of 1" in stopped(u)["error"]["message"], "two are more than a cap of one")
    u.usher("hub", "set", "Acme", "safeguard-cap=2", "safeguard-threshold=1", "safeguard-floor=0")
    check("more than 1 %" in stopped(u)["error"]["message"], "two of 39 without a floor")
    u.usher("hub", "set", "Acme", "safeguard-floor=2")
    u.usher("sync", "Acme")
    equal(len(removed(u)), 13, "two, with a floor of two")


def with_ranks(app):
    app["role_groups"][0]["model"] = "ranked"
    app["roles"] = [{"group": "role", "id": "admin", "label": "Admin", "rank": 2, "assignable": True},
                    {"group": "role", "id": "member", "label": "Member", "rank": 1, "assignable": True}]


def r35_lowered_counts_as_much_as_missing(scratch):
    """R35: more than half of the highest role lowered, or one of keep-members lowered or missing, applies nothing"""
    u, scim = Usher(scratch, QUICK, env=app_files(scratch, ranked=with_ranks)), plain(App(scratch, users=30))
    role = lambda value, *names: scim.change(set={name: {"roles": [{"value": value}]} for name in names})  # noqa: E731
    role("admin", *users(1, 2, 3, 4))
    connect(u, scim, "--login-method", "sso", "--secret", f"token=@{token_file(u, scim)}", app="ranked")
    role("member", *users(1, 2))
    u.usher("sync", "Acme")
    equal([r["id"] for r in u.member(user(1))["roles"]], ["member"], "half of them lowered")
    role("member", *users(3, 4))
    check("2 of the 2 holders" in stopped(u)["error"]["message"], "all of the rest lowered")
    equal([r["id"] for r in u.member(user(3))["roles"]], ["admin"], "the roles as known")
    found = report(u)
    equal((held(found["updated_roles"]), found["removed_users"]), (users(3, 4), []), "the report")
    apply(u, found)
    equal([r["id"] for r in u.member(user(3))["roles"]], ["member"], "once applied")
    equal(report(u, "applied")["id"], found["id"], "the report")
    # One who is to be kept, by address or by id.
    role("admin", *users(5, 6))
    u.usher("sync", "Acme")
    u.usher("hub", "set", "Acme", f"keep-members={user(5).upper()},{u.member(user(7))['id']}")
    role("member", user(5))
    check("keep list" in stopped(u)["error"]["message"], "one of keep-members lowered")
    role("admin", user(5))
    u.usher("sync", "Acme")
    scim.change(remove=[user(7)])
    check("keep list" in stopped(u)["error"]["message"], "one of keep-members missing")


def r35_a_dry_run_is_the_same_plan(scratch):
    """R35: a dry run shows the plan that the sync would carry out or be stopped at, and leaves no report"""
    u, scim = ready(scratch, 20)
    scim.change(add=[scim_user("late@example.com")], remove=users(1, 2), set={user(3): {"roles": [{"value": "admin"}]}})
    before = without_times(u.members())
    plan = u.json("sync", "Acme", "--dry-run")["plan"]
    equal([(item["action"], item["username"]) for item in plan["items"]],
          [("add", "late@example.com"), ("lower", user(3)), ("remove", user(1)), ("remove", user(2))], "the plan, in order")
    equal(plan["items"][1]["was"] + plan["items"][1]["roles"], ["member", "admin"], "the roles of one")
    equal((plan["counts"], plan["more"]), ({"add": 1, "change": 0, "lower": 1, "remove": 2}, False), "the counts")
    equal(plan["guard"], {"verdict": "pass", "known": 20, "removed": 2}, "the guard")
    scim.change(remove=users(*range(4, 10)))
    done = u.usher("-o", "json", "sync", "Acme", "--dry-run", status=5).json()
    equal((done["plan"]["guard"]["verdict"], done["plan"]["counts"]["remove"]), ("share", 8), "a plan that is stopped")
    equal(without_times(u.members()), before, "the members")
    equal((u.json("report", "list"), u.json("issue", "list")), ([], []), "reports and issues")
    equal(u.hub()["status"], "healthy", "the hub")
    stopped(u)
    equal(held(report(u)["removed_users"]), sorted(item["username"] for item in done["plan"]["items"]
                                                  if item["action"] == "remove"), "the sync is stopped at the same")


def r36_nobody_listed_always_stops(scratch):
    """R36: an empty listing stops whatever is allowed, when members were known"""
    u, scim = ready(scratch, 3)
    u.usher("hub", "set", "Acme", "safeguard-threshold=100", "safeguard-floor=100")
    scim.faults(empty={})
    check("Nobody is listed" in stopped(u)["error"]["message"], "why")
    check(scim.fired("empty"), "the fault fired")
    equal((removed(u), report(u)["removed_count"]), ([], 3), "the members")
    scim.faults()
    u.usher("sync", "Acme")
    report(u, "withdrawn")
    # It is an owner who may say that it is right.
    scim.change(remove=users(0, 1, 2))
    stopped(u)
    apply(u, report(u), "The app is given up")
    equal(removed(u), users(0, 1, 2), "everybody, after the report was applied")


def r36_a_listing_that_is_not_proved_removes_nobody(scratch):
    """R36: who is missing from a listing that is not complete is not removed, nor reported as missing"""
    u, scim = ready(scratch, 30)
    scim.change(remove=[user(3)])
    scim.faults(missing={"kind": "list-users", "rows": 20})
    u.usher("sync", "Acme", status=1)
    check(scim.fired("missing"), "the fault fired")
    equal(syncs(u)[0]["error"]["code"], "listing-incomplete", "the sync")
    equal((removed(u), u.json("report", "list")), ([], []), "members removed, and reports")


def r37_a_report_lets_through_its_own_rows(scratch):
    """R37: applying a safeguard report lets through its rows, once, and stops when others are missing too"""
    u, scim = ready(scratch, 50)
    scim.change(remove=users(*range(11)))
    stopped(u)
    first = report(u)
    scim.change(remove=[user(11)])
    answer = u.run("report", "apply", first["id"], "--revision", 1, "--reason", "They left", "--yes")
    equal(answer.status, 5, f"another one is missing: {answer.err}")
    equal(removed(u), [], "nobody was removed")
    second = report(u)
    equal((second["id"], second["revision"], second["removed_count"]), (first["id"], 2, 12), "the report, refreshed")
    scim.change(add=[scim_user("late@example.com")])
    apply(u, second)
    equal(removed(u), users(*range(12)), "exactly its rows")
    check("late@example.com" in by_name(u.members()), "what came meanwhile is there too")
    done = report(u, "applied")
    equal({row["result"] for row in done["removed_users"]}, {"removed"}, "the rows")
    equal((done["applied_reason"], done["applied_by"]["kind"] in ("person", "token")), ("They left", True), "who did it")
    check(done["applied_at"], "when")
    task = u.json("task", "show", done["apply_task"])
    equal((task["kind"], task["trigger"], task["status"]), ("sync", "report", "completed"), "the one task")
    check(not [t for t in u.tasks() if t["kind"] == "remove-user"], "nobody is removed in the app by it")
    equal((len(events(u, "report.applied")), len(events(u, "member.removed"))), (1, 12), "events")
    equal(u.hub()["status"], "healthy", "the hub")
    refused(u.run("report", "apply", first["id"], "--revision", 2, "--reason", "Again", "--yes"), 1, "report-closed")
    refused(u.run("report", "dismiss", first["id"], "--reason", "Again"), 1, "report-closed")
    # From then on the safeguard is the usual one.
    scim.change(remove=users(*range(20, 30)))
    stopped(u)


def r37_an_open_report_is_told_of(scratch):
    """R37: doctor and plan name the open report and what the hub wants; applied, the command says who went and who waits"""
    u, scim = ready(scratch, 50)
    wrong = lambda: {c["name"]: c for c in json.loads(u.run("-o", "json", "doctor").out)["checks"] if not c["ok"]}  # noqa: E731
    equal(wrong(), {}, "what doctor finds")
    scim.change(remove=users(*range(11)))
    stopped(u)
    found = report(u)
    checks, plan = wrong(), u.json("plan", "Acme")
    equal(sorted(checks), ["hub Acme", "report of Acme"], "what doctor finds")
    check(checks["hub Acme"]["detail"].startswith("requires-sync: 11 of 50"), f"the hub: {checks}")
    check(found["id"] in checks["report of Acme"]["detail"], f"the report: {checks}")
    equal((plan["items"], plan["hub_status"], plan["report"]), ([], "requires-sync", found["id"]), "the plan")
    check(plan["hub_reason"].startswith("11 of 50"), "why")
    done = u.run("report", "apply", found["id"], "--revision", 1, "--reason", "They left", "--yes")
    equal(done.status, 0, done.err)
    sync = u.json("task", "show", report(u, "applied")["apply_task"])["sync"]
    equal((sync["removed"], sync["missing"]), (11, 0), "who went and who waits")
    if FACE == "cli":
        check("11 removed, 0 missing" in done.out, f"what is said: {done.out}")
    equal(wrong(), {}, "what doctor finds")
    plan = u.json("plan", "Acme")
    equal((plan["hub_status"], plan.get("report")), ("healthy", None), "the plan")
    scim.change(remove=users(*range(11, 30)))
    stopped(u)
    answer = u.run("report", "dismiss", report(u)["id"], "--reason", "They are on leave")
    equal(answer.status, 0, answer.err)
    if FACE == "cli":
        check("{" not in answer.out and user(11) in answer.out and "kept" in answer.out, f"a table: {answer.out}")


def r37_whom_the_app_still_knows_is_not_removed(scratch):
    """R37: a row of an applied report whom the app shows when it is asked stays"""
    u, scim = ready(scratch, 3)
    scim.faults(empty={"kind": "list-users"})
    stopped(u)
    apply(u, report(u))
    check(scim.fired("empty") >= 2, "the fault fired, the second time as well")
    equal(removed(u), [], "the members")
    equal({row["result"] for row in report(u, "applied")["removed_users"]}, {"no-longer-needed"}, "the rows")


def r37_dismissed_leaves_all_as_it_was(scratch):
    """R37: a dismissed report changes nothing, and the next sync asks anew"""
    u, scim = ready(scratch, 10)
    before = without_times(u.members())
    scim.change(remove=users(0, 1, 2))
    stopped(u)
    found = report(u)
    refused(u.run("report", "dismiss", found["id"], "--reason", " "), 2, "reason-required")
    u.usher("report", "dismiss", found["id"], "--reason", "The app is being moved")
    done = report(u, "dismissed")
    equal((done["dismissed_reason"], {row["result"] for row in done["removed_users"]}),
          ("The app is being moved", {"kept"}), "the report")
    equal(without_times(u.members()), before, "the members")
    equal(len(events(u, "report.dismissed")), 1, "the event")
    equal(len(syncs(u)), 2, "no sync was made")
    stopped(u)
    check(report(u)["id"] != found["id"], "another report")


def r41_a_leaver_is_not_let_back_in(scratch):
    """R41: who waits to be removed, or could not be, is matched and granted nothing by a sync"""
    u, scim = ready(scratch, 6)
    u.people(user(1), user(2))
    u.usher("sync", "Acme")
    grants = lambda: len(events(u, "member.matched"))  # noqa: E731
    matched = grants()
    scim.faults(error={"kind": "patch-user", "status": 400})
    for name in users(1, 3):
        u.usher("member", "remove", "Acme", name, "--yes", status=1)
    check(scim.fired("error") == 2, "the fault fired")
    u.usher("person", "add", user(3))  # an unmatched row, whose address now is a person's
    for _ in range(2):
        u.usher("sync", "Acme")
        for name in users(1, 3):
            found = u.member(name)
            equal((found["status"], found.get("hub_role"), found.get("type")), ("deprovisioning-failed", None, None), name)
    check("person" not in u.member(user(3)), "the unmatched one stays so")
    # The same while the removal waits.
    scim.faults(error={"kind": "patch-user", "status": 503})
    u.usher("hub", "set", "Acme", "safeguard-floor=2")
    u.stop()
    u.config.write_text("[tasks]\nretry-wait = 1h\n")
    u.start()
    u.usher("person", "add", user(4))
    task = task_of(u.usher("member", "remove", "Acme", user(4), "--no-wait", "--yes"))
    wait_for(lambda: u.json("task", "show", task)["status"] == "retrying", "the wait")
    u.usher("sync", "Acme")
    found = u.member(user(4))
    equal((found["status"], found.get("person")), ("awaiting-deprovisioning", None), "the member that waits")
    equal(grants(), matched, "matches")
    u.usher("task", "cancel", task)


def r62_reading_a_report_changes_nothing(scratch):
    """R62: a report that is opened changes nothing, and one that changed since it was read is not applied"""
    u, scim = ready(scratch, 10)
    scim.change(remove=users(0, 1, 2))
    stopped(u)
    found = report(u)
    before, tasks = without_times(u.members()), len(u.tasks())
    for _ in range(3):
        equal(u.json("report", "show", found["id"]), found, "the report")
    equal((without_times(u.members()), len(u.tasks())), (before, tasks), "members and tasks")
    scim.change(remove=[user(3)])
    stopped(u)
    answer = u.run("report", "apply", found["id"], "--revision", found["revision"], "--reason", "They left", "--yes")
    refused(answer, 1, "report-changed")
    equal(answer.err.count("\n") <= 1, True, f"one sentence: {answer.err}")
    refused(u.run("report", "apply", found["id"], "--revision", 9, "--reason", "They left", "--yes"), 1, "report-changed")
    refused(u.run("report", "apply", found["id"], "--revision", 2, "--yes"), 2, "reason-required")
    refused(u.run("report", "apply", found["id"], "--revision", 2, "--reason", "They left"), 2, "confirmation-required")
    refused(u.run("report", "apply", found["id"], "--revision", 2, "--reason", "They left", "--keep", f"{user(3)}=Robot",
                  "--yes"), 2, "validation-failed")
    refused(u.run("report", "apply", "no-such", "--revision", 1, "--reason", "They left", "--yes"), 3, "not-found")
    equal((removed(u), report(u)["revision"], len(u.tasks())), ([], 2, tasks + 1), "nothing was done")


def people_file(u, *emails):
    return u.scratch.file("people.csv", "email\n" + "".join(f"{email}\n" for email in emails))


def emails(u):
    return sorted(p["email"] for p in u.json("person", "list") if p["email"] != "owner@example.com")


def import_only(u, *names):
    return u.run("-o", "json", "directory", "import", "csv", people_file(u, *names), "--remove-missing", "--yes")


def r62_a_short_list_of_people_removes_nobody(scratch):
    """R62: too many people missing from a directory's list are held in a report, row by row, and applied by revision"""
    u = Usher(scratch)
    u.people(*users(*range(10)))
    done = import_only(u, *users(*range(2, 10)))
    equal((done.status, done.json()["removed"]), (0, 2), "two of ten")
    done = import_only(u, *users(*range(5, 10)), "new@example.com")
    equal(done.status, 5, "three of eight")
    told = done.json()
    equal((told["added"], told["removed"], told["held"]), (1, 0, 3), "what was done: the rest of the file is kept")
    equal(emails(u), ["new@example.com"] + users(*range(2, 10)), "the people")
    found = u.json("report", "show", told["report"])
    equal((found["status"], found["revision"], found.get("hub")), ("open", 1, None), "the report")
    equal([(row["who"]["email"], row["cause"], row["decision"]) for row in found["removed_users"]],
          [(name, "deleted", "remove") for name in users(2, 3, 4)], "its rows")
    check([i for i in u.json("issue", "list") if i["code"] == "safeguard-exceeded"], "the inbox")
    # A file of other people altogether does not make the share a small one.
    equal(import_only(u, *(f"other{n}@example.com" for n in range(50))).status, 5, "other people altogether")
    equal((u.json("report", "show", told["report"])["revision"], len(u.json("report", "list"))), (2, 1), "the same report")
    equal(import_only(u, *users(*range(5, 10)), "new@example.com", *(f"other{n}@example.com" for n in range(50))).status, 0,
          "three of nearly sixty")
    equal(u.json("report", "show", told["report"])["status"], "withdrawn", "the report, once a list passed")
    equal([i for i in u.json("issue", "list") if i["code"] == "safeguard-exceeded"], [], "the inbox")
    # Held again, decided row by row.
    told = import_only(u, *users(5, 6, 7, 8, 9)).json()
    equal(told["held"], 51, "held")
    u.usher("directory", "import", "csv", people_file(u, "new@example.com"))
    found = u.json("report", "show", told["report"])
    equal((found["revision"], found["removed_count"]), (2, 50), "without one who is named again")
    kept = ("--keep", "other1@example.com=A contractor", "--keep", f"{u.json('person', 'show', 'other2@example.com')['id']}=Too")
    decide = lambda revision, *more: u.run("report", "apply", told["report"], "--revision", revision, "--reason",  # noqa: E731
                                           "The contract ended", "--yes", *more)
    refused(decide(1), 1, "report-changed")
    refused(decide(2, "--keep", "other1@example.com= "), 2, "reason-required")
    refused(decide(2, "--keep", "nobody@example.com=Why"), 2, "validation-failed")
    done = decide(2, *kept)
    equal(done.status, 0, done.err)
    equal(emails(u), sorted(["new@example.com", "other1@example.com", "other2@example.com"] + users(5, 6, 7, 8, 9)),
          "the people")
    found = u.json("report", "show", told["report"])
    equal((found["status"], sorted(row["result"] for row in found["removed_users"]).count("removed")), ("applied", 48), "the rows")
    equal([row["reason"] for row in found["removed_users"] if row["result"] == "kept"], ["A contractor", "Too"], "the kept")
    refused(decide(2), 1, "report-closed")
    # Who was kept is no longer the directory's.
    equal(import_only(u, *users(5, 6, 7, 8, 9), "new@example.com").json()["removed"], 0, "the next list")


def r62_a_dry_import_shows_what_an_import_does(scratch):
    """R62: a dry run of an import shows who would come, change and go, as the import then does it, and changes nothing"""
    u = Usher(scratch)
    u.people(*users(*range(2000)))
    u.usher("person", "remove", user(1999), "--yes")
    everything = lambda: (u.json("person", "list"), len(u.json("audit", "list")), u.json("report", "list"),  # noqa: E731
                          u.json("issue", "list"))
    # Two batches: 60 leave, one comes back, one is new, one is renamed, one is lowered.
    lines = [f"{name},,user,All" for name in users(*range(60, 1997))]
    lines += [f"{user(1997)},Zoe,user,All", f"{user(1998)},,guest,All", f"{user(1999)},,user,All", "new@example.com,,user,All"]
    file = scratch.file("dry.csv", "email,first_name,workspace_role,teams\n" + "\n".join(lines) + "\n")
    before = everything()
    shown = u.run("-o", "json", "directory", "import", "csv", file, "--remove-missing", "--dry-run")
    equal(shown.status, 0, shown.err)
    told = shown.json()
    equal(everything(), before, "nothing has changed")
    plan = told.pop("plan")
    equal(plan["counts"], {"add": 1, "change": 1939, "lower": 1, "remove": 60}, "what it comes to")
    equal((plan["more"], plan["guard"]["verdict"], plan["guard"]["known"], plan["guard"]["removed"]),
          (True, "pass", 1999, 60), "the guard")
    equal([i["action"] for i in plan["items"]], ["add"] + ["change"] * 1000 + ["lower"] + ["remove"] * 60, "in their order")
    item = {i["email"]: i for i in plan["items"]}
    equal((item["new@example.com"]["action"], item[user(1998)]["action"], sorted(item[user(1998)]["changes"]),
           item[user(3)]["action"]), ("add", "lower", ["teams", "workspace_role"], "remove"), "who")
    done = u.run("-o", "json", "directory", "import", "csv", file, "--remove-missing", "--yes")
    equal((done.status, done.json()), (0, told), "the import itself")
    # What the guard would stop.
    few = people_file(u, *users(60, 61))
    before = everything()
    shown = u.run("-o", "json", "directory", "import", "csv", few, "--remove-missing", "--dry-run")
    told = shown.json()
    equal((shown.status, told["plan"]["guard"]["verdict"], told["removed"], told["held"], told.get("report")),
          (5, "cap", 0, 1939, None), "the guard")
    shown = u.run("-o", "json", "directory", "import", "csv", few, "--dry-run")
    equal((shown.status, shown.json()["plan"]["counts"]), (0, {"add": 0, "change": 0, "lower": 0, "remove": 0}), "nobody leaves")
    wrong = scratch.file("wrong.csv", "email,workspace_role\nada@example.com,king\n")
    refused(u.run("directory", "import", "csv", wrong, "--dry-run"), 2, "validation-failed")
    equal(everything(), before, "nothing has changed")


def r67_a_failed_removal_is_told_and_settled(scratch):
    """R67: a failed removal is Deprovisioning failed with an issue, until a sync finds the account gone"""
    u, scim = ready(scratch, 10)
    scim.faults(error={"kind": "patch-user", "status": 400})
    u.usher("member", "remove", "Acme", user(1), "--yes", status=1)
    check(scim.fired("error"), "the fault fired")
    equal(u.member(user(1))["status"], "deprovisioning-failed", "the member")
    issues = lambda state="unread": [(i["group"], i["member"]) for i in u.json("issue", "list", "--state", state)]  # noqa: E731
    wanted = [("access-termination", u.member(user(1))["id"])]
    equal(issues(), wanted, "the inbox")
    u.usher("sync", "Acme")
    equal((u.member(user(1))["status"], issues()), ("deprovisioning-failed", wanted), "while the app shows the account")
    scim.faults()
    scim.change(remove=[user(1)])
    u.usher("sync", "Acme")
    equal((u.member(user(1))["status"], issues(), issues("resolved")), ("removed", [], wanted), "once it is gone")


def r71_a_small_hub_may_lose_two(scratch):
    """R71: with 4 known members, threshold 20 and floor 2, a sync missing 2 is applied and one missing 3 stops"""
    for missing, stops in ((2, False), (3, True)):
        scim = App(scratch, users=4)
        u = Usher(scratch, QUICK) if missing == 2 else u
        hub = f"Missing {missing}"
        u.connect(scim, hub)
        scim.change(remove=users(*range(missing)))
        u.usher("sync", hub, status=5 if stops else 0)
        equal(removed(u, hub), [] if stops else users(0, 1), hub)


def r43_exempted_and_own_are_in_no_plan(scratch):
    """R43: usher plan shows what is decided and not yet so in the app, without exempted members, and changes nothing"""
    u, scim = ready(scratch, 6, "[tasks]\nretry-wait = 1h\n")
    u.people("new@example.com", user(1))
    u.usher("sync", "Acme")
    plan = u.json("plan", "Acme")
    equal((plan["items"], plan["guard"]["verdict"]), ([], "pass"), "nothing to do")
    u.usher("member", "exempt", "Acme", user(5), "--reason", "A robot")
    scim.change(set={user(2): {"roles": [{"value": "admin"}]}})
    u.usher("sync", "Acme")
    scim.faults(error={"status": 503})
    tasks = [task_of(u.usher("member", *words, "--no-wait", "--yes")) for words in (
        ("invite", "Acme", "new@example.com", "--role", "member"), ("set-role", "Acme", user(1), "--role", "admin"),
        ("remove", "Acme", user(3)))]
    for task in tasks:
        wait_for(lambda: u.json("task", "show", task)["status"] == "retrying", "the first attempt")
    shown = u.json("plan", "Acme")
    equal([(i["action"], i["email"], i.get("was"), i.get("roles"), i["task"]) for i in shown["items"]],
          [("add", "new@example.com", None, ["member"], tasks[0]), ("lower", user(1), ["member"], ["admin"], tasks[1]),
           ("remove", user(3), ["member"], None, tasks[2])], "the plan, in order")
    equal(shown["counts"], {"add": 1, "change": 0, "lower": 1, "remove": 1}, "the counts")
    equal(u.json("plan", "Acme")["items"], shown["items"], "another look")
    u.usher("task", "cancel", tasks[2])
    equal([i["action"] for i in u.json("plan", "Acme")["items"]], ["add", "lower"], "once one is cancelled")
    for task in tasks[:2]:
        u.usher("task", "cancel", task)
    equal(u.json("plan", "Acme")["items"], [], "once all are")


if __name__ == "__main__":
    sys.exit(main([r35_a_fifth_may_go_and_no_more, r35_settings_count_from_the_next_sync,
                   r35_lowered_counts_as_much_as_missing, r35_a_dry_run_is_the_same_plan,
                   r36_nobody_listed_always_stops, r36_a_listing_that_is_not_proved_removes_nobody,
                   r37_a_report_lets_through_its_own_rows, r37_an_open_report_is_told_of, r37_whom_the_app_still_knows_is_not_removed,
                   r37_dismissed_leaves_all_as_it_was, r41_a_leaver_is_not_let_back_in,
                   r43_exempted_and_own_are_in_no_plan, r62_reading_a_report_changes_nothing,
                   r62_a_short_list_of_people_removes_nobody, r62_a_dry_import_shows_what_an_import_does,
                   r67_a_failed_removal_is_told_and_settled, r71_a_small_hub_may_lose_two], "guard"))
