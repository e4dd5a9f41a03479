"""What the tests that drive Usher from outside stand on: a daemon, a command, an app.

Everything runs on loopback and free ports, in a folder of its own under the build folder's
test-scratch, and is ended by process id.  Environment: USHER_BUILD (the build folder), USHER_FACE (cli; api; url:
the command over TCP, through tests/lib/validator.py).
"""

import contextlib
import http.client
import itertools
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import face

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("USHER_BUILD", TOP / "build/check")).resolve()
# What carries out commands: "cli", the command itself, or "api", requests of tests/lib/face.py.
FACE = os.environ.get("USHER_FACE", "cli")
TRIGGER = "cli" if FACE == "cli" else "api"  # of the tasks that commands make; a token says api
VALIDATOR = None  # of the face url: made with the first daemon, for all


class Failed(Exception):
    """A claim did not hold."""


class Skipped(Exception):
    """What a test stands on is not there; the text says what."""


def check(claim, text):
    if not claim:
        raise Failed(text)


def equal(found, wanted, text):
    if found != wanted:
        raise Failed(f"{text}: found {found!r}, wanted {wanted!r}")


def wait_for(condition, what, seconds=90):
    """The first true value of condition(); fails when none comes in time, which is long: a busy
    machine is no defect."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise Failed(f"{what} did not happen within {seconds} s")


class Scratch(contextlib.ExitStack):
    """A folder, and everything that is to be ended with it."""

    def __init__(self):
        super().__init__()
        base = BUILD / "test-scratch"
        base.mkdir(exist_ok=True)
        self.dir = pathlib.Path(tempfile.mkdtemp(dir=base))
        self.callback(shutil.rmtree, self.dir, ignore_errors=True)

    def file(self, name, text):
        path = self.dir / name
        path.write_text(text)
        return path


def stop_process(process, sig=signal.SIGTERM):
    if process.poll() is None:
        process.send_signal(sig)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Answer:
    """How a command ended."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def json(self):
        return json.loads(self.out)


