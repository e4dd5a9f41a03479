#!/usr/bin/env python3
"""An app that mails invitations and does nothing to help whoever asks twice: each request is one
more mail.  Lines of text, as invites.c reads them; what it was asked and what it does wrong are
behind /_control."""

import argparse
import http.server
import itertools
import json
import os
import socket
import threading
import time


PAGE = 10


class App:
    def __init__(self):
        self.lock = threading.Lock()
        self.numbers = itertools.count(1)
        self.people, self.invites = {}, {}   # id: {email, role}; and of an invitation state, expires
        self.mails = []                      # addresses, one for each mail
        self.keys = {}                       # of intents: the answer that was given
        self.asked = []                      # pages of people
        self.signed_out = False
        self.faults, self.fired = {}, {}

    def fires(self, name):
        if self.faults.get(name, 0) <= 0:
            return False
        self.faults[name] -= 1
        self.fired[name] = self.fired.get(name, 0) + 1
        return True

    def invite(self, email, role):
        one = str(next(self.numbers))
        self.invites[one] = {"email": email, "role": role, "state": "pending", "expires": 0}
        self.mails.append(email)
        return one

    def line(self, one):
        i = self.invites[one]
        return "i%s %s %s %s %d\n" % (one, i["email"], i["role"], i["state"], i["expires"])

    def person(self, one):
        p = self.people[one]
        return "m%s %s %s %s\n" % (one, p["email"], p["role"], p.get("state", "active"))

    def control(self, what, body):
        if what == "faults":
            self.faults, self.fired = body, {}
        elif what == "accept":
            for one, invite in list(self.invites.items()):
                if invite["email"] == body["email"]:
                    self.people[str(next(self.numbers))] = {"email": invite["email"], "role": invite["role"]}
                    if not body.get("stays"):
                        del self.invites[one]
        elif what in ("set", "show"):        # invitations, people
            for one in (self.invites if what == "set" else self.people).values():
                if one["email"] == body["email"]:
                    one.update({k: body[k] for k in ("state", "expires", "hidden") if k in body})
        elif what == "people":
            self.asked = []
            new = {str(next(self.numbers)): {"email": email, "role": "member"} for email in body.get("add", [])}
            self.people = {**new, **self.people} if body.get("front") else {**self.people, **new}
            self.people = {k: p for k, p in self.people.items() if p["email"] not in body.get("remove", [])}
        elif what == "forget":
            self.invites = {k: i for k, i in self.invites.items() if i["email"] != body["email"]}
        elif what == "invite":
            self.invite(body["email"], "member")
            self.mails.pop()
        return {"people": list(self.people.values()), "invites": list(self.invites.values()), "mails": self.mails,
                "fired": self.fired, "keys": len(self.keys), "asked": self.asked}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, status, text="", kind="text/plain"):
        data = text.encode()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if status != 204:
            self.wfile.write(data)

    def handle_any(self):
        app = self.server.app
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        path, _, query = self.path.partition("?")
        parts = path.strip("/").split("/")
        page = int(query.removeprefix("page=")) if query else 0
        with app.lock:
            if parts[0] == "_control":
                found = app.control(parts[1], json.loads(text) if text else {})
                self.send(200, json.dumps(found), "application/json")
                return
            write = self.command != "GET" and parts != ["login"]
            app.asked.append(page) if page else None
            if write and app.fires("unsent"):
                status, answer, lost = 0, "", True
            else:
                status, answer = self.paged(page) if page else self.operate(parts, text)
                lost = write and app.fires("lose")
        if lost:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        time.sleep(0.5 if write and app.fires("slow") else 0)
        self.send(status, answer)

    def paged(self, page):
        app = self.server.app
        if app.signed_out or app.fires("sign-out-%d" % page):
            app.signed_out = True
            return 401, ""
        if app.fires("down-%d" % page):
            return 500, ""
        shown = [k for k, p in app.people.items() if not p.get("hidden")]
        return 200, ("".join(map(app.person, shown[(page - 1) * PAGE:page * PAGE]))
                     + ("+\n" if len(shown) > page * PAGE else ""))

    def operate(self, parts, text):
        app, key = self.server.app, self.headers.get("X-Intent")
        if parts == ["login"]:
            app.signed_out = False
            return 204, ""
        if self.command == "GET" and parts == ["people"]:
            return 200, "".join(map(app.person, app.people))
        if self.command == "GET" and parts == ["invites"]:
            return 200, "".join(map(app.line, app.invites))
        if self.command == "POST" and parts == ["invites"]:
            if app.fires("refuse"):
                return 409, ""
            if key and key in app.keys:
                return 201, app.keys[key]
            answer = app.line(app.invite(*text.split()))
            if key:
                app.keys[key] = answer
            return 201, answer
        kept = {"people": app.people, "invites": app.invites}.get(parts[0], {})
        one = parts[1][1:] if len(parts) > 1 else ""
        if one not in kept:
            return 404, ""
        if self.command == "DELETE":
            del kept[one]
            return 204, ""
        app.mails.append(kept[one]["email"])
        return 204, ""

    do_GET = do_POST = do_PUT = do_DELETE = handle_any


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--port-file", required=True)
    o = p.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.app = App()
    with open(o.port_file + ".new", "w", encoding="ascii") as f:
        f.write("%d\n" % server.server_address[1])
    os.replace(o.port_file + ".new", o.port_file)
    server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
