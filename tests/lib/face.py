"""The API as a script of somebody's own uses it.

A test says what a person would do in the words of the command ("member invite Acme ..."); here
the same is done by a client that shares nothing with the command: one request to the API with a
token, and a wait for the task it made.  So a rule that is tested in its command form is tested
in its API form by the same lines.
"""

import json
import time
import urllib.parse

# The words of a command, its operands in capitals, and the request.
GRAMMAR = """
status                      GET    /status
doctor                      GET    /doctor
app list                    GET    /apps
app show APP                GET    /apps/{APP}
hub connect APP             POST   /hubs
hub list                    GET    /hubs
hub show HUB                GET    /hubs/{HUB}
hub set HUB                 PATCH  /hubs/{HUB}
hub set-account HUB         PUT    /hubs/{HUB}/account
hub check HUB               POST   /hubs/{HUB}/check
hub remove HUB              DELETE /hubs/{HUB}
hub restore HUB             POST   /hubs/{HUB}/restore
account list                GET    /accounts
account show ACCOUNT        GET    /accounts/{ACCOUNT}
account add LABEL           POST   /accounts
account set ACCOUNT         PATCH  /accounts/{ACCOUNT}
account remove ACCOUNT      DELETE /accounts/{ACCOUNT}
sync HUB                    POST   /hubs/{HUB}/sync
member list HUB             GET    /hubs/{HUB}/members
member show HUB MEMBER      GET    /hubs/{HUB}/members/{MEMBER}
member invite HUB EMAIL     POST   /hubs/{HUB}/members
member set-role HUB MEMBER  PATCH  /hubs/{HUB}/members/{MEMBER}
member remove HUB MEMBER    DELETE /hubs/{HUB}/members/{MEMBER}
member resend HUB MEMBER    POST   /hubs/{HUB}/members/{MEMBER}/resend
member match HUB MEMBER     POST   /hubs/{HUB}/members/{MEMBER}/match
member unlink HUB MEMBER    POST   /hubs/{HUB}/members/{MEMBER}/unlink
member exempt HUB MEMBER    POST   /hubs/{HUB}/members/{MEMBER}/exempt
member unexempt HUB MEMBER  POST   /hubs/{HUB}/members/{MEMBER}/unexempt
person list                 GET    /people
person show PERSON          GET    /people/{PERSON}
person add EMAIL            POST   /people
person remove PERSON        DELETE /people/{PERSON}
task list                   GET    /tasks
task show TASK              GET    /tasks/{TASK}
task watch TASK             GET    /tasks/{TASK}
task cancel TASK            POST   /tasks/{TASK}/cancel
task retry TASK             POST   /tasks/{TASK}/retry
token create NAME           POST   /tokens
token list                  GET    /tokens
token revoke TOKEN          DELETE /tokens/{TOKEN}
report list                 GET    /reports
report show REPORT          GET    /reports/{REPORT}
report apply REPORT         POST   /reports/{REPORT}/apply
report dismiss REPORT       POST   /reports/{REPORT}/dismiss
plan HUB                    GET    /hubs/{HUB}/plan
issue list                  GET    /issues
issue read ISSUE            POST   /issues/{ISSUE}/read
directory import csv FILE   POST   /directory/import
connector list              GET    /connectors
audit list                  GET    /events
"""
COMMANDS = [(line.split()[:-2], *line.split()[-2:]) for line in GRAMMAR.strip().split("\n")]
# The operand that the body has and the path has not.
NAMED = {"hub connect": "APP", "account add": "LABEL", "member invite": "EMAIL", "person add": "EMAIL",
         "token create": "NAME"}
ACCOUNT = {"username", "password", "phone", "totp", "secret", "kind"}
FLAGS = {"--yes", "--no-wait", "-q", "--dry-run", "--create", "--guest", "--no-seat", "--hub-only", "--remove-missing"}
SETTINGS = {"sync-interval", "safeguard-threshold", "safeguard-floor", "safeguard-cap", "settle-window", "keep-members"}
WAITS_FOR_A_PERSON = {"hub-needs-review", "connector-missing", "report-open"}

