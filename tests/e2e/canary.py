#!/usr/bin/env python3
"""A secret in every field that takes one, an app that sends it back in every form by every way, and a
search of everything that can be seen afterwards.

Beside the secrets goes a text that is none, PLANTED, into a label, a name, a path: each place that
is searched has to hold that one, or the search would prove nothing."""

import contextlib
import http.server
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import usher as lib  # noqa: E402
from search import Search, family, forms  # noqa: E402
from usher import TOP, App, Failed, UnixConnection, Usher, check, equal, free_port, main, wait_for  # noqa: E402

# The memory of a process under a sanitizer is too large to be read.
PLAIN = pathlib.Path(os.environ.get("USHER_PLAIN") or lib.BUILD).resolve()
LEAKY = PLAIN / "tests/torture/canary/.libs/leaky.so"

PLANTED = "Pl4nted-7c1f"
ODD = "\"\\/+=%&<>'~"  # each form of escape has something to do


def canary(name, more=ODD):
    """One that no other has a part of, so that what is found is found by name."""
    return f"{name}-S3cr3t{more}end-of-{name}"


# Every field of an account that is a secret, of each kind of account.
TOTP = "KRUGKIDROVUWG2ZAMJZG653OEBTG66BA"
ACCOUNTS = {
    "password": {"password": canary("password", ODD + "\u00fc\u20ac"), "totp": TOTP, "token": canary("token"),
                 "api_key": canary("api-key"), "seed": canary("seed"), "shown": canary("shown")},
    "oauth": {"access_token": canary("oauth-access"), "refresh_token": canary("oauth-refresh")},
    "app-install": {"access_token": canary("install-access"), "refresh_token": canary("install-refresh")},
    "token": {"token": canary("scim-token")},
}
# What an app or a person gives later, or what is no field of an account.
SESSION = canary("session")          # a connector keeps it by secret_put
COOKIE = "cookie-S3cr3t+/end-of-cookie"
REPLACED = canary("replaced")        # a token in place of the first
REFUSED = canary("refused")          # in requests that are refused
BEARER = "bearer-S3cr3t+/end-of-bearer"
PROXY = "proxy-S3cr3t-end-of-proxy"
MAIL = canary("mail")

PLACES = {"state", "spool", "log", "answers", "stream", "backup", "cmdline", "environ", "core"}

# The ways out of a connector that take text, each as the app's answer to "list"; {} is one line or more.
FRAME = "section\nask more\nmember user@example.com\nmember-name " + PLANTED + "\n%ssection-end\n"
GOOD_LIST = FRAME % ""
GENTLE = {way: "{}" + GOOD_LIST for way in ("log", "fact", "state")} | {"checkpoint": FRAME % "{}"}
# Those that end the listing.
STERN = {way: "{}" + GOOD_LIST for way in ("fact-key", "state-key", "secret-name", "fail")} | {
    "section": "{}ask more\nsection-end\n", "section-end": "section\nask more\n{}"} | {
    way: FRAME % "{}" for way in ("member", "member-id", "member-name", "member-handle", "member-attr")}


class PlaceSearch(Search):
    """Remembers where the planted text was."""

    def __init__(self, *secrets):
        super().__init__(*secrets)
        self.place, self.found = None, set()

    def at(self, place):
        self.place = place
        return self

    def look(self, where, data):
        super().look(where, data)
        if PLANTED.encode() in (data.encode() if isinstance(data, str) else data):
            self.found.add(self.place)


# ---- The app.


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        app = self.server.app
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        app.heard += [self.path, str(self.headers), body.decode()]
        operation = self.path.split("?")[0].split("/")[-1]
        answer = app.answers.get(operation, {})
        if answer.get("hold"):
            app.held.set()
            app.released.wait(180)
        if answer.get("reset"):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        text = answer.get("text", "").encode()
        self.send_response(answer.get("status", 200))
        for name, value in answer.get("headers", {"Content-Type": "text/plain"}).items():
            self.send_header(name, value)
        self.send_header("Set-Cookie", f"session={COOKIE}; HttpOnly")
        self.send_header("Content-Length", str(len(text) + (7 if answer.get("cut") else 0)))
        self.end_headers()
        self.wfile.write(text)
        self.close_connection = bool(answer.get("cut"))

    do_POST = do_GET


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # a session that ends leaves its connection so
            super().handle_error(request, client_address)


