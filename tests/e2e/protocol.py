#!/usr/bin/env python3
"""What HTTP gives beside paths and bodies: cursors, keys, entity tags, event streams, and what is
told to those who watch the daemon."""

import concurrent.futures
import http.client
import json
import pathlib
import re
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from usher import App, UnixConnection, Usher, check, equal, free_port, main, wait_for  # noqa: E402

BASE = "/api/v1"
LISTS = ("/hubs", "/hubs/Acme/members", "/hubs/Acme/roles", "/tasks", "/people", "/accounts", "/events", "/issues",
         "/reports", "/tokens", "/apps", "/connectors")


def ask(usher, method, path, body=None, expect=None, **headers):
    """Status, headers and what was answered."""
    connection = UnixConnection(usher.socket)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None:
        sent.setdefault("Content-Type", "application/json")
    try:
        connection.request(method, path if path.startswith(("/readyz", "/metrics", "/healthz")) else BASE + path,
                           body if isinstance(body, (str, type(None))) else json.dumps(body), sent)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    found = json.loads(text) if text.startswith(b"{") else text
    if expect is not None:
        equal(answer.status, expect, f"{method} {path} {headers}: {text[:400]}")
    return answer.status, answer.headers, found


def code(answer):
    return answer[0], answer[2].get("code")


# ---- Lists.

def test_cursors(scratch):
    """A cursor is good for the list that gave it out, with the same filters, and for no other."""
    usher, app, other = Usher(scratch), App(scratch, users=6), App(scratch, users=6)
    usher.connect(app)
    usher.connect(other, label="Other")
    for label in ("Acme", "Other"):
        usher.wait_idle(label)
    usher.people(*[f"p{i}@corp.test" for i in range(5)])
    for i in range(3):
        usher.json("token", "create", f"t{i}", "--scope", "read")
    first = {}
    for path in (*LISTS, "/hubs/Other/members", "/hubs/Acme/members?tab=unmatched", "/tasks?hub=Acme", "/events?hub=Acme"):
        _, _, page = ask(usher, "GET", path + ("&" if "?" in path else "?") + "limit=1", expect=200)
        if "next" in page:
            first[path] = page["next"]
            check(re.fullmatch(r"[A-Za-z0-9_-]+", page["next"]), f"{path}: the cursor {page['next']}")
            check(page["items"][0].get("id", "-") not in page["next"], f"{path}: the cursor shows what it stands for")
    check(len(first) >= 10, f"lists of more than a page: {list(first)}")
    equal(len(set(first.values())), len(first), "cursors")
    for path, cursor in first.items():
        sep = "&" if "?" in path else "?"
        ask(usher, "GET", f"{path}{sep}cursor={cursor}", expect=200)
        ask(usher, "GET", f"{path}{sep}limit=500&cursor={cursor}", expect=200)
        for stranger, strange in first.items():
            if stranger != path:
                answer = ask(usher, "GET", f"{path}{sep}cursor={strange}")
                equal(code(answer), (400, "malformed"), f"{path} with a cursor of {stranger}")
                equal(answer[2]["field"], "cursor", "the field")
                check(answer[2]["detail"].endswith("."), f"no sentence: {answer[2]}")
        for bent in (cursor[:-1], cursor + "A", cursor.swapcase(), "A" * len(cursor), cursor[1:], "A" * 5000, "", "%20"):
            equal(code(ask(usher, "GET", f"{path}{sep}cursor={bent}")), (400, "malformed"), f"{path} with {bent!r:.60}")
    # The order of filters is none of a list's matter.
    _, _, page = ask(usher, "GET", "/events?hub=Acme&since=2020-01-01T00:00:00Z&limit=2", expect=200)
    _, _, rest = ask(usher, "GET", f"/events?limit=3&cursor={page['next']}&since=2020-01-01T00:00:00Z&hub=Acme", expect=200)
    check(rest["items"][0]["seq"] < page["items"][-1]["seq"], "the next page")