# What the HTTP status of a refusal is as an exit status.
EXITS = {400: 2, 413: 2, 415: 2, 422: 2, 428: 2, 404: 3, 410: 3, 401: 4, 403: 4}


class Refused(Exception):
    def __init__(self, status, problem):
        super().__init__(f"{problem.get('detail')} {problem.get('action') or ''} ({problem.get('field')}) "
                         f"[{problem.get('code')}]")
        self.exit, self.code = EXITS.get(status, 1), problem.get("code")


def parse(arguments):
    """The command's row, its operands, and its options as {name: [value...]}."""
    plain, options, rest = [], {}, iter(map(str, arguments))
    for word in rest:
        if word in FLAGS:
            options.setdefault(word.lstrip("-"), []).append(True)
        elif word.startswith("-"):
            options.setdefault(word.lstrip("-"), []).append(next(rest))
        else:
            plain.append(word)
    plain = ["sync" if plain[0] == "check-for-updates" else plain[0], *plain[1:]]
    for words, method, path in COMMANDS:
        name = [word for word in words if not word.isupper()]
        if plain[:len(name)] == name:
            operands = dict(zip((word for word in words if word.isupper()), plain[len(name):]))
            return " ".join(name), method, path, operands, plain[len(words):], options
    raise KeyError("no such command in tests/lib/face.py: " + " ".join(plain))


def secret(value, stdin):
    return stdin.rstrip("\n") if value == "-" else open(value.removeprefix("@"), encoding="utf-8").read().strip()


def add(fields, key, value):
    """A second value makes a list of the first."""
    if key in fields:
        fields[key] = (fields[key] if isinstance(fields[key], list) else [fields[key]]) + [value]
    else:
        fields[key] = value


