"""A daemon with connectors and app files of its own, for tests of connectors that come, go and misbehave."""

import json
import os
import pathlib
import shutil

import usher as lib
from usher import TOP, App, Usher, equal, wait_for

# A sanitizer would take the crashes for its own: connectors run in the plain build.
PLAIN = pathlib.Path(os.environ.get("USHER_PLAIN") or lib.BUILD).resolve()
BAD = PLAIN / "tests/torture/bad-connector/.libs"
SEAT = PLAIN / "plugins/.libs/seat.so"
QUICK = "[tasks]\nretry-wait = 10ms\n"


class Rig:
    """A daemon with folders of connectors and app files of its own."""

    def __init__(self, scratch, env=None, config=QUICK):
        self.scratch = scratch
        self.connectors, self.apps = scratch.dir / "connectors", scratch.dir / "apps"
        self.connectors.mkdir()
        self.apps.mkdir()
        self.install(SEAT, "seat")
        shutil.copy(TOP / "plugins/seat/apps/scim.json", self.apps)
        paths = {"USHER_CONNECTOR_PATH": str(self.connectors), "USHER_APP_PATH": str(self.apps)}
        self.usher = Usher(scratch, config=config, env=dict(paths, **(env or {})), build=PLAIN)

    def install(self, file, name):
        """By rename, as a package manager does it."""
        new = self.connectors / f".{name}.new"
        shutil.copy(file, new)
        new.rename(self.connectors / f"{name}.so")

    def write_app(self, app, connector, harm):
        no = "This connector does not do it"
        (self.apps / f"{app}.json").write_text(json.dumps({
            "usher_app": 1, "id": app, "name": f"Made for {harm}", "connector": connector,
            "evidence": "unverified against anything",
            "fields": [{"key": "space", "label": "Space", "kind": "text", "required": True, "id": "space"},
                       {"key": "base_url", "label": "Address", "kind": "url", "default": "https://app.example.com"}],
            "login_methods": ["sso"], "native_role": "none",
            "accounts": [{"kind": "token", "fields": [
                {"key": "token", "label": "Token", "kind": "secret", "required": True}]}],
            "hosts": ["{base_url}"], "auth": {"default": {"bearer": "token"}},
            "can": dict({name: no for name in ("add-user", "update-role", "remove-user", "assets", "partners",
                                               "rotate-password", "mfa")}, sync=True),
            "read": "list", "emails": True, "role_groups": [], "roles": [], "asset_types": [], "provisioning": [],
            "run": {"do": harm}}))

    def reload(self):
        n = self.usher.logged().count("were read again")
        self.usher.reload()
        wait_for(lambda: self.usher.logged().count("were read again") > n, "the reload")

    def connect(self, app, label=None, status=0, token="bad-token-0123456789"):
        return self.usher.usher("hub", "connect", app, "--label", label or app, "--set", f"space={label or app}", "--secret",
                                "token=-", stdin=token, status=status)

    def connector(self, name):
        found = [c for c in self.usher.json("connector", "list") if c["name"] == name]
        return found[0] if found else None

    def last(self, hub, kind="sync"):
        return [t for t in self.usher.tasks(hub) if t["kind"] == kind][0]


class Held:
    """A sync that its app holds."""

    def __init__(self, rig, users=50):
        self.rig, self.app = rig, App(rig.scratch, users=users)
        rig.usher.connect(self.app, "Held")
        self.app.faults(hold={"page": 1})
        self.task = rig.usher.usher("sync", "Held", "--no-wait", "-o", "json").json()["id"]
        wait_for(lambda: self.app.fired("hold"), "the app's hold of a page")

    def check_open(self, when):
        equal(self.show()["status"], "started", f"the sync that is held, {when}")

    def show(self):
        return self.rig.usher.json("task", "show", self.task)

    def release(self):
        self.app.faults()
        self.app.release()
        task = wait_for(lambda: self.show().get("ended_at") and self.show(), "the end of the sync that was held")
        equal((task["status"], task["attempts"]), ("completed", 1), f"the sync that was held: {task}")