class Echo:
    """An app that answers what it is told to, and remembers what it was sent."""

    def __init__(self, scratch):
        self.answers = {"list": {"text": GOOD_LIST}}
        self.heard, self.held, self.released = [], threading.Event(), threading.Event()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.app = self
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        scratch.callback(self.server.server_close)
        scratch.callback(self.server.shutdown)
        scratch.callback(self.released.set)
        self.url = f"http://127.0.0.1:{self.server.server_port}/app"

    @contextlib.contextmanager
    def answering(self, operation, **answer):
        before, self.answers[operation] = self.answers.get(operation, {}), answer
        yield
        self.answers[operation] = before


def app_file(app, kind):
    """An app of the leaky connector whose accounts are of KIND."""
    secret = {"label": "Secret", "kind": "secret"}
    fields = {"password": [dict(secret, key=key) for key in ("token", "api_key", "seed", "session")]
              + [dict(secret, key="shown", reveal=True), {"key": "app_key", "label": "Key", "kind": "text"}]}
    rules = {"password": {"basic": ["username", "password"], "header": {"X-Token": "token"},
                          "query": {"key": "api_key", "proof": {"hmac-sha256": ["seed", "app_key"]}}},
             "oauth": {"bearer": "access_token"}, "app-install": {"query": {"access_token": "access_token"}}}
    account = dict({"kind": kind, "fields": fields.get(kind, [])}, **({"totp": "required"} if kind == "password" else {}))
    no = "This connector does not do it"
    return {
        "usher_app": 1, "id": app, "name": f"Leaky {kind}", "connector": "leaky", "evidence": "unverified against anything",
        "fields": [{"key": "base_url", "label": "Address", "kind": "url", "required": True, "id": "space"}],
        "login_methods": ["sso"], "native_role": "none", "accounts": [account],
        "hosts": ["{base_url}"], "auth": {"default": rules[kind], "all": rules[kind]}, "session": {"cookies": True},
        "can": dict({name: no for name in ("assets", "partners", "rotate-password", "mfa")},
                    **{name: True for name in ("sync", "add-user", "update-role", "remove-user")}),
        "add": {"how": "create", "pending": "none"}, "update": "in-place", "remove": {"policy": "delete"}, "read": "lookup", "emails": True,
        "role_groups": [{"key": "base", "label": "Role", "model": "ranked", "pick": "one"}],
        "roles": [{"group": "base", "id": "member", "label": "Member", "rank": 1}],
        "asset_types": [], "provisioning": [], "run": {}}


# ---- The daemon, and a hub of each kind.