class Api:
    """Carries out commands for one daemon; CALL (method, path, body, text) -> (status, document)."""

    def __init__(self, call):
        self.call = call

    def ask(self, method, path, body=None, text=None):
        status, found = self.call(method, path, body, text)
        if status >= 400:
            raise Refused(status, found if isinstance(found, dict) else {"detail": str(found)})
        return status, found

    def run(self, arguments, stdin=None):
        """(exit status, what is printed, the error) as the command would end."""
        try:
            return self.carry_out(*parse(arguments), stdin)
        except Refused as refused:
            return refused.exit, "", str(refused)

    def items(self, path):
        found, cursor = [], None
        while True:
            page = path + (("&" if "?" in path else "?") + "limit=500" + (f"&cursor={cursor}" if cursor else ""))
            _, answer = self.ask("GET", page)
            found += answer["items"]
            if "next" not in answer:
                return found
            cursor = urllib.parse.quote(answer["next"], safe="")

    def carry_out(self, name, method, path, operands, more, options, stdin):
        as_json, no_wait = options.pop("o", ["table"]) == ["json"], "no-wait" in options
        for operand, value in operands.items():
            path = path.replace("{%s}" % operand, urllib.parse.quote(value, safe=""))
        if name == "task watch":
            return self.wait(operands["TASK"], as_json)
        if name == "directory import csv":
            query = "?remove_missing=true&confirm=true" if "remove-missing" in options else "?remove_missing=false"
            query += "&dry_run=true" if "dry-run" in options else ""
            _, found = self.ask("POST", path + query, text=open(operands["FILE"], encoding="utf-8").read())
            return 5 if "held" in found else 0, json.dumps(found), ""
        sure = "yes" in options
        options = {key: values for key, values in options.items() if key not in ("yes", "no-wait", "q")}
        body = None if method in ("GET", "DELETE") else self.body(name, operands, more, options, stdin)
        if body is None and options:
            path += "?" + urllib.parse.urlencode({key.replace("-", "_"): str(values[-1]).lower() if values[-1] is True
                                                  else values[-1] for key, values in options.items()})
        if name.endswith(" list"):
            return 0, json.dumps(self.items(path)), ""
        try:
            status, found = self.ask(method, path, body)
        except Refused as refused:
            if not (sure and refused.code == "confirmation-required"):
                raise
            if body is None:
                path += ("&" if "?" in path else "?") + "confirm=true"
            status, found = self.ask(method, path, body if body is None else dict(body, confirm=True))
        if name == "hub connect":
            return self.connected(found, no_wait, as_json)
        return self.finish(status, found, no_wait, as_json)

    def body(self, name, operands, more, options, stdin):
        body, account = {}, {}
        for key, values in options.items():
            target = account if name == "hub connect" and key in ACCOUNT else body
            if key in ("password", "totp"):
                target.setdefault("secrets", {})[key] = secret(values[-1], stdin)
            elif key == "secret":
                for pair in values:
                    field, value = pair.split("=", 1)
                    target.setdefault("secrets", {})[field] = secret(value, stdin)
            elif key == "set":
                for pair in values:
                    add(body.setdefault("fields", {}), *pair.split("=", 1))
            elif key == "revision":
                body[key] = int(values[-1])
            elif key == "keep":
                body[key] = dict(pair.split("=", 1) for pair in values)
            elif key == "business-id":
                fields = self.ask("GET", "/apps/" + operands["APP"])[1]["fields"]
                ids = [field["key"] for field in fields if field.get("id")]
                body.setdefault("fields", {})[ids[0] if ids else "business_id"] = values[-1]
            elif key in ("role", "scope"):
                body[key + "s"] = values
            elif key == "no-seat":
                body["seat"] = False
            elif key == "guest" and name == "person add":
                body["is_guest"] = True
            else:
                target[key.replace("-", "_")] = values[-1]
        for pair in more:
            key, value = pair.split("=", 1)
            if key in SETTINGS:
                body.setdefault("settings", {})[key] = int(value) if value.isdigit() else value
            elif key in ("label", "login-method"):
                body[key.replace("-", "_")] = value
            else:
                add(body.setdefault("fields", {}), key, value)
        if name in NAMED:
            body[NAMED[name].lower()] = operands[NAMED[name]]
        if name == "hub connect" and "account" not in body:
            body["account"] = dict(account, label=body.get("label"))
        return body

    def wait(self, task, as_json):
        while True:
            _, found = self.ask("GET", "/tasks/" + task)
            out = json.dumps(found) if as_json else task
            error = found.get("error", {})
            if found["status"] == "completed":
                return 0, out, ""
            if found["status"] == "not-completed":
                return 5 if error.get("code") == "safeguard-exceeded" else 1, out, f"{error.get('message')} [{error.get('code')}]"
            if found.get("wait_reason") in WAITS_FOR_A_PERSON:
                return 5, out, found["wait_reason"]
            time.sleep(0.05)

    def finish(self, status, found, no_wait, as_json):
        task = found.get("task", found) if isinstance(found, dict) else {}
        if not isinstance(task, str):
            task = task.get("id") if "kind" in task else None
        if not task or (status != 202 and not found.get("joined")):
            return 0, json.dumps(found), ""
        return (0, task, "") if no_wait else self.wait(task, as_json)

    def connected(self, found, no_wait, as_json):
        hub = found.get("hub", found)
        hub = hub if isinstance(hub, str) else hub["id"]
        task = found["task"] if isinstance(found["task"], str) else found["task"]["id"]
        if no_wait:
            return 0, task, ""
        ended = self.wait(task, as_json)
        app = self.ask("GET", "/hubs/" + hub)[1]["app"]
        if ended[0] or self.ask("GET", "/apps/" + app)[1]["can"]["sync"] is not True:
            return ended
        for _ in range(1800):
            syncs = [t for t in self.items("/tasks?hub=" + hub) if t["kind"] == "sync"]
            if syncs:
                return self.wait(min(t["id"] for t in syncs), as_json)
            time.sleep(0.05)
        return 1, "", "the first sync has not started"
