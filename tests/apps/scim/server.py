#!/usr/bin/env python3
"""A SCIM 2.0 application to test against, alone and without other packages.

It keeps users and groups in memory, answers as RFC 7643, 7644 and 9865 say, counts every
request, and misbehaves as it is told.  Tests drive the program from outside and ask this server,
not the program, what happened.

    server.py --port 0 --port-file F --users 1000 --token T [--groups 3] [--paging index|cursor|both]

Outside of the base path (no token):
    GET  /_control/counts             {"list-users": 20, ...}     DELETE sets them to nothing
    GET  /_control/users              every user as SCIM JSON
    POST /_control/users              {"add": [user...], "remove": [name...], "disable": [name...],
                                       "enable": [name...], "set": {name: {attribute: value}}}
    GET  /_control/faults             {"html": {"fired": 1, ...}, ...}
    PUT  /_control/faults             {"html": {"times": 1}}      the faults that are on; {} = none
    POST /_control/release            lets go what "hold" holds
    GET  /_control/flights            how many requests were open when each came, since the last
                                      "rate-limit", this one counted

A fault is an object.  In every one: "times": how often (absent: always), "skip": how many requests
that it would fit pass first, "kind": only requests of this kind, as they are counted, "at": only
those with this text in their address.
    unauthorized                      401
    html                              a web page with status 200
    truncate                          JSON that ends in its middle
    cut                               a body shorter than its Content-Length
    endless                           a body without end
    slow        {"ms", "chunk"}       a body in pieces of "chunk" bytes, "ms" apart
    redirect    {"to"}                307 to another address
    redirect-within                   307 to the same address with one parameter more
    rate-limit  {"retry_after", "date"}   429; seconds, or with "date": true as an HTTP date
                {"headers", "body", "status", "skew"}   told in these headers and this body in
                                      place of Retry-After, in which <wait>, <ms>, <minutes>,
                                      <epoch>, <epoch-ms>, <date> and <iso> stand for the time;
                                      by a clock that is "skew" seconds ahead
    error       {"status"}            500, or that status
    echo        {"status"}            400, or that status; the answer repeats the Authorization header
    empty                             a list without anybody
    missing     {"rows"}              a page without its last rows, the total unchanged
    repeat-page                       page 1 whatever is asked
    repeat-cursor                     the next cursor is the one that was asked for
    expired-cursor                    400 expiredCursor
    reset                             a write is carried out, its answer is a connection reset
    silent                            what was asked is carried out and never answered
    ignore-write                      a write is answered as if carried out
    no-body                           a write is carried out and answered without a body
    hold        {"page"}              a page of users is not answered before /_control/release
"""

import argparse
import copy
import email.utils
import http.server
import json
import os
import random
import re
import signal
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.parse

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

BODY_MAX = 4 << 20
PAGES_KEPT = 2048
FLIGHTS_KEPT = 1000
FAULTS = {"unauthorized", "echo", "html", "truncate", "cut", "endless", "slow", "redirect",
          "redirect-within", "rate-limit", "error", "empty", "missing", "repeat-page",
          "repeat-cursor", "expired-cursor", "reset", "silent", "ignore-write", "no-body", "hold"}


class Refusal(Exception):
    def __init__(self, status, detail, scim_type=None):
        super().__init__(detail)
        self.status, self.detail, self.scim_type = status, detail, scim_type


def text_of(thing):
    return json.dumps(thing, separators=(",", ":")).encode()