class Rig:
    def __init__(self, scratch):
        self.scratch, self.echo = scratch, Echo(scratch)
        self.planted = scratch.dir / PLANTED
        connectors = self.planted / "connectors"
        connectors.mkdir(parents=True)
        shutil.copy(PLAIN / "plugins/.libs/seat.so", connectors)
        check(LEAKY.exists(), f"{LEAKY} is not there: make test-connectors")
        shutil.copy(LEAKY, connectors)
        shutil.copy(TOP / "plugins/seat/apps/scim.json", self.planted)
        for kind in set(ACCOUNTS) - {"token"}:
            (self.planted / f"leaky-{kind}.json").write_text(json.dumps(app_file(f"leaky-{kind}", kind)))
        mail = scratch.file("mail-password", MAIL)
        mail.chmod(0o600)
        config = ("[tasks]\nretry-wait = 10ms\n[log]\nlevel = debug\n"
                  f"[http]\nproxy = http://proxy:{PROXY}@127.0.0.1:{free_port()}\nno-proxy = 127.0.0.1\n"
                  f"[mail]\nurl = smtps://mail.example.com\nfrom = usher@example.com\nuser = usher\npassword-file = {mail}\n")
        self.usher = Usher(scratch, config=config, setup=False, build=PLAIN, env={
            "USHER_CONNECTOR_PATH": str(connectors), "USHER_APP_PATH": str(self.planted), "PLANTED": PLANTED})
        self.usher.stop()
        self.start()
        self.usher.usher("setup", "--owner", "owner@example.com", "--name", PLANTED)
        self.search = PlaceSearch(
            *[value for secrets in ACCOUNTS.values() for value in secrets.values()], SESSION, COOKIE, REPLACED, REFUSED,
            BEARER, PROXY, MAIL, (self.usher.state / "usher.key").read_text().strip())

    def start(self):
        self.usher.start(arguments=("--app-path", str(self.planted)))

    def told(self, *arguments, **more):
        answer = self.usher.run(*arguments, **more)
        self.search.at("answers").look("usher " + " ".join(map(str, arguments)), answer.out + answer.err)
        return answer

    def asked(self, method, path, body=None, **more):
        status, found = self.usher.api(method, path, body, expect=None, **more)
        self.search.at("answers").look(f"{method} {path}", found if isinstance(found, bytes) else
                                       json.dumps(found, ensure_ascii=False))
        return status, found

    def connect(self, kind, label):
        """By the API, where every secret goes in one body."""
        account = {"label": label, "kind": kind, "username": f"robot {label}", "secrets": ACCOUNTS[kind]}
        if kind == "password":
            account["fields"] = {"app_key": "key"}
        status, task = self.asked("POST", "/hubs", {
            "app": f"leaky-{kind}", "label": label, "login_method": "sso", "fields": {"base_url": f"{self.echo.url}/{kind}"},
            "account": account})
        check(status in (201, 202), f"connecting {label} answered {status}: {task}")
        self.usher.wait_idle(label)
        equal(self.usher.hub(label)["status"], "healthy", f"the hub {label}: {self.usher.logged()[-800:]}")

    def sync(self, hub):
        return self.told("sync", hub)


def echo_each_way(rig):
    """Each secret that the app was sent comes back in every form, by each way out of the connector."""
    texts = [f"<{text.decode()}>" for secret in (*ACCOUNTS["password"].values(), SESSION) for name, text in forms(secret)
             if name not in ("hex", "JSON, all escaped")]  # nothing that a row may be searched for at its speed
    escaped = ["".join(f"\\u{ord(c):04x}" for c in secret) for secret in ACCOUNTS["password"].values()]
    for way, frame in (GENTLE | STERN).items():
        # Where the first ends the listing, a few forms go one by one.
        for some in [texts + escaped] if way in GENTLE else [[text] for text in texts[::37]]:
            with rig.echo.answering("list", text=frame.format("".join(f"{way} {text}\n" for text in some))):
                rig.told("sync", "Leaky")


def echo_with_errors(rig):
    """What the app refuses comes back with all that it was sent, in its body and in its headers."""
    body = "\n".join(text.decode() for secret in ACCOUNTS["password"].values() for name, text in forms(secret)
                     if name != "hex")
    token, away = ACCOUNTS["password"]["token"], ACCOUNTS["password"]["api_key"]
    shown = urllib.parse.quote(ACCOUNTS["password"]["shown"], safe="")
    for status, headers in ((400, {"Content-Type": "text/plain"}), (401, {"WWW-Authenticate": f'Basic realm="{token}"'}),
                            (403, {"X-Sent": token}), (404, {"Content-Type": f"text/{SESSION}"}), (500, {}),
                            (302, {"Location": f"/app/list?token={shown}"}),
                            (302, {"Location": f"http://elsewhere.example.com/{shown}"}),
                            (429, {"Retry-After": "0", "X-Sent": away})):
        with rig.echo.answering("check", status=status, headers=headers, text=body):
            rig.told("hub", "check", "Leaky")
            rig.usher.wait_idle("Leaky")
        with rig.echo.answering("list", status=status, headers=headers, text=body):
            rig.told("hub", "check", "Leaky")
            rig.told("sync", "Leaky", "--no-wait")
            rig.usher.wait_idle("Leaky")
    with rig.echo.answering("login", status=401, text=body):
        rig.told("hub", "check", "Leaky")
        rig.usher.wait_idle("Leaky")
    for broken in ({"reset": True}, {"cut": True, "text": body}):
        with rig.echo.answering("list", **broken):
            rig.told("sync", "Leaky")
    rig.told("hub", "check", "Leaky")
    rig.usher.wait_idle("Leaky")
    # A proxy that is not there.
    file = rig.scratch.file("refused", REFUSED)
    equal(rig.told("hub", "connect", "scim", "--label", "Far", "--login-method", "sso", "--set",
                   "base_url=https://app.example.com/scim", "--secret", f"token=@{file}").status, 1, "no proxy")


