#!/usr/bin/env python3
"""Connecting a hub, its account and its status: R4, R6 to R8, R27 to R31."""

import sys

from lib import (QUICK, app_files, connect, events, refused, statuses, task_of, token_file, wait_hub, wait_task,
                 with_admin)
from usher import FACE, App, Usher, check, equal, main, wait_for


def with_id_field(app):
    app["fields"][0].pop("id")
    app["fields"].insert(1, {"key": "team", "label": "Team ID", "kind": "text", "required": True, "id": "space",
                             "pattern": "[a-z0-9]+"})


def without_id_field(app):
    app["fields"][0].pop("id")


def with_password(app):
    app["accounts"] = [{"kind": "password", "phone": True, "totp": "no"}]
    app["auth"] = {"default": {"bearer": "password"}}


def without_phone(app):
    with_password(app)
    app["accounts"][0]["phone"] = False


def r4_details_are_those_the_app_declares(scratch):
    """R4: connecting asks for label, login method and the declared fields, the business id under its own name"""
    u = Usher(scratch, env=app_files(scratch, team=with_id_field, plain=without_id_field))
    scim = App(scratch)
    token = ("--secret", f"token=@{token_file(u, scim)}")
    fields = {field["key"]: field for field in u.json("app", "show", "team")["fields"]}
    equal(fields["team"]["label"], "Team ID", "the app's own word for its id")
    equal(fields["team"]["id"], "space", "the field that is the business id")
    check(not any(field.get("id") for field in u.json("app", "show", "plain")["fields"]), "no id field is shown")

    answer = u.run("hub", "connect", "team", "--login-method", "sso", "--set", f"base_url={scim.url}", *token)
    equal(answer.status, 2, "without a label")
    check("label" in answer.err, f"the label is asked for: {answer.err}")
    answer = connect(u, scim, *token, app="team", label="None")
    equal(answer.status, 2, "without a login method")
    check("login" in answer.err, f"the login method is asked for: {answer.err}")
    answer = connect(u, scim, "--login-method", "sso", *token, app="team", label="None")
    refused(answer, 2, "validation-failed")
    check("Team ID" in answer.err, f"the missing id is named as the app names it: {answer.err}")
    answer = connect(u, scim, "--login-method", "sso", "--business-id", "NOT VALID", *token, app="team", label="None")
    refused(answer, 2, "validation-failed")
    answer = connect(u, scim, "--login-method", "sso", "--business-id", "abc", *token, app="plain", label="None")
    equal(answer.status, 2, "an id for an app that declares none")
    equal(u.json("hub", "list"), [], "hubs after refusals")
    equal(u.json("account", "list"), [], "accounts after refusals")

    answer = connect(u, scim, "--login-method", "sso", "--business-id", "abc", *token, app="team", label="Team")
    equal(answer.status, 0, answer.err)
    equal(u.hub("Team")["fields"]["team"], "abc", "the business id")


def r6_saved_accounts_are_offered(scratch):
    """R6: accounts saved for the app are listed, and connecting with one of them finishes"""
    u, scim = Usher(scratch), App(scratch, users=1)
    u.usher("account", "add", "Robot", "--app", "scim", "--secret", f"token=@{token_file(u, scim)}")
    found = u.json("account", "list", "--app", "scim")
    equal([(a["label"], a["use"]) for a in found], [("Robot", "free")], "the saved accounts")
    answer = connect(u, scim, "--login-method", "sso", "--account", "Robot")
    equal(answer.status, 0, answer.err)
    equal(u.hub()["account"], found[0]["id"], "the hub's account")
    equal(len(u.json("account", "list")), 1, "accounts afterwards")
    equal(u.hub()["status"], "healthy", "the hub")


