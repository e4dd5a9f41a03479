"""Programs of Debian that tests run against: Redmine, Mailman 3 and glewlwyd, each with folders of
its own under the scratch folder, on a free port of loopback.  ./bootstrap deps check installs them."""

import base64
import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from usher import BUILD, Skipped, check, free_port, stop_process, wait_for


class Part:
    """One program, and what it says itself."""

    START_SECONDS = 90
    cookie = ""

    def launch(self, scratch, argv, cwd, env=None):
        name = type(self).__name__.lower()
        log_path = scratch.dir / f"{name}.log"
        log = open(log_path, "w")
        # puma believes PWD.
        self.process = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT, cwd=cwd,
                                        env=dict(os.environ, PWD=str(cwd), **(env or {})))
        scratch.callback(log.close)
        scratch.callback(stop_process, self.process)
        wait_for(lambda: self.answers() or self.process.poll() is not None, f"the start of {name}", self.START_SECONDS)
        check(self.process.poll() is None, f"{name} ended: " + log_path.read_text()[-2000:])

    def answers(self):
        try:
            return self.ask("GET", self.ALIVE)[0] == 200
        except OSError:
            return False

    def headers(self):
        return {}

    def ask(self, method, path, body=None, form=None):
        """(status, JSON or None) of a request as the program's administrator."""
        headers = self.headers()
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        if form is not None:
            data = urllib.parse.urlencode(form).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                self.cookie = answer.headers.get("Set-Cookie", "").split(";")[0] or self.cookie
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        return status, json.loads(text) if text.strip()[:1] in (b"{", b"[") else None

    def told(self, method, path, body=None, form=None):
        """What a request that must succeed answers."""
        status, answer = self.ask(method, path, body, form)
        check(200 <= status < 300, f"{method} {path} answered {status}: {answer}")
        return answer


