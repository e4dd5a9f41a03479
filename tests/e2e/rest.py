#!/usr/bin/env python3
"""Apps that a descriptor tells of: a file and no C, from the first connection to a removal."""

import http.server
import json
import pathlib
import sys
import threading
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

import usher as lib  # noqa: E402
from usher import Usher, check, equal, main  # noqa: E402

QUICK = "[tasks]\nretry-wait = 10ms\n"
MEMBER = {"id": "id", "email": "email", "name": "name",
          "state": {"at": "state", "map": {"on": "active", "off": "disabled"}},
          "roles": {"role": {"at": "level", "map": {"30": "member", "50": "owner"}}}}
INVITE = {"id": "id", "email": "email", "roles": {"role": {"at": "level", "map": {"30": "member", "50": "owner"}}}}
RUN = {
    "base": "{base_url}/api", "headers": {"X-Version": "7"},
    "list": [{"get": "/people", "at": "people[]", "member": MEMBER,
              "page": {"style": "number", "size": 50, "total": "total", "send": {"page": "{page}", "per": "{size}"}}},
             {"get": "/invites", "kind": "invites", "at": "[]", "member": INVITE}],
    "read": [{"get": "/people/{id}", "when": {"state": ["member", "disabled"]}, "absent_if": True, "member": MEMBER},
             {"get": "/people", "query": {"email": "{email}"}, "at": "people[]",
              "where": {"at": "email", "is": "{email}"}, "member": MEMBER},
             {"get": "/invites", "kind": "invites", "at": "[]", "where": {"at": "email", "is": "{email}"},
              "member": INVITE}],
    "role_words": {"role": {"member": "30", "owner": "50"}},
    "invite": {"post": "/invites", "json": {"email": "{email}", "level": {"number": "{role}"}},
               "keep": {"id": "id", "invite_link": "link"}},
    "resend": {"post": "/invites/{id}/again"},
    "set_role": {"put": "/people/{id}", "json": {"level": {"number": "{role}"}}},
    "remove": [{"delete": "/people/{id}"}, {"delete": "/invites/{id}", "when": {"state": "pending"}}],
    "answers": [{"status": 409, "at": "code", "is": "member", "means": "already"},
                {"status": 409, "at": "code", "is": "invited", "means": "invited"}],
}


class App:
    """People and invitations, over HTTP; it counts what it does not know."""

    def __init__(self, scratch, people):
        self.people = {f"p{i}": {"id": f"p{i}", "email": f"user{i}@example.com", "name": f"User {i}", "state": "on",
                                 "level": 30} for i in range(1, people + 1)}
        self.invites, self.strange, self.mails, self.asked = {}, [], [], 0
        self.cut = None  # (method, whether it is carried out, what happens instead of an answer), once
        app = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                url = urllib.parse.urlsplit(self.path)
                app.asked += 1
                cut, app.cut = (app.cut, None) if app.cut and app.cut[0] == self.command else (None, app.cut)
                if cut and not cut[1]:
                    return self.drop(cut[2])
                known = (self.headers.get("Authorization") == "Bearer tok-0123456789"
                         and self.headers.get("X-Version") == "7")
                status, said = app.answer(self.command, url.path.removeprefix("/api"),
                                          dict(urllib.parse.parse_qsl(url.query)), body) if known else (401, {"code": "token"})
                if status == 400:
                    app.strange.append(f"{self.command} {self.path} {body}")
                if cut:
                    return self.drop(cut[2])
                data = b"" if said is None else json.dumps(said).encode()
                self.send_response(status)
                if data:
                    self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def drop(self, happens):
                happens()
                self.close_connection = True

            do_GET = do_POST = do_PUT = do_DELETE = do

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        scratch.callback(self.server.shutdown)

    def listed(self, query):
        people = [p for p in self.people.values() if query.get("email") in (None, p["email"])]
        page, per = int(query.get("page", 1)), int(query.get("per", 50))
        return 200, {"people": people[(page - 1) * per:page * per], "total": len(people)}

    def invite(self, body):
        if any(p["email"] == body["email"] for p in self.people.values()):
            return 409, {"code": "member"}
        if any(i["email"] == body["email"] for i in self.invites.values()):
            return 409, {"code": "invited"}
        made = {"id": f"i{len(self.mails) + 1}", "email": body["email"], "level": body["level"]}
        self.invites[made["id"]] = made
        self.mails.append(body["email"])
        return 201, dict(made, link=f"https://app.example.com/join/{made['id']}")

    def accept(self, email):
        for key, invite in list(self.invites.items()):
            if invite["email"] == email:
                del self.invites[key]
                self.people["p" + key] = dict(invite, id="p" + key, name="New", state="on")

    def answer(self, method, path, query, body):
        parts = path.strip("/").split("/")
        things = {"people": self.people, "invites": self.invites}.get(parts[0], {})
        if method == "GET" and parts == ["people"]:
            return self.listed(query)
        if method == "GET" and parts == ["invites"]:
            return 200, list(self.invites.values())
        if method == "POST" and parts == ["invites"]:
            return self.invite(body)
        if len(parts) == 2 and parts[1] not in things:
            return 404, {"code": "none"}
        if method == "GET" and len(parts) == 2:
            return 200, things[parts[1]]
        if method == "PUT" and parts[0] == "people" and body.get("level") in (30, 50):
            things[parts[1]]["level"] = body["level"]
            return 200, things[parts[1]]
        if method == "DELETE" and len(parts) == 2:
            del things[parts[1]]
            return 204, None
        if method == "POST" and parts[0] == "invites" and parts[2:] == ["again"] and parts[1] in things:
            self.mails.append(things[parts[1]]["email"])
            return 202, {}
        return 400, {"code": "strange"}