class App:
    """The SCIM stand-in of tests/apps/scim."""

    TOKEN = "tok-secret-0123456789abcdef"
    NUMBERS = itertools.count(1)

    def __init__(self, scratch, users=0, **options):
        self.scratch = scratch
        name = f"app-{next(self.NUMBERS)}"
        self.port_file = scratch.dir / f"{name}.port"
        self.log = open(scratch.dir / f"{name}.log", "w")
        argv = [sys.executable, str(TOP / "tests/apps/scim/server.py"), "--port", "0", "--port-file",
                str(self.port_file), "--users", str(users), "--token", self.TOKEN]
        for name, value in options.items():
            flag = "--" + name.replace("_", "-")
            argv += [flag] if value is True else [flag, str(value)]
        self.process = subprocess.Popen(argv, stdout=self.log, stderr=subprocess.STDOUT)
        scratch.callback(self.log.close)
        scratch.callback(stop_process, self.process)
        wait_for(lambda: self.port_file.exists() and self.port_file.read_text(), "the app's start")
        self.port = int(self.port_file.read_text())
        self.url = f"http://127.0.0.1:{self.port}/scim/v2"

    def control(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, "/_control/" + path, None if body is None else json.dumps(body),
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        check(answer.status < 300, f"control {path} answered {answer.status}: {text[:200]}")
        return json.loads(text) if text else None

    def users(self):
        found = self.control("GET", "users")
        return found["Resources"] if isinstance(found, dict) else found

    def user(self, name):
        """As the app itself shows one; None when it is not there."""
        for user in self.users():
            if user["userName"].lower() == name.lower():
                return user
        return None

    def roles(self, name):
        return sorted(role["value"] for role in (self.user(name) or {}).get("roles", []))

    def counts(self):
        return self.control("GET", "counts")

    def reset_counts(self):
        self.control("DELETE", "counts")

    def faults(self, **faults):
        """Which misbehaviour is on; none without arguments."""
        self.control("PUT", "faults", {name.replace("_", "-"): f for name, f in faults.items()})

    def fired(self, name):
        """How often a fault fired since it was switched on."""
        return self.control("GET", "faults").get(name, {}).get("fired", 0)

    def change(self, **what):
        """add=[user...], remove=[name...], disable=[name...], enable=[name...], set={...}"""
        self.control("POST", "users", what)

    def flights(self):
        """How many requests were open as each came, since the app last refused one for its rate."""
        return self.control("GET", "flights")

    def release(self):
        self.control("POST", "release")


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


class Usher:
    """A daemon of its own, and the command that talks to it."""

    def __init__(self, scratch, config=None, env=None, setup=True, build=BUILD):
        self.scratch, self.build = scratch, pathlib.Path(build)
        self.state, self.runtime = scratch.dir / "state", scratch.dir / "run"
        self.socket = self.runtime / "usher.sock"
        self.config = scratch.file("usher.conf", config or "[tasks]\nretry-wait = 1s\n")
        self.env = dict(os.environ, **(env or {}))
        self.env.setdefault("ASAN_OPTIONS", "detect_leaks=1")
        self.clock = scratch.dir / "clock"
        self.env["USHER_TEST_CLOCK"] = str(self.clock)
        self.fail_log = scratch.dir / "fail-points"
        self.env["USHER_FAIL_LOG"] = str(self.fail_log)
        self.log_path = scratch.dir / "usherd.log"
        self.process = self.token = self.front = None
        self.port = free_port() if FACE == "url" else None
        scratch.callback(self.stop)
        self.start()
        if setup:
            self.usher("setup", "--owner", "owner@example.com", "--name", "Test")

    def start(self, fail_points=None, wait=True, arguments=()):
        env = dict(self.env)
        if fail_points:
            env["USHER_FAIL_POINTS"] = fail_points
        self.log = open(self.log_path, "a")
        self.process = subprocess.Popen(
            [str(self.build / "run"), "usherd", "--config", str(self.config), "--state-dir", str(self.state),
             "--runtime-dir", str(self.runtime), "--listen",
             f"127.0.0.1:{self.port}" if self.port else f"unix:{self.runtime}/web.sock", *arguments],
            stdout=self.log, stderr=subprocess.STDOUT, env=env, cwd=self.scratch.dir)
        self.log.close()
        if wait:
            wait_for(lambda: self.ready() or self.process.poll() is not None, "the daemon's start")
            check(self.process.poll() is None, "usherd ended at once: " + self.log_path.read_text()[-2000:])

    def ready(self):
        try:
            return self.api("GET", "/status", expect=None)[0] == 200
        except OSError:
            return False

    def stop(self, sig=signal.SIGTERM):
        if self.process:
            stop_process(self.process, sig)
            status, self.process = self.process.returncode, None
            return status
        return None

    def kill(self):
        return self.stop(signal.SIGKILL)

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def children(self, name):
        """The process ids of the daemon's children of that name."""
        found = []
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                head, _, tail = (folder / "stat").read_text().rpartition(")")
            except OSError:
                continue
            if int(tail.split()[1]) == self.process.pid and name in head:
                found.append(int(folder.name))
        return sorted(found)

    def logged(self):
        return self.log_path.read_text()

    def advance(self, seconds):
        """Moves the daemon's clock on, for good."""
        self.set_clock(seconds, seconds)

    def set_clock(self, seconds, passed=0):
        """Sets the wall clock on, or back; so much time passed with it."""
        now = self.clock.read_text().split() if self.clock.exists() else (0, 0)
        new = self.scratch.dir / "clock.new"
        new.write_text(" ".join(str(int(then) + int(s * 1000)) for then, s in zip(now, (seconds, passed))))
        new.rename(self.clock)

    def fired(self, point):
        """How often a fail point fired, over all starts of the daemon."""
        if not self.fail_log.exists():
            return 0
        return sum(line.startswith(point + " ") for line in self.fail_log.read_text().splitlines())

    # ---- The command.

    def run(self, *arguments, stdin=None, timeout=300, env=None):
        if FACE == "api" and arguments[0] != "setup":
            return Answer(*face.Api(self.by_token).run(arguments, stdin))
        where = self.through_validator() if FACE == "url" and arguments[0] != "setup" else None
        done = subprocess.run([str(self.build / "run"), "usher", *(where or ("--socket", str(self.socket))),
                               *map(str, arguments)],
                              input=stdin, capture_output=True, text=True, timeout=timeout,
                              env=dict(self.env, **(env or {})), cwd=self.scratch.dir)
        return Answer(done.returncode, done.stdout, done.stderr)

    def usher(self, *arguments, status=0, **more):
        """Runs the command and holds it to an exit status."""
        answer = self.run(*arguments, **more)
        check(answer.status == status, f"usher {' '.join(map(str, arguments))}: exit {answer.status}, wanted {status}\n"
              f"{answer.out}{answer.err}")
        return answer

    def json(self, *arguments, **more):
        return self.usher("-o", "json", *arguments, **more).json()

    # ---- The API.

    def make_token(self):
        if not self.token:
            asked = {"name": "Everything", "scopes": ["read", "write", "admin"]}
            self.token = self.api("POST", "/tokens", asked, expect=201)[1]["token"]

    def through_validator(self):
        """Flags that lead the command through tests/lib/validator.py; None before set-up."""
        global VALIDATOR
        if not self.front:
            if not self.api("GET", "/status")[1]["set_up"]:
                return None
            if not VALIDATOR:
                import validator
                VALIDATOR = validator.Validator(self.api("GET", "/openapi.json")[1])
            self.make_token()
            self.scratch.file("everything.token", self.token)
            self.front = VALIDATOR.front(self.port)
        return "--url", f"http://127.0.0.1:{self.front}", "--token-file", str(self.scratch.dir / "everything.token")

    def by_token(self, method, path, body, text):
        """A request where the web listens, by a token that the owner made for everything."""
        self.make_token()
        return self.api(method, path, body, expect=None, text=text, headers={"Authorization": "Bearer " + self.token},
                        at=self.runtime / "web.sock")

    def api(self, method, path, body=None, expect=200, headers=None, text=None, at=None):
        connection = UnixConnection(at or self.socket)
        try:
            payload = text if text is not None else None if body is None else json.dumps(body)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused before it is sent whole
                connection.request(method, "/api/v1" + path, payload,
                                   dict({"Content-Type": "text/csv" if text is not None else "application/json"},
                                        **(headers or {})))
            answer = connection.getresponse()
            raw = answer.read()
        finally:
            connection.close()
        found = json.loads(raw) if raw.startswith((b"{", b"[")) else raw
        if expect is not None:
            check(answer.status == expect, f"{method} {path}: {answer.status}, wanted {expect}: {raw[:500]}")
        return answer.status, found

    # ---- What most tests begin with.

    def connect(self, app, label="Acme", status=0, **fields):
        token = self.scratch.file(f"token-{label}", app.TOKEN)
        settings = [x for key, value in fields.items() for x in ("--set", f"{key}={value}")]
        return self.usher("hub", "connect", "scim", "--label", label, "--login-method", "sso", "--set",
                          f"base_url={app.url}", *settings, "--secret", f"token=@{token}", status=status)

    def members(self, hub="Acme", **filters):
        flags = [x for key, value in filters.items() for x in ("--" + key, value)]
        return self.json("member", "list", hub, *flags)

    def member(self, name, hub="Acme"):
        return self.json("member", "show", hub, name)

    def hub(self, hub="Acme"):
        return self.json("hub", "show", hub)

    def tasks(self, hub="Acme", **filters):
        flags = [x for key, value in filters.items() for x in ("--" + key, value)]
        return self.json("task", "list", "--hub", hub, *flags)

    def wait_idle(self, hub="Acme", seconds=180):
        """Until no task of the hub is open."""
        def idle():
            return all(task["status"] in ("completed", "not-completed") for task in self.tasks(hub))
        wait_for(idle, f"the end of the tasks of {hub}", seconds)

    def people(self, *emails):
        text = "email,first_name,last_name\n" + "".join(f"{e},First,Last\n" for e in emails)
        return self.usher("directory", "import", "csv", self.scratch.file("people.csv", text))


CLAIMS = []  # names of this process, each for a port that no other suite is to take


def free_port():
    """One for a server that starts later: of those that the kernel gives to no connection."""
    while True:
        port, claim = random.randrange(20000, 32000), socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0usher-test-port-{port}")
            with socket.socket() as one:
                one.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        CLAIMS.append(claim)
        return port


def scim_user(name, **more):
    user = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "active": True,
            "emails": [{"value": name, "primary": True}], "roles": [{"value": "member"}]}
    user.update(more)
    return user