def test_pages_while_rows_change(scratch):
    """Rows that come and go between pages make none of the others come twice or not at all."""
    usher, app = Usher(scratch), App(scratch, users=30)
    usher.connect(app)
    usher.wait_idle()
    usher.people(*[f"p{i:02}@corp.test" for i in range(30)])
    for path, change in (("/people", lambda n: (usher.api("POST", "/people", {"email": f"late{n}@corp.test"}, expect=201),
                                                usher.api("DELETE", f"/people/p{n:02}%40corp.test?confirm=true"))),
                         ("/hubs/Acme/members", lambda n: (app.change(add=[{"userName": f"late{n}@example.com", "active": True,
                                                                            "emails": [{"value": f"late{n}@example.com"}]}]),
                                                           usher.usher("sync", "Acme")))):
        before = {item["id"] for item in ask(usher, "GET", path + "?limit=500")[2]["items"]}
        seen, cursor, n = [], "", 0
        while cursor is not None:
            _, _, page = ask(usher, "GET", f"{path}?limit=7" + (f"&cursor={cursor}" if cursor else ""), expect=200)
            seen += [item["id"] for item in page["items"]]
            cursor = page.get("next")
            change(n)
            n += 1
        equal(len(seen), len(set(seen)), f"{path}: rows that came twice")
        after = {item["id"] for item in ask(usher, "GET", path + "?limit=500")[2]["items"]}
        equal((before & after) - set(seen), set(), f"{path}: rows that were there all the time and did not come")


# ---- Keys.

def test_keys(scratch):
    """A request repeated with its key is done once and answered as the first time; another one is refused."""
    usher, app = Usher(scratch), App(scratch, users=3)
    usher.connect(app)
    usher.wait_idle()
    usher.people("a@corp.test", "b@corp.test")
    first = ask(usher, "POST", "/hubs/Acme/members", {"email": "a@corp.test", "roles": ["member"]}, 202, Idempotency_Key="k1")
    usher.wait_idle()
    for _ in range(3):
        again = ask(usher, "POST", "/hubs/Acme/members", {"email": "a@corp.test", "roles": ["member"]}, 202,
                    Idempotency_Key="k1")
        equal(again[2], first[2], "the answer again")
    equal(len([t for t in usher.tasks() if t["kind"] == "add-user"]), 1, "tasks")
    for method, path, body in (("POST", "/hubs/Acme/members", {"email": "b@corp.test", "roles": ["member"]}),
                               ("POST", "/hubs/Acme/members?confirm=true", {"email": "a@corp.test", "roles": ["member"]}),
                               ("POST", "/people", {"email": "c@corp.test"}), ("DELETE", "/people/b@corp.test?confirm=true", None)):
        answer = ask(usher, method, path, body, Idempotency_Key="k1")
        equal(code(answer), (409, "idempotency-conflict"), f"{method} {path} with the key of another request")
    check("b@corp.test" in [p["email"] for p in usher.json("person", "list")], "a refused request did something")
    # A key is its caller's own.
    token = usher.json("token", "create", "t", "--scope", "read", "--scope", "write", "--scope", "admin")["token"]
    ask(usher, "POST", "/people", {"email": "c@corp.test"}, 201, Idempotency_Key="k1", Authorization="Bearer " + token)
    # What was refused is not remembered.
    equal(code(ask(usher, "DELETE", "/people/c@corp.test", None, Idempotency_Key="k2"))[0], 428, "without confirmation")
    ask(usher, "DELETE", "/people/c@corp.test?confirm=true", None, 200, Idempotency_Key="k2")
    # Each kind of write, twice.
    account = [a["id"] for a in usher.json("account", "list")][0]
    member = [m["id"] for m in usher.members(tab="unmatched")][0]
    for method, path, body in (("PATCH", "/hubs/Acme", {"settings": {"safeguard-threshold": 33}}),
                               ("PATCH", f"/accounts/{account}", {"label": "Renamed"}),
                               ("POST", f"/hubs/Acme/members/{member}/exempt", {"reason": "why"}),
                               ("POST", f"/hubs/Acme/members/{member}/unexempt", {"confirm": True}),
                               ("DELETE", "/people/b@corp.test?confirm=true", None),
                               ("POST", "/tokens", {"name": "once"}), ("DELETE", "/tokens/t", None),
                               ("POST", "/connectors/seat/disable", {}), ("POST", "/connectors/seat/enable", {})):
        one = ask(usher, method, path, body, Idempotency_Key="w " + path)
        check(one[0] < 300, f"{method} {path}: {one}")
        two = ask(usher, method, path, body, Idempotency_Key="w " + path)
        equal((two[0], two[2]), (one[0], one[2]), f"{method} {path} again")
    equal(len([t for t in usher.json("token", "list") if t["name"] == "once"]), 1, "tokens made")
    text = "email\nd@corp.test\n"
    one = ask(usher, "POST", "/directory/import", text, 200, Idempotency_Key="i", Content_Type="text/csv")
    two = ask(usher, "POST", "/directory/import", text, 200, Idempotency_Key="i", Content_Type="text/csv")
    equal((one[2]["added"], two[2]), (1, one[2]), "an import again")
    for bad in ("", "x" * 256):
        equal(code(ask(usher, "POST", "/people", {"email": "e@corp.test"}, Idempotency_Key=bad)), (400, "malformed"), bad[:5])
    # No secret is left behind in the clear: neither a token nor what was sent.
    usher.api("POST", "/accounts", {"app": "scim", "label": "Secret", "secrets": {"token": "sEcReT-vAlUe-1"}}, expect=201,
              headers={"Idempotency-Key": "s"})
    made = ask(usher, "POST", "/tokens", {"name": "hidden"}, 201, Idempotency_Key="h")[2]["token"]
    usher.stop()
    stored = b"".join(path.read_bytes() for path in (usher.state / "store").iterdir())
    check(b"sEcReT-vAlUe-1" not in stored and made.encode() not in stored, "a secret stands in the store")
    usher.start()
    equal(ask(usher, "POST", "/tokens", {"name": "hidden"}, 201, Idempotency_Key="h")[2]["token"], made,
          "the token, after a restart")
    # A day later the key is as new.
    usher.advance(25 * 3600)
    equal(code(ask(usher, "POST", "/people", {"email": "d@corp.test"}, Idempotency_Key="i"))[0], 422, "a key past its time")
    wait_for(lambda: metric(usher, "usher_idempotency_keys") == 0, "the end of answers past their time")