def connected(scratch, people=3, how="invite", update="in-place", pending="listed", run=None):
    apps = scratch.dir / "apps"
    apps.mkdir()
    no = "The app cannot do it"
    (apps / "crew.json").write_text(json.dumps({
        "usher_app": 1, "id": "crew", "name": "Crew", "connector": "seat", "evidence": "verified against the server beside it",
        "fields": [{"key": "base_url", "label": "URL", "kind": "url", "required": True, "id": "space"}],
        "login_methods": ["sso", "password"], "native_role": "none",
        "accounts": [{"kind": "token", "fields": [{"key": "token", "label": "Token", "kind": "secret", "required": True}]}],
        "hosts": ["{base_url}"], "auth": {"default": {"bearer": "token"}},
        "can": dict({name: no for name in ("assets", "partners", "rotate-password", "mfa")},
                    **{name: True for name in ("sync", "add-user", "update-role", "remove-user")}),
        "add": {"how": how, "pending": pending, "resend": True, "revoke": True}, "update": update,
        "remove": {"policy": "delete"}, "read": "lookup", "emails": True,
        "role_groups": [{"key": "role", "label": "Role", "model": "latest", "pick": "one"}],
        "roles": [{"group": "role", "id": name, "label": name.title(), "assignable": True} for name in ("member", "owner")],
        "asset_types": [], "provisioning": [], "run": {"rest": dict(RUN, **(run or {}))}}))
    app = App(scratch, people)
    usher = Usher(scratch, config=QUICK, env={"USHER_APP_PATH": str(apps)})
    usher.people("ann@example.com", "user1@example.com")
    usher.usher("hub", "connect", "crew", "--label", "Acme", "--login-method", "sso", "--set",
                f"base_url=http://127.0.0.1:{app.port}", "--secret", "token=-", stdin="tok-0123456789")
    return app, usher


def people_come_in_over_many_pages(scratch):
    """members of a descriptor's app are listed whole, each page once"""
    app, usher = connected(scratch, people=420)
    before = app.asked
    usher.usher("sync", "Acme")
    members = usher.members()
    equal(len(members), 420, "members")
    equal({r["id"] for m in members for r in m["roles"]}, {"member"}, "roles in our words")
    check(app.asked - before <= 11, f"one request a page: {app.asked - before}")
    equal(app.strange, [], "requests that the app does not know")


def an_invitation_is_sent_accepted_changed_and_taken_away(scratch):
    """somebody is invited, joins, gets a role and is removed, each as the app shows it"""
    app, usher = connected(scratch)
    usher.usher("member", "invite", "Acme", "ann@example.com", "--role", "member", "--yes")
    equal([i["level"] for i in app.invites.values()], [30], "level in the app's words")
    equal(usher.member("ann@example.com")["status"], "pending-invite-claim", "status")
    app.accept("ann@example.com")
    usher.usher("sync", "Acme")
    equal(usher.member("ann@example.com")["status"], "onboarded", "status")
    usher.usher("member", "set-role", "Acme", "ann@example.com", "--role", "owner", "--yes")
    equal([p["level"] for p in app.people.values() if p["email"] == "ann@example.com"], [50], "level")
    usher.usher("member", "remove", "Acme", "ann@example.com", "--yes")
    equal([p for p in app.people.values() if p["email"] == "ann@example.com"], [], "ann in the app")
    equal(app.strange, [], "requests that the app does not know")


def an_invitation_is_revoked_by_its_own_id(scratch):
    """an invitation is taken back where invitations are, and nobody else is touched"""
    app, usher = connected(scratch)
    usher.usher("member", "invite", "Acme", "ann@example.com", "--role", "member", "--yes")
    usher.usher("member", "remove", "Acme", "ann@example.com", "--yes")
    equal((app.invites, len(app.people)), ({}, 3), "invitations and people")
    equal(app.strange, [], "requests that the app does not know")