def r7_account_is_added_while_connecting(scratch):
    """R7: without a saved account one is asked for, with a phone number where the app has one, and saved"""
    u = Usher(scratch, env=app_files(scratch, phone=with_password, nophone=without_phone))
    scim = App(scratch, users=1)
    password = ("--password", f"@{token_file(u, scim)}")
    sso = ("--login-method", "sso")
    equal(connect(u, scim, *sso, app="phone").status, 2, "without an account")
    equal(connect(u, scim, *sso, "--username", "robot@example.com", app="phone").status, 2, "without a password")
    answer = connect(u, scim, *sso, "--username", "robot@example.com", *password, "--phone", "+15550100",
                     app="nophone")
    refused(answer, 2, "validation-failed")
    equal(u.json("account", "list"), [], "accounts after refusals")

    answer = connect(u, scim, *sso, "--username", "robot@example.com", *password, "--phone", "+15550100", app="phone")
    equal(answer.status, 0, answer.err)
    account = u.json("account", "list", "--app", "phone")
    equal(len(account), 1, "accounts of the app")
    account = account[0]
    equal((account["label"], account["app"], account["kind"], account["username"], account["phone"]),
          ("Acme", "phone", "password", "robot@example.com", "+15550100"), "the account")
    equal((account["use"], account["hub"]), ("automation", u.hub()["id"]), "its use")
    equal(u.hub()["status"], "healthy", "the hub")


def r8_the_hub_is_listed_and_owned(scratch):
    """R8: a connected hub is said to be connected, stands in the list, and its maker is the owner"""
    u, scim = Usher(scratch), App(scratch, users=2)
    answer = u.connect(scim)
    if FACE == "cli":
        check("Acme is connected and healthy." in answer.out, f"the message: {answer.out}")
    equal([hub["label"] for hub in u.json("hub", "list")], ["Acme"], "the hubs")
    equal(statuses(u), ["requires-sync", "healthy"], "validation and first sync, without further action")
    owner = u.json("person", "show", "owner@example.com")
    connected = events(u, "hub.connected")
    equal([e["actor"]["person"] for e in connected], [owner["id"]], "who connected it")
    # With an account in the app, the maker's row shows it.
    scim.change(add=[{"userName": "owner@example.com", "emails": [{"value": "owner@example.com"}]}])
    u.usher("sync", "Acme")
    equal(u.member("owner@example.com")["hub_role"], "owner", "the maker's hub role")


CAPABILITIES = {
    "sync": ("sync", "Acme"),
    "add-user": ("member", "invite", "Acme", "new@example.com", "--create", "--role", "member", "--yes"),
    "update-role": ("member", "set-role", "Acme", "user000000@example.com", "--role", "admin", "--yes"),
    "remove-user": ("member", "remove", "Acme", "user000001@example.com", "--yes"),
}


def r27_capabilities_are_those_declared(scratch):
    """R27: sync, add, update and remove are offered exactly as far as the app declares them"""
    def lacking(capability):
        return lambda app: app["can"].update({capability: f"No {capability} here"})
    names = {capability: "no" + capability.replace("-", "") for capability in CAPABILITIES}
    env = app_files(scratch, **{names[capability]: lacking(capability) for capability in CAPABILITIES})
    u = Usher(scratch, env=env)
    u.people("user000000@example.com", "user000001@example.com")
    for capability, name in names.items():
        scim = App(scratch, users=2)
        answer = connect(u, scim, "--login-method", "sso", "--secret", f"token=@{token_file(u, scim)}",
                         "--set", "roles=member", "--set", "roles=admin", app=name, label=name)
        equal(answer.status, 0, answer.err)
        equal(u.json("app", "show", name)["can"][capability], f"No {capability} here", "the reason shown")
        for other, command in CAPABILITIES.items():
            scim.reset_counts()
            answer = u.run(*(name if word == "Acme" else word for word in command))
            if other == capability:
                refused(answer, 1, "capability-unsupported")
                check(f"No {capability} here" in answer.err, f"the reason: {answer.err}")
                equal(scim.counts(), {}, "requests to the app")
            elif capability == "sync" and other in ("update-role", "remove-user"):
                check(answer.status in (2, 3), f"without a sync neither role nor member is known: {answer.err}")
            else:
                equal(answer.status, 0, f"{name}: {other}: {answer.err}")
                check(scim.counts(), f"{name}: {other}: the app was not asked: {answer.out}")
        equal(u.hub(name)["status"], "healthy", f"the hub of {name}: a missing capability is no error")


