#!/usr/bin/env python3
"""The catalogue's app files as they are shipped, each against its vendor's API as the documentation has
it (tests/apps/catalogue): everybody is listed over pages; somebody is added, gets another role, goes, as
far as the app can; what it cannot is refused before any request; the vendor refused nothing and no other
host was asked."""

import collections
import importlib
import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "lib"), str(TESTS / "apps/catalogue")]
from usher import Usher, check, equal, main  # noqa: E402

NEW, OTHER = "new@example.com", "other@example.com"

# What to do with each: the role to invite with and the one to change to (None: it cannot), and who is
# found in the vendor's people by what.
Case = collections.namedtuple("Case", "module vendor invite change pending resend", defaults=(True, False))
CASES = [
    Case("github_org", "GithubOrg", "member", "admin"),
    Case("gitlab_group", "GitlabGroup", "20", "40"),
    Case("slack_enterprise", "SlackEnterprise", "member", "admin", False),
    Case("asana", "Asana", None, None, False),
    Case("atlassian_org", "AtlassianOrg", "atlassian/user", "atlassian/admin"),
    Case("zoom", "Zoom", "2", "1"),
    Case("miro_team", "MiroTeam", "member", "admin", False),
    Case("calendly", "Calendly", None, None),
    Case("grafana", "Grafana", "Viewer", "Editor"),
    Case("sentry", "Sentry", "member", "admin", True, True),
    Case("hcp_terraform", "HcpTerraform", "team-dev", "team-ops"),
    Case("linear", "Linear", "user", "admin", True, True),
    Case("tableau", "Tableau", "Viewer", "Explorer", False),
]


def shown(usher):
    """As Vendor.people has them."""
    found = []
    for m in usher.members():
        if m["status"] != "removed":
            roles = [r["id"] for r in m.get("roles", [])]
            found.append((m.get("native_id"), m.get("username"), m.get("email"), tuple(sorted(roles)), m["app_state"]))
    return found


def plain(people):
    """Roles as tuples of texts, ids as texts."""
    def roles(value):
        return () if value is None else tuple(map(str, value)) if isinstance(value, tuple) else (str(value),)
    return [(None if p[0] is None else str(p[0]), p[1], p[2], roles(p[3]), p[4]) for p in people]


def same(usher, vendor, gone=None, pending=True):
    """The hub shows whom the vendor has.  GONE: the id of somebody who was removed; PENDING: and
    nobody was invited whom the vendor does not list."""
    ours = [row for row in shown(usher) if row[0] != gone and (pending or row[4] != "pending")]
    theirs = [row for row in plain(vendor.people()) if row[0] != gone]
    if not any(row[2] for row in theirs):  # of an app without addresses the hub knows those it invited
        ours = [(*row[:2], None, *row[3:]) for row in ours]
    equal(([row for row in ours if row not in theirs], [row for row in theirs if row not in ours], len(ours)),
          ([], [], len(theirs)), "who is there: only here, only there, how many")


def change(usher, what, who, *more):
    usher.usher("member", what, "Acme", who, *more, "--yes")
    task = usher.tasks()[0]
    equal((task["status"], task.get("error")), ("completed", None), f"{what} of {who}")


def life(scratch, case):
    vendor = getattr(importlib.import_module(case.module), case.vendor)(scratch)
    usher = Usher(scratch, config=vendor.config)
    usher.people(NEW, OTHER, *(f"user{i}@example.com" for i in range(10, 20)))
    vendor.connect(usher)
    usher.usher("sync", "Acme")
    equal(usher.tasks()[0]["sync"]["listing"], "complete", "the listing")
    same(usher, vendor)
    members = len(plain(vendor.people()))
    check(vendor.calls("GET") + vendor.calls("POST") < 40, f"not a call a member: {len(vendor.asked)} for {members}")

    role = ("--role", case.invite) if case.invite else ()
    change(usher, "invite", NEW, *role)
    usher.usher("sync", "Acme")
    if case.pending:
        same(usher, vendor)
    if case.resend:
        usher.advance(3600)
        change(usher, "resend", NEW)
        equal(vendor.sent, 1, "invitations sent again")
    # Asking for the same again sends no second invitation, whatever the vendor would do.
    before = len(vendor.people())
    usher.run("member", "invite", "Acme", NEW, *role, "--yes")
    equal(len(vendor.people()), before, "people after the same invitation")

    # Somebody who has been there from the start.
    who = next((m for m in shown(usher) if m[2] in (f"user{i}@example.com" for i in range(10, 20))), None)
    if not who:  # an app without addresses: a person says who it is
        who = next(m for m in shown(usher) if m[4] == "active")
        usher.usher("member", "match", "Acme", who[1] or who[0], "--person", "user11@example.com", "--yes")
    name = who[2] or who[1] or who[0]
    if case.change:
        change(usher, "set-role", name, "--role", case.change)
        found = [p for p in plain(vendor.people()) if p[0] == who[0]]
        check(case.change in found[0][3], f"the new role: {found}")
    else:
        asked = len(vendor.asked)
        answer = usher.run("member", "set-role", "Acme", name, "--role", "admin", "--yes")
        check(answer.status != 0 and answer.err.strip(), "a role that cannot be changed")
        equal(len(vendor.asked), asked, "requests for what cannot be")
    change(usher, "remove", name)
    gone = [p for p in plain(vendor.people()) if p[0] == who[0]]
    check(not gone or gone[0][4] == "disabled", f"gone or switched off: {gone}")
    if any(p[4] == "pending" and p[2] == NEW for p in vendor.people()):
        change(usher, "remove", NEW)
        check(not any(p[2] == NEW for p in vendor.people()), "the invitation is withdrawn")
    usher.usher("sync", "Acme")
    same(usher, vendor, who[0], case.pending)
    vendor.held()


def tests():
    for case in CASES:
        def test(scratch, case=case):
            life(scratch, case)
        test.__name__ = case.module
        test.__doc__ = f"{case.module}: list, add, role, removal, as its documentation has them"
        yield test


if __name__ == "__main__":
    sys.exit(main(list(tests()), "catalogue"))
