#!/usr/bin/env python3
"""Real SCIM servers with 300 users each: who is there, an invitation, a role, a removal, each asked
of the server itself over plain HTTP.  ./bootstrap deps check installs them."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from usher import TOP, Skipped, Usher, check, equal, main, stop_process, wait_for  # noqa: E402

USERS = 300
NODE = os.environ.get("NODE") or shutil.which("node")


class Server:
    """A Node application, and what it says of its users."""

    TOKEN = "real-secret-0123456789abcdef"

    def __init__(self, scratch, name, base, port=0):
        self.folder = TOP / "build" / name
        if not NODE:
            raise Skipped("node is missing")
        if not (self.folder / "node_modules/.installed").exists():
            raise Skipped(f"{self.folder.relative_to(TOP)} is not installed: ./bootstrap deps check")
        port_file = scratch.dir / f"port-{name}"
        log = open(scratch.dir / f"{name}.log", "w")
        self.process = subprocess.Popen(
            [NODE, "server.mjs"], cwd=self.folder, stdout=log, stderr=subprocess.STDOUT,
            env=dict(os.environ, PORT=str(port), PORT_FILE=str(port_file), TOKEN=self.TOKEN, USERS=str(USERS)))
        scratch.callback(log.close)
        scratch.callback(stop_process, self.process)
        wait_for(lambda: port_file.exists() or self.process.poll() is not None, f"the start of {name}")
        check(self.process.poll() is None, f"{name} ended: " + (scratch.dir / f"{name}.log").read_text()[-2000:])
        self.port = int(port_file.read_text())
        self.url = f"http://127.0.0.1:{self.port}{base}"

    def get(self, query):
        request = urllib.request.Request(f"{self.url}/Users?{query}", headers={"Authorization": f"Bearer {self.TOKEN}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def names(self):
        found = set()
        while True:
            page = self.get(f"startIndex={len(found) + 1}&count=100")
            found |= {user["userName"] for user in page.get("Resources", [])}
            if len(found) >= page["totalResults"]:
                return sorted(found)

    def user(self, name):
        found = self.get(urllib.parse.urlencode({"filter": f'userName eq "{name}"'})).get("Resources", [])
        check(len(found) <= 1, f"the server has {len(found)} accounts of {name}")
        return found[0] if found else None

    def roles(self, name):
        return sorted(role["value"] for role in self.user(name).get("roles", []))


def better_auth_server(scratch):
    server = Server(scratch, "better-auth", "/api/auth/scim/v2")
    subprocess.run([NODE, "seed.mjs", server.url, server.TOKEN, str(USERS)], cwd=server.folder, check=True, timeout=60)
    return server


def scimmy_server(scratch, express, port=0):
    return Server(scratch, f"scimmy{express}", "/scim/v2", port)


def life_of_a_member(scratch, server):
    """List, invite, change the role, remove."""
    usher = Usher(scratch)
    usher.connect(server)
    equal(sorted(m["username"] for m in usher.members()), server.names(), "members")
    equal(len(usher.members()), USERS, "how many")
    equal(usher.tasks()[0]["sync"]["listing"], "complete", "the listing")
    usher.people("new@example.com", "user0001@example.com")
    usher.usher("member", "invite", "Acme", "new@example.com", "--role", "member", "--yes")
    equal((server.user("new@example.com")["active"], server.roles("new@example.com")), (True, ["member"]), "invited")
    usher.usher("member", "set-role", "Acme", "new@example.com", "--role", "admin", "--yes")
    equal(server.roles("new@example.com"), ["admin"], "the new role")
    usher.usher("member", "remove", "Acme", "new@example.com", "--yes")
    equal(server.user("new@example.com")["active"], False, "switched off")
    # Somebody who was there before, and whom only the sync knows.
    usher.usher("sync", "Acme")
    usher.usher("member", "set-role", "Acme", "user0001@example.com", "--role", "admin", "--yes")
    equal(server.roles("user0001@example.com"), ["admin"], "a role of somebody who was there")
    usher.usher("member", "remove", "Acme", "user0001@example.com", "--yes")
    equal(server.user("user0001@example.com")["active"], False, "somebody who was there")
    # And again, to the same account.
    usher.usher("member", "invite", "Acme", "new@example.com", "--role", "member", "--yes")
    equal((server.user("new@example.com")["active"], server.roles("new@example.com")), (True, ["member"]), "back again")
    equal(len(server.names()), USERS + 1, "accounts at the server")
    check(all(task["status"] == "completed" for task in usher.tasks()), "a task was not completed")


def better_auth(scratch):
    """better-auth: everybody is listed; invite, role and removal show at the server"""
    life_of_a_member(scratch, better_auth_server(scratch))


def scimmy_on_express_4(scratch):
    """scimmy on express 4: everybody is listed; invite, role and removal show at the server"""
    life_of_a_member(scratch, scimmy_server(scratch, 4))


def scimmy_on_express_5(scratch):
    """scimmy on express 5 shows the first page for ever: the listing says so, nobody is removed"""
    server = scimmy_server(scratch, 4)
    usher = Usher(scratch)
    usher.connect(server)
    before = sorted(m["id"] for m in usher.members() if m["status"] != "removed")
    equal(len(before), USERS, "members")
    # The application is brought to express 5, at the same address.
    port = server.port
    stop_process(server.process)
    server = scimmy_server(scratch, 5, port)
    equal(server.get("startIndex=21&count=20")["Resources"][0]["userName"], "user0000@example.com", "the fault")
    usher.usher("sync", "Acme", status=1)
    error = usher.tasks()[0]["error"]
    check(error["code"] in ("cursor-loop", "listing-incomplete"), f"the error: {error}")
    equal(sorted(m["id"] for m in usher.members() if m["status"] != "removed"), before, "members afterwards")
    # A write does not need the listing.
    usher.people("new@example.com")
    usher.usher("member", "invite", "Acme", "new@example.com", "--role", "member", "--yes")
    equal((server.user("new@example.com")["active"], server.roles("new@example.com")), (True, ["member"]), "invited")
    usher.usher("member", "set-role", "Acme", "new@example.com", "--role", "admin", "--yes")
    equal(server.roles("new@example.com"), ["admin"], "the new role")
    usher.usher("member", "remove", "Acme", "new@example.com", "--yes")
    equal(server.user("new@example.com")["active"], False, "switched off")


if __name__ == "__main__":
    sys.exit(main([better_auth, scimmy_on_express_4, scimmy_on_express_5], "realparts"))
