#!/usr/bin/env python3
"""Reading an app: R10 to R14, R34, R35, R38, R39, R73."""

import sys
import time

from lib import QUICK, app_files, by_name, connect, events, task_of, token_file, wait_task, without_times
from usher import FACE, TRIGGER, App, Scratch, Usher, check, equal, main, scim_user, wait_for

DAY = 24 * 3600


def syncs(u, hub="Acme"):
    return [task for task in u.tasks(hub) if task["kind"] == "sync"]


def r10_sync_makes_a_task_to_look_at(scratch):
    """R10: sync makes a task labelled Check for updates, and what is printed leads to it"""
    u, scim = Usher(scratch), App(scratch, users=1)
    u.connect(scim)
    for command in ("sync", "check-for-updates"):
        answer = u.usher(command, "Acme")
        if FACE == "cli":
            check("Check for updates" in answer.out, f"the label: {answer.out}")
        task = syncs(u)[0]
        check(task["id"] in answer.out, f"the task's id is printed: {answer.out}")
        shown = u.json("task", "show", task["id"])
        equal((shown["kind"], shown["trigger"], shown["status"]), ("sync", TRIGGER, "completed"), "the task")
    equal(len(syncs(u)), 3, "one task for each, and the first sync")
    task = task_of(u.usher("sync", "Acme", "--no-wait"))
    equal(wait_task(u, task)["status"], "completed", "the task that was not waited for")


def r11_completed_means_listed(scratch):
    """R11: the task ends Completed once users and roles of the app are listed in the hub"""
    u, scim = Usher(scratch), App(scratch, users=1200, page_max=500)
    u.connect(scim)
    task = syncs(u)[0]
    equal((task["status"], task["sync"]["listing"], task["sync"]["seen"]), ("completed", "complete", 1200), "the task")
    app = {user["userName"]: sorted(role["value"] for role in user["roles"]) for user in scim.users()}
    shown = {m["username"]: sorted(role["id"] for role in m["roles"]) for m in u.members()}
    equal(shown, app, "members and roles, against what the app has")
    roles = u.api("GET", "/hubs/Acme/roles")[1]["items"]
    equal({role["id"] for role in roles}, {"admin", "member"}, "roles of the hub")
    check(u.hub()["last_synced_at"], "the time of the sync")

    scim.change(add=[scim_user("late@example.com", roles=[{"value": "auditor"}])],
                set={"user000000@example.com": {"roles": [{"value": "auditor"}], "displayName": "Other"}})
    done = u.json("sync", "Acme")["sync"]
    equal((done["seen"], done["added"], done["changed"]), (1201, 1, 1), "the next sync")
    equal([role["id"] for role in u.member("late@example.com")["roles"]], ["auditor"], "the new member's role")
    equal(u.member("user000000@example.com")["name"], "Other", "the changed member")


