#!/usr/bin/env python3
"""Descriptors against the real programs they name: who is there, somebody added or invited, a role, a
removal, each asked of the program itself.  ./bootstrap deps check installs them."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from parts import Glewlwyd, Mailman, Redmine  # noqa: E402
from usher import Usher, check, equal, main  # noqa: E402

NEW = "new@corp.test"


def connect(scratch, app, *fields, username=None, **secrets):
    usher = Usher(scratch)
    argv = ["hub", "connect", app, "--label", "Acme", "--login-method", "password"]
    for field in fields:
        argv += ["--set", field]
    if username:
        argv += ["--username", username]
    for key, value in secrets.items():
        file = scratch.file(f"secret-{key}", value)
        argv += ["--password", f"@{file}"] if key == "password" and username else ["--secret", f"{key}=@{file}"]
    usher.usher(*argv)
    usher.usher("sync", "Acme")
    equal(usher.tasks()[0]["sync"]["listing"], "complete", "the listing")
    return usher


def people(usher):
    return {m["username"]: m for m in usher.members() if m["status"] != "removed"}


def change(usher, what, who, *more):
    usher.usher("member", what, "Acme", who, *more, "--yes")
    task = usher.tasks()[0]
    equal((task["status"], task.get("error")), ("completed", None), f"{what} of {who}")


def redmine(scratch, app):
    server = Redmine(scratch)
    for i in range(130):  # a page is 100 at most, whatever is asked for
        server.add(f"user{i:03}")
    server.add("locked")
    server.told("PUT", f"/users/{server.user('locked')['id']}.json", {"user": {"status": 3}})
    usher = connect(scratch, app, f"base_url={server.url}", token=server.key)
    shown = people(usher)
    equal(sorted(shown), sorted(u["login"] for u in server.users()), "who is there, the locked too")
    check(shown["locked"]["disabled"] and not shown["user000"]["disabled"], "who is locked")
    equal([r["id"] for r in shown["admin"]["roles"]], ["admin"], "the administrator's role")
    usher.people(NEW)
    change(usher, "invite", NEW, "--role", "user")
    user = server.user(NEW)
    equal((user["mail"], user["admin"], user["status"]), (NEW, False, 1), "the new user")
    change(usher, "set-role", NEW, "--role", "admin")
    equal(server.user(NEW)["admin"], True, "an administrator")
    change(usher, "remove", NEW)
    equal(server.user(NEW)["status"], 3, "locked")
    count = len(server.users())
    change(usher, "invite", NEW, "--role", "user")
    user = server.user(NEW)
    equal((user["status"], user["admin"], len(server.users())), (1, False, count), "back again, to the same account")
    # Deleted, where the hub is told to.
    usher.usher("hub", "set", "Acme", "leave=delete")
    usher.wait_idle("Acme")  # the hub is validated and synced anew
    change(usher, "remove", NEW)
    check(server.user(NEW) is None, "deleted")
    usher.usher("sync", "Acme")
    check(NEW not in people(usher), "gone from the hub")


def redmine_json(scratch):
    """Redmine, JSON: list with the locked, add, administrator, lock, open again, delete show in Redmine"""
    redmine(scratch, "redmine")


def redmine_xml(scratch):
    """Redmine, XML: the same by another format"""
    redmine(scratch, "redmine-xml")


def mailman(scratch):
    """Mailman 3: an empty list, subscribers over pages, invitation, owner, removal, revocation show in Mailman"""
    server = Mailman(scratch)
    usher = connect(scratch, "mailman3", f"base_url={server.url}/3.1", "list=" + server.LIST.replace("@", "."), rest_user=server.ADMIN,
                    rest_password=server.PASSWORD)
    equal(people(usher), {}, "an empty list has nobody")
    for i in range(120):
        server.add(f"user{i:03}@corp.test")
    server.add("user000@corp.test", "owner")
    usher.usher("sync", "Acme")
    shown = people(usher)
    equal(sorted(shown), server.roster(), "who is there")
    equal([r["id"] for r in shown["user000@corp.test"]["roles"]], ["owner"], "the owner")
    usher.people(NEW, "user001@corp.test")
    usher.usher("sync", "Acme")
    change(usher, "invite", NEW)
    equal(server.invited(), [NEW], "the invitation")
    change(usher, "set-role", "user001@corp.test", "--role", "moderator", "--role", "owner")
    equal((server.roster("moderator"), server.roster("owner")),
          (["user001@corp.test"], ["user000@corp.test", "user001@corp.test"]), "the roles")
    change(usher, "set-role", "user001@corp.test", "--role", "moderator")
    equal(server.roster("owner"), ["user000@corp.test"], "one role less")
    change(usher, "remove", "user001@corp.test")
    check("user001@corp.test" not in server.roster() and not server.roster("moderator"), "off the list, and no moderator")
    change(usher, "remove", NEW)
    equal(server.invited(), [], "the invitation is withdrawn")


def glewlwyd(scratch):
    """glewlwyd: sign-in by cookie, list, add, scopes, switch off, on again, delete show in glewlwyd"""
    server = Glewlwyd(scratch)
    for i in range(110):
        server.add(f"user{i:03}")
    usher = connect(scratch, "glewlwyd", f"base_url={server.url}", username=server.ADMIN, password=server.PASSWORD)
    shown = people(usher)
    equal(sorted(shown), sorted(u["username"] for u in server.users()), "who is there")
    equal(sorted(r["id"] for r in shown["admin"]["roles"]), ["g_admin", "g_profile"], "the administrator's scopes")
    usher.people(NEW)
    change(usher, "invite", NEW, "--role", "g_profile")
    user = server.user(NEW)
    equal((user["email"], user["scope"], user["enabled"]), (NEW, ["g_profile"], True), "the new user")
    change(usher, "set-role", NEW, "--role", "g_profile", "--role", "openid")
    equal(sorted(server.user(NEW)["scope"]), ["g_profile", "openid"], "two scopes")
    equal(server.user(NEW)["email"], NEW, "nothing else changed")
    change(usher, "remove", NEW)
    equal(server.user(NEW)["enabled"], False, "switched off")
    change(usher, "invite", NEW, "--role", "g_profile")
    equal((server.user(NEW)["enabled"], server.user(NEW)["scope"]), (True, ["g_profile"]), "on again")
    usher.usher("hub", "set", "Acme", "leave=delete")
    usher.wait_idle("Acme")  # the hub is validated and synced anew
    change(usher, "remove", NEW)
    check(server.user(NEW) is None, "deleted")
    equal(len(server.users()), 111, "nobody else went")


if __name__ == "__main__":
    sys.exit(main([redmine_json, redmine_xml, mailman, glewlwyd], "parts"))
