#!/usr/bin/env python3
"""Connectors that crash, hang, flood, lie or try to get out: each fails its own task, and nothing else notices.

One daemon runs the hub of a good app, and then, one after the other, a hub for each harm.  While the harm is done the
good hub is synced; usherd's private memory is sampled all the time.  In short each harm is done once and the times
are printed.  Whole (USHER_TORTURE=long) the good hub is a large one, so that its sync takes a second, and each sync
beside a harm is held to one without it that was done just before or after: what else loads the machine loads both.
The median of five such pairs is held to the limit; where it is over it, ten pairs more are made and the median of all
counts, so that chance does not, and what is really slower still fails.

USHER_HARMS="WORD..." does only those with a word in their name.
"""

import contextlib
import datetime
import json
import os
import pathlib
import statistics
import sys
import threading
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "lib"), str(TESTS / "bench")]
import contestants  # noqa: E402
from rig import BAD, PLAIN, Rig  # noqa: E402
from usher import App, Failed, Skipped, check, equal, main, wait_for  # noqa: E402

LONG = os.environ.get("USHER_TORTURE") == "long"
WORDS = os.environ.get("USHER_HARMS", "").split()
ROUNDS = 5 if LONG else 1
ROUNDS_MORE = 10          # where five say that it is slower
MEMBERS = 300000 if LONG else 500
PAGE = 1000
MEMORY_MAX = 2 << 20      # bytes of private memory that a harm may add to usherd
TIME_MAX = 1.10           # times the sync of the good hub alone
TIME_MAX_CPU = 2.0        # the same, for what burns the processor until its limit ends it
CPU_S = 2 if LONG else 1  # the worker's limit of processor time; 600 without the test hook
SILENCE_MS = 4000         # how long a session may say nothing; 11 minutes without the test hook
SECRET = "bad-token-0123456789"
CPU = "cpu"