class Kept:
    """Things of one type, in a fixed order, each with its JSON ready to send."""

    def __init__(self):
        self.things = {}
        self.order = []
        self.texts = {}
        self.pages = {}

    def put(self, thing):
        if thing["id"] not in self.things:
            self.order.append(thing["id"])
        self.things[thing["id"]] = thing
        self.texts.pop(thing["id"], None)
        self.pages.clear()

    def remove(self, key):
        del self.things[key]
        self.order.remove(key)
        self.texts.pop(key, None)
        self.pages.clear()

    def text(self, key):
        found = self.texts.get(key)
        if found is None:
            found = self.texts[key] = text_of(self.things[key])
        return found

    def page(self, start, count):
        """The texts of a page, joined, and how many they are."""
        found = self.pages.get((start, count))
        if found is None:
            keys = self.order[start - 1:start - 1 + count]
            found = (b",".join([self.text(key) for key in keys]), len(keys))
            if len(self.pages) < PAGES_KEPT:
                self.pages[(start, count)] = found
        return found


class App:
    def __init__(self, options):
        self.options = options
        self.lock = threading.RLock()
        self.now = threading.local()   # path: of the request under way
        self.random = random.Random(options.seed)
        self.users, self.groups = Kept(), Kept()
        self.names = {}
        self.counts = {}
        self.made = {}   # users, by what made them once
        self.flights, self.open = [], 0
        self.faults = {}
        self.released = threading.Event()

    # ---- Data ----

    def new_id(self):
        return "%032x" % self.random.getrandbits(128)

    def seed(self):
        for n in range(self.options.users):
            name = "user%06d" % n
            self.add_user({
                "schemas": [USER], "userName": name + "@example.com", "active": True,
                "name": {"givenName": "User", "familyName": "%06d" % n},
                "displayName": "User %06d" % n,
                "emails": [{"value": name + "@example.com", "type": "work", "primary": True}],
                "roles": [{"value": "admin" if self.random.random() < 0.05 else "member"}]})
        for n in range(self.options.groups):
            members = [{"value": key, "type": "User"} for key in self.users.order
                       if self.random.random() < 1 / (n + 1)]
            self.groups.put({"schemas": [GROUP], "id": self.new_id(),
                             "displayName": "group%d" % n, "members": members})
        if self.options.order == "permuted":
            self.random.shuffle(self.users.order)

    def load(self, path):
        with open(path, encoding="utf-8") as f:
            data = json.load(f)
        for user in data.get("users", []):
            self.add_user(user)
        for group in data.get("groups", []):
            group.setdefault("schemas", [GROUP])
            group.setdefault("id", self.new_id())
            self.groups.put(group)

    def add_user(self, user):
        name = user.get("userName")
        if not isinstance(name, str) or not name:
            raise Refusal(400, "userName is missing", "invalidValue")
        if name.lower() in self.names:
            raise Refusal(409, "userName is taken", "uniqueness")
        user = dict(user)
        user.setdefault("schemas", [USER])
        user.setdefault("id", self.new_id())
        user.setdefault("active", True)
        user["meta"] = {"resourceType": "User", "created": "2024-01-02T03:04:05Z",
                        "version": 'W/"1"'}
        self.names[name.lower()] = user["id"]
        self.users.put(user)
        return user

    def changed(self, user):
        user["meta"]["version"] = 'W/"%d"' % (int(user["meta"]["version"][3:-1]) + 1)
        self.users.put(user)

    def remove_user(self, user):
        del self.names[user["userName"].lower()]
        self.users.remove(user["id"])
        for group in self.groups.things.values():
            group["members"] = [m for m in group.get("members", []) if m["value"] != user["id"]]
            self.groups.put(group)

    def native(self, change):
        """A change made in the app itself, not over SCIM."""
        unknown = set(change) - {"add", "remove", "disable", "enable", "set"}
        if unknown:
            raise Refusal(400, "not known: " + ", ".join(sorted(unknown)))
        for user in change.get("add", []):
            self.add_user(user)
        for name in change.get("remove", []):
            self.remove_user(self.user_named(name))
        for key, active in (("disable", False), ("enable", True)):
            for name in change.get(key, []):
                user = self.user_named(name)
                user["active"] = active
                self.changed(user)
        for name, values in change.get("set", {}).items():
            user = self.user_named(name)
            user.update(values)
            self.changed(user)

    def user_named(self, name):
        key = self.names.get(name.lower(), name)
        if key not in self.users.things:
            raise Refusal(404, "no user " + name)
        return self.users.things[key]

    # ---- Counts and faults ----

    def count(self, kind):
        with self.lock:
            self.counts[kind] = self.counts.get(kind, 0) + 1

    def set_faults(self, faults):
        unknown = set(faults) - FAULTS
        if unknown:
            raise Refusal(400, "no such fault: " + ", ".join(sorted(unknown)))
        with self.lock:
            self.faults = {name: dict(fault, fired=0) for name, fault in faults.items()}
            self.released.clear()

    def fires(self, name, kind, fits=True):
        """The fault, when it is on for this request; counts it."""
        with self.lock:
            fault = self.faults.get(name)
            if not fault or not fits or fault.get("kind", kind) != kind or fault.get("at", "") not in self.now.path:
                return None
            if fault.get("skip", 0) > 0:
                fault["skip"] -= 1
                return None
            if "times" in fault and fault["fired"] >= fault["times"]:
                return None
            fault["fired"] += 1
            return fault