def of_the_command(test):
    """Marks a test of what only the command does: there is nothing of it in the API."""
    test.of_the_command = True
    return test


def main(tests, title):
    """Runs functions test(scratch), by name where arguments name some; prints a line each and
    the count that the whole suite adds up."""
    passed, failed, skipped = 0, [], 0
    # Who is told to end still ends what was started, and leaves nothing.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if not (BUILD / "run").exists():
        sys.exit(f"{title}: There is no build in {BUILD}: name one by USHER_BUILD.")
    if FACE == "api":
        tests = [test for test in tests if not getattr(test, "of_the_command", False)]
    for test in tests:
        if len(sys.argv) > 1 and not any(word in test.__name__ for word in sys.argv[1:]):
            continue
        began = time.monotonic()
        try:
            with Scratch() as scratch:
                test(scratch)
            passed += 1
            verdict = "ok"
        except Skipped as missing:
            skipped += 1
            print(f"skipped: {title} {test.__name__}: {missing}", flush=True)
            continue
        except Exception as error:  # a test that breaks is a test that fails
            failed.append(test.__name__)
            verdict = f"FAILED: {type(error).__name__}: {error}"
        claim = (test.__doc__ or test.__name__).strip().splitlines()[0]
        print(f"{title}: {claim} ({time.monotonic() - began:.1f} s): {verdict}", flush=True)
    if VALIDATOR:
        for text in VALIDATOR.wrong[:20]:
            print(f"  {text}", flush=True)
        print(f"{title}: {VALIDATOR.requests} requests and answers are as the document has them: "
              + (f"FAILED: {len(VALIDATOR.wrong)} are not" if VALIDATOR.wrong else "ok"), flush=True)
        passed, failed = passed + (not VALIDATOR.wrong), failed + VALIDATOR.wrong
    print(f"{passed} passed, {len(failed)} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
    return 1 if failed else 0