def echo_in_changes(rig):
    for text in ("fail " + ACCOUNTS["password"]["password"], "log " + SESSION,
                 "member-name " + ACCOUNTS["password"]["token"], "checkpoint " + ACCOUNTS["password"]["seed"]):
        for operation, words in (("invite", ("invite", "Leaky", "new@example.com", "--create", "--role", "member")),
                                 ("set-role", ("set-role", "Leaky", "user@example.com", "--role", "member")),
                                 ("remove", ("remove", "Leaky", "user@example.com"))):
            for asked in (operation, "read"):
                with rig.echo.answering(asked, text=text + "\n"):
                    rig.told("member", *words, "--yes")


def refuse(rig):
    """What is refused is not repeated back."""
    account = {"label": "Typo", "app": "leaky-password", "kind": "password"}
    for body in (dict(account, secrets={"tokne": REFUSED}), dict(account, secrets=REFUSED),
                 dict(account, secrets={"totp": REFUSED}), dict(account, password=REFUSED), dict(account, secrets={"token": [REFUSED]})):
        status, found = rig.asked("POST", "/accounts", body)
        check(400 <= status < 500, f"POST /accounts {body} answered {status}: {found}")
    for text in (json.dumps(dict(account, secrets={"token": REFUSED}))[:-3], f'"{REFUSED}', REFUSED):
        status, found = rig.asked("POST", "/accounts", text=text, headers={"Content-Type": "application/json"})
        equal(status, 400, "a body that is no JSON")
    rig.asked("GET", f"/people?access_token={BEARER}")
    for header in (f"Bearer {BEARER}", f"Basic {BEARER}", BEARER):
        equal(rig.asked("GET", "/hubs", headers={"Authorization": header}, at=rig.usher.runtime / "web.sock")[0], 401,
              "a token that is none")
    made = rig.usher.usher("-q", "token", "create", PLANTED, "--scope", "read").out.split()[-1]
    rig.search.forms += [("the API token", name, form) for name, form in forms(made)]
    equal(rig.asked("GET", "/hubs", headers={"Authorization": f"Bearer {made}"}, at=rig.usher.runtime / "web.sock")[0], 200,
          "the token")


def replace(rig):
    """A secret in place of another, and no account any more; a key in place of another."""
    file = rig.scratch.file("replaced", REPLACED)
    answer = rig.told("account", "set", "Leaky", "--secret", f"token=@{file}")
    equal(answer.status, 0, f"another token: {answer.err}")
    rig.told("hub", "check", "Leaky")
    rig.usher.wait_idle("Leaky")
    with rig.echo.answering("list", text=f"log {REPLACED}\nlog {ACCOUNTS['password']['token']}\n{GOOD_LIST}"):
        rig.sync("Leaky")
    equal(rig.told("key", "rotate", "--yes").status, 0, "key rotate")
    rig.told("hub", "remove", "Leaky oauth", "--reason", "over", "--yes")


# ---- The real connector, held in the middle of a list.