# ---- Changes ----

def booleans(value):
    return value if isinstance(value, bool) else str(value).lower() == "true"


def set_attribute(thing, path, value):
    """One attribute by its path; an extension's as urn:...:attribute."""
    if path.lower().startswith("urn:"):
        schema, name = path.rsplit(":", 1)
        thing = thing.setdefault(schema, {})
        path = name
    names = path.split(".")
    for name in names[:-1]:
        thing = thing.setdefault(name, {})
    if value is None:
        thing.pop(names[-1], None)
    else:
        thing[names[-1]] = booleans(value) if names[-1] == "active" else value


MEMBER = re.compile(r'members\[value eq "((?:[^"\\]|\\.)*)"\]$')


def patch(thing, operations):
    for op in operations:
        verb, path, value = op.get("op", "").lower(), op.get("path"), op.get("value")
        member = MEMBER.match(path or "")
        if set(op) - {"op", "path", "value"} or verb not in ("add", "remove", "replace"):
            raise Refusal(400, "not an operation", "invalidSyntax")
        if member and verb == "remove":
            gone = json.loads('"' + member.group(1) + '"')
            thing["members"] = [m for m in thing.get("members", []) if m["value"] != gone]
        elif path is None:
            if verb == "remove" or not isinstance(value, dict):
                raise Refusal(400, "no path and no value", "noTarget")
            for name, part in value.items():
                if name.lower().startswith("urn:") and isinstance(part, dict):
                    for attribute, v in part.items():
                        set_attribute(thing, name + ":" + attribute, v)
                else:
                    set_attribute(thing, name, part)
        elif "[" in path:
            raise Refusal(400, "this path is not known here", "invalidPath")
        elif verb == "remove":
            set_attribute(thing, path, None)
        elif verb == "add" and path == "members":
            have = {m["value"] for m in thing.get("members", [])}
            thing.setdefault("members", []).extend(m for m in value if m["value"] not in have)
        else:
            set_attribute(thing, path, value)


FILTER = re.compile(r'([\w.]+) eq ("(?:[^"\\]|\\.)*")$')