# What ends the process, and what stands for it in the task and the log.
QUARANTINED = "connector-quarantined"
FAULT = "connector-fault"
REFUSED = "refused-by-app"  # the connector's own word for what the kernel or the host did not let it do
DENIED = "Permission denied"
HARMS = {
    # Crashes.
    "crash": (QUARANTINED, "signal 11 (Segmentation fault) in list"),
    "crash-in-open": (QUARANTINED, "signal 11 (Segmentation fault) in"),
    "recurse": (QUARANTINED, "signal 11 (Segmentation fault) in list"),
    "abort": (QUARANTINED, "signal 6 (Aborted) in list"),
    "exit": (QUARANTINED, "ended with status 0 in list"),
    # Hangs.
    "loop": (QUARANTINED, "signal 24 (CPU time limit exceeded) in list", CPU),
    # Greed.
    "memory": (REFUSED, "MiB of memory", CPU),
    "shared-memory": (REFUSED, "got 0 MiB of shared memory"),
    "addresses": (REFUSED, "got 0 GiB of addresses"),
    "files": (REFUSED, "descriptors"),
    "limits": (REFUSED, DENIED),
    "fork": (QUARANTINED, "signal 31 (Bad system call) in list"),
    "thread": (QUARANTINED, "signal 31 (Bad system call) in list"),
    # Ways out.
    "exec": (QUARANTINED, "signal 31 (Bad system call) in list"),
    "socket": (QUARANTINED, "signal 31 (Bad system call) in list"),
    "bind": (QUARANTINED, "signal 31 (Bad system call) in list"),
    "ptrace": (QUARANTINED, "signal 31 (Bad system call) in list"),
    "kill": (QUARANTINED, "signal 31 (Bad system call) in list"),
    "signal": (REFUSED, "a signal to usherd: " + DENIED),
    "owner": (REFUSED, "making usherd the owner of a socket: " + DENIED),
    "shadow": (REFUSED, "/etc/shadow: " + DENIED),
    "environ": (REFUSED, "/proc/self/environ: " + DENIED),
    "parent-memory": (REFUSED, "/mem: " + DENIED),
    "write": (REFUSED, "/tmp/usher-bad-connector: " + DENIED),
    "code": (REFUSED, "memory to write and run: " + DENIED),
    "make-code": (REFUSED, "running what was written: " + DENIED),
    # Noise and floods.
    "print": (REFUSED, "printed two lines"),
    "print-on": (QUARANTINED, "signal 24 (CPU time limit exceeded) in list", CPU),
    # Whichever limit comes first.
    "endless-rows": (None, "signal 24 (CPU time limit exceeded) in list|more than 10000000 rows", CPU),
    "endless-checkpoints": ("cursor-loop", "1000 pages in a row have nothing on them", CPU),
    "endless-state": ("answer-too-large", "keeps more values than there is room for", CPU),
    "endless-sections": ("answer-too-large", "more than 10000 sections", CPU),
    # The same: the app is slow.
    "endless-requests": (None, "CPU time limit exceeded|nothing was heard of list", CPU),
    "huge-row": ("answer-too-large", "over its limit"),
    "many-requests": (FAULT, "more than 8 requests"),
    # Lies.
    "made-up": ("listing-incomplete", "was not asked for its members"),
    "not-utf8": (FAULT, "not UTF-8"),
    "no-section": (FAULT, "outside a section"),
    "left-open": (FAULT, "left a section open"),
    "odd-answer": (FAULT, "answered 42"),
    "null": (FAULT, "emitted NULL"),
    "deny-everything": (FAULT, "outside a section"),
    # Frames of its own making.
    "forge": (FAULT, "sent what is no frame in list"),
    "forge-long": (FAULT, "sent what is no frame in list"),
    "forge-order": (FAULT, "sent SECTION_END in list: it is out of place"),
    "forge-sender": (FAULT, "sent TALLY in list: it is not the one to send that"),
    "forge-rows": (FAULT, "sent ROWS in list: a row is broken"),
    "forge-count": (FAULT, "sent SECTION_END in list: its rows are not those that came"),
    "forge-result": (FAULT, "sent RESULT in the pause between two operations: it is out of place"),
    "forge-logs": (FAULT, "sent LOG in list: there is no end to it", CPU),
    "forge-faults": (FAULT, "sent FAULT in list: there is no end to it", CPU),
    "forge-questions": (FAULT, "does not read what it asked for in list", CPU),
    "forge-to-net": (FAULT, "sent usher-net what it must not in list"),
    "forge-request": (FAULT, "sent usher-net what it must not in list"),
    # What is not for it.
    "other-host": (FAULT, "https://other.example.com:443 is not among the hosts of this app"),
    "metadata-host": (FAULT, "http://169.254.169.254:80 is not among the hosts of this app"),
    "bad-scheme": (FAULT, "no http or https address"),
    "split-header": (FAULT, "not one line"),
    "secret-checkpoint": (FAULT, "a secret in a checkpoint"),
    "tell-secret": (REFUSED, "the token is "),
    "tell-echo": (REFUSED, "the app said "),
}
# These take as long as usherd waits, so they run beside all the others.
HANGS = {
    "hang": (QUARANTINED, "did not answer a cancel of list and was killed (nothing was heard of list for 4 s)"),
    "hang-in-open": (QUARANTINED, "was killed (nothing was heard of login for 4 s)"),
}
# What comes when the hub is removed and its session closed: the sync is over by then, and fails by its own word.
CLOSES = {"crash-in-close": (REFUSED, "listed nobody"), "hang-in-close": (REFUSED, "listed nobody")}
# What cannot be loaded is not run at all: the list of connectors says why, and its hub waits.
FILES = {
    "constructor": "signal 11 (Segmentation fault)", "symbol": "does not export usher_connector_v1",
    "null": "answered NULL", "magic": "magic number 12345678", "major": "built for version 2",
    "minor": "needs version 1.7 of the connector ABI, this host has 1.0", "size": "40 bytes",
    "operation": "lacks the operation list", "name": "has no name", "library": "no_library_has_this",
}


