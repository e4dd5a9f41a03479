#!/usr/bin/env python3
"""What is decided about members: R15, R16, R18, R19, R21, R42, R43, R68, R72."""

import sys

from lib import by_name, connect, events, refused, token_file, with_admin
from usher import FACE, App, Usher, check, equal, main

TABS = ("unmatched", "onboarded", "guest", "exempted")
ROBOT = "user000004@example.com"


def name(n):
    return f"user{n:06}@example.com"


def r15_every_member_has_one_tab(scratch):
    """R15: every live member is under exactly one tab, the one that 3.5 computes"""
    u, scim = Usher(scratch), App(scratch, users=8)
    u.people(name(0), name(1))
    u.usher("person", "add", name(2), "--guest")
    u.usher("person", "add", name(3), "--guest")
    u.connect(scim)
    u.usher("member", "exempt", "Acme", name(4), "--reason", "A robot")
    # An exemption comes before the person: a guest unlinked and exempted is under Exempted.
    u.usher("member", "unlink", "Acme", name(3))
    u.usher("member", "exempt", "Acme", name(3), "--reason", "Leaves soon")
    u.usher("member", "unlink", "Acme", name(1))
    u.usher("sync", "Acme")
    whole = {member["id"]: member["tab"] for member in u.members()}
    tabs = {tab: [member["id"] for member in u.members(tab=tab)] for tab in TABS}
    listed = [member for tab in TABS for member in tabs[tab]]
    equal(sorted(listed), sorted(whole), "the four tabs together are all members, each once")
    for tab in TABS:
        check(all(whole[member] == tab for member in tabs[tab]), f"each says that it is under {tab}")
    names = {tab: sorted(m["username"] for m in u.members(tab=tab)) for tab in TABS}
    equal(names, {"unmatched": [name(1), name(5), name(6), name(7)], "onboarded": [name(0)], "guest": [name(2)],
                  "exempted": [name(3), name(4)]}, "the tabs")
    equal(u.hub()["counts"], {tab: len(names[tab]) for tab in TABS}, "the counts")


def r16_matching_by_hand(scratch):
    """R16: matching finds a person by user name or address, as owner or collaborator, and moves the row"""
    u, scim = Usher(scratch), App(scratch, users=5)
    u.connect(scim)
    u.usher("person", "add", "ann@example.com", "--username", "ann")
    u.usher("person", "add", "ben@example.com")
    u.usher("person", "add", "gil@partner.example", "--guest")
    scim.reset_counts()
    refused(u.run("member", "match", "Acme", name(0), "--person", "nobody@example.com"), 3, "not-found")
    equal(u.run("member", "match", "Acme", name(0), "--person", "ann", "--hub-role", "king").status, 2, "a role")
    refused(u.run("member", "match", "Acme", name(2), "--person", "gil@partner.example", "--hub-role", "owner"), 4,
            "role-not-allowed")
    equal({m["tab"] for m in u.members()}, {"unmatched"}, "the tabs after refusals")

    u.usher("member", "match", "Acme", name(0), "--person", "ann", "--hub-role", "owner")
    u.usher("member", "match", "Acme", name(1), "--person", "BEN@example.com")
    u.usher("member", "match", "Acme", name(2), "--person", "gil@partner.example", "--hub-role", "collaborator")
    shown = by_name(u.members())
    equal({n: (shown[name(n)]["tab"], shown[name(n)].get("hub_role"), shown[name(n)]["status"]) for n in range(4)},
          {0: ("onboarded", "owner", "onboarded"), 1: ("onboarded", "collaborator", "onboarded"),
           2: ("guest", "collaborator", "onboarded"), 3: ("unmatched", None, "unmatched")}, "the rows")
    refused(u.run("member", "match", "Acme", name(0), "--person", "ben@example.com"), 1, "already-matched")
    refused(u.run("member", "match", "Acme", name(3), "--person", "ann"), 1, "already-matched")
    equal(len(events(u, "member.matched")), 3, "matches recorded")
    equal(scim.counts(), {}, "requests to the app: matching touches nothing there")
    equal(u.tasks()[0]["kind"], "sync", "no task was made")


def r68_guests_and_login_only_people_own_no_hub(scratch):
    """R68: who was made a hub's owner is a collaborator while they are a guest or only sign in"""
    u, scim = Usher(scratch), App(scratch, users=2)
    u.connect(scim)
    u.people(name(0))
    u.usher("sync", "Acme")
    u.usher("member", "unlink", "Acme", name(0))
    u.usher("member", "match", "Acme", name(0), "--person", name(0), "--hub-role", "owner")
    equal(u.member(name(0))["hub_role"], "owner", "the role")
    for role, shown in (("login-only", "collaborator"), ("user", "owner"), ("guest", "collaborator")):
        file = u.scratch.file("people.csv", f"email,workspace_role\n{name(0)},{role}\n")
        u.usher("directory", "import", "csv", file, "--yes")
        equal((u.member(name(0))["hub_role"], u.member(name(0))["status"]), (shown, "onboarded"), role)
    # The workspace's owner owns it still: nothing is to be said.
    equal([i["code"] for i in u.json("issue", "list")], [], "issues")
    u.usher("sync", "Acme")