def r28_one_hub_for_one_space(scratch):
    """R28: a second live hub of the same space is refused with hub-exists"""
    u, scim = Usher(scratch), App(scratch, users=1)
    u.connect(scim)
    token = ("--login-method", "sso", "--secret", f"token=@{token_file(u, scim)}")
    refused(connect(u, scim, *token, label="Other"), 1, "hub-exists")
    answer = u.run("hub", "connect", "scim", "--label", "Other", "--set",
                   "base_url=" + scim.url.upper().replace("SCIM/V2", "scim/v2") + "/", *token)
    refused(answer, 1, "hub-exists")
    equal([hub["label"] for hub in u.json("hub", "list")], ["Acme"], "the hubs")
    equal(len(u.json("account", "list")), 1, "the accounts: none is left by the refused ones")
    u.usher("hub", "remove", "Acme", "--reason", "replaced", "--yes")
    answer = connect(u, scim, *token, label="Other")
    equal(answer.status, 0, "once the first is removed: " + answer.err)
    answer = u.run("hub", "restore", "Acme")
    refused(answer, 1, "hub-exists")


def r29_an_account_serves_one_hub(scratch):
    """R29: an account in use cannot be chosen for another hub, and a replaced one is free"""
    u, scim, second = Usher(scratch), App(scratch, users=1), App(scratch, users=1)
    u.connect(scim)
    account = u.json("account", "show", "Acme")
    equal((account["use"], account["hub"]), ("automation", u.hub()["id"]), "the account, as connected")
    refused(connect(u, second, "--login-method", "sso", "--account", "Acme", label="Second"), 1, "account-in-use")
    equal(len(u.json("hub", "list")), 1, "hubs after the refusal")
    refused(u.run("account", "remove", "Acme", "--yes"), 1, "account-in-use")

    u.usher("account", "add", "Robot", "--app", "scim", "--secret", f"token=@{token_file(u, scim)}")
    u.usher("hub", "set-account", "Acme", "--account", "Robot")
    wait_hub(u, "healthy")
    uses = {a["label"]: (a["use"], a.get("hub")) for a in u.json("account", "list")}
    equal(uses, {"Acme": ("free", None), "Robot": ("automation", u.hub()["id"])}, "uses after the change")
    check("under-validation" in statuses(u), "the new account is validated")
    # Its token was given for the first app's address: for another it is given anew.
    refused(connect(u, second, "--login-method", "sso", "--account", "Acme", label="Second"), 2, "validation-failed")
    equal(len(u.json("hub", "list")), 1, "hubs after that refusal")
    u.usher("account", "set", "Acme", "--secret", f"token=@{token_file(u, second)}")
    answer = connect(u, second, "--login-method", "sso", "--account", "Acme", label="Second")
    equal(answer.status, 0, "the freed account serves another hub: " + answer.err)
    refused(u.run("hub", "set", "Second", f"base_url={scim.url}/"), 2, "validation-failed")
    third = App(scratch, users=2)
    refused(u.run("hub", "set", "Second", f"base_url={third.url}"), 2, "validation-failed")
    equal(u.hub("Second")["fields"]["base_url"], second.url, "the address after the refusals")
    u.usher("hub", "set", "Second", f"base_url={third.url}", "--secret", f"token=@{token_file(u, third)}")
    wait_hub(u, "healthy", "Second")


