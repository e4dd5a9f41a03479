#!/usr/bin/env python3
"""The OpenAPI document: that it is one, that it and the code say the same, both ways, and that
every operation of it answers as it says.  With USHER_FACE=url the answers come through the
independent validator of tests/lib/validator.py."""

import contextlib
import http.client
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import usher as lib  # noqa: E402
from openapi import Document, jsonschema  # noqa: E402
from usher import App, Failed, Skipped, UnixConnection, Usher, check, equal, main  # noqa: E402

BASE = "/api/v1"
EVERYTHING = ("--scope", "read", "--scope", "write", "--scope", "admin")
UUID = "01890000-0000-7000-8000-000000000000"

# What OpenAPI 3.1 asks of a document, as its authors publish it.
OPENAPI = lib.TOP / "tests/lib/openapi-3.1/schema.json"


def rows():
    """The table of routes as its source has it: (method, path, flags...)."""
    text = (lib.TOP / "host/api/routes.c").read_text()
    found = re.findall(r'^  \{ "([A-Z]+)", "([^"]+)", \w+, (\d+), \w, ([A-Z_| 0]+), (\w+),', text, re.M)
    check(len(found) > 40, f"only {len(found)} rows of the table of routes were read")
    return [(method, path if "ROUTE_ROOT" in flags else BASE + path, flags, scope) for method, path, _, flags, scope in found]


def kind_of(raw):
    """What a body that is not JSON is sent as: text is a table of people, bytes are a backup."""
    return "text/csv" if isinstance(raw, str) else "application/octet-stream"


def raw_body(operation):
    """The beginning of a body that OPERATION takes, None where that is JSON or none."""
    content = operation.get("requestBody", {}).get("content", {})
    return "email\n" if "text/csv" in content else b"" if "application/octet-stream" in content else None


def request(usher, method, path, body=None, headers=None, raw=None):
    """Status, headers, body; PATH is from the root."""
    connection = UnixConnection(usher.socket)
    kind = {"Content-Type": kind_of(raw)} if raw is not None else {"Content-Type": "application/json"} if body is not None else {}
    try:
        # A refusal does not wait for the body.
        with contextlib.suppress(BrokenPipeError):
            connection.request(method, path, raw if raw is not None else None if body is None else json.dumps(body),
                               dict(kind, **(headers or {})))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def document(usher):
    status, headers, text = request(usher, "GET", BASE + "/openapi.json")
    equal(status, 200, "the document")
    equal(headers["Content-Type"], "application/json", "its type")
    check(text.count(b"\n") > 500, "it is not printed to be read")
    return json.loads(text)


def filled(path):
    return re.sub(r"\{[a-z]+\}", UUID, path)


