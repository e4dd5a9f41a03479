"""tests/apps/invites, the app and its connector, for tests from outside."""

import http.client
import json
import subprocess
import sys

import usher as lib
from usher import TOP, Usher, stop_process, wait_for

QUICK = "[tasks]\nretry-wait = 10ms\n"
ANN = "ann@example.com"


class App:
    """tests/apps/invites/server.py"""

    def __init__(self, scratch):
        port_file = scratch.dir / "invites.port"
        self.process = subprocess.Popen([sys.executable, str(TOP / "tests/apps/invites/server.py"), "--port-file",
                                         str(port_file)])
        scratch.callback(stop_process, self.process)
        wait_for(lambda: port_file.exists() and port_file.read_text(), "the app's start")
        self.port = int(port_file.read_text())

    def control(self, what="state", **body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", "/_control/" + what, json.dumps(body))
        found = json.loads(connection.getresponse().read())
        connection.close()
        return found

    def mails(self, email=ANN):
        return self.control()["mails"].count(email)

    def fired(self, name):
        return self.control()["fired"].get(name, 0)


def connected(scratch, pending="section", people=(), run="", **add):
    """A daemon and the app, which shows its invitations in the way that PENDING names and has
    PEOPLE; RUN is a word for the connector."""
    apps = scratch.dir / "apps"
    apps.mkdir()
    no = "The app cannot do it"
    (apps / "invites.json").write_text(json.dumps({
        "usher_app": 1, "id": "invites", "name": "Inviting", "connector": "invites",
        "evidence": "verified against the server beside it",
        "fields": [{"key": "base_url", "label": "URL", "kind": "url", "required": True, "id": "space"}],
        "login_methods": ["sso"], "native_role": "none",
        "accounts": [{"kind": "token", "fields": [
            {"key": "token", "label": "Token", "kind": "secret", "required": True}]}],
        "hosts": ["{base_url}"], "auth": {"default": {"bearer": "token"}},
        "can": dict({name: no for name in ("update-role", "assets", "partners", "rotate-password", "mfa")},
                    **{name: True for name in ("sync", "add-user", "remove-user")}),
        "add": dict({"how": "invite", "pending": pending}, **add), "update": "none", "remove": {"policy": "delete"},
        "read": "lookup", "emails": True,
        "role_groups": [{"key": "role", "label": "Role", "model": "latest", "pick": "one", "discovered": True}],
        "roles": [{"group": "role", "id": "member", "label": "Member", "assignable": True}],
        "asset_types": [], "provisioning": [], "run": {"pending": pending, "also": run}}))
    connectors = lib.BUILD / "tests/apps/invites/.libs"
    app = App(scratch)
    usher = Usher(scratch, config=QUICK, env={"USHER_APP_PATH": str(apps), "USHER_CONNECTOR_PATH": str(connectors)})
    usher.people(ANN, "ben@example.com")
    app.control("people", add=list(people))
    usher.usher("hub", "connect", "invites", "--label", "Acme", "--login-method", "sso", "--set",
                f"base_url=http://127.0.0.1:{app.port}", "--secret", "token=-", stdin="tok-0123456789")
    return app, usher