def r18_removing_an_unmatched_member(scratch):
    """R18: removing an unmatched row asks first, makes a remove-user task, and ends the seat in the app"""
    gone = {"deactivate": lambda user: user and not user["active"], "delete": lambda user: user is None,
            "strip": lambda user: user and not user.get("roles")}
    u = Usher(scratch)
    for leave, is_gone in gone.items():
        scim = App(scratch, users=3)
        u.connect(scim, leave, leave=leave)
        scim.reset_counts()
        answer = u.run("member", "remove", leave, name(1))
        refused(answer, 2, "confirmation-required")
        u.api("DELETE", f"/hubs/{leave}/members/{name(1)}", expect=428)
        equal(scim.counts(), {}, "requests to the app without a yes")
        answer = u.usher("member", "remove", leave, name(1), "--yes")
        task = u.tasks(leave)[0]
        equal((task["kind"], task["status"], task["result"]), ("remove-user", "completed", "done"), "the task")
        check(task["id"] in answer.out, "the task is named")
        check(is_gone(scim.user(name(1))), f"{leave}: the account in the app: {scim.user(name(1))}")
        equal(u.member(name(1), leave)["status"], "removed", f"{leave}: the row")
        check(scim.user(name(0))["active"] and scim.user(name(0))["roles"], f"{leave}: another is untouched")
        equal(len(events(u, "member.removed", leave)), 1, f"{leave}: removals recorded")
    # An account that is gone already is no failure.
    scim = App(scratch, users=2)
    u.connect(scim, "Gone", leave="delete")
    scim.change(remove=[name(0)])
    u.usher("member", "remove", "Gone", name(0), "--yes")
    equal((u.tasks("Gone")[0]["status"], u.tasks("Gone")[0]["result"]), ("completed", "no-op"), "the task")


def r19_an_exemption_has_a_reason(scratch):
    """R19: exempting without a reason is refused, with one the row moves to Exempted, the account untouched"""
    u, scim = Usher(scratch), App(scratch, users=2)
    u.connect(scim)
    before = scim.user(name(0))
    scim.reset_counts()
    for reason in ([], ["--reason", ""], ["--reason", " \t "]):
        refused(u.run("member", "exempt", "Acme", name(0), *reason), 2, "reason-required")
    equal(u.run("member", "exempt", "Acme", name(0), "--reason", "x" * 501).status, 2, "a reason of 501 characters")
    equal(u.member(name(0))["tab"], "unmatched", "the row after refusals")
    u.usher("member", "exempt", "Acme", name(0), "--reason", "Shared by the night shift")
    shown = u.member(name(0))
    equal((shown["tab"], shown["status"], shown["exemption"]["reason"]),
          ("exempted", "exempted", "Shared by the night shift"), "the row")
    equal(shown["exemption"]["by"], u.json("person", "show", "owner@example.com")["id"], "who exempted it")
    check(shown["exemption"]["at"], "when")
    equal(scim.counts(), {}, "requests to the app")
    equal(scim.user(name(0)), before, "the account in the app")
    equal(len(events(u, "member.exempted")), 1, "exemptions recorded")


def r21_the_login_method_says_who_is_asked(scratch):
    """R21: with SSO nobody is asked for credentials, with passwords linked people are; a change says so at once"""
    u, scim = Usher(scratch), App(scratch, users=3)
    u.people(name(0))
    u.usher("person", "add", name(1), "--guest")
    u.connect(scim)
    asked = {name(0), name(1)}
    for method, status, login in (("sso", "onboarded", "sso"), ("password", "awaiting-login", "pending-connection"),
                                  ("sso", "onboarded", "sso")):
        if u.hub()["login_method"] != method:
            u.usher("hub", "set", "Acme", f"login-method={method}")
        shown = {m["username"]: (m["status"], m["login_state"]) for m in u.members()}
        equal(shown, {**{one: (status, login) for one in asked}, name(2): ("unmatched", "none")}, f"rows with {method}")
        equal({m["username"] for m in u.members(status=status)}, asked, f"who is {status} with {method}")
        other = "onboarded" if status == "awaiting-login" else "awaiting-login"
        equal(u.members(status=other), [], f"who is {other} with {method}")
        u.usher("sync", "Acme")
        equal({m["username"] for m in u.members(status=status)}, asked, f"who is {status} after a sync")