def test_key_under_way(scratch):
    """While a request is under way its key waits; of many at once one is done."""
    usher = Usher(scratch)

    def one(i):
        return ask(usher, "POST", "/people", {"email": "a@corp.test"}, Idempotency_Key="same")

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(one, range(64)))
    good = [found for status, _, found in answers if status == 201]
    busy = [(found["code"], headers["Retry-After"]) for status, headers, found in answers if status != 201]
    check(good and all(found == good[0] for found in good), "answers differ")
    equal(set(busy) - {("idempotency-pending", "1")}, set(), "refusals")
    equal(len([p for p in usher.json("person", "list") if p["email"] == "a@corp.test"]), 1, "people made")


def test_key_survives_kill(scratch):
    """kill -9 right after the commit: the request repeated gets its answer, and one task was made."""
    usher, app = Usher(scratch), App(scratch, users=3)
    usher.connect(app)
    usher.wait_idle()
    usher.people("a@corp.test")
    body = {"email": "a@corp.test", "roles": ["member"]}
    for point, key, made in (("call-commit", "before", 0), ("call-committed", "after", 1)):
        usher.stop()
        usher.start(fail_points=f"{point}=kill")
        try:
            ask(usher, "POST", "/hubs/Acme/members", body, Idempotency_Key=key)
        except (OSError, http.client.HTTPException):
            pass
        wait_for(lambda: usher.process.poll() is not None, "the daemon's death")
        equal(usher.process.returncode, -9, "how it ended")
        check(usher.fired(point), f"{point} did not fire")
        usher.process = None
        usher.start()
        tasks = [t for t in usher.tasks() if t["kind"] == "add-user"]
        equal(len(tasks), made, f"tasks after a kill at {point}")
        if made:
            again = ask(usher, "POST", "/hubs/Acme/members", body, 202, Idempotency_Key=key)
            equal(again[2]["id"], tasks[0]["id"], "the task that is answered")
            usher.wait_idle()
            again = ask(usher, "POST", "/hubs/Acme/members", body, 202, Idempotency_Key=key)
            equal((again[2]["id"], again[2]["status"]), (tasks[0]["id"], "queued"), "the first answer")
    equal(len([t for t in usher.tasks() if t["kind"] == "add-user"]), 1, "tasks in the end")


# ---- Entity tags.