class Memory(threading.Thread):
    """The private memory of a process, sampled."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.path, self.peak, self.over = pathlib.Path(f"/proc/{pid}/status"), 0, False
        self.start()

    def now(self):
        for line in self.path.read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) << 10
        raise Failed("the kernel tells no RssAnon")

    def run(self):
        while not self.over:
            try:
                self.peak = max(self.peak, self.now())
            except OSError:
                return
            time.sleep(0.005)

    def peak_of(self, what):
        self.peak = 0
        result = what()
        return max(self.peak, self.now()), result


class LargeApp:
    """An app of so many members that a sync of it takes a while, and that costs little itself."""

    TOKEN = contestants.TOKEN

    def __init__(self, scratch):
        if not (contestants.PROGRAMS / "app").exists():
            raise Skipped(f"{contestants.PROGRAMS / 'app'} is not built: make tests/bench/app")
        self.app = contestants.App(scratch)
        self.cert, self.url = self.app.cert, self.app.url(MEMBERS, PAGE)


class Stage:
    """The daemon, its good hub, and the harm beside it."""

    def __init__(self, scratch):
        if not (BAD / "bad.so").exists():
            raise Skipped(f"{BAD} is not built: make test-connectors")
        config = "[tasks]\nretry-wait = 10ms\nworkers = 8\n"
        if LONG:
            good = LargeApp(scratch)
            config += f"[http]\nca-file = {good.cert}\n"
        else:
            good = App(scratch, users=MEMBERS)
        self.rig = Rig(scratch, config=config,
                       env={"USHER_TEST_CPU_S": str(CPU_S), "USHER_TEST_SILENCE_MS": str(SILENCE_MS)})
        self.usher = self.rig.usher
        for harm in [*HARMS, *HANGS, *CLOSES]:
            self.rig.install(BAD / "bad.so", f"b-{harm}")
            self.rig.write_app(f"a-{harm}", f"b-{harm}", harm)
        self.rig.reload()
        self.echo = App(scratch, users=3)
        self.echo.faults(echo={})
        self.usher.connect(good, "Good")
        self.good = self.usher.hub("Good")["id"]
        self.memory = Memory(self.usher.process.pid)
        scratch.callback(lambda: setattr(self.memory, "over", True))

    def tasks(self, hub):
        return self.usher.api("GET", f"/tasks?hub={hub}&limit=200")[1]["items"]

    def idle(self, hub):
        tasks = self.tasks(hub)
        return tasks if tasks and all(task.get("ended_at") for task in tasks) else None

    def wait(self, hub, what):
        return wait_for(lambda: self.idle(hub), f"the end of the tasks of {what}", 180)

    def sync_good(self):
        """Syncs the good hub: the milliseconds that it took, by usherd's clock."""
        task = self.usher.api("POST", f"/hubs/{self.good}/sync", {}, expect=202)[1]["id"]
        shown = wait_for(lambda: self.ended(task), "the end of a good sync")
        equal((shown["status"], shown["attempts"]), ("completed", 1), f"the good hub's sync: {shown.get('error')}")
        return milliseconds(shown["started_at"], shown["ended_at"])

    def renew_good(self):
        """A new session for the good hub: the old one's worker would reach the tests' limit of processor time."""
        self.usher.api("POST", f"/hubs/{self.good}/check", {}, expect=202)
        self.wait(self.good, "the good hub")

    def ended(self, task):
        shown = self.usher.api("GET", f"/tasks/{task}")[1]
        return shown if shown.get("ended_at") else None

    def connect(self, harm):
        base = self.echo.url if harm in ("tell-echo", "endless-requests") else "https://app.example.com"
        made = self.usher.api("POST", "/hubs", {
            "app": f"a-{harm}", "label": harm, "fields": {"space": harm, "base_url": base},
            "account": {"kind": "token", "secrets": {"token": App.TOKEN if base == self.echo.url else SECRET}}},
            expect=202)[1]
        return made["hub"]["id"]

    def remove(self, harm, hub):
        """Closes the session; a pause is over, for whoever does the harm once more."""
        self.usher.api("DELETE", f"/hubs/{hub}?reason=no-longer-used&confirm=true")
        self.usher.api("POST", f"/connectors/b-{harm}/enable", {})

    def verdict(self, harm, tasks, wanted):
        """The task in which the harm was done, held to what it must say."""
        code, sentence = wanted[:2]
        failed = [task for task in tasks if task.get("error")]
        check(failed, f"{harm}: no task failed: {[(t['kind'], t['status']) for t in tasks]}")
        error = failed[0]["error"]
        check(code in (None, error["code"]), f"{harm}: not {code}: {error}")
        check(any(part.lower() in error["message"].lower() for part in sentence.split("|")), f"{harm}: {error}")
        check("was possible" not in error["message"], f"{harm}: {error}")
        check(error["action"], f"{harm}: there is nothing to do: {error}")
        check(error["class"] != "bug" or f"b-{harm}" in error["message"], f"{harm}: not named: {error}")
        return error