def r42_the_automation_account_is_left_alone(scratch):
    """R42: the automation account's own member is shown as such, and not matched, exempted or removed"""
    u, scim = Usher(scratch), App(scratch, users=6)
    u.people(ROBOT)
    answer = connect(u, scim, "--login-method", "sso", "--username", ROBOT, "--secret",
                     f"token=@{token_file(u, scim)}")
    equal(answer.status, 0, answer.err)
    u.usher("person", "add", "ann@example.com")
    scim.reset_counts()
    for command in (("match", "Acme", ROBOT, "--person", "ann@example.com"),
                    ("exempt", "Acme", ROBOT, "--reason", "A robot"), ("remove", "Acme", ROBOT, "--yes"),
                    ("set-role", "Acme", ROBOT, "--role", "member", "--yes"), ("unlink", "Acme", ROBOT),
                    ("invite", "Acme", ROBOT, "--role", "member", "--yes")):
        refused(u.run("member", *command), 4, "not-permitted")
    u.usher("sync", "Acme")
    shown = u.member(ROBOT)
    equal((shown["is_automation_account"], shown["tab"], shown.get("person")), (True, "onboarded", None), "the row")
    equal([m["username"] for m in u.members() if m["is_automation_account"]], [ROBOT], "rows flagged")
    if FACE == "cli":
        line = next(line for line in u.usher("member", "list", "Acme").out.splitlines() if ROBOT in line)
        check("Automation account" in line, f"the label in the list: {line}")
    check(scim.user(ROBOT)["active"], "the account in the app")
    equal([kind for kind in scim.counts() if not kind.startswith("list")], [], "requests but the sync's")
    # It is not counted: nobody else being left is an empty app.
    scim.change(remove=[ROBOT])
    u.usher("sync", "Acme")
    check(u.hub()["status"] == "healthy", "its absence is no missing member")


def r43_exempted_members_are_left_alone(scratch):
    """R43: exempted members are never matched, updated or removed, and are Unmatched once the exemption ends"""
    u, scim = Usher(scratch), with_admin(App(scratch, users=6))
    u.connect(scim)
    u.usher("member", "exempt", "Acme", name(0), "--reason", "A robot")
    u.people(name(0))
    scim.reset_counts()
    for command in (("match", "Acme", name(0), "--person", name(0)), ("remove", "Acme", name(0), "--yes"),
                    ("set-role", "Acme", name(0), "--role", "admin", "--yes"),
                    ("invite", "Acme", name(0), "--role", "admin", "--yes"),
                    ("exempt", "Acme", name(0), "--reason", "Again")):
        refused(u.run("member", *command), 1, "member-exempted")
    equal(scim.counts(), {}, "requests to the app")
    scim.change(set={name(0): {"displayName": "Other"}})
    u.usher("sync", "Acme")
    shown = u.member(name(0))
    equal((shown["tab"], shown.get("person"), shown["name"]), ("exempted", None, "Other"),
          "after a sync: its data is new, the decision stays")
    equal([kind for kind in scim.counts() if kind.startswith(("patch", "put", "delete", "create"))], [], "writes")

    refused(u.run("member", "unexempt", "Acme", name(0)), 2, "confirmation-required")
    u.usher("member", "unexempt", "Acme", name(0), "--yes")
    shown = u.member(name(0))
    equal((shown["tab"], shown["status"], shown.get("exemption")), ("unmatched", "unmatched", None), "afterwards")
    u.usher("sync", "Acme")
    equal(u.member(name(0))["tab"], "onboarded", "the next sync may match it")


def r72_deactivated_members_stay_removed(scratch):
    """R72: who was removed by deactivating stays removed at syncs, and adding again enables the same account"""
    u, scim = Usher(scratch), App(scratch, users=5)
    u.people(name(0))
    u.connect(scim, leave="deactivate")
    native, row = scim.user(name(0))["id"], u.member(name(0))["id"]
    u.usher("member", "remove", "Acme", name(0), "--yes")
    check(not scim.user(name(0))["active"], "the account is disabled")
    for _ in range(2):
        u.usher("sync", "Acme")
        equal(u.member(name(0))["status"], "removed", "after a sync")
    equal(events(u, "member.reappeared"), [], "it did not reappear")
    scim.reset_counts()
    u.usher("member", "invite", "Acme", name(0), "--role", "member", "--yes")
    user = scim.user(name(0))
    check(user["active"], "the account is enabled again")
    equal(user["id"], native, "it is the same account")
    equal(scim.counts().get("create-user", 0), 0, "accounts made")
    shown = u.member(name(0))
    equal((shown["id"], shown["status"], shown["tab"]), (row, "onboarded", "onboarded"), "the row")
    u.usher("sync", "Acme")
    equal(u.member(name(0))["status"], "onboarded", "after a sync")


if __name__ == "__main__":
    sys.exit(main([r15_every_member_has_one_tab, r16_matching_by_hand, r18_removing_an_unmatched_member,
                   r19_an_exemption_has_a_reason, r68_guests_and_login_only_people_own_no_hub,
                   r21_the_login_method_says_who_is_asked, r42_the_automation_account_is_left_alone,
                   r43_exempted_members_are_left_alone, r72_deactivated_members_stay_removed], "members"))
