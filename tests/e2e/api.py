#!/usr/bin/env python3
"""The API as those meet it who do not use the command: over the socket, and over TCP."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import select
import socket
import stat
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from usher import App, Usher, UnixConnection, check, equal, free_port, main, scim_user, wait_for  # noqa: E402

# Bytes that a person may put into a label, and what stands for them in a path.
LABELS = ["a/b", "50% off", 'the "new" one', "it's", "Ünïcode ✓ 漢字", "a?b&c=d#e", "..", "a+b c"]


def quoted(text):
    return urllib.parse.quote(text, safe="")


class Tcp:
    """The daemon's web address."""

    def __init__(self, scratch, **more):
        self.port = free_port()
        self.usher = Usher(scratch, **more)
        self.usher.stop()
        self.usher.start(arguments=("--listen", f"127.0.0.1:{self.port}"))

    def ask(self, method, path, token=None, body=None, base="/api/v1"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = token if " " in token else "Bearer " + token
        connection.request(method, base + path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        raw = answer.read()
        connection.close()
        found = json.loads(raw) if raw.startswith(b"{") else raw
        return answer.status, found, answer.headers


def problem(status, found, wanted, code, text, headers=None):
    """Holds an answer to RFC 9457 and to what Usher adds."""
    equal(status, wanted, f"{text}: status of {found}")
    equal(found["code"], code, f"{text}: code of {found}")
    equal(found["status"], wanted, f"{text}: status in the body")
    for member in ("title", "detail", "action"):
        check(isinstance(found.get(member), str) and found[member], f"{text}: no {member} in {found}")
    if headers is not None:
        equal(headers["Content-Type"], "application/problem+json", f"{text}: content type")


def raw(path, text, seconds=60):
    """What is answered to TEXT, byte by byte as given, until the end of the answer."""
    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(seconds)
        one.connect(str(path))
        one.sendall(text)
        answer = http.client.HTTPResponse(one)
        answer.begin()
        return answer.status, answer.read()


def test_before_set_up(scratch):
    """Before set-up every request but status, doctor and setup answers not-set-up."""
    usher = Usher(scratch, setup=False)
    open_ones = {("GET", "/status"), ("GET", "/doctor"), ("POST", "/setup")}
    uuid = "01890000-0000-7000-8000-000000000000"
    routes = [("GET", path) for path in (
        "/apps", "/apps/scim", "/hubs", f"/hubs/{uuid}", "/hubs/x/roles", "/hubs/x/members", "/hubs/x/members/y",
        "/accounts", "/accounts/x", "/people", "/people/x", "/tasks", f"/tasks/{uuid}", "/reports",
        f"/reports/{uuid}", "/issues", "/events", "/tokens", "/connectors")]
    routes += [("POST", path) for path in (
        "/hubs", "/hubs/x/check", "/hubs/x/sync", "/hubs/x/restore", "/hubs/x/members", "/hubs/x/members/y/match",
        "/hubs/x/members/y/unlink", "/hubs/x/members/y/exempt", "/hubs/x/members/y/unexempt", "/accounts", "/people",
        f"/tasks/{uuid}/cancel", f"/tasks/{uuid}/retry", f"/issues/{uuid}/read", "/tokens",
        "/connectors/seat/enable", "/connectors/seat/disable")]
    routes += [("PATCH", "/hubs/x"), ("DELETE", "/hubs/x"), ("PUT", "/hubs/x/account"), ("PATCH", "/hubs/x/members/y"),
               ("DELETE", "/hubs/x/members/y"), ("PATCH", "/accounts/x"), ("DELETE", "/accounts/x"),
               ("DELETE", "/people/x"), ("DELETE", "/tokens/x")]
    wrong = []
    for method, path in routes:
        status, found = usher.api(method, path, None if method in ("GET", "DELETE") else {}, expect=None)
        if (status, found.get("code")) != (409, "not-set-up"):
            wrong.append((method, path, status, found.get("code")))
    status, found = usher.api("POST", "/directory/import", text="email\na@corp.test\n", expect=None)
    if found.get("code") != "not-set-up":
        wrong.append(("POST", "/directory/import", status, found.get("code")))
    equal(wrong, [], "requests that did not answer not-set-up")
    for method, path in open_ones - {("POST", "/setup")}:
        usher.api(method, path)
    answer = usher.usher("hub", "list", status=1)
    check("usher setup" in answer.err, f"the command does not say what to do: {answer.err}")
    usher.usher("status")
    usher.usher("doctor", status=1)


def test_set_up_once(scratch):
    """A second set-up answers already-set-up, and a bad one changes nothing."""
    usher = Usher(scratch, setup=False)
    for body, field in (({}, "owner"), ({"owner": "nobody"}, "email"), ({"owner": 5}, "owner"),
                        ({"owner": "o@example.com", "name": "x" * 81}, "name")):
        status, found = usher.api("POST", "/setup", body, expect=None)
        problem(status, found, 422, "validation-failed", f"setup {body}")
        check(found.get("field") in (field, "owner"), f"setup {body} names the field {found.get('field')}")
    check(not usher.api("GET", "/status")[1]["set_up"], "a bad set-up set up")
    usher.api("POST", "/setup", {"owner": "owner@example.com", "name": "One"}, expect=201)
    status, found = usher.api("POST", "/setup", {"owner": "other@example.com"}, expect=None)
    problem(status, found, 409, "already-set-up", "a second set-up")
    equal([p["email"] for p in usher.api("GET", "/people")[1]["items"]], ["owner@example.com"], "people")
    equal(usher.api("GET", "/status")[1]["workspace"], "One", "the workspace")


def test_tcp_needs_a_token(scratch):
    """Over TCP nothing but /healthz is answered without a token that is known and valid."""
    tcp = Tcp(scratch)
    usher = tcp.usher
    equal(tcp.ask("GET", "/healthz", base="")[0], 200, "/healthz")
    token = usher.json("token", "create", "short", "--scope", "read", "--expires", "2090-01-01T00:00:00Z")
    for path in ("/status", "/doctor", "/hubs", "/people", "/no-such-path", "/tasks/x"):
        status, found, headers = tcp.ask("GET", path)
        problem(status, found, 401, "not-signed-in", f"{path} without a token", headers)
        equal(headers["WWW-Authenticate"], 'Bearer realm="usher"', f"{path}: WWW-Authenticate")
    for value in ("Bearer wrong", "Basic dXNlcjpwYXNz", "Bearer ", token["token"][:-1], token["token"] + "0",
                  token["token"].upper()):
        status, found, _ = tcp.ask("GET", "/status", value)
        problem(status, found, 401, "not-signed-in", f"the token {value!r}")
    equal(tcp.ask("GET", "/status", token["token"])[0], 200, "a good token")
    equal(tcp.ask("GET", "/status", "bearer " + token["token"])[0], 200, "the scheme in any case")
    status, found, _ = tcp.ask("POST", "/setup", token["token"], {"owner": "x@example.com"})
    problem(status, found, 403, "not-permitted", "set-up over TCP")
    usher.advance(70 * 365 * 86400)
    status, found, _ = tcp.ask("GET", "/status", token["token"])
    problem(status, found, 401, "not-signed-in", "an expired token")
    lasting = usher.json("token", "create", "lasting", "--scope", "read")
    equal(tcp.ask("GET", "/hubs", lasting["token"])[0], 200, "a token that does not expire")
    usher.usher("token", "revoke", "lasting", "--yes")
    status, found, _ = tcp.ask("GET", "/hubs", lasting["token"])
    problem(status, found, 401, "not-signed-in", "a revoked token")
    check("lasting" not in [t["name"] for t in usher.json("token", "list")], "a revoked token is listed")
    shown = usher.api("GET", "/tokens")[1]["items"]
    check(all("token" not in t and "hash" not in t for t in shown), f"the list shows more than names: {shown}")


def test_scopes(scratch):
    """A token does what its scopes say and no more, and hands on none that it lacks."""
    tcp = Tcp(scratch)
    usher = tcp.usher
    tokens = {scopes: usher.json("token", "create", scopes, *[x for s in scopes.split("+") for x in ("--scope", s)])
              ["token"] for scopes in ("read", "read+write", "read+write+admin", "write")}
    for path in ("/hubs", "/people", "/tasks", "/apps", "/events", "/accounts", "/connectors", "/issues", "/reports"):
        equal(tcp.ask("GET", path, tokens["read"])[0], 200, f"read: {path}")
        status, found, _ = tcp.ask("GET", path, tokens["write"])
        problem(status, found, 403, "not-permitted", f"write only: {path}")
        check("read" in found["detail"], f"the scope that is missing is not named: {found}")
    for method, path, body in (("POST", "/people", {"email": "a@corp.test"}), ("DELETE", "/people/owner@example.com", None),
                               ("POST", "/hubs", {}), ("POST", "/tokens", {"name": "x"}),
                               ("POST", "/connectors/seat/disable", {}), ("GET", "/tokens", None)):
        status, found, _ = tcp.ask(method, path, tokens["read"], body)
        problem(status, found, 403, "not-permitted", f"read: {method} {path}")
    status, found, _ = tcp.ask("POST", "/tokens", tokens["read+write"], {"name": "more", "scopes": ["admin"]})
    problem(status, found, 403, "not-permitted", "a token made with more than its maker has")
    status, made, _ = tcp.ask("POST", "/people", tokens["read+write+admin"], {"email": "a@corp.test"})
    equal(status, 201, f"admin adds a person: {made}")
    event = [e for e in usher.api("GET", "/events")[1]["items"] if e["type"] == "person.joined"][0]
    equal(event["actor"]["kind"], "token", f"who the activity names: {event}")
    for scopes in ([], ["owner"], "read", [1]):
        status, found = usher.api("POST", "/tokens", {"name": "x", "scopes": scopes}, expect=None)
        problem(status, found, 422, "validation-failed", f"scopes {scopes}")


def test_bad_requests(scratch):
    """A bad request is answered with its status, a code and what to do, and changes nothing."""
    usher = Usher(scratch)

    def ask(method, path, text=None, **headers):
        connection = UnixConnection(usher.socket)
        # A refusal does not wait for the end of a long body.
        with contextlib.suppress(BrokenPipeError):
            connection.request(method, "/api/v1" + path, text,
                               {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, json.loads(body), answer.headers

    js = {"Content_Type": "application/json"}
    for text in ('{"email": ', "[1]", '"x"', '{"email": "a@corp.test", "email": "b@corp.test"}', "\x00", '{"a": NaN}',
                 b'{"email": "\xff"}', "{} {}", "null"):
        status, found, headers = ask("POST", "/people", text, **js)
        problem(status, found, 400, "malformed", f"body {text!r}", headers)
    for deep in ("[" * 100000, '{"a":' * 5000):
        status, found, _ = ask("POST", "/people", deep, **js)
        problem(status, found, 400, "malformed", "a body of many levels")
    status, found, _ = ask("POST", "/people", "email=a", Content_Type="application/x-www-form-urlencoded")
    problem(status, found, 415, "unsupported-type", "a form")
    status, found, _ = ask("POST", "/directory/import", "{}", **js)
    problem(status, found, 415, "unsupported-type", "JSON instead of CSV")
    status, found, _ = ask("POST", "/people", json.dumps({"email": "x" * (1 << 20)}), **js)
    problem(status, found, 413, "too-large", "a body over its limit")
    for body, field in ((None, "email"), ({"email": 5}, "email"), ({"email": "no address"}, "email"),
                        ({"email": "a@corp.test", "is_guest": "yes"}, "is_guest"),
                        ({"email": "a@corp.test", "first_name": ["x"]}, "first_name"),
                        ({"email": "a@corp.test", "frist_name": "x"}, "frist_name")):
        status, found, _ = ask("POST", "/people", None if body is None else json.dumps(body), **js)
        problem(status, found, 422, "validation-failed", f"person {body}")
        equal(found.get("field"), field, f"person {body}: field of {found}")
    equal(len(usher.api("GET", "/people")[1]["items"]), 1, "people after all that was refused")
    for path in ("/nothing", "/hubs/", "/hubs/x/members/y/z/w", "/hubs//members", "/status/x"):
        status, found, _ = ask("GET", path)
        problem(status, found, 404, "not-found", path)
    for method, path in (("PUT", "/hubs"), ("DELETE", "/hubs"), ("POST", "/status"), ("PATCH", "/tasks/x"),
                         ("OPTIONS", "/hubs"), ("BREW", "/people"), ("GET", "/setup")):
        status, found, headers = ask(method, path)
        problem(status, found, 405, "method-not-allowed", f"{method} {path}")
        check(headers["Allow"], f"{method} {path}: the answer names no method that is allowed")
    for path in ("/hubs/%", "/hubs/%2", "/hubs/%zz", "/hubs/%ff", "/hubs/a%00b", "/hubs/%c3%28/members"):
        status, found, _ = ask("GET", path)
        problem(status, found, 400, "malformed", path)
    for query, code, wanted in (("limit=0", "validation-failed", 422), ("limit=501", "validation-failed", 422),
                                ("limit=x", "validation-failed", 422), ("limit=-1", "validation-failed", 422),
                                ("limit=", "validation-failed", 422), ("limit=99999999999999999999", "validation-failed", 422),
                                ("cursor=x", "malformed", 400), ("cursor=%zz", "malformed", 400)):
        for path in ("/hubs", "/people", "/tasks", "/accounts", "/apps", "/connectors", "/tokens", "/issues",
                     "/reports", "/events"):
            status, found, _ = ask("GET", f"{path}?{query}")
            problem(status, found, wanted, code, f"{path}?{query}")
    for path in ("/tasks/x", "/hubs/x", "/people/x@corp.test", "/accounts/x", "/apps/x", "/reports/x"):
        status, found, _ = ask("GET", path)
        problem(status, found, 404, "not-found", path)
    status, found, _ = ask("GET", "/events?since=yesterday")
    problem(status, found, 422, "validation-failed", "since=yesterday")
    status, found, _ = ask("GET", "/hubs/" + "x" * 20000)
    check(status in (404, 414), f"a very long path: {status}")
    many = "&".join(f"a{i}=1" for i in range(100))
    status, found, _ = ask("GET", "/hubs?" + many)
    problem(status, found, 400, "malformed", "a hundred query fields")


def test_imports_are_asked_for_first(scratch):
    """A long body is not read for who may not send it, and one import is read at a time."""
    tcp = Tcp(scratch)
    usher = tcp.usher
    tokens = {scope: usher.json("token", "create", scope, "--scope", scope)["token"] for scope in ("read", "write")}

    def begin(token, kind="text/csv", length=200 << 20):
        """The head of a request, and a row of its body."""
        one = socket.create_connection(("127.0.0.1", tcp.port), timeout=60)
        scratch.callback(one.close)
        one.sendall((f"POST /api/v1/directory/import HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n"
                     f"Authorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\nemail\n").encode())
        return one

    def answer(one):
        response = http.client.HTTPResponse(one)
        response.begin()
        return response.status, json.loads(response.read())

    # Each of these is answered although nearly all of its body never comes.
    for token, kind, status, code in (("wrong", "text/csv", 401, "not-signed-in"),
                                      (tokens["read"], "text/csv", 403, "not-permitted"),
                                      (tokens["write"], "application/json", 415, "unsupported-type")):
        problem(*answer(begin(token, kind)), status, code, f"an import as {kind} that may not be")
    text = b"a@corp.test\n"
    firsts = []

    def second():
        # Where one like this was quicker, the first was refused instead: once more.
        if not firsts or select.select(firsts[-1:], [], [], 0)[0]:
            firsts.append(begin(tokens["write"], length=len(b"email\n" + text)))
        status, found = usher.api("POST", "/directory/import", text="email\nb@corp.test\n", expect=None)
        return (status, found) if status != 200 else None

    problem(*wait_for(second, "the refusal of a second import"), 429, "rate-limited", "a second import")
    firsts[-1].sendall(text)
    status, found = answer(firsts[-1])
    equal((status, found.get("added")), (200, 1), f"the first import: {found}")
    # The slot is free again after an end, and after a client that went away in the middle.
    begin(tokens["write"]).close()
    wait_for(lambda: usher.api("POST", "/directory/import", text="email\nc@corp.test\n", expect=None)[0] == 200,
             "an import after one that broke off")


def test_a_flag_is_true_or_false(scratch):
    """What is to be true or false and is neither is refused: nobody is imported, and nobody removed, by mistake."""
    usher = Usher(scratch)
    url = "/directory/import?"
    usher.api("POST", url + "dry_run=false", text="email\na@corp.test\nb@corp.test\nc@corp.test\n")

    def people():
        return sorted(one["email"] for one in usher.api("GET", "/people")[1]["items"])

    before = people()
    check("c@corp.test" in before, f"the people: {before}")
    for removes in ("", "&remove_missing=true&confirm=true"):
        for value in ("True", "TRUE", "1", "yes", "", "true%20", "no", "0"):
            status, found = usher.api("POST", f"{url}dry_run={value}{removes}", text="email\nx@corp.test\n", expect=None)
            equal((status, found["code"], found["field"]), (422, "validation-failed", "dry_run"), f"dry_run={value}{removes}")
            equal(people(), before, f"the people after dry_run={value}{removes}")
    for name, query in (("remove_missing", "remove_missing=1&confirm=true"), ("confirm", "remove_missing=true&confirm=1"),
                        ("dry_run", "dry_run&remove_missing=true&confirm=true"), ("dry_run", "dry_run=true&dry_run=1")):
        status, found = usher.api("POST", url + query, text="email\nx@corp.test\n", expect=None)
        equal((status, found["field"]), (422, name), query)
    status, found = usher.api("DELETE", "/hubs/x/members/y?hub_only=1&confirm=true", expect=None)
    equal((status, found["field"]), (422, "hub_only"), "hub_only=1")
    status, found = usher.api("GET", "/hubs?removed=yes", expect=None)
    equal((status, found["field"], found["detail"]), (422, "removed", 'removed is to be true or false, not "yes".'), "removed=yes")
    equal(people(), before, "the people after all that was refused")
    usher.api("POST", url + "dry_run=true", text="email\nx@corp.test\n")
    equal(people(), before, "the people after a dry run")


def test_head(scratch):
    """HEAD answers as GET, without a body."""
    usher = Usher(scratch)
    for path, wanted in (("/status", 200), ("/hubs", 200), ("/hubs/x", 404), ("/nothing", 404)):
        got = {}
        for method in ("GET", "HEAD"):
            connection = UnixConnection(usher.socket)
            connection.request(method, "/api/v1" + path)
            answer = connection.getresponse()
            got[method] = (answer.status, answer.headers["Content-Type"], len(answer.read()))
            connection.close()
        equal(got["HEAD"][:2], got["GET"][:2], path)
        equal(got["HEAD"][0], wanted, path)
        equal(got["HEAD"][2], 0, f"{path}: bytes of the body")


def test_labels_in_paths(scratch):
    """A hub's label of any characters is a segment of a path, and an operand of the command."""
    usher = Usher(scratch)
    for i, label in enumerate(LABELS):
        app = App(scratch, users=1)
        token = scratch.file("token", app.TOKEN)
        usher.usher("hub", "connect", "scim", "--label", label, "--login-method", "sso", "--set",
                    f"base_url={app.url}", "--secret", f"token=@{token}")
        found = usher.api("GET", "/hubs/" + quoted(label))[1]
        equal(found["label"], label, "the hub that the path names")
        equal(len(usher.api("GET", f"/hubs/{quoted(label)}/members")[1]["items"]), 1, f"members of {label}")
        equal(usher.hub(label)["id"], found["id"], f"usher hub show {label}")
        equal({t["hub"] for t in usher.json("task", "list", "--hub", label)}, {found["id"]}, f"tasks of {label}")
    status, found = usher.api("GET", "/hubs/a/b", expect=None)
    equal(status, 404, "a slash that is not encoded parts the path")
    usher.api("PATCH", "/hubs/" + quoted("a/b"), {"label": "c\\d"})
    equal(usher.hub("c\\d")["label"], "c\\d", "a label after it was changed")
    for bad in ("", "x" * 81, "a\nb", "\x7f", 7):
        status, found = usher.api("PATCH", "/hubs/" + quoted("it's"), {"label": bad}, expect=None)
        problem(status, found, 422, "validation-failed", f"the label {bad!r}")


def pages(usher, path):
    """Every item of a list, asked one by one."""
    items, cursor = [], None
    sign = "&" if "?" in path else "?"
    for _ in range(2000):
        answer = usher.api("GET", f"{path}{sign}limit=1" + (f"&cursor={quoted(cursor)}" if cursor else ""))[1]
        check(len(answer["items"]) <= 1, f"{path}: {len(answer['items'])} items for limit=1")
        items += answer["items"]
        cursor = answer.get("next")
        if not cursor:
            return items
    raise AssertionError(f"{path} has no end")


def test_paging(scratch):
    """Asked one by one, every list gives each of its items once."""
    usher = Usher(scratch)
    app = App(scratch, users=12)
    usher.connect(app)
    other = App(scratch, users=3)
    usher.connect(other, "Other")
    usher.people(*[f"p{i}@corp.test" for i in range(5)])
    for i in range(3):
        usher.json("token", "create", f"t{i}", "--scope", "read")
    other.faults(unauthorized={})
    usher.usher("sync", "Other", status=1)
    other.faults()
    for path, least in (("/hubs", 2), ("/people", 6), ("/accounts", 2), ("/tasks", 5), ("/tokens", 3), ("/events", 10),
                        ("/hubs/Acme/members", 12), ("/hubs/Acme/members?tab=unmatched", 1), ("/hubs/Acme/roles", 2),
                        ("/apps", 1), ("/connectors", 1), ("/issues", 1), ("/reports", 0)):
        whole = usher.api("GET", path + ("&" if "?" in path else "?") + "limit=500")[1]
        check("next" not in whole, f"{path}: more than a page")
        equal(pages(usher, path), whole["items"], f"{path} one by one")
        check(len(whole["items"]) >= least, f"{path}: {len(whole['items'])} items")


def test_many_at_once(scratch):
    """Two hundred requests at once are all answered."""
    usher = Usher(scratch)
    usher.people(*[f"p{i}@corp.test" for i in range(20)])

    def one(i):
        if i % 5 == 0:
            return usher.api("POST", "/people", {"email": f"q{i}@corp.test"}, expect=None)[0]
        return usher.api("GET", ("/people", "/status", "/events", "/hubs")[i % 4], expect=None)[0]

    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        statuses = list(pool.map(one, range(200)))
    equal(sorted(set(statuses)), [200, 201], "statuses")
    equal(statuses.count(201), 40, "people added")
    equal(len(usher.api("GET", "/people?limit=500")[1]["items"]), 61, "people")


def test_slow_clients(scratch):
    """Clients that stop in the middle of a request keep nobody else waiting."""
    usher = Usher(scratch)
    held = []
    starts = (b"G", b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nX-", b"", b"\x16\x03\x01\x02\x00",
              b"POST /api/v1/people HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
              b"POST /api/v1/directory/import HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
              b"Transfer-Encoding: chunked\r\n\r\n5\r\nemail\r\n")
    for i in range(60):
        one = socket.socket(socket.AF_UNIX)
        one.connect(str(usher.socket))
        one.sendall(starts[i % len(starts)])
        held.append(one)
    for _ in range(20):
        usher.api("GET", "/status")
        usher.api("POST", "/people", {"email": f"p{_}@corp.test"}, expect=201)
    status = usher.stop()
    equal(status, 0, "the end of the daemon with clients in mid-request")
    for one in held:
        one.close()


def test_broken_http(scratch):
    """What is no HTTP is refused, and the daemon lives on."""
    usher = Usher(scratch)
    for text in (b"hello\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /api/v1/status HTTP/1.1\r\n\r\n",
                 b"POST /api/v1/people HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                 b"POST /api/v1/people HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                 b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 200000 + b"\r\n\r\n"):
        try:
            status, _ = raw(usher.socket, text)
            check(400 <= status < 600, f"{text[:40]!r} was answered with {status}")
        except (http.client.HTTPException, OSError):
            pass  # the connection was closed, which is an answer too
        usher.api("GET", "/status")


def test_who_may_connect(scratch):
    """The socket is open to its owner, and to the group usher where there is one."""
    usher = Usher(scratch)
    found = usher.socket.stat()
    check(stat.S_ISSOCK(found.st_mode), "no socket")
    equal(found.st_uid, os.geteuid(), "the socket's owner")
    import grp
    try:
        group = grp.getgrnam("usher").gr_gid
    except KeyError:
        group = None
    equal(stat.S_IMODE(found.st_mode), 0o600 if group is None else 0o660, "the socket's mode")
    if group is not None:
        equal(found.st_gid, group, "the socket's group")
    equal(stat.S_IMODE(usher.state.stat().st_mode), 0o700, "the state folder's mode")
    equal(stat.S_IMODE((usher.state / "usher.key").stat().st_mode), 0o600, "the key's mode")
    if os.geteuid() == 0:
        # Even where the file's mode lets somebody through, the kernel's word counts.
        os.chmod(usher.socket, 0o666)
        for folder in (usher.runtime, scratch.dir):
            os.chmod(folder, 0o755)
        status = as_nobody(usher.socket)
        equal(status, 403, "a request of a user who is not of the group")
    usher.stop()
    check(not usher.socket.exists(), "the socket is left after the end")


def as_nobody(path):
    """The status that the user nobody gets from the socket."""
    reader, writer = os.pipe()
    folder = os.open(path.parent, os.O_PATH)
    child = os.fork()
    if child == 0:
        try:
            os.fchdir(folder)
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            status, _ = raw(path.name, b"GET /api/v1/hubs HTTP/1.1\r\nHost: x\r\n\r\n")
            os.write(writer, str(status).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    text = os.read(reader, 100)
    os.close(reader)
    os.close(folder)
    return int(text or 0)


def test_the_command(scratch):
    """What the command asks for, the daemon does: business id, settings, secrets from stdin."""
    usher = Usher(scratch)
    app = App(scratch, users=4)
    # The secret from standard input, the id field by --business-id.
    usher.usher("hub", "connect", "scim", "--label", "Acme", "--login-method", "sso", "--business-id", app.url,
                "--secret", "token=-", stdin=app.TOKEN + "\n")
    hub = usher.hub()
    equal((hub["status"], hub["fields"]["base_url"]), ("healthy", app.url), "the hub")
    usher.usher("hub", "connect", "scim", "--label", "Same", "--login-method", "sso", "--business-id", app.url,
                "--secret", "token=-", stdin=app.TOKEN, status=1)
    usher.usher("hub", "set", "Acme", "safeguard-threshold=35", "sync-interval=7200", "leave=delete")
    hub = usher.hub()
    equal((hub["settings"]["safeguard-threshold"], hub["settings"]["sync-interval"], hub["fields"]["leave"]),
          (35, 7200, "delete"), "what was set")
    answer = usher.usher("hub", "set", "Acme", "safeguard-threshold=lots", status=2)
    check("safeguard-threshold" in answer.err, f"the field is not named: {answer.err}")
    answer = usher.usher("hub", "set", "Acme", "colour=red", status=2)
    check("colour" in answer.err, f"the field is not named: {answer.err}")
    usher.wait_idle()
    # A value that is replaced is used from then on.
    app.control("PUT", "faults", {"unauthorized": {"times": 1}})
    account = usher.json("account", "list")[0]["label"]
    usher.usher("account", "set", account, "--secret", "token=-", stdin="wrong-token\n")
    check(usher.run("sync", "Acme").status in (1, 5), "a sync with a wrong token succeeded")
    app.faults()
    usher.usher("account", "set", account, "--secret", "token=-", stdin=app.TOKEN + "\n")
    usher.wait_idle()
    usher.usher("sync", "Acme")
    # What wants confirmation is refused without, and done with it.
    name = app.users()[0]["userName"]
    answer = usher.run("member", "remove", "Acme", name, stdin="")
    check(answer.status == 2, f"a removal that nobody confirmed: exit {answer.status}: {answer.err}")
    check(app.user(name), "the member was removed without confirmation")
    usher.usher("member", "remove", "Acme", name, "--yes")
    check(app.user(name) is None, "the member is still there")
    answer = usher.usher("-o", "json", "member", "list", "Nobody", status=3)
    equal(answer.out, "", "what a refused list prints on standard output")
    equal(usher.json("report", "list"), [], "an empty list")
    # Without a reason it says that one is wanted.
    usher.usher("hub", "remove", "Acme", "--yes", status=2)
    usher.usher("hub", "remove", "Acme", "--reason", "no-longer-used", "--yes")
    usher.usher("hub", "restore", "Acme")


def test_what_people_read(scratch):
    """Lists name hubs, people and tokens and not their ids; a change is told in a sentence; CSV has a column for each name."""
    usher = Usher(scratch)
    app = App(scratch, users=1)
    usher.connect(app)
    token = usher.json("token", "create", "Robot", "--scope", "read", "--scope", "write")
    usher.api("POST", "/people", {"email": "a@corp.test", "first_name": "First", "last_name": "Last"}, expect=201,
              headers={"Authorization": "Bearer " + token["token"]}, at=usher.runtime / "web.sock")
    app.faults(unauthorized={})
    usher.usher("sync", "Acme", status=1)
    hub = usher.hub()["id"]
    for command in (("task", "list"), ("audit", "list"), ("issue", "list")):
        out = usher.usher(*command).out
        check("Acme" in out and hub not in out and '{"kind"' not in out, f"{command}: {out}")
    lines = usher.usher("audit", "list").out.splitlines()
    check(any("person.joined" in l and " Robot " in l and " a@corp.test " in l for l in lines), f"what a token did: {lines}")
    check(any("hub.connected" in l and " owner@example.com " in l for l in lines), f"what a person did: {lines}")
    rows = usher.usher("-o", "csv", "person", "list").out.splitlines()
    equal(rows[0].split(",")[:4], ["email", "first_name", "last_name", "username"], "headings")
    check(any(row.startswith("a@corp.test,First,Last,,") for row in rows), f"rows: {rows}")
    check(any(row.startswith("owner@example.com,,,,") for row in rows), f"rows: {rows}")
    app.faults()
    for command, text in ((("account", "set", "Acme", "--label", "Acme's"), "Acme's was changed.\n"),
                          (("hub", "set", "Acme", "leave=delete"), "Acme was changed; it is validated now.\n"),
                          (("hub", "remove", "Acme", "--yes", "--reason", "replaced"), "Acme was removed.\n")):
        equal(usher.usher(*command).out, text, f"{command}")


if __name__ == "__main__":
    sys.exit(main([test_before_set_up, test_set_up_once, test_tcp_needs_a_token, test_scopes, test_bad_requests,
                   test_imports_are_asked_for_first, test_a_flag_is_true_or_false, test_head, test_labels_in_paths,
                   test_paging, test_many_at_once, test_slow_clients, test_broken_http, test_who_may_connect, test_the_command,
                   test_what_people_read], "api"))