def hold(rig):
    """A sync of the SCIM connector between two pages; the members of the first have the planted text."""
    class ScimApp(App):
        TOKEN = ACCOUNTS["token"]["token"]

    scim = ScimApp(rig.scratch, users=5, page_max=2)
    for user in scim.users():
        scim.change(set={user["userName"]: {"name": {"givenName": PLANTED}}})
    rig.usher.connect(scim, PLANTED)
    for fault in ({"status": 400}, {"status": 401}, {"status": 500}):
        scim.faults(echo=fault)
        rig.told("hub", "check", PLANTED)
        check(scim.fired("echo"), "the fault fired")
        scim.faults()
        rig.told("hub", "check", PLANTED)
        rig.usher.wait_idle(PLANTED)
    scim.faults(hold={"page": 2})
    rig.told("sync", PLANTED, "--no-wait")
    wait_for(lambda: scim.fired("hold"), "the held page")
    return scim


# ---- Where to look.


def look_at_memory(rig):
    """What the workers hold while no app has sent anything back: all but what a connector obtained by itself,
    or the app file reveals."""
    if os.geteuid() != 0:
        return
    known = {SESSION, ACCOUNTS["password"]["shown"]}
    search = Search(*({value for secrets in ACCOUNTS.values() for value in secrets.values()} | {COOKIE, PROXY}) - known)
    workers = [pid for pid in family(rig.usher.process.pid)
               if pathlib.Path(f"/proc/{pid}/comm").read_text() == "usher-worker\n"]
    for pid in workers:
        with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for line in maps:
                where, mode = line.split()[:2]
                begin, end = (int(x, 16) for x in where.split("-"))
                if mode[0] == "r" and not line.rstrip().endswith(("[vvar]", "[vsyscall]")):
                    memory.seek(begin)
                    with contextlib.suppress(OSError):
                        search.look(f"the memory of worker {pid}", memory.read(end - begin))
    check(workers and search.bytes > 1 << 20, "workers have memory")