def r30_a_wrong_account_or_id_is_reviewed(scratch):
    """R30: a wrong token or address ends in its review status, and correcting it leads to healthy"""
    u, scim, second = Usher(scratch, QUICK), App(scratch, users=3), App(scratch, users=2)
    wrong, right = scratch.file("wrong", "not-the-token"), token_file(u, scim)
    answer = connect(u, scim, "--login-method", "sso", "--secret", f"token=@{wrong}")
    equal(answer.status, 1, "with a wrong token: " + answer.err + u.logged())
    hub = u.hub()
    equal(hub["status"], "review-automation-account", "with a wrong token")
    check(hub["status_reason"], "the reason is shown")
    check(scim.counts().get("unauthorized"), "the app refused the token")
    u.usher("account", "set", "Acme", "--secret", f"token=@{right}")
    wait_hub(u, "healthy")
    equal(u.hub()["id"], hub["id"], "the same hub")
    equal(statuses(u), ["review-automation-account", "under-validation", "requires-sync", "healthy"], "the way")
    equal(len(u.members()), 3, "members read")

    answer = u.run("hub", "connect", "scim", "--label", "Path", "--login-method", "sso", "--set",
                   f"base_url={second.url}/wrong", "--secret", f"token=@{right}")
    equal(answer.status, 1, "with a wrong address")
    hub = u.hub("Path")
    equal(hub["status"], "review-configuration", "with a wrong address: " + str(hub.get("status_reason")))
    u.usher("hub", "set", "Path", f"base_url={second.url}")
    wait_hub(u, "healthy", "Path")
    equal(u.hub("Path")["id"], hub["id"], "the same hub")
    equal(statuses(u, "Path"), ["review-configuration", "under-validation", "requires-sync", "healthy"], "the way")
    equal(len(u.members("Path")), 2, "members read")


def r31_tasks_wait_for_the_hub(scratch):
    """R31: tasks made while a hub is in review stay queued, and run once it has recovered"""
    u, scim = Usher(scratch, QUICK), with_admin(App(scratch, users=2))
    u.people("user000000@example.com")
    u.connect(scim)
    scim.faults(unauthorized={})
    u.usher("sync", "Acme", status=1)
    check(scim.fired("unauthorized"), "the fault fired")
    equal(u.hub()["status"], "review-automation-account", "the hub")
    scim.reset_counts()
    made = [task_of(u.usher("sync", "Acme", "--no-wait")),
            task_of(u.usher("member", "set-role", "Acme", "user000000@example.com", "--role", "admin", "--no-wait",
                            "--yes")),
            task_of(u.usher("member", "invite", "Acme", "new@example.com", "--create", "--role", "member",
                            "--no-wait", "--yes"))]
    equal(u.run("task", "watch", made[0]).status, 5, "waiting for a task that needs a person")
    u.kill()
    u.start()
    for task in made:
        wait_for(lambda: u.json("task", "show", task).get("wait_reason") == "hub-needs-review", "the wait reason")
        found = u.json("task", "show", task)
        equal((found["status"], found["attempts"]), ("queued", 0), f"the task {found['kind']}")
    equal(scim.counts(), {}, "requests to the app meanwhile")
    scim.faults()
    u.usher("hub", "check", "Acme")
    for task in made:
        equal(wait_task(u, task)["status"], "completed", "after the hub recovered")
    equal(u.hub()["status"], "healthy", "the hub")
    equal(scim.roles("user000000@example.com"), ["admin"], "the role in the app")
    check(scim.user("new@example.com"), "the invited person is in the app")


if __name__ == "__main__":
    sys.exit(main([r4_details_are_those_the_app_declares, r6_saved_accounts_are_offered,
                   r7_account_is_added_while_connecting, r8_the_hub_is_listed_and_owned,
                   r27_capabilities_are_those_declared, r28_one_hub_for_one_space, r29_an_account_serves_one_hub,
                   r30_a_wrong_account_or_id_is_reviewed, r31_tasks_wait_for_the_hub], "connect"))