def need(*paths):
    for path in paths:
        if not pathlib.Path(path).exists():
            raise Skipped(f"{path} is missing: ./bootstrap deps check")


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class Redmine(Part):
    """Redmine with an instance folder of its own: REDMINE_INSTANCE is a path below its instances."""

    HOME = "/usr/share/redmine"
    ADMIN, PASSWORD = "admin", "adminpass1"
    ALIVE = "/users/current.json"
    SETUP = """
Setting.rest_api_enabled = '1'
admin = User.find_by_login('admin')
admin.password = admin.password_confirmation = 'adminpass1'
admin.must_change_passwd = false
admin.mail = 'admin@corp.test'
admin.save!
"""

    def __init__(self, scratch):
        need(self.HOME, "/usr/bin/puma")
        self.folder = scratch.dir / "redmine"
        self.instance(self.folder)
        shutil.copy(self.database(), self.folder / "redmine.db")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.launch(scratch, ["puma", "-e", "production", "-t", "1:4", "-b", f"tcp://127.0.0.1:{self.port}", "config.ru"],
                    self.HOME, self.env(self.folder))
        self.key = self.told("GET", self.ALIVE)["user"]["api_key"]

    @staticmethod
    def env(folder):
        # The way up is counted both with and without the symbolic link that "instances" is.
        return {"HOME": str(folder), "RAILS_ENV": "production", "REDMINE_LANG": "en", "SCHEMA": "/dev/null",
                "REDMINE_INSTANCE": "../../../.." + str(folder)}

    @staticmethod
    def instance(folder):
        for name in ("config", "log", "tmp", "files"):
            (folder / name).mkdir(parents=True)
        (folder / "config/database.yml").write_text(
            f"production:\n  adapter: sqlite3\n  database: {folder}/redmine.db\n  encoding: utf8\n  timeout: 20000\n")
        (folder / "config/secret_key.txt").write_text(os.urandom(32).hex())

    def database(self):
        """A new database with its administrator: made once a build folder, which takes half a minute."""
        made = BUILD / "parts"
        made.mkdir(exist_ok=True)
        template = made / "redmine.db"
        with open(made / "redmine.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not template.exists():
                folder = made / "redmine"
                shutil.rmtree(folder, ignore_errors=True)
                self.instance(folder)
                (folder / "setup.rb").write_text(self.SETUP)
                for command in (["rake", "db:migrate", "redmine:load_default_data"], ["rails", "runner", str(folder / "setup.rb")]):
                    ran = subprocess.run(["bundle", "exec", *command], cwd=self.HOME, env=dict(os.environ, **self.env(folder)),
                                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
                    check(ran.returncode == 0, f"{' '.join(command)}: {ran.stdout[-2000:]}")
                (folder / "redmine.db").rename(template)
                shutil.rmtree(folder)
        return template

    def headers(self):
        return basic(self.ADMIN, self.PASSWORD)

    def users(self):
        found = []
        while True:
            page = self.told("GET", f"/users.json?status=&limit=100&offset={len(found)}")
            found += page["users"]
            if len(found) >= page["total_count"] or not page["users"]:
                return found

    def user(self, login):
        """As the program shows one, its status too; None when there is none."""
        for user in self.users():
            if user["login"] == login:
                return self.told("GET", f"/users/{user['id']}.json")["user"]
        return None

    def add(self, login, **more):
        user = {"login": login, "firstname": login.title(), "lastname": "Example", "mail": f"{login}@corp.test",
                "password": "changeme-1234", **more}
        return self.told("POST", "/users.json", {"user": user})["user"]


class Mailman(Part):
    """Mailman 3's core with one list, and without what delivers mail."""

    BIN = "/usr/lib/mailman3/bin/master"
    ADMIN, PASSWORD = "restadmin", "restpass-0123456789"
    ALIVE = "/3.1/system/versions"
    LIST = "design@corp.test"
    IDLE = ("archive", "bounces", "command", "digest", "in", "lmtp", "nntp", "out", "pipeline", "retry", "virgin")

    def __init__(self, scratch):
        need(self.BIN)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        folder = scratch.dir / "mailman"
        (folder / "var").mkdir(parents=True)
        sections = {
            "mailman": {"layout": "here", "site_owner": "postmaster@corp.test"},
            "paths.here": {"var_dir": folder / "var", "bin_dir": "/usr/lib/mailman3/bin"},
            "database": {"class": "mailman.database.sqlite.SQLiteDatabase", "url": f"sqlite:///{folder}/var/mailman.db"},
            "webservice": {"hostname": "127.0.0.1", "port": self.port, "admin_user": self.ADMIN, "admin_pass": self.PASSWORD,
                           "workers": 1},
            "mta": {"incoming": "mailman.mta.null.NullMTA", "outgoing": "mailman.mta.deliver.deliver",
                    "smtp_host": "127.0.0.1", "smtp_port": 9, "lmtp_host": "127.0.0.1", "lmtp_port": 9},
            **{f"runner.{name}": {"start": "no"} for name in self.IDLE}}
        (folder / "mailman.cfg").write_text("".join(
            f"[{name}]\n" + "".join(f"{key}: {value}\n" for key, value in values.items()) for name, values in sections.items()))
        self.launch(scratch, [self.BIN, "-C", str(folder / "mailman.cfg")], folder, {"HOME": str(folder / "var")})
        self.told("POST", "/3.1/domains", form={"mail_host": "corp.test"})
        self.told("POST", "/3.1/lists", form={"fqdn_listname": self.LIST})

    def headers(self):
        return basic(self.ADMIN, self.PASSWORD)

    def roster(self, role="member"):
        """The addresses of a role."""
        found = []
        while True:
            page = self.told("GET", f"/3.1/lists/{self.LIST}/roster/{role}?count=100&page={len(found) // 100 + 1}")
            found += [entry["email"] for entry in page.get("entries", [])]
            if len(found) >= page["total_size"]:
                return sorted(found)

    def invited(self):
        """The addresses that were asked and have not answered."""
        return sorted(e["email"] for e in self.told("GET", f"/3.1/lists/{self.LIST}/requests").get("entries", []))

    def add(self, address, role="member"):
        confirmed = {"pre_verified": "true", "pre_confirmed": "true", "pre_approved": "true"} if role == "member" else {}
        self.told("POST", "/3.1/members", form={"list_id": self.LIST.replace("@", "."), "subscriber": address, "role": role,
                                               **confirmed})


class Glewlwyd(Part):
    """glewlwyd with a database of its own; an administrator's session is a cookie."""

    SCHEMA = "/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3"
    CONFIG = "/etc/glewlwyd/glewlwyd.conf"
    ADMIN, PASSWORD = "admin", "password"
    ALIVE = "/config"

    def __init__(self, scratch):
        need(self.SCHEMA, self.CONFIG, "/usr/bin/glewlwyd")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        folder = scratch.dir / "glewlwyd"
        folder.mkdir()
        with open(self.SCHEMA) as schema:
            # Its last lines are for another version of SQLite; the tables stand before them.
            subprocess.run(["sqlite3", str(folder / "users.db")], stdin=schema, stderr=subprocess.DEVNULL, check=False)
        own = ("@include", "port", "external_url", "log_mode", "log_file")
        kept = [line for line in pathlib.Path(self.CONFIG).read_text().splitlines() if not line.startswith(own)]
        (folder / "glewlwyd.conf").write_text("\n".join(kept + [
            f"port={self.port}", 'bind_address="127.0.0.1"', f'external_url="{self.url}/"', 'log_mode="file"',
            f'log_file="{folder}/glewlwyd.log"', f'database = {{ type = "sqlite3"; path = "{folder}/users.db"; }};', ""]))
        self.launch(scratch, ["glewlwyd", f"--config-file={folder}/glewlwyd.conf"], folder)
        self.told("POST", "/api/auth/", {"username": self.ADMIN, "password": self.PASSWORD})

    def headers(self):
        return {"Cookie": self.cookie} if self.cookie else {}

    def users(self):
        found = []
        while True:
            page = self.told("GET", f"/api/user?offset={len(found)}&limit=100")
            found += page
            if len(page) < 100:
                return found

    def user(self, name):
        for user in self.users():
            if user["username"] == name:
                return user
        return None

    def add(self, name, scope=("g_profile",)):
        self.told("POST", "/api/user/", {"username": name, "name": name.title(), "email": f"{name}@corp.test",
                                         "scope": list(scope), "enabled": True})