def core_of(pid, folder):
    """What the kernel writes of a process that is made to dump its core, None when it is nothing."""
    with contextlib.suppress(PermissionError):  # a limit that even root may not raise here
        resource.prlimit(pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    where = pathlib.Path(f"/proc/{pid}/cwd").resolve()
    before = {path: path.stat().st_mtime_ns for path in where.glob("core*")}
    os.kill(pid, signal.SIGABRT)

    def over():
        try:
            return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
        except (FileNotFoundError, ProcessLookupError):
            return True
    wait_for(over, f"the end of {pid}")
    made = [path for path in where.glob("core*") if before.get(path) != path.stat().st_mtime_ns]
    for path in made:
        folder.mkdir(exist_ok=True)
        path.rename(folder / f"{pid}")
    return folder / f"{pid}" if made else None


def look_at_cores(rig, pids):
    """The kernel is told to write a core of each process, and one of a process that holds the planted text."""
    if os.geteuid() != 0 or pathlib.Path("/proc/sys/kernel/core_pattern").read_text()[:1] in ("|", "/"):
        rig.search.found.add("core")  # cores do not go where a test can look
        return
    folder = rig.scratch.dir / "cores"
    with subprocess.Popen([sys.executable, "-c", f"x = '{PLANTED}' * 2; print(flush=True); input()"], cwd=rig.scratch.dir,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as control:
        control.stdout.readline()
        core = core_of(control.pid, folder)
    check(core, "a process that may dump its core left none")
    rig.search.at("core").look(core, core.read_bytes())
    for wanted in ("usher-worker", "usher-net", "usherd"):
        # One of each; a session ends with its other process.
        for pid in pids:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == wanted:
                    core = core_of(pid, folder)
                    if core:
                        rig.search.look(f"the core of {wanted}", core.read_bytes())
                    break
        else:
            raise Failed(f"there is no {wanted} to make a core of")


def look_at_answers(rig):
    lists = (("status",), ("doctor",), ("app", "list"), ("hub", "list"), ("account", "list"), ("person", "list"),
             ("task", "list"), ("token", "list"), ("report", "list"), ("issue", "list"), ("connector", "list"),
             ("audit", "list"))
    for command in lists:
        for form in ("table", "json", "csv"):
            rig.told("-o", form, *command)
    for kind in ("hub", "account", "app", "task", "person", "report"):
        for thing in rig.usher.json(kind, "list"):
            rig.told("-o", "json", kind, "show", thing["id"])
    for hub in rig.usher.json("hub", "list"):
        for form in ("table", "json", "csv"):
            rig.told("-o", form, "member", "list", hub["label"])
    document = rig.asked("GET", "/openapi.json")[1]
    for path, methods in document["paths"].items():
        if "get" in methods and "{" not in path and "stream" not in path:
            rig.asked("GET", path)
    for path in ("/metrics", "/healthz", "/readyz"):
        rig.asked("GET", "/../.." + path)


def look_at_stream(rig):
    """All events that are kept, as the stream sends them."""
    data, last = b"", rig.usher.api("GET", "/events?limit=1")[1]["items"][0]["seq"]
    with contextlib.closing(UnixConnection(rig.usher.socket)) as connection:
        connection.request("GET", "/api/v1/events/stream", headers={"Last-Event-ID": "0"})
        answer = connection.getresponse()
        while b"\n\n" not in data.partition(f"id: {last}\n".encode())[2]:
            piece = answer.read1(65536)
            check(piece, "the stream ended before its last event")
            data += piece
    check(data.count(b"\ndata:") > 20, f"the stream has events: {data[:300]}")
    rig.search.at("stream").look("the event stream", data)


def look_everywhere(rig):
    search, usher = rig.search, rig.usher
    keys = ("usher.key",)  # the one file that holds it
    search.at("state").look_at_files(usher.state, but=keys)
    search.at("log").look("the log", usher.logged())
    search.at("runtime").look_at_files(usher.runtime)
    look_at_answers(rig)
    look_at_stream(rig)
    file = rig.scratch.dir / "backup"
    equal(usher.run("backup", file, "--yes").status, 0, "backup")
    search.at("backup").look("the backup", file.read_bytes())
    file.unlink()
    for pid in family(usher.process.pid):
        for name in ("cmdline", "environ"):
            search.at(name).look(f"{name} of {pid}", pathlib.Path(f"/proc/{pid}/{name}").read_bytes())


def test_a_secret_is_found_nowhere(scratch):
    """A canary in every field, back by every way in every form, through failures: nothing that is kept or shown holds one."""
    rig = Rig(scratch)
    usher, search, echo = rig.usher, rig.search, rig.echo
    for secrets in ACCOUNTS.values():
        for secret in secrets.values():
            search.hold(secret)
    with echo.answering("check", text="secret " + SESSION + "\n"):
        rig.connect("password", "Leaky")
    rig.connect("oauth", "Leaky oauth")
    rig.connect("app-install", "Leaky install")
    look_at_memory(rig)
    heard = "\n".join(echo.heard)
    for name in ("password", "token", "api_key"):
        check(any(text.decode() in heard for _, text in forms(ACCOUNTS["password"][name])), f"{name} reached the app")
    for kind in ("oauth", "app-install"):
        check(any(text.decode() in heard for _, text in forms(ACCOUNTS[kind]["access_token"])), f"the {kind} token did")
    check(f"session={COOKIE}" in heard, "so did the cookie")
    echo_each_way(rig)
    echo_with_errors(rig)
    echo_in_changes(rig)
    refuse(rig)
    replace(rig)
    scim = hold(rig)
    search.at("spool").look_at_files(usher.state / "work")
    look_everywhere(rig)
    pids = family(usher.process.pid)
    check(len(pids) >= 3, "there are a worker and a net beside the daemon")
    look_at_cores(rig, pids)
    usher.kill()
    scim.release()
    scim.faults()
    rig.start()
    usher.wait_idle(PLANTED)
    look_everywhere(rig)
    usher.stop()
    search.at("state").look_at_files(usher.state, but=("usher.key",))
    search.at("log").look("the log", usher.logged())
    equal(PLACES - search.found, set(), "places in which the search did not see what was planted")


if __name__ == "__main__":
    sys.exit(main([test_a_secret_is_found_nowhere], "canary"))