def a_link_of_an_invitation_is_shown(scratch):
    """where the app gives a link instead of a mail, and gives it once, who invites can read it until it was used"""
    app, usher = connected(scratch, how="invite-link")
    usher.usher("member", "invite", "Acme", "ann@example.com", "--role", "member", "--yes")
    link = "Pass this invitation on: https://app.example.com/join/i1"
    equal(usher.member("ann@example.com")["note"], link, "note")
    usher.usher("sync", "Acme")
    equal(usher.member("ann@example.com")["note"], link, "note after a sync")
    check(link in usher.usher("member", "show", "Acme", "ann@example.com").out, "member show has no link")
    app.accept("ann@example.com")
    usher.usher("sync", "Acme")
    check("note" not in usher.member("ann@example.com"), "the link of an invitation that was accepted is shown")


def an_account_that_the_first_login_makes_is_awaited(scratch):
    """nothing is sent to an app that makes accounts at the first login, and who signs in is the same member"""
    app, usher = connected(scratch, how="just-in-time", pending="none", run={"list": RUN["list"][:1]})
    before = app.asked
    usher.usher("member", "invite", "Acme", "ann@example.com", "--role", "member", "--yes")
    equal(app.asked, before, "requests")
    awaited = usher.member("ann@example.com")
    equal((awaited["status"], bool(awaited["note"])), ("awaiting-login", True), "status and note")
    usher.usher("sync", "Acme")
    equal(usher.member("ann@example.com")["status"], "awaiting-login", "status after a sync without her")
    app.people["p9"] = {"id": "p9", "email": "ann@example.com", "name": "Ann", "state": "on", "level": 30}
    usher.usher("sync", "Acme")
    there = usher.member("ann@example.com")
    equal((there["id"], there["status"]), (awaited["id"], "onboarded"), "member")


STEPS = [{"delete": "/people/{id}", "answers": [{"status": 404, "means": "already"}]},
         {"post": "/invites", "json": {"email": "{email}", "level": {"number": "{role}"}},
          "keep": {"id": "id", "invite_link": "link"}, "answers": [{"status": "2xx", "means": "invited"}]}]


def a_role_is_changed_by_inviting_anew(scratch):
    """where no role changes in place, a person confirms that the member is removed and invited again"""
    app, usher = connected(scratch, update="re-add", run={"set_role": STEPS})
    answer = usher.run("member", "set-role", "Acme", "user1@example.com", "--role", "owner")
    check(answer.status != 0 and "confirmation-required" in answer.err, f"no confirmation was asked for: {answer.err}")
    equal(len(app.people), 3, "people before the confirmation")
    usher.usher("member", "set-role", "Acme", "user1@example.com", "--role", "owner", "--yes")
    equal(("p1" in app.people, [(i["email"], i["level"]) for i in app.invites.values()]),
          (False, [("user1@example.com", 50)]), "people and invitations")
    member = usher.member("user1@example.com")
    equal((member["status"], [r["id"] for r in member["roles"]]), ("pending-invite-claim", ["owner"]), "member")
    equal(member["note"], "Pass this invitation on: https://app.example.com/join/i1", "the link")
    app.accept("user1@example.com")
    usher.usher("sync", "Acme")
    now = usher.member("user1@example.com")
    equal((now["id"], "note" in now), (member["id"], False), "the member who accepted")


def whoever_is_invited_anew_is_invited_once(scratch):
    """killed anywhere between the removal and the answer to the invitation, a role change invites once, and never not"""
    # Apps show an invitation without its role, or the answer with it is lost.
    bare = {"get": "/invites", "kind": "invites", "at": "[]", "member": {"id": "id", "email": "email"}}
    run = {"set_role": STEPS, "list": [RUN["list"][0], bare],
           "read": RUN["read"][:2] + [dict(bare, where={"at": "email", "is": "{email}"})]}
    for method, done in (("DELETE", False), ("DELETE", True), ("POST", False), ("POST", True)):
        part = scratch.enter_context(lib.Scratch())
        app, usher = connected(part, update="re-add", run=run)
        before = usher.member("user1@example.com")
        died = usher.process
        app.cut = (method, done, died.kill)
        usher.run("member", "set-role", "Acme", "user1@example.com", "--role", "owner", "--yes", "--no-wait")
        equal((died.wait(60), app.cut), (-9, None), "how usherd ended")
        usher.process = None
        usher.start()
        usher.wait_idle()
        task = next(t for t in usher.tasks() if t["kind"] == "update-role")
        at = f"{method}, carried out: {done}"
        equal((task["status"], app.mails), ("completed", ["user1@example.com"]), f"{at}: the change, and the mails")
        equal([(i["email"], i["level"]) for i in app.invites.values()], [("user1@example.com", 50)], f"{at}: invitations")
        member = usher.member("user1@example.com")
        equal((member["id"], member["status"]), (before["id"], "pending-invite-claim"), f"{at}: the member")
        usher.stop()


if __name__ == "__main__":
    sys.exit(main([people_come_in_over_many_pages, an_invitation_is_sent_accepted_changed_and_taken_away,
                   an_invitation_is_revoked_by_its_own_id, a_link_of_an_invitation_is_shown,
                   an_account_that_the_first_login_makes_is_awaited, a_role_is_changed_by_inviting_anew,
                   whoever_is_invited_anew_is_invited_once],
                  "descriptors"))