def test_entity_tags(scratch):
    """A thing has a tag that changes with it; a write that names another one is refused, and changes nothing."""
    usher, app = Usher(scratch), App(scratch, users=3)
    usher.connect(app)
    usher.wait_idle()
    usher.people("a@corp.test")
    account = [a["id"] for a in usher.json("account", "list")][0]
    member = [m["id"] for m in usher.members(tab="unmatched")][0]
    task = usher.tasks()[0]["id"]
    things = {"/hubs/Acme": (("PATCH", "", {"settings": {"safeguard-threshold": 21}}), ("POST", "/check", {}),
                             ("POST", "/sync", {}), ("PUT", "/account", {"account": "x"}),
                             ("DELETE", "?reason=other&confirm=true", None), ("POST", "/restore", {})),
              f"/accounts/{account}": (("PATCH", "", {"label": "Other"}), ("DELETE", "?confirm=true", None)),
              "/people/a@corp.test": (("DELETE", "?confirm=true", None),),
              f"/hubs/Acme/members/{member}": (("POST", "/match", {"person": "a@corp.test"}), ("POST", "/unlink", {}),
                                               ("POST", "/exempt", {"reason": "r"}), ("POST", "/unexempt", {"confirm": True}),
                                               ("PATCH", "", {"roles": ["member"]}), ("DELETE", "?confirm=true", None)),
              f"/tasks/{task}": (("POST", "/cancel", {}), ("POST", "/retry", {})), "/apps/scim": ()}
    for path, writes in things.items():
        _, headers, found = ask(usher, "GET", path, expect=200)
        tag = headers["ETag"]
        check(re.fullmatch(r'"[0-9a-f]{32}"', tag), f"{path}: {tag}")
        equal(ask(usher, "GET", path)[1]["ETag"], tag, f"{path}: the tag again")
        equal(ask(usher, "HEAD", path)[1]["ETag"], tag, f"{path}: the tag by HEAD")
        for known in (tag, "*", f'"other", {tag}', "W/" + tag, f'"a,b",{tag}'):
            status, headers, text = ask(usher, "GET", path, If_None_Match=known)
            equal((status, text, headers["ETag"]), (304, b"", tag), f"{path}: If-None-Match {known}")
        ask(usher, "GET", path, expect=200, If_None_Match='"other"')
        for method, more, body in writes:
            for wrong in ('"other"', "W/" + tag, tag.strip('"'), '""', tag[:-2] + '"', ""):
                answer = ask(usher, method, path + more, body, If_Match=wrong)
                equal(code(answer), (412, "changed"), f"{method} {path}{more}: If-Match {wrong}")
        equal(ask(usher, "GET", path)[2], found, f"{path} after all that was refused")
    # With the right tag it is done, and the tag is another one then.
    _, headers, _ = ask(usher, "GET", "/hubs/Acme")
    changed = ask(usher, "PATCH", "/hubs/Acme", {"settings": {"safeguard-threshold": 22}}, 200, If_Match=headers["ETag"])
    check(changed[1]["ETag"] != headers["ETag"], "the tag did not change")
    equal(ask(usher, "GET", "/hubs/Acme")[1]["ETag"], changed[1]["ETag"], "the tag of what was changed")
    equal(code(ask(usher, "PATCH", "/hubs/Acme", {"label": "Late"}, If_Match=headers["ETag"])), (412, "changed"), "the old tag")
    ask(usher, "PATCH", "/hubs/Acme", {"label": "Any"}, 200, If_Match="*")
    ask(usher, "PATCH", "/hubs/Any", {"label": "Acme"}, 200, If_Match=f'"x", {ask(usher, "GET", "/hubs/Any")[1]["ETag"]}')
    # What has no tag is not what a tag names.
    equal(code(ask(usher, "POST", "/people", {"email": "b@corp.test"}, If_Match='"x"')), (412, "changed"), "a collection")
    ask(usher, "POST", "/people", {"email": "b@corp.test"}, 201, If_Match="*")
    equal(code(ask(usher, "DELETE", "/people/nobody@corp.test", If_Match='"x"')), (404, "not-found"), "what is not there")
    # Two who saw the same: one of them is too late.
    tag = ask(usher, "GET", "/hubs/Acme")[1]["ETag"]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: ask(usher, "PATCH", "/hubs/Acme", {"settings": {"safeguard-threshold": 40 + i}},
                                              If_Match=tag)[0], range(8)))
    equal(sorted(answers), [200] + [412] * 7, "who came first")


# ---- Event streams.

class Stream:
    """One open stream; its events are read by a thread."""

    def __init__(self, usher, query="", after=None, token=None):
        self.events, self.comments, self.ended = [], 0, threading.Event()
        self.connection = UnixConnection(usher.socket)
        headers = {"Accept": "text/event-stream"}
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        if token:
            headers["Authorization"] = "Bearer " + token
        self.connection.request("GET", BASE + "/events/stream" + query, headers=headers)
        self.sock = self.connection.sock
        self.answer = self.connection.getresponse()
        equal(self.answer.status, 200, f"the stream {query}: {self.answer.status}")
        equal(self.answer.headers["Content-Type"], "text/event-stream", "its type")
        equal(self.answer.readline(), b"retry: 2000\n", "its first line")
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        fields = {}
        try:
            for line in self.answer:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if line == b"\n" and "data" in fields:
                    event = json.loads(fields["data"])
                    equal((str(event["seq"]), event["type"]), (fields["id"], fields["event"]), "id and event")
                    self.events.append(event)
                    fields = {}
                elif line.startswith(b":"):
                    self.comments += 1
                else:
                    fields[name] = value
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            pass
        self.ended.set()

    def types(self):
        return [event["type"] for event in self.events]

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)