def test_it_is_openapi(scratch):
    """The document is OpenAPI 3.1 by its own schema, each schema is a schema, each reference leads somewhere."""
    if jsonschema is None:
        raise Skipped("python3-jsonschema is missing")
    whole = document(Usher(scratch, setup=False))
    equal(whole["openapi"], "3.1.0", "openapi")
    openapi = jsonschema.Draft202012Validator(json.loads(OPENAPI.read_text()))
    equal([f"{'/'.join(map(str, e.path))}: {e.message}" for e in openapi.iter_errors(whole)], [], "what is not OpenAPI 3.1")
    spoilt = json.loads(json.dumps(whole))
    spoilt["paths"][BASE + "/status"]["get"]["sumary"] = "A word that there is not"
    check(not openapi.is_valid(spoilt), "the schema of OpenAPI takes anything")
    known = Document(whole)
    used, ids = set(), []

    def look(value, where):
        if isinstance(value, dict):
            if "$ref" in value:
                check(value.keys() <= {"$ref", "description"}, f"{where}: beside a reference")
                used.add(value["$ref"])
            for key, inner in value.items():
                look(inner, f"{where}/{key}")
        elif isinstance(value, list):
            for i, inner in enumerate(value):
                look(inner, f"{where}/{i}")

    def content(thing, where):
        for kind, media in thing.get("content", {}).items():
            check("/" in kind, f"{where}: {kind} is no media type")
            jsonschema.Draft202012Validator.check_schema(media["schema"])

    look(whole, "")
    for name in sorted(used):
        at = whole
        check(name.startswith("#/"), f"{name} leads out of the document")
        for word in name[2:].split("/"):
            check(word in at, f"{name} leads nowhere")
            at = at[word]
    for name, schema in whole["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        check(f"#/components/schemas/{name}" in used, f"nothing refers to the schema {name}")
    for name, one in whole["components"]["parameters"].items():
        check(f"#/components/parameters/{name}" in used, f"nothing refers to the parameter {name}")
    for name, one in whole["components"]["responses"].items():
        content(one, f"response {name}")
    for method, path, operation in known.operations():
        where = f"{method} {path}"
        check({"operationId", "summary", "security"} <= operation.keys(), f"{where} has {operation.keys()}")
        ids.append(operation["operationId"])
        names = [known.follow(one) for one in operation["parameters"]]
        equal({one["name"] for one in names if one["in"] == "path"}, set(re.findall(r"\{(\w+)\}", path)),
              f"{where}: names in the path")
        check(all(one["required"] for one in names if one["in"] == "path"), f"{where}: a name in the path is not required")
        pairs = [(one["in"], one["name"]) for one in names]
        equal(len(set(pairs)), len(pairs), f"{where}: parameters")
        if "requestBody" in operation:
            content(operation["requestBody"], where)
        check(any(status < "300" for status in operation["responses"]), f"{where} has no good answer")
        for status, one in operation["responses"].items():
            check(re.fullmatch("[1-5][0-9][0-9]", status), f"{where}: {status}")
            one = known.follow(one)
            content(one, f"{where} {status}")
        for one in operation["security"]:
            equal(set(one), {"token"}, f"{where}: security")
            check(set(one["token"]) <= {"read", "write", "admin"}, f"{where}: scopes {one}")
    equal(len(set(ids)), len(ids), "ids of operations")


def test_table_and_document(scratch):
    """Each row of the table of routes is in the document, and nothing else is."""
    known = document(Usher(scratch, setup=False))
    documented = {(method.upper(), path) for path, item in known["paths"].items() for method in item}
    table = {(method, path) for method, path, _, _ in rows()}
    equal(table - documented, set(), "routes that are not documented")
    equal(documented - table, set(), "documented operations that have no route")


def test_each_path_answers(scratch):
    """Each documented method is taken, each other one refused with those that are taken."""
    usher = Usher(scratch)
    for path, item in document(usher)["paths"].items():
        taken = {method.upper() for method in item}
        if path.endswith("/stream"):
            continue
        for method in ("GET", "PUT", "POST", "PATCH", "DELETE"):
            status, headers, text = request(usher, method, filled(path), {} if method in ("PUT", "POST", "PATCH") else None)
            if method in taken:
                check(status != 405 and b"nothing at this path" not in text, f"{method} {path}: {status} {text}")
            else:
                equal(status, 405, f"{method} {path}: {text}")
                allowed = set(headers["Allow"].split(", "))
                equal(allowed - {"HEAD"}, taken, f"{path}: Allow")
                equal("HEAD" in allowed, "GET" in taken, f"{path}: HEAD")


def test_only_what_is_documented(scratch):
    """A parameter or a field that is not documented is refused, one that is required and left out, too.

    So is a parameter that is to be true or false and is neither.
    """
    usher = Usher(scratch)
    known = Document(document(usher))
    for method, path, operation in known.operations():
        if path.endswith("/stream") or path == "/healthz":
            continue
        where = f"{method} {path}"
        body = {} if "application/json" in operation.get("requestBody", {}).get("content", {}) else None
        raw = raw_body(operation)
        status, _, text = request(usher, method, filled(path) + "?colour=red", body, raw=raw)
        equal((status, json.loads(text).get("field")), (422, "colour"), f"{where}: an unknown parameter: {text}")
        for one in map(known.follow, operation["parameters"]):
            if one["in"] == "query":
                value = {"limit": "1", "cursor": "x"}.get(one["name"], "true")
                status, _, text = request(usher, method, filled(path) + f"?{one['name']}={value}", body, raw=raw)
                check(b"takes no parameter" not in text, f"{where}: the parameter {one['name']} is not taken: {text}")
                for wrong in ("True", "1", "yes", "") if one["schema"].get("enum") == ["true", "false"] else ():
                    status, _, text = request(usher, method, filled(path) + f"?{one['name']}={wrong}", body, raw=raw)
                    equal((status, json.loads(text).get("field")), (422, one["name"]),
                          f"{where}: {one['name']}={wrong}: {text}")
        if body is None:
            continue
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        status, _, text = request(usher, method, filled(path), {"colour": "red"})
        equal((status, json.loads(text).get("field")), (422, "colour"), f"{where}: an unknown field: {text}")
        for name, field in schema["properties"].items():
            types = field["type"]
            value = "x" if "boolean" in types else True
            status, _, text = request(usher, method, filled(path), {name: value})
            equal((status, json.loads(text).get("field")), (422, name), f"{where}: {name} of a wrong type: {text}")


def test_required_fields(scratch):
    """A field that the document requires cannot be left out."""
    usher, app = Usher(scratch), App(scratch, users=2)
    usher.connect(app)
    usher.wait_idle()
    member = usher.members()[0]["id"]
    app.change(remove=[user["userName"] for user in app.users()])
    usher.usher("sync", "Acme", status=5)
    report = usher.json("report", "list")[0]["id"]
    good = {"/hubs": {"app": "scim", "label": "Other", "login_method": "sso", "fields": {"base_url": app.url + "/x"}},
            "/hubs/{hub}/account": {"account": "Acme"}, "/hubs/{hub}/members": {"email": "a@corp.test", "create": True},
            "/hubs/{hub}/members/{member}": {"roles": ["member"]},
            "/hubs/{hub}/members/{member}/match": {"person": "owner@example.com"},
            "/hubs/{hub}/members/{member}/exempt": {"reason": "why"}, "/accounts": {"app": "scim", "label": "Second"},
            "/reports/{report}/apply": {"revision": 1, "reason": "why"}, "/reports/{report}/dismiss": {"reason": "why"},
            "/people": {"email": "b@corp.test"}, "/tokens": {"name": "t"}, "/setup": {"owner": "o@example.com"}}
    for method, path, operation in Document(document(usher)).operations():
        schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        for name in schema.get("required", []):
            body = dict(good[path.removeprefix(BASE)])
            check(name in body, f"{path}: the test knows no value for {name}")
            del body[name]
            at = path.replace("{hub}", "Acme").replace("{member}", member).replace("{report}", report)
            status, _, text = request(usher, method, at, body)
            if path.endswith("/setup"):
                equal(status, 409, "a second set-up")
                continue
            check(status == 422 and json.loads(text)["code"] in ("validation-failed", "reason-required"),
                  f"{method} {path} without {name}: {status} {text}")
            equal(json.loads(text).get("field"), name, f"{method} {path} without {name}: field of {text}")


def test_scopes_as_documented(scratch):
    """Each operation wants the scope that the document names, and no other."""
    usher = Usher(scratch)
    tokens = {}
    for scope in ("read", "write", "admin"):
        others = [x for s in ("read", "write", "admin") if s != scope for x in ("--scope", s)]
        tokens[scope] = (usher.json("token", "create", f"all but {scope}", *others)["token"],
                         usher.json("token", "create", f"only {scope}", "--scope", scope)["token"])
    for method, path, operation in Document(document(usher)).operations():
        where, wanted = f"{method} {path}", operation["security"][0]["token"] if operation["security"] else []
        json_body = "application/json" in operation.get("requestBody", {}).get("content", {})
        raw = raw_body(operation)
        check(len(wanted) <= 1, f"{where}: {wanted}")
        if path.endswith("/stream"):
            continue
        for scope in ("read", "write", "admin"):
            without, alone = ({"Authorization": "Bearer " + token} for token in tokens[scope])
            body = {} if json_body else None
            status, headers, text = request(usher, method, filled(path), body, without, raw=raw)
            lacks = status == 403 and f"the scope {scope}" in json.loads(text)["detail"]
            equal(lacks, scope in wanted, f"{where} by a token without {scope}: {status} {text[:300]}")
            if lacks:
                equal(headers["WWW-Authenticate"], f'Bearer realm="usher", error="insufficient_scope", scope="{scope}"',
                      f"{where}: WWW-Authenticate")
            status, _, text = request(usher, method, filled(path), body, alone, raw=raw)
            if scope in wanted:
                check(b"lacks the scope" not in text, f"{where} by a token of {scope} alone: {status} {text[:300]}")


class Caller:
    """Requests with a token, each answer held to the document; over TCP through the validator
    where that is asked for."""

    def __init__(self, usher, known):
        self.usher, self.known = usher, known
        self.front = usher.front if lib.FACE == "url" else None

    def __call__(self, method, path, body=None, expect=200, headers=None, raw=None, root=False):
        path = path if root else BASE + path
        if self.front:
            connection = http.client.HTTPConnection("127.0.0.1", self.front, timeout=60)
            kind = kind_of(raw) if raw is not None else "application/json"
            sent = raw if raw is not None else None if body is None else json.dumps(body)
            connection.request(method, path, sent, dict({"Authorization": "Bearer " + self.usher.token},
                                                        **({"Content-Type": kind} if sent is not None else {}), **(headers or {})))
            answer = connection.getresponse()
            status, found, text = answer.status, answer.headers, answer.read()
            connection.close()
        else:
            status, found, text = request(self.usher, method, path, body, headers, raw)
        equal(status, expect, f"{method} {path}: {text[:500]}")
        self.known.answer(method, path.split("?")[0], status, found.get("Content-Type", ""), text)
        return json.loads(text) if text.startswith(b"{") else text

    def wait(self, task):
        lib.wait_for(lambda: "ended_at" in self("GET", f"/tasks/{task}"), f"the end of {task}")


def keep(usher, ask):
    """Keys, the chain of events, and a backup that is put back."""
    ask("GET", "/audit/verify")
    ask("POST", "/key/rotate", {})
    check(ask("POST", "/backup")[:12] == b"USHER BACKUP", "a backup is none")
    # As it is, past a validator that takes bytes for text.
    status, _, data = request(usher, "POST", BASE + "/backup")
    equal(status, 200, "a backup")
    ask("POST", "/restore", raw=b"", expect=428)
    status, headers, text = request(usher, "POST", BASE + "/restore?confirm=true", raw=data)
    equal(status, 202, f"a restore: {text}")
    ask.known.answer("POST", BASE + "/restore", status, headers["Content-Type"], text)

    def restored():
        try:
            return "restored" in json.loads(request(usher, "GET", BASE + "/status")[2])
        except OSError:
            return False  # it starts again
    lib.wait_for(restored, "the restart")
    ask("GET", "/status")
    ask("GET", "/doctor")


def test_every_operation(scratch):
    """Every operation is called, and what it answers is as documented, to the last field."""
    usher, app = Usher(scratch, setup=False), App(scratch, users=8)
    known = Document(document(usher))
    status, headers, text = request(usher, "POST", BASE + "/setup", {"owner": "owner@example.com"})
    equal(status, 201, f"set-up: {text}")
    known.answer("POST", BASE + "/setup", status, headers["Content-Type"], text)
    usher.json("status")  # the first command through the validator sets it up
    ask = Caller(usher, known)
    for path in ("/healthz", "/readyz", "/metrics"):
        ask("GET", path, root=True)
    for path in ("/status", "/doctor", "/openapi.json", "/apps", "/apps/scim", "/connectors"):
        ask("GET", path)
    ask("POST", "/directory/import?file=people.csv", raw="email,first_name,teams\n" + "".join(
        f"user00000{i}@example.com,First,Team\n" for i in range(4)))
    account = ask("POST", "/accounts", {"app": "scim", "label": "Saved", "kind": "token", "secrets": {"token": app.TOKEN}},
                  expect=201)
    ask("PATCH", f"/accounts/{account['id']}", {"label": "Kept", "secrets": {"token": app.TOKEN}})
    made = ask("POST", "/hubs", {"app": "scim", "label": "Acme", "login_method": "sso", "fields": {"base_url": app.url},
                                 "account": "Kept", "settings": {"safeguard-threshold": 10}}, expect=202)
    ask.wait(made["task"]["id"])
    usher.wait_idle()
    hub = "/hubs/" + made["hub"]["id"]
    ask("GET", "/hubs")
    ask("GET", hub)
    ask("PATCH", hub, {"label": "Acme Inc", "settings": {"safeguard-threshold": 20, "keep-members": ["ada@example.com"],
                                                         "deprovision-mode": "confirm", "rotate-on-leave": "off",
                                                         "notify-matched": "off"}})
    ask.wait(ask("POST", hub + "/check", {}, expect=202)["id"])
    task = ask("POST", hub + "/sync", {"dry_run": True}, expect=202)
    ask.wait(task["id"])
    ask("GET", hub + "/roles")
    ask("POST", "/people", {"email": "new@corp.test", "first_name": "New", "last_name": "Person"}, expect=201)
    task = ask("POST", hub + "/members", {"email": "new@corp.test", "roles": ["member"]}, expect=202)
    ask.wait(task["id"])
    ask("POST", hub + "/members", {"email": "owner@example.com", "hub_role": "owner", "seat": False}, expect=202)
    members = ask("GET", hub + "/members?limit=500&tab=unmatched")["items"]
    ask("GET", hub + "/members?limit=2")
    one = f"{hub}/members/{members[0]['id']}"
    ask("POST", one + "/exempt", {"reason": "a service account"})
    ask("GET", one)
    ask("POST", one + "/unexempt", {}, expect=428)
    ask("POST", one + "/unexempt", {"confirm": True})
    ask("POST", one + "/resend", {}, expect=422)
    ask("POST", one + "/match", {"person": "owner@example.com"})
    ask("POST", one + "/unlink", {})
    joined = f"{hub}/members/new%40corp.test"
    app.change(set={"user000007@example.com": {"roles": [{"value": "admin"}]}})
    ask.wait(ask("POST", hub + "/sync", {}, expect=202)["id"])
    task = ask("PATCH", joined, {"roles": ["admin"]}, expect=202)
    ask.wait(task["id"])
    task = ask("DELETE", joined + "?confirm=true", expect=202)
    ask.wait(task["id"])
    # A listing that would take too many is held in a report, and ends in the inbox.
    app.change(remove=[f"user00000{i}@example.com" for i in range(1, 8)])
    task = ask("POST", hub + "/sync", {}, expect=202)
    ask.wait(task["id"])
    report = ask("GET", "/reports")["items"][0]
    ask("GET", f"/reports/{report['id']}")
    reason = {"reason": "they are there, the app is being moved"}
    ask("POST", f"/reports/{report['id']}/apply", dict(reason, revision=report["revision"], confirm=True), expect=202)
    usher.wait_idle("Acme Inc")
    ask("GET", f"/reports/{report['id']}")
    app.change(remove=[u["userName"] for u in app.users()])
    ask.wait(ask("POST", hub + "/sync", {}, expect=202)["id"])
    report = ask("GET", "/reports")["items"][0]
    ask("POST", f"/reports/{report['id']}/dismiss", reason)
    ask("GET", hub + "/plan")
    # The same of people: a list that names hardly any of them.
    ask("POST", "/directory/import?remove_missing=true&dry_run=true", raw="email,username\nuser000000@example.com,ada\n")
    held = ask("POST", "/directory/import?remove_missing=true&confirm=true", raw="email\nuser000000@example.com\n")
    ask("GET", f"/reports/{held['report']}")
    ask("POST", f"/reports/{held['report']}/apply", dict(reason, revision=1, confirm=True,
                                                        keep={"user000001@example.com": "a contractor"}), expect=202)
    ask("GET", f"/reports/{held['report']}")
    issue = ask("GET", "/issues")["items"][0]
    ask("POST", f"/issues/{issue['id']}/read", {})
    ask("GET", "/tasks?limit=3")
    ask("POST", f"/tasks/{task['id']}/retry", {}, expect=409)
    # A task that waits can be cancelled, and then retried.
    app.faults(error={"status": 503})
    task = ask("POST", hub + "/sync", {}, expect=202)
    lib.wait_for(lambda: ask("GET", f"/tasks/{task['id']}")["status"] == "retrying", "the first attempt")
    equal(ask("POST", hub + "/sync", {}, expect=200)["joined"], True, "a sync that was there already")
    ask("POST", f"/tasks/{task['id']}/cancel", {})
    app.faults()
    ask("POST", f"/tasks/{task['id']}/retry", {}, expect=202)
    ask.wait(task["id"])
    ask("GET", "/events?limit=500")
    ask("GET", "/events?limit=3")
    token = ask("POST", "/tokens", {"name": "short", "scopes": ["read"], "expires_at": "2090-01-01T00:00:00Z"}, expect=201)
    ask("GET", "/tokens")
    ask("DELETE", f"/tokens/{token['id']}")
    ask("POST", "/connectors/seat/disable", {})
    ask("POST", "/connectors/seat/enable", {})
    ask("GET", "/accounts")
    ask("GET", "/accounts/Kept")
    ask("GET", "/people")
    ask("GET", "/people/user000001%40example.com")
    ask("DELETE", "/people/user000001%40example.com?confirm=true")
    second = ask("POST", "/accounts", {"app": "scim", "label": "Second", "secrets": {"token": app.TOKEN}}, expect=201)
    ask("PUT", hub + "/account", {"account": second["id"]}, expect=202)
    usher.wait_idle("Acme Inc")
    ask("DELETE", "/accounts/Kept?confirm=true")
    ask("DELETE", hub + "?reason=replaced&text=moved&confirm=true")
    ask("GET", "/hubs?removed=true")
    ask("POST", hub + "/restore", {}, expect=202)
    ask("GET", "/hubs/nobody", expect=404)
    ask("POST", "/people", {"email": "x"}, expect=422)
    keep(usher, ask)
    everything = {(method, path) for method, path, _ in known.operations()}
    equal(everything - known.called, {("GET", BASE + "/events/stream")}, "operations that were not called")
    if lib.VALIDATOR:
        equal(everything - lib.VALIDATOR.document.called, {("GET", BASE + "/events/stream"), ("POST", BASE + "/setup")},
              "operations that were not called through the validator")


def test_the_check_finds_faults(scratch):
    """An answer that lacks a field, has one too many or another status is found out."""
    usher = Usher(scratch)
    whole = document(usher)
    for change, text in ((lambda d: d["components"]["schemas"]["Status"]["required"].append("colour"), "colour"),
                         (lambda d: d["components"]["schemas"]["Status"]["properties"].pop("version"), "version"),
                         (lambda d: d["paths"][BASE + "/status"]["get"]["responses"].pop("200"), "200")):
        spoilt = json.loads(json.dumps(whole))
        change(spoilt)
        status, headers, answer = request(usher, "GET", BASE + "/status")
        try:
            Document(spoilt).answer("GET", BASE + "/status", status, headers["Content-Type"], answer)
        except Failed as failed:
            check(text in str(failed), f"found for another reason: {failed}")
        else:
            raise Failed(f"a document that is wrong about {text} was not found out")
    if lib.FACE == "url":
        import validator
        usher.json("status")
        spoilt = json.loads(json.dumps(whole))
        spoilt["components"]["schemas"]["Status"]["required"].append("colour")
        other = validator.Validator(spoilt)
        lib.equal(validator.send(other.front(usher.port), "GET", BASE + "/status",
                                 {"Authorization": "Bearer " + usher.token}, None)[0], 200, "through another validator")
        check(any("response" in text and "colour" in text for text in other.wrong), f"prism did not find it: {other.wrong}")


if __name__ == "__main__":
    sys.exit(main([test_it_is_openapi, test_table_and_document, test_each_path_answers, test_only_what_is_documented,
                   test_required_fields, test_scopes_as_documented, test_every_operation, test_the_check_finds_faults],
                  "openapi"))