def children(pid):
    """The processes that usherd started and that run."""
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            found += (task / "children").read_text().split()
    return found


def milliseconds(begin, end):
    """Between two times of the API."""
    one, two = (datetime.datetime.fromisoformat(t.replace("Z", "+00:00")) for t in (begin, end))
    return (two - one).total_seconds() * 1000


def cause(error):
    """What a line has room for: of a pause, the fault that led to it."""
    return error["message"].split("The last time: ")[-1][:150]


def nothing_leaked(stage):
    """No secret of a bad hub, in clear, in anything that can be read of the daemon."""
    shown = [stage.usher.logged()]
    for path in ("/tasks?limit=500", "/events?limit=500", "/issues?limit=500", "/hubs?limit=500"):
        shown.append(json.dumps(stage.usher.api("GET", path)[1]))
    for secret in (SECRET, App.TOKEN):
        for text in shown:
            check(secret not in text, f"the secret {secret!r} stands in {text[max(0, text.find(secret) - 200):][:400]}")


class Pair:
    """One harm, done while the good hub is synced, and that hub's sync alone."""

    def __init__(self, stage, harm, wanted, alone_first):
        if LONG:
            stage.renew_good()
        if alone_first:
            self.sync_alone(stage)
        peak, hub = stage.memory.peak_of(lambda: self.sync_beside(stage, harm))
        self.error = stage.verdict(harm, stage.tasks(hub), wanted)
        stage.remove(harm, hub)
        if not alone_first:
            self.sync_alone(stage)
        self.grown = peak - self.before

    def sync_alone(self, stage):
        self.before, self.alone = stage.memory.peak_of(stage.sync_good)

    def sync_beside(self, stage, harm):
        hub = stage.connect(harm)
        self.beside = stage.sync_good()
        stage.wait(hub, harm)
        return hub

    @property
    def times(self):
        return self.beside / max(self.alone, 1)