def test_stream(scratch):
    """A stream tells of tasks, hubs and members as they happen, each event once, and goes on behind the last."""
    usher, app = Usher(scratch), App(scratch, users=3)
    stream = Stream(usher)
    usher.connect(app)
    usher.wait_idle()
    usher.people("user000001@example.com")
    usher.usher("sync", "Acme")
    usher.usher("member", "remove", "Acme", "user000002@example.com", "--yes")
    wait_for(lambda: "member.removed" in stream.types(), "the removal in the stream")
    wanted = list(reversed(ask(usher, "GET", "/events?limit=500")[2]["items"]))
    wait_for(lambda: len(stream.events) >= len(wanted) - 1, "all events")
    for event in wanted:
        # Names are looked up for the list, which is read by people.
        event.pop("person_label", None)
        event["actor"].pop("label", None)
    equal([e for e in stream.events], wanted[1:], "the stream, and the list of events (set-up came before)")
    for kind in ("hub.connected", "task.created", "task.completed", "sync.completed", "member.matched", "person.joined"):
        check(kind in stream.types(), f"no {kind} in {stream.types()}")
    # From any place.
    for at in (0, wanted[3]["seq"], wanted[-1]["seq"]):
        behind = Stream(usher, after=at)
        want = [e["seq"] for e in wanted if e["seq"] > at]
        wait_for(lambda: len(behind.events) >= len(want), f"events behind {at}")
        equal([e["seq"] for e in behind.events], want, f"events behind {at}")
        behind.close()
    # After a restart, too.
    usher.stop()
    check(stream.ended.wait(90), "the stream did not end with the daemon")
    usher.start()
    behind = Stream(usher, after=wanted[-2]["seq"])
    wait_for(lambda: behind.events, "the last event")
    equal(behind.events[0], wanted[-1], "the last event")
    behind.close()
    # A place that is not there yet, as after a restore, is as good as now.
    ahead = Stream(usher, after=10 ** 12)
    usher.api("POST", "/people", {"email": "next@corp.test"}, expect=201)
    wait_for(lambda: ahead.types() == ["person.joined"], "the next event")
    for bad in ("x", "-1", "1.5", "", "99999999999999999999999"):
        equal(code(ask(usher, "GET", "/events/stream", Last_Event_ID=bad)), (400, "malformed"), f"Last-Event-ID {bad!r}")
    equal(code(ask(usher, "GET", "/events/stream?hub=Nobody")), (404, "not-found"), "a hub that is not there")
    equal(code(ask(usher, "GET", "/events/stream?limit=1")), (422, "validation-failed"), "an unknown parameter")


def test_stream_filters_and_rights(scratch):
    """A stream shows the hub or person that is asked for, and no more than its caller may see."""
    usher, app, other = Usher(scratch), App(scratch, users=2), App(scratch, users=2)
    usher.connect(app)
    usher.connect(other, label="Other")
    for label in ("Acme", "Other"):
        usher.wait_idle(label)
    usher.people("a@corp.test")
    hub, person = usher.hub()["id"], usher.json("person", "show", "a@corp.test")["id"]
    streams = {"all": Stream(usher), "hub": Stream(usher, "?hub=Acme"), "person": Stream(usher, "?person=a@corp.test"),
               "both": Stream(usher, "?hub=Acme&person=a@corp.test")}
    usher.usher("sync", "Acme")
    usher.usher("sync", "Other")
    usher.usher("member", "invite", "Acme", "a@corp.test", "--role", "member", "--yes")
    newest = lambda: ask(usher, "GET", "/events?limit=1")[2]["items"][0]["seq"]
    usher.wait_idle()
    last = newest()
    wait_for(lambda: streams["all"].events and streams["all"].events[-1]["seq"] == last, "the last event")
    every = streams["all"].events
    for name, pick in (("hub", lambda e: e.get("hub") == hub), ("person", lambda e: e.get("person") == person),
                       ("both", lambda e: e.get("hub") == hub and e.get("person") == person)):
        want = [e["seq"] for e in every if pick(e)]
        check(want and len(want) < len(every), f"{name}: nothing to tell apart")
        wait_for(lambda: len(streams[name].events) >= len(want), f"the stream of {name}")
        equal([e["seq"] for e in streams[name].events], want, f"the stream of {name}")
    # Who may not read, may not listen.
    token = usher.json("token", "create", "w", "--scope", "write")["token"]
    equal(code(ask(usher, "GET", "/events/stream", Authorization="Bearer " + token)), (403, "not-permitted"), "without read")