def r12_hubs_are_synced_every_day(scratch):
    """R12: each live hub not in review is synced by itself once per 24 h"""
    u = Usher(scratch, QUICK)
    good, other, bad = App(scratch, users=1), App(scratch, users=1), App(scratch, users=1)
    for label, scim in (("Good", good), ("Other", other), ("Bad", bad)):
        u.connect(scim, label)
    bad.faults(unauthorized={})
    u.usher("sync", "Bad", status=1)
    equal(u.hub("Bad")["status"], "review-automation-account", "the hub in review")
    before = {hub: len(syncs(u, hub)) for hub in ("Good", "Other", "Bad")}
    u.advance(DAY // 2)
    time.sleep(1)  # the schedule is looked at four times meanwhile
    equal({hub: len(syncs(u, hub)) for hub in before}, before, "syncs after half a day")
    for day in (1, 2):
        u.advance(DAY // 2 + 60 if day == 1 else DAY)
        for hub in ("Good", "Other"):
            wait_for(lambda: len(syncs(u, hub)) == before[hub] + day and syncs(u, hub)[0]["status"] == "completed",
                     f"the scheduled sync of {hub}, day {day}")
            equal(syncs(u, hub)[0]["trigger"], "schedule", f"the trigger, {hub}")
    u.wait_idle("Bad")
    equal(len(syncs(u, "Bad")), before["Bad"], "syncs of the hub in review")
    check(bad.fired("unauthorized"), "the fault fired")
    # A daemon that was down when the time came does it when it is back.
    u.stop()
    u.advance(DAY)
    u.start()
    for hub in ("Good", "Other"):
        wait_for(lambda: len(syncs(u, hub)) == before[hub] + 3, f"the sync of {hub} after a pause")


def r12_who_is_not_synced_is_told_of_until_a_sync_ends(scratch):
    """R12: a hub without a completed sync for two days requires one, with an issue that the next sync resolves"""
    u, scim = Usher(scratch), App(scratch, users=3)
    u.connect(scim)

    def issues(state):
        return [i["code"] for i in u.json("issue", "list", "--state", state)]

    scim.faults(error={"kind": "list-users"})
    u.advance(2 * DAY + 3600)
    wait_for(lambda: "not-synced" in issues("unread"), "the issue")
    wait_for(lambda: scim.fired("error"), "a sync that the app refuses")
    scim.faults()
    u.usher("sync", "Acme")
    check("not-synced" in issues("resolved") and not issues("unread"), "what the sync resolved")
    equal(u.hub()["status"], "healthy", "the hub")


def r13_addresses_are_matched(scratch):
    """R13: after a sync each enabled member whose address is a person's is matched as collaborator, guests too"""
    u, scim = Usher(scratch), App(scratch)
    people = scratch.file("people.csv", "email,first_name,last_name,is_guest,secondary_emails\n"
                          "ann@example.com,Ann,A,,\nben@example.com,Ben,B,,b.second@example.com\n"
                          "gil@partner.example,Gil,G,true,\ndot@example.com,Dot,D,,\noff@example.com,Off,O,,\n"
                          "two@example.com,Two,T,,\n")
    u.usher("directory", "import", "csv", people)
    address = lambda value: {"emails": [{"value": value, "primary": True}]}  # noqa: E731
    scim.change(add=[scim_user("Ann@Example.COM"),
                     scim_user("ben", **address("B.Second@example.com")),
                     scim_user("gil@partner.example"),
                     scim_user("d.ot", **address("d.ot@example.com")),
                     scim_user("dot+tag", **address("dot+tag@example.com")),
                     scim_user("off@example.com", active=False),
                     scim_user("two-a", **address("two@example.com")),
                     scim_user("two-b", **address("two@example.com")),
                     scim_user("nobody@example.com")])
    u.connect(scim)
    shown = by_name(u.members())
    person = lambda email: u.json("person", "show", email)["id"]  # noqa: E731
    for name, email, tab in (("Ann@Example.COM", "ann@example.com", "onboarded"),
                             ("ben", "ben@example.com", "onboarded"),
                             ("gil@partner.example", "gil@partner.example", "guest")):
        member = shown[name]
        equal((member.get("person"), member.get("hub_role"), member["tab"]), (person(email), "collaborator", tab), name)
    for name in ("d.ot", "dot+tag", "off@example.com", "nobody@example.com"):
        equal((shown[name].get("person"), shown[name]["tab"]), (None, "unmatched"), name)
    check(shown["off@example.com"]["disabled"], "the disabled member is flagged")
    matched = [name for name in ("two-a", "two-b") if shown[name].get("person")]
    equal(len(matched), 1, "members of one address that are matched")

    scim.change(enable=["off@example.com"])
    u.usher("person", "add", "nobody@example.com")
    u.usher("sync", "Acme")
    equal(u.member("off@example.com")["tab"], "onboarded", "once enabled")
    equal(u.member("nobody@example.com")["tab"], "onboarded", "once the person is known")
    equal(len(events(u, "member.matched")), 2, "events of the second sync's matches")


def r14_without_addresses_nobody_is_matched(scratch):
    """R14: in an app without addresses members stay Unmatched until matched by hand"""
    u = Usher(scratch, env=app_files(scratch, quiet=lambda app: app.update(emails=False)))
    scim = App(scratch)
    scim.change(add=[{"userName": name, "active": True} for name in ("worker1", "worker2")])
    u.usher("person", "add", "worker1@example.com", "--username", "worker1")
    answer = connect(u, scim, "--login-method", "sso", "--secret", f"token=@{token_file(u, scim)}", app="quiet")
    equal(answer.status, 0, answer.err)
    for _ in range(2):
        equal([(m["tab"], m["status"]) for m in u.members()], [("unmatched", "unmatched")] * 2, "the members")
        u.usher("sync", "Acme")
    u.usher("member", "match", "Acme", "worker1", "--person", "worker1")
    u.usher("sync", "Acme")
    equal({m["username"]: m["tab"] for m in u.members()}, {"worker1": "onboarded", "worker2": "unmatched"},
          "after matching by hand")


def r34_an_open_sync_is_joined(scratch):
    """R34: a sync asked for while one is open answers with that one"""
    u, scim = Usher(scratch), App(scratch, users=3)
    u.connect(scim)
    count = len(syncs(u))
    scim.faults(hold={"page": 1})
    first = task_of(u.usher("sync", "Acme", "--no-wait"))
    wait_for(lambda: scim.fired("hold"), "the held page")
    equal(task_of(u.usher("sync", "Acme", "--no-wait")), first, "the task of a second request")
    status, answer = u.api("POST", "/hubs/Acme/sync", {}, expect=None)
    equal((status, answer["id"], answer["joined"]), (200, first, True), "the answer to a third")
    equal(len(syncs(u)), count + 1, "tasks made")
    scim.release()
    equal(wait_task(u, first)["status"], "completed", "the one sync")
    scim.faults()
    check(task_of(u.usher("sync", "Acme", "--no-wait")) != first, "a sync after it is another")
    u.wait_idle()


def with_ranks(app):
    app["role_groups"][0]["model"] = "ranked"
    app["roles"] = [{"group": "role", "id": "admin", "label": "Admin", "rank": 2, "assignable": True},
                    {"group": "role", "id": "member", "label": "Member", "rank": 1, "assignable": True}]


def r35_the_highest_role_is_guarded_apart(scratch):
    """R35: where roles are ranked, a sync missing more than half of who holds the highest applies nothing"""
    u = Usher(scratch, QUICK, env=app_files(scratch, ranked=with_ranks))
    admins = [f"user{n:06}@example.com" for n in (3, 5, 7)]
    # Two of twenty are within the floor and the threshold, so an app without ranks loses them.
    for app, stops in (("scim", False), ("ranked", True)):
        scim = App(scratch, users=20)
        scim.change(set={name: {"roles": [{"value": "admin"}]} for name in admins})
        connect(u, scim, "--login-method", "sso", "--secret", f"token=@{token_file(u, scim)}", app=app, label=app)
        scim.change(remove=admins[:1])
        u.usher("sync", app)
        equal(u.member(admins[0], app)["status"], "removed", "one of three admins, the smaller half")
        scim.change(remove=admins[1:])
        u.usher("sync", app, status=5 if stops else 0)
        task = syncs(u, app)[0]
        equal({u.member(name, app)["status"] for name in admins[1:]}, {"unmatched" if stops else "removed"}, "the others")
        if stops:
            equal(task["error"]["code"], "safeguard-exceeded", "the task")
            check("2 of the 2 holders of the highest role" in task["error"]["message"], f"why: {task['error']}")
            equal([r["removed_count"] for r in u.json("report", "list")], [2], "the report")


def r38_half_a_sync_changes_nothing(_):
    """R38: a sync that fails half way leaves members and roles as they were"""
    for fault in ("html", "error", "truncate"):
        with Scratch() as own:
            half_a_sync(own, fault)


def half_a_sync(scratch, fault):
    u, scim = Usher(scratch, QUICK), App(scratch, users=1200, page_max=500)
    u.people(*(f"user{n:06}@example.com" for n in range(0, 30)))
    u.connect(scim)
    u.usher("member", "exempt", "Acme", "user000100@example.com", "--reason", "A robot")
    before, hub = without_times(u.members()), u.hub()
    roles = u.api("GET", "/hubs/Acme/roles")[1]["items"]
    scim.change(add=[scim_user("late@example.com", roles=[{"value": "auditor"}])],
                remove=["user000001@example.com", "user001100@example.com"],
                set={"user000000@example.com": {"roles": [{"value": "auditor"}]},
                     "user001199@example.com": {"roles": [{"value": "auditor"}]}})
    u.usher("person", "add", "user000200@example.com")
    scim.faults(**{fault: {"kind": "list-users", "skip": 1}})
    u.usher("sync", "Acme", status=1)
    check(scim.fired(fault) >= 1, f"the fault {fault} fired")
    equal(syncs(u)[0]["status"], "not-completed", f"{fault}: the sync")
    equal(without_times(u.members()), before, f"{fault}: the members")
    equal(u.api("GET", "/hubs/Acme/roles")[1]["items"], roles, f"{fault}: the roles")
    after = u.hub()
    equal((after["counts"], after["last_synced_at"]), (hub["counts"], hub["last_synced_at"]), f"{fault}: the hub")
    check(events(u, "sync.failed"), "the failure is recorded")
    scim.faults()
    u.usher("sync", "Acme")
    shown = by_name(u.members())
    equal([r["id"] for r in shown["user001199@example.com"]["roles"]], ["auditor"], f"{fault}: a good sync afterwards")
    equal(shown["user000200@example.com"]["tab"], "onboarded", f"{fault}: a good sync afterwards")
    equal(shown["user001100@example.com"]["status"], "removed", f"{fault}: a good sync afterwards")


def r39_removed_in_the_app_stays_removed(scratch):
    """R39: a member removed in the app is removed at the next sync, and no grant adds it again"""
    u, scim = Usher(scratch), App(scratch, users=5)
    u.people("user000000@example.com", "shared@example.com")
    u.connect(scim)
    u.usher("member", "invite", "Acme", "shared@example.com", "--role", "member", "--yes")
    scim.change(remove=["user000000@example.com", "shared@example.com"])
    scim.reset_counts()
    u.usher("sync", "Acme")
    names = ("user000000@example.com", "shared@example.com")
    for _ in range(2):
        for name in names:
            equal(u.member(name)["status"], "removed", name)
        u.usher("sync", "Acme")
        u.advance(DAY)
        wait_for(lambda: syncs(u)[0]["trigger"] == "schedule", "a scheduled sync")
        u.wait_idle()
    u.stop()
    u.start()
    u.usher("sync", "Acme")
    counts = scim.counts()
    equal([kind for kind in counts if kind.startswith(("create", "patch", "put"))], [], "writes at the app")
    check(not any(scim.user(name) for name in names), "they are not in the app")
    check(not any(task["kind"] != "sync" and task["trigger"] != TRIGGER for task in u.tasks()), "no task but syncs")
    equal(len(events(u, "member.removed")), 2, "removals recorded")
    # Asked for anew, the person is added again.
    u.usher("member", "invite", "Acme", "shared@example.com", "--role", "member", "--yes")
    check(scim.user("shared@example.com"), "a new invitation adds the person")


def r73_an_unproved_listing_removes_nobody(scratch):
    """R73: a listing not proved complete adds and changes, removes nobody, and ends listing-incomplete"""
    u, scim = Usher(scratch, QUICK), App(scratch, users=30)
    u.connect(scim)
    synced = u.hub()["last_synced_at"]
    scim.change(add=[scim_user("aaa@example.com")], remove=["user000003@example.com"],
                set={"user000000@example.com": {"displayName": "Other"}})
    users = [user["userName"] for user in scim.users()]
    scim.faults(missing={"kind": "list-users", "rows": 3})
    u.usher("sync", "Acme", status=1)
    check(scim.fired("missing"), "the fault fired")
    task = syncs(u)[0]
    equal((task["status"], task["error"]["code"], task["sync"]["listing"]),
          ("not-completed", "listing-incomplete", "unproved"), "the task")
    shown = by_name(u.members())
    equal({name for name, m in shown.items() if m["status"] == "removed"}, set(), "members removed")
    check(all(name in shown for name in users[:-3]), "what was shown is there")
    equal(shown["user000000@example.com"]["name"], "Other", "the changed member")
    equal(u.hub()["last_synced_at"], synced, "the time of the last sync is kept")
    equal(u.hub()["status"], "healthy", "the hub")
    scim.faults()
    u.usher("sync", "Acme")
    equal(u.member("user000003@example.com")["status"], "removed", "a proved listing removes")
    equal(u.member("aaa@example.com")["status"], "unmatched", "and shows whom the app showed last")


if __name__ == "__main__":
    sys.exit(main([r10_sync_makes_a_task_to_look_at, r11_completed_means_listed, r12_hubs_are_synced_every_day,
                   r12_who_is_not_synced_is_told_of_until_a_sync_ends,
                   r13_addresses_are_matched, r14_without_addresses_nobody_is_matched, r34_an_open_sync_is_joined,
                   r35_the_highest_role_is_guarded_apart, r38_half_a_sync_changes_nothing, r39_removed_in_the_app_stays_removed,
                   r73_an_unproved_listing_removes_nobody], "sync"))
