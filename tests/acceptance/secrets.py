#!/usr/bin/env python3
"""Secrets stay where they are kept: R33."""

import json
import sys

from lib import QUICK, app_files, connect, task_of, wait_hub, wait_task
from search import Search
from usher import FACE, App, Usher, check, equal, main, of_the_command, wait_for

TOKEN = 'S3cr3t-T0ken"\\/+=%&<>\'~end-of-token'
SECOND = "An0ther+S3cret/that=replaces%the&first"
WRONG = "Wr0ng-S3cret+that/is=refused"
TOTP = "KRUGKIDROVUWG2ZAMJZG653OEBTG66BA"

LISTS = (("status",), ("doctor",), ("app", "list"), ("app", "show", "login"), ("hub", "list"), ("hub", "show", "Acme"),
         ("account", "list"), ("account", "show", "Acme"), ("member", "list", "Acme"),
         ("member", "show", "Acme", "user000000@example.com"), ("person", "list"),
         ("person", "show", "owner@example.com"), ("task", "list"), ("token", "list"), ("report", "list"),
         ("issue", "list"), ("connector", "list"), ("audit", "list"))
PATHS = ("/hubs", "/hubs/Acme", "/hubs/Acme/roles", "/hubs/Acme/members", "/accounts", "/accounts/Acme", "/people",
         "/tasks", "/reports", "/issues", "/events", "/tokens", "/connectors", "/status", "/doctor", "/apps")


class SecretApp(App):
    TOKEN = TOKEN


class AnswerSearch(Search):
    def look_at_answers(self, u):
        for command in LISTS:
            for form in ("table", "json", "csv"):
                answer = u.run("-o", form, *command)
                self.look(f"usher -o {form} {' '.join(command)}", answer.out + answer.err)
        for task in u.json("task", "list"):
            self.look("task show", u.usher("-o", "json", "task", "show", task["id"]).out)
        for path in PATHS:
            self.look("GET " + path, json.dumps(u.api("GET", path)[1], ensure_ascii=False))


def with_login(app):
    app["accounts"].append({"kind": "password", "totp": "optional", "phone": True})