def test_stream_ends(scratch):
    """A stream ends when its token is revoked or expires, and with the daemon."""
    usher = Usher(scratch)
    tokens = [usher.json("token", "create", f"t{i}", "--scope", "read")["token"] for i in range(2)]
    soon = usher.json("token", "create", "soon", "--scope", "read", "--expires", "2090-01-01T00:00:00Z")["token"]
    one, two, three, kept = (Stream(usher, token=t) for t in (*tokens, soon, None))
    usher.usher("token", "revoke", "t0", "--yes")
    check(one.ended.wait(90), "the stream of a revoked token goes on")
    check("token.revoked" not in one.types(), "the stream showed more than its token allowed")
    wait_for(lambda: "token.revoked" in two.types() and "token.revoked" in kept.types(), "the others")
    usher.advance(70 * 365 * 86400)
    usher.api("POST", "/people", {"email": "late@corp.test"}, expect=201)
    check(three.ended.wait(90), "the stream of a token that expired goes on")
    wait_for(lambda: "person.joined" in kept.types(), "the one that is left")
    check(not two.ended.is_set() and not kept.ended.is_set(), "a stream ended that should not have")
    equal(usher.stop(), 0, "the end of the daemon")
    check(kept.ended.wait(90) and two.ended.wait(90), "the streams did not end with the daemon")


def test_stream_slow_reader(scratch):
    """A reader that reads nothing holds no memory and no transaction, and keeps nobody waiting."""
    usher = Usher(scratch)
    slow = []
    for _ in range(20):
        one = socket.socket(socket.AF_UNIX)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        one.connect(str(usher.socket))
        one.sendall(b"GET /api/v1/events/stream HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 0\r\n\r\n")
        slow.append(one)
    fast = Stream(usher)
    wait_for(lambda: metric(usher, "usher_event_streams") == 21, "21 streams")

    def private():
        return sum(int(line.split()[1]) for line in pathlib.Path(f"/proc/{usher.process.pid}/smaps_rollup").read_text()
                   .splitlines() if line.startswith("Private_Dirty"))

    before = private()
    for batch in range(10):
        usher.api("POST", "/directory/import", text="email,first_name\n" + "".join(
            f"p{batch}-{i}@corp.test,{'x' * 150}\n" for i in range(500)))
    wait_for(lambda: len(fast.events) >= 5000, "5,000 events in the stream that is read")
    wait_for(lambda: metric(usher, "usher_store_readers") == 0, "the end of all read transactions")
    grown = private() - before
    # 5,000 events are some 2 MB each time: 20 queues would be 40.
    sanitized = "__asan" in pathlib.Path(f"/proc/{usher.process.pid}/maps").read_text() or "libasan" in pathlib.Path(
        f"/proc/{usher.process.pid}/maps").read_text()
    check(sanitized or grown < 16 * 1024, f"private memory grew by {grown} KiB")
    for one in slow:
        one.close()
    equal(usher.stop(), 0, "the end of the daemon")


def test_stream_is_quiet(scratch):
    """A stream on which nothing happens sends a sign of life, and costs nothing between."""
    usher = Usher(scratch)
    streams = [Stream(usher) for _ in range(10)]

    def switches():
        return sum(int(line.split()[1]) for task in pathlib.Path(f"/proc/{usher.process.pid}/task").iterdir()
                   for line in (task / "status").read_text().splitlines() if "voluntary_ctxt_switches" in line)

    before, began = switches(), time.monotonic()
    wait_for(lambda: all(s.comments for s in streams), "a sign of life of each")
    took, spent = time.monotonic() - began, switches() - before
    # With test hooks the clock's and the queue's threads look four times a second each.
    check(spent < 60 * took + 200, f"{spent} context switches in {took:.0f} s")
    usher.api("POST", "/people", {"email": "a@corp.test"}, expect=201)
    wait_for(lambda: all(s.types() == ["person.joined"] for s in streams), "the event in all of them")