def matches(thing, name, value):
    if name == "emails.value":
        return any(e.get("value", "").lower() == value.lower() for e in thing.get("emails", []))
    return str(thing.get(name, "")).lower() == value.lower()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    skew = 0

    def log_message(self, *args):
        pass

    def date_time_string(self, timestamp=None):
        return super().date_time_string((timestamp or time.time()) + self.skew)

    # ---- Sending ----

    def send(self, status, body=b"", kind="application/scim+json", headers=()):
        if self.server.app.fires("silent", self.kind):
            self.connection.recv(1)  # until the client gives up
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if body:
            self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if body and not self.misbehave(body):
            self.wfile.write(body)
        self.wfile.flush()

    def misbehave(self, body):
        """Faults in how a body is sent; true when it is sent."""
        app, kind = self.server.app, self.kind
        if app.fires("cut", kind):
            self.wfile.write(body[:len(body) // 2])
            self.close_connection = True
            return True
        slow = app.fires("slow", kind)
        if slow:
            chunk = slow.get("chunk", 1024)
            for at in range(0, len(body), chunk):
                self.wfile.write(body[at:at + chunk])
                self.wfile.flush()
                time.sleep(slow.get("ms", 10) / 1000)
            return True
        return False

    def endless(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/scim+json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        self.wfile.write(b'{"totalResults":1,"Resources":[')
        while True:
            self.wfile.write(b" " * 65536)

    def refuse(self, refusal):
        body = {"schemas": [ERROR], "status": str(refusal.status), "detail": refusal.detail}
        if refusal.scim_type:
            body["scimType"] = refusal.scim_type
        self.send(refusal.status, text_of(body))

    def reset(self):
        """The connection ends without an answer, by RST."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    # ---- Receiving ----

    def body(self):
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_MAX:
            raise Refusal(413, "too large")
        raw = self.rfile.read(length)
        self.raw_read = True
        try:
            value = json.loads(raw)
        except ValueError:
            raise Refusal(400, "not JSON", "invalidSyntax") from None
        if not isinstance(value, dict):
            raise Refusal(400, "not an object", "invalidSyntax")
        return value

    def handle_any(self):
        self.kind, self.raw_read = "unknown", False
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        try:
            if url.path.startswith("/_control/"):
                self.control(url.path[len("/_control/"):])
            else:
                self.scim(url.path, query)
        except Refusal as refusal:
            if refusal.status == 400:
                self.server.app.count("refused")
            self.drain()
            self.refuse(refusal)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError, ValueError):
            self.close_connection = True

    def drain(self):
        if not self.raw_read:
            self.rfile.read(min(int(self.headers.get("Content-Length") or 0), BODY_MAX))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

    # ---- Control ----

    def control(self, what):
        app, verb = self.server.app, self.command
        self.kind = "control"
        answer = {}
        with app.lock:
            if what == "counts" and verb == "GET":
                answer = app.counts
            elif what == "counts" and verb == "DELETE":
                app.counts = {}
            elif what == "users" and verb == "GET":
                answer = [app.users.things[key] for key in app.users.order]
            elif what == "users" and verb == "POST":
                app.native(self.body())
            elif what == "faults" and verb == "GET":
                answer = app.faults
            elif what == "faults" and verb == "PUT":
                app.set_faults(self.body())
            elif what == "flights" and verb == "GET":
                answer = app.flights
            elif what == "release" and verb == "POST":
                app.released.set()
            else:
                raise Refusal(400, "no such control")
            text = text_of(answer)
        self.drain()
        self.send(200, text, "application/json")

    # ---- SCIM ----

    def scim(self, path, query):
        app, base = self.server.app, self.server.app.options.base
        if not path.startswith(base + "/"):
            app.count("off-base")
            self.drain()
            self.send(404, b"<html><body>Not found</body></html>", "text/html")
            return
        parts = [urllib.parse.unquote(p) for p in path[len(base) + 1:].split("/")]
        self.kind = self.kind_of(parts, query)
        app.count(self.kind)
        app.now.path = self.path
        with app.lock:
            app.open += 1
            app.flights = (app.flights + [app.open])[-FLIGHTS_KEPT:]
        try:
            if self.early_fault():
                return
            if self.headers.get("Authorization") != "Bearer " + app.options.token:
                app.count("unauthorized")
                raise Refusal(401, "The token is not valid")
            self.operate(parts, query)
        finally:
            with app.lock:
                app.open -= 1

    def kind_of(self, parts, query):
        nouns = {"Users": "user", "Groups": "group", "ServiceProviderConfig": "config"}
        noun = nouns.get(parts[0])
        verbs = {"GET": "read", "POST": "create", "PUT": "put", "PATCH": "patch",
                 "DELETE": "delete"}
        if noun is None or len(parts) > 2:
            return "unknown"
        if noun == "config":
            return "config"
        if len(parts) == 1 and self.command == "GET":
            return ("filter-" if "filter" in query else "list-") + noun + "s"
        return verbs[self.command] + "-" + noun

    def early_fault(self):
        """Faults that answer instead of the app; true when one did."""
        app, kind = self.server.app, self.kind
        if app.fires("unauthorized", kind):
            raise Refusal(401, "The token is not valid")
        limit = app.fires("rate-limit", kind)
        if limit:
            self.limit(limit)
            return True
        error = app.fires("error", kind)
        if error:
            raise Refusal(error.get("status", 500), "It does not work today")
        echo = app.fires("echo", kind)
        if echo:
            raise Refusal(echo.get("status", 400), "Not accepted: " + self.headers.get("Authorization", ""))
        away = app.fires("redirect", kind)
        within = app.fires("redirect-within", kind, "again=1" not in self.path)
        if away or within:
            to = away["to"] if away else self.path + ("&" if "?" in self.path else "?") + "again=1"
            self.drain()
            self.send(307, b"", headers=[("Location", to)])
            return True
        if app.fires("html", kind):
            self.drain()
            self.send(200, b"<!DOCTYPE html><html><body>Please sign in</body></html>", "text/html")
            return True
        if app.fires("endless", kind):
            self.drain()
            self.endless()
            return True
        return False

    def limit(self, limit):
        app, wait, self.skew = self.server.app, limit.get("retry_after", 1), limit.get("skew", 0)
        then = time.time() + self.skew + wait
        words = {"<wait>": wait, "<ms>": wait * 1000, "<minutes>": wait // 60, "<epoch>": int(then),
                 "<epoch-ms>": int(then * 1000), "<date>": email.utils.formatdate(then, usegmt=True),
                 "<iso>": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(then))}

        def spelled(text):
            for word, value in words.items():
                text = text.replace(word, str(value))
            return text
        headers = limit.get("headers", {"Retry-After": "<date>" if limit.get("date") else "<wait>"})
        with app.lock:
            app.flights = []
        self.drain()
        self.send(limit.get("status", 429), spelled(limit.get("body", "")).encode(), "application/json",
                  [(name, spelled(value)) for name, value in headers.items()])
        self.skew = 0

    def operate(self, parts, query):
        app = self.server.app
        query.pop("again", None)
        if self.kind == "config":
            return self.config()
        if self.kind == "unknown":
            raise Refusal(400, "not known here")
        kept = app.users if parts[0] == "Users" else app.groups
        if self.kind.startswith("list-"):
            return self.list(kept, query)
        if self.kind.startswith("filter-"):
            return self.filter(kept, query)
        if set(query) - {"attributes", "excludedAttributes"}:
            raise Refusal(400, "not known: " + ", ".join(sorted(query)))
        if self.command == "GET":
            with app.lock:
                text = text_of(self.thing(kept, parts))
            return self.answer(200, text)
        return self.write(kept, parts)

    def thing(self, kept, parts):
        found = kept.things.get(parts[1]) if len(parts) == 2 else None
        if found is None:
            raise Refusal(404, "There is none by this id")
        return found

    def answer(self, status, text):
        if text and self.server.app.fires("truncate", self.kind):
            text = text[:len(text) // 2]
        self.send(status, text)

    def config(self):
        o = self.server.app.options
        cursor = o.paging in ("cursor", "both")
        config = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
                  "patch": {"supported": not o.no_patch}, "bulk": {"supported": False},
                  "filter": {"supported": not o.no_filter, "maxResults": 200},
                  "changePassword": {"supported": False}, "sort": {"supported": False},
                  "etag": {"supported": o.etag},
                  "pagination": {"cursor": cursor, "index": o.paging != "cursor"}}
        self.answer(200, text_of(config))

    # ---- Lists ----

    def span(self, query):
        """Where a page begins and how many it may have."""
        o, app = self.server.app.options, self.server.app
        unknown = set(query) - {"startIndex", "count", "cursor", "excludedAttributes"}
        if unknown:
            raise Refusal(400, "not known: " + ", ".join(sorted(unknown)), "invalidValue")
        try:
            count = min(int(query.get("count", o.page_max)), o.page_max)
            if "cursor" in query:
                if o.paging == "index":
                    raise Refusal(400, "no cursors here", "invalidCursor")
                if app.fires("expired-cursor", self.kind, query["cursor"] != ""):
                    raise Refusal(400, "the cursor is too old", "expiredCursor")
                start = int(query["cursor"][1:] or 1) if query["cursor"] else 1
            elif o.paging == "cursor":
                raise Refusal(400, "cursors only", "invalidValue")
            else:
                start = max(1, int(query.get("startIndex", 1)))
        except ValueError:
            raise Refusal(400, "not a number", "invalidValue") from None
        if count < 0:
            raise Refusal(400, "count is negative", "invalidCount")
        return start, count

    def list(self, kept, query):
        app = self.server.app
        start, count = self.span(query)
        hold = app.faults.get("hold")
        if hold and count and (start - 1) // count + 1 == hold.get("page", 1) \
                and app.fires("hold", self.kind):
            app.released.wait()
        if app.fires("repeat-page", self.kind):
            start = 1
        with app.lock:
            rows, n = kept.page(start, count)
            total = len(kept.order)
            if "members" in query.get("excludedAttributes", "").split(","):
                things = [dict(kept.things[k]) for k in kept.order[start - 1:start - 1 + count]]
                for thing in things:
                    thing.pop("members", None)
                rows = b",".join(text_of(thing) for thing in things)
        missing = app.fires("missing", self.kind, n > 0)
        if missing:
            n = max(0, n - missing.get("rows", 1))
            with app.lock:
                rows = b",".join(kept.text(k) for k in kept.order[start - 1:start - 1 + n])
        if app.fires("empty", self.kind):
            rows, n, total = b"", 0, 0
        head = {"schemas": [LIST], "totalResults": total, "itemsPerPage": n}
        if "cursor" not in query:
            head["startIndex"] = start
        elif app.fires("repeat-cursor", self.kind, start > 1):
            head["nextCursor"] = query["cursor"]
        elif start - 1 + n < total:
            head["nextCursor"] = "c%d" % (start + n)
        text = text_of(head)
        if n:
            text = text[:-1] + b',"Resources":[' + rows + b"]}"
        self.answer(200, text)

    def filter(self, kept, query):
        app = self.server.app
        found = FILTER.match(query["filter"])
        if app.options.no_filter or not found or set(query) - {"filter", "startIndex", "count",
                                                               "excludedAttributes"}:
            raise Refusal(400, "this filter is not known here", "invalidFilter")
        name, value = found.group(1), json.loads(found.group(2))
        with app.lock:
            if name == "userName" and kept is app.users:
                key = app.names.get(value.lower())
                hits = [kept.things[key]] if key else []
            elif name in ("emails.value", "displayName", "externalId", "id"):
                hits = [thing for thing in kept.things.values() if matches(thing, name, value)]
            else:
                raise Refusal(400, "this attribute is not known here", "invalidFilter")
            text = text_of({"schemas": [LIST], "totalResults": len(hits), "startIndex": 1,
                            "itemsPerPage": len(hits), "Resources": hits})
        self.answer(200, text)

    # ---- Writes ----

    def write(self, kept, parts):
        app = self.server.app
        body = self.body() if self.command != "DELETE" else None
        ignored = app.fires("ignore-write", self.kind)
        with app.lock:
            status, thing = self.apply(kept, parts, body, bool(ignored))
            text = text_of(thing) if thing else b""
        if app.fires("reset", self.kind):
            self.reset()
            return
        if app.fires("no-body", self.kind):
            text = b""
        self.answer(status if text or status == 201 else 204, text)

    def apply(self, kept, parts, body, ignored):
        """Carries the write out, or (IGNORED) answers as if."""
        app, users = self.server.app, kept is self.server.app.users
        if self.command == "POST" and len(parts) == 1:
            return self.create(kept, body, ignored)
        thing = self.thing(kept, parts)
        if users and "If-Match" in self.headers \
                and self.headers["If-Match"] != thing["meta"]["version"]:
            raise Refusal(412, "the user was changed", "invalidVers")
        if self.command == "DELETE":
            if not ignored and users:
                app.remove_user(thing)
            elif not ignored:
                kept.remove(thing["id"])
            return 204, None
        after = copy.deepcopy(thing)
        if self.command == "PATCH" and not app.options.no_patch:
            if body.get("schemas") != [PATCH] or not isinstance(body.get("Operations"), list):
                raise Refusal(400, "not a PatchOp", "invalidSyntax")
            patch(after, body["Operations"])
        elif self.command == "PUT":
            if {"id", "meta"} & set(body):
                raise Refusal(400, "id and meta are read only", "mutability")
            after = dict(body, id=thing["id"])
            if users:
                after["meta"] = thing["meta"]
        else:
            raise Refusal(501, "not done here")
        if ignored:
            return 200, after
        if users:
            app.changed(after)
        else:
            kept.put(after)
        return 200, after

    def create(self, kept, body, ignored):
        app = self.server.app
        unknown = set(body) - {"schemas", "userName", "displayName", "name", "emails", "active",
                               "roles", "entitlements", "externalId", "members", "userType"}
        if any(not name.startswith("urn:") for name in unknown):
            raise Refusal(400, "not known: " + ", ".join(sorted(unknown)), "invalidSyntax")
        if kept is app.groups:
            made = dict(body, id=app.new_id())
            if not ignored:
                kept.put(made)
            return 201, made
        if ignored:
            return 201, dict(body, id=app.new_id())
        key = app.options.once and self.headers.get(app.options.once)
        if key and key in app.made:
            return 201, app.made[key]
        user = app.add_user(body)
        if key:
            app.count("keyed")
            app.made[key] = user
        return 201, user


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (OSError, ValueError)):
            super().handle_error(request, client_address)


def options():
    p = argparse.ArgumentParser(description="A SCIM 2.0 application to test against")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--port-file", help="where the port is written once the server answers")
    p.add_argument("--base", default="/scim/v2")
    p.add_argument("--token", default="token")
    p.add_argument("--users", type=int, default=0)
    p.add_argument("--groups", type=int, default=0)
    p.add_argument("--json", help="users and groups of a file beside those")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--order", choices=["created", "permuted"], default="created")
    p.add_argument("--paging", choices=["index", "cursor", "both"], default="index")
    p.add_argument("--page-max", type=int, default=1000)
    p.add_argument("--no-patch", action="store_true")
    p.add_argument("--no-filter", action="store_true")
    p.add_argument("--etag", action="store_true")
    p.add_argument("--once", metavar="HEADER", help="of a user made, which has one effect for each value of it")
    p.add_argument("--tls-cert")
    p.add_argument("--tls-key")
    return p.parse_args()


def main():
    o = options()
    app = App(o)
    app.seed()
    if o.json:
        app.load(o.json)
    server = Server(("127.0.0.1", o.port), Handler)
    server.app = app
    if o.tls_cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(o.tls_cert, o.tls_key)
        server.socket = context.wrap_socket(server.socket, server_side=True,
                                            do_handshake_on_connect=False)
    signal.signal(signal.SIGTERM,
                  lambda *_: threading.Thread(target=server.shutdown, daemon=True).start())
    if o.port_file:
        with open(o.port_file + ".new", "w", encoding="ascii") as f:
            f.write("%d\n" % server.server_address[1])
        os.replace(o.port_file + ".new", o.port_file)
    server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