class Judged:
    """Pairs enough to say what a harm costs."""

    def __init__(self, stage, harm, wanted):
        self.harm, self.pairs = harm, []
        self.limit = TIME_MAX_CPU if CPU in wanted else TIME_MAX
        self.add(stage, wanted, ROUNDS)
        if LONG and self.median("times") > self.limit:
            self.add(stage, wanted, ROUNDS_MORE)

    def add(self, stage, wanted, rounds):
        for _ in range(rounds):
            self.pairs.append(Pair(stage, self.harm, wanted, alone_first=len(self.pairs) % 2 == 0))

    def median(self, what):
        return statistics.median(getattr(pair, what) for pair in self.pairs)

    def wrong(self):
        """What is over its limit."""
        if self.median("grown") > MEMORY_MAX:
            yield f"{self.harm}: usherd grew by {self.median('grown') / 1024:.0f} KiB"
        if LONG and self.median("times") > self.limit:
            yield (f"{self.harm}: the good hub took {self.median('times'):.2f} times as long, of "
                   f"{len(self.pairs)} pairs " + " ".join(f"{pair.times:.2f}" for pair in self.pairs))

    def __str__(self):
        return (f"{self.harm:<20} {self.median('times'):>6.2f} {len(self.pairs):>5} {self.median('alone'):>6.0f}ms "
                f"{self.median('beside'):>5.0f}ms {self.median('grown') / 1024:>6.0f}  {cause(self.pairs[-1].error)}")


def chosen(harms):
    return {harm: wanted for harm, wanted in harms.items() if not WORDS or any(word in harm for word in WORDS)}


def test_each_harm_fails_its_own_task_alone(scratch):
    """Each bad connector fails its own task with its name; memory, and the time of other hubs, stay as they were."""
    stage = Stage(scratch)
    for _ in range(3):
        stage.sync_good()
    hanging = {harm: stage.connect(harm) for harm in chosen(HANGS)}
    wrong = []
    print(f"    {'harm':<20} {'times':>6} pairs {'alone':>8} {'beside':>7} {'KiB':>6}  the task's sentence", flush=True)
    for harm, wanted in chosen({**HARMS, **CLOSES}).items():
        judged = Judged(stage, harm, wanted)
        print(f"    {judged}", flush=True)
        wrong += judged.wrong()
    for harm, hub in hanging.items():
        stage.wait(hub, harm)
        error = stage.verdict(harm, stage.tasks(hub), HANGS[harm])
        print(f"    {harm:<20} {cause(error)}", flush=True)
    wait_for(lambda: len(children(stage.usher.process.pid)) <= 2, "the end of all processes but the good hub's")
    check(WORDS or stage.echo.fired("echo"), "the app never repeated its secret")
    check(not os.path.exists("/tmp/usher-bad-connector"), "a connector wrote a file")
    check(stage.usher.process.poll() is None, "the daemon ended")
    nothing_leaked(stage)
    check(not wrong, "; ".join(wrong))


def test_what_cannot_be_loaded_is_told_and_waited_for(scratch):
    """A file that is no connector, or a newer one, is listed with the reason while the others sync."""
    stage = Stage(scratch)
    stage.sync_good()
    before, _ = stage.memory.peak_of(stage.sync_good)

    def load():
        for name in FILES:
            stage.rig.install(BAD / f"broken-{name}.so", f"f-{name}")
            stage.rig.write_app(f"f-{name}", f"f-{name}", "print")
        stage.rig.reload()
        return stage.sync_good()

    peak, _ = stage.memory.peak_of(load)
    for name, sentence in FILES.items():
        found = stage.rig.connector(f"f-{name}")
        check(sentence in found.get("broken", ""), f"{name}: {found}")
        print(f"    {name:<20} {found['broken'][:150]}", flush=True)
        stage.rig.connect(f"f-{name}", status=5)
        task = stage.usher.tasks(f"f-{name}")[0]
        equal(task["wait_reason"], "connector-missing", f"the task of {name}")
    check(peak - before <= MEMORY_MAX, f"usherd grew by {(peak - before) / 1024:.0f} KiB")


if __name__ == "__main__":
    print(f"bad-connector: {len(HARMS) + len(HANGS) + len(CLOSES) + len(FILES)} bad connectors, {ROUNDS} times each, "
          f"in {PLAIN}", flush=True)
    sys.exit(main([test_each_harm_fails_its_own_task_alone, test_what_cannot_be_loaded_is_told_and_waited_for],
                  "bad-connector"))