def test_streams_are_bounded(scratch):
    """So many streams may be open and no more; one that ends makes room."""
    usher = Usher(scratch)
    held = []
    for i in range(300):
        one = socket.socket(socket.AF_UNIX)
        one.settimeout(60)
        one.connect(str(usher.socket))
        one.sendall(b"GET /api/v1/events/stream HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = one.recv(12)
        if answer != b"HTTP/1.1 200":
            equal((answer, i), (b"HTTP/1.1 503", 256), "the first that is refused")
            one.close()
            break
        held.append(one)
    status, headers, found = ask(usher, "GET", "/events/stream")
    equal((status, found["code"], headers["Retry-After"]), (503, "unavailable", "5"), "one more")
    usher.api("GET", "/status")
    for one in held[:50]:
        one.close()
    usher.api("POST", "/people", {"email": "a@corp.test"}, expect=201)
    wait_for(lambda: metric(usher, "usher_event_streams") <= 206, "room")
    Stream(usher).close()
    for one in held:
        one.close()


# ---- For those who watch.

LINE = re.compile(r'^([a-z_]+)(?:\{((?:[a-z]+="[^"\\]*",?)*)\})? (-?[0-9.]+)$')


def families(text):
    """The samples by family, held to the text form of OpenMetrics 1.0."""
    lines = text.split("\n")
    equal(lines[-2:], ["# EOF", ""], "the end")
    found, family, kind = {}, None, None
    for line in lines[:-2]:
        if line.startswith("# "):
            _, word, name, value = line.split(" ", 3)
            if word == "TYPE":
                check(name not in found, f"the family {name} comes twice")
                family, kind, found[name] = name, value, {}
                check(kind in ("counter", "gauge", "summary", "info"), f"the type {kind}")
            else:
                check(word in ("HELP", "UNIT") and name == family, line)
                check(word != "UNIT" or name.endswith("_" + value), line)
            continue
        match = LINE.match(line)
        check(match, f"no sample: {line!r}")
        name, labels, value = match.groups()
        suffix = name.removeprefix(family)
        check(name.startswith(family) and suffix in {"counter": ("_total",), "gauge": ("",), "summary": ("_sum", "_count"),
                                                     "info": ("_info",)}[kind], f"{line!r} in the {kind} {family}")
        check((suffix, labels) not in found[family], f"{line!r} comes twice")
        found[family][suffix, labels] = float(value)
    return found


def test_watch_follows_the_stream(scratch):
    """task watch holds a stream while it waits, ends with the task, and outlives the stream."""
    usher, app = Usher(scratch), App(scratch, users=3)
    usher.connect(app)
    usher.wait_idle()
    for restart in (True, False):
        app.faults(hold={"page": 1})
        task = usher.usher("sync", "Acme", "--no-wait").out.strip()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            watch = pool.submit(usher.usher, "task", "watch", task)
            wait_for(lambda: metric(usher, "usher_event_streams") == 1, "the stream of task watch")
            check(not watch.done(), "task watch did not wait")
            if restart:
                usher.stop()
                usher.start()
            app.release()
            app.faults()
            check("completed" in watch.result(60).out, "task watch did not see the end")


def metric(usher, name, labels=None, suffix=""):
    _, _, text = ask(usher, "GET", "/metrics", expect=200)
    return families(text.decode())[name].get((suffix, labels), 0)


def test_commits_of_a_change(scratch):
    """A change is three commits: what is asked for, the intent with the task's state, the outcome."""
    usher, app = Usher(scratch), App(scratch, users=3)
    usher.connect(app)
    usher.people("new@corp.test")
    usher.wait_idle()
    for change in (("invite", "Acme", "new@corp.test", "--role", "member"), ("remove", "Acme", "new@corp.test", "--yes")):
        before = metric(usher, "usher_store_commits", suffix="_total")
        usher.usher("member", *change)
        equal(metric(usher, "usher_store_commits", suffix="_total") - before, 3, f"commits of {change[0]}")


def test_metrics(scratch):
    """/metrics is OpenMetrics, counts what happened, and holds no secret and no name."""
    usher, app = Usher(scratch), App(scratch, users=7)
    status, headers, text = ask(usher, "GET", "/metrics")
    equal((status, headers["Content-Type"]), (200, "application/openmetrics-text; version=1.0.0; charset=utf-8"), "/metrics")
    usher.connect(app)
    usher.wait_idle()
    app.change(remove=["user000006@example.com"])
    usher.usher("sync", "Acme")
    usher.people("new@corp.test")
    usher.usher("member", "invite", "Acme", "new@corp.test", "--role", "member", "--yes")
    app.faults(unauthorized={})
    usher.run("sync", "Acme")
    app.faults()
    for path in ("/nothing", "/hubs/x", "/people?limit=0"):
        ask(usher, "GET", path)
    found = families(ask(usher, "GET", "/metrics")[2].decode())
    for family, labels, suffix, least, most in (
            ("usher_hubs", 'status="review-automation-account"', "", 1, 1), ("usher_hubs", 'status="healthy"', "", 0, 0),
            ("usher_tasks_ended", 'kind="sync",status="completed"', "_total", 2, 3),
            ("usher_tasks_ended", 'kind="sync",status="not-completed"', "_total", 1, 2),
            ("usher_tasks_ended", 'kind="add-user",status="completed"', "_total", 1, 1),
            ("usher_sync_rows", 'what="added"', "_total", 7, 8), ("usher_sync_rows", 'what="seen"', "_total", 13, 21),
            ("usher_sync_seconds", None, "_count", 2, 3), ("usher_events", None, "_total", 10, 200),
            ("usher_http_answers", 'code="404"', "_total", 2, 2), ("usher_http_answers", 'code="422"', "_total", 1, 1),
            ("usher_store_map_bytes", None, "", 1 << 20, 1 << 40), ("usher_store_used_bytes", None, "", 4096, 1 << 30),
            ("usher_store_oldest_reader_seconds", None, "", 0, 60), ("usher_idle_sessions", None, "", 0, 4),
            ("usher_store_commits", None, "_total", 10, 400), ("usher_event_streams", None, "", 0, 0), ("usher_idempotency_keys", None, "", 4, 40)):
        value = found[family].get((suffix, labels))
        check(value is not None and least <= value <= most, f"{family}{suffix} {labels}: {value}, wanted {least} to {most}")
    text = ask(usher, "GET", "/metrics")[2].decode()
    for secret in (app.TOKEN, "Acme", "corp.test", "example.com", usher.hub()["id"], str(scratch.dir)):
        check(secret not in text, f"{secret} stands in /metrics")
    check(len(text.splitlines()) < 200, "too many lines")
    counted = found["usher_events"]["_total", None]
    equal(metric(usher, "usher_events", suffix="_total"), counted, "events, read again")


def test_health(scratch):
    """/healthz is open to all; /readyz and /metrics want a token over TCP, and say whether the work is done."""
    port, usher = free_port(), Usher(scratch)
    usher.stop()
    usher.start(arguments=("--listen", f"127.0.0.1:{port}"))
    tokens = {scope: usher.json("token", "create", scope, "--scope", scope)["token"] for scope in ("read", "write")}

    def tcp(path, token=None):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", path, headers={"Authorization": "Bearer " + token} if token else {})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, answer.headers, text

    equal(tcp("/healthz")[::2], (200, b"ok\n"), "/healthz")
    for path in ("/readyz", "/metrics", "/api/v1/openapi.json", "/api/v1/events/stream"):
        status, headers, _ = tcp(path)
        equal((status, headers["WWW-Authenticate"]), (401, 'Bearer realm="usher"'), f"{path} without a token")
        status, headers, _ = tcp(path, "ush_wrong")
        equal((status, headers["WWW-Authenticate"]), (401, 'Bearer realm="usher", error="invalid_token"'), f"{path}, wrong token")
    equal(tcp("/readyz", tokens["write"])[::2], (200, b"ok\n"), "/readyz")
    equal(tcp("/metrics", tokens["read"])[0], 200, "/metrics")
    status, headers, _ = tcp("/metrics", tokens["write"])
    equal((status, headers["WWW-Authenticate"]), (403, 'Bearer realm="usher", error="insufficient_scope", scope="read"'),
          "/metrics without read")
    equal(ask(usher, "GET", "/readyz")[::2], (200, b"ok\n"), "/readyz on the socket")
    for path in ("/healthz", "/readyz", "/metrics"):
        equal(ask(usher, "HEAD", path)[0], 200, f"HEAD {path}")


if __name__ == "__main__":
    sys.exit(main([test_cursors, test_pages_while_rows_change, test_keys, test_key_under_way, test_key_survives_kill,
                   test_entity_tags, test_stream, test_stream_filters_and_rights, test_stream_ends,
                   test_stream_slow_reader, test_stream_is_quiet, test_streams_are_bounded, test_watch_follows_the_stream,
                   test_commits_of_a_change, test_metrics, test_health],
                  "protocol"))