def r33_secrets_are_shown_nowhere(scratch):
    """R33: no list, show, event, task, log, file or process ever contains a secret, however it is written"""
    env = app_files(scratch, login=with_login)
    u = Usher(scratch, QUICK + "[log]\nlevel = debug\n", env=env)
    scim = SecretApp(scratch, users=3)
    search = AnswerSearch(TOKEN, SECOND, WRONG, TOTP)
    for secret in (TOKEN, SECOND, WRONG, TOTP):
        search.hold(secret)
    files = {secret: scratch.file(f"secret-{n}", secret) for n, secret in enumerate((TOKEN, SECOND, WRONG, TOTP))}

    def told(*arguments, **more):
        answer = u.run(*arguments, **more)
        search.look("usher " + " ".join(map(str, arguments)), answer.out + answer.err)
        return answer

    # Wrong first, then right; an app that sends back what it was sent.
    sso = ("--login-method", "sso")
    answer = connect(u, scim, *sso, "--secret", f"token=@{files[WRONG]}", "--username", "robot", app="login")
    search.look("hub connect", answer.out + answer.err)
    equal(answer.status, 1, "a wrong token")
    scim.faults(echo={"status": 400})
    told("account", "set", "Acme", "--secret", f"token=@{files[WRONG]}")
    wait_for(lambda: scim.fired("echo"), "the answer that has the secret in it")
    u.wait_idle()
    scim.faults(echo={"status": 401})
    told("hub", "check", "Acme")
    check(scim.fired("echo"), "the fault fired")
    scim.faults()
    equal(told("account", "set", "Acme", "--secret", f"token=@{files[TOKEN]}").status, 0, "the right token")
    wait_hub(u, "healthy")
    equal(told("account", "add", "Login", "--app", "login", "--username", "robot", "--password", f"@{files[SECOND]}",
               "--totp", f"@{files[TOTP]}").status, 0, "an account with all kinds of secrets")

    # Changes, good and bad, and a sync that is looked at while it runs.
    told("member", "invite", "Acme", "new@example.com", "--create", "--role", "member", "--yes")
    for fault in ({"status": 400}, {"status": 401}):
        scim.faults(echo={"kind": "patch-user", **fault})
        told("member", "set-role", "Acme", "new@example.com", "--role", "member", "--yes")
        told("member", "remove", "Acme", "new@example.com", "--yes")
        check(scim.fired("echo"), "the fault fired")
        scim.faults()
        told("hub", "check", "Acme")
        wait_hub(u, "healthy")
        u.wait_idle()
    check(any("Not accepted" in task.get("error", {}).get("message", "") for task in u.json("task", "list")),
          "what the app said stands in a task, without the secret")
    scim.faults(hold={"page": 1})
    task = task_of(told("sync", "Acme", "--no-wait"))
    wait_for(lambda: scim.fired("hold"), "the held page")
    check(len(search.look_at_processes(u.process.pid)) >= 3, "the daemon runs with its worker and its net process")
    search.look_at_files(u.state)
    search.look_at_answers(u)
    scim.release()
    wait_task(u, task)
    scim.faults()

    # What is refused is not repeated back.
    if FACE == "cli":
        told("account", "add", "Typo", "--app", "login", "--secret", "token=" + SECOND)
    told("account", "add", "Typo", "--app", "login", "--secret", f"tokne=@{files[SECOND]}")
    for text in ('{"label": "Typo", "app": "login", "secrets": {"tokne": %s}}' % json.dumps(SECOND),
                 '{"label": "Typo", "app": "login", "secrets": %s}' % json.dumps(SECOND),
                 '{"label": "Typo", "app": "login", "secrets": {"token": %s' % json.dumps(SECOND)):
        status, found = u.api("POST", "/accounts", text=text, headers={"Content-Type": "application/json"}, expect=None)
        check(400 <= status < 500, f"POST {text} answered {status}")
        search.look("the refusal", json.dumps(found))

    # After a restart, and a kill in the middle of a sync.
    scim.faults(hold={"page": 1})
    told("sync", "Acme", "--no-wait")
    wait_for(lambda: scim.fired("hold"), "the held page")
    u.kill()
    scim.release()
    scim.faults()
    u.start()
    u.wait_idle()
    search.look_at_answers(u)
    search.look_at_processes(u.process.pid)
    u.stop()
    search.look_at_files(u.state)
    search.look_at_files(u.runtime)
    search.look("the log", u.logged())
    check(search.bytes > 100000, "there was something to look at")


def r33_own_tokens_are_shown_once(scratch):
    """R33: an API token is shown when it is made and stands nowhere afterwards"""
    u = Usher(scratch)
    made = u.usher("-q", "token", "create", "script", "--scope", "read")
    token = made.out.split()[-1]
    check(len(token) >= 20, f"the token is printed: {made.out}")
    search = Search(token)
    for command in (("token", "list"), ("audit", "list")):
        for form in ("table", "json", "csv"):
            search.look(" ".join(command), u.usher("-o", form, *command).out)
    u.stop()
    search.look_at_files(u.state)
    search.look("the log", u.logged())


@of_the_command
def r33_secrets_come_from_files_only(scratch):
    """R33: a secret on the command line, where others can read it, is refused"""
    u, scim = Usher(scratch), SecretApp(scratch, users=1)
    answer = connect(u, scim, "--login-method", "sso", "--secret", "token=" + SECOND)
    equal(answer.status, 2, "a secret as an argument")
    check(SECOND not in answer.out + answer.err, "it is not repeated")
    answer = connect(u, scim, "--login-method", "sso", "--secret", "token=-", stdin=TOKEN + "\n")
    equal(answer.status, 0, "from standard input: " + answer.err)
    equal(u.hub()["status"], "healthy", "the hub")


if __name__ == "__main__":
    sys.exit(main([r33_secrets_are_shown_nowhere, r33_own_tokens_are_shown_once, r33_secrets_come_from_files_only],
                  "secrets"))
