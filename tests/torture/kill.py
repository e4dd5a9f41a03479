#!/usr/bin/env python3
"""kill -9 in the middle of syncs, invitations, role changes and removals, again and again.

    tests/torture/kill.py [RUNS] [--seed SEED] [--real]

Two daemons carry out one plan, each with an app of its own.  One is killed in every step, or its
worker or net is; nobody touches the other.  In the end both apps are the same, version for
version, and so are both stores.  --real: the apps are better-auth, a SCIM server of others.
The short form is 30 runs; with USHER_TORTURE=long 450, and 50 more against the real server.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import signal
import sys
import time
import urllib.request

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "lib"), str(TESTS / "e2e")]
import realparts  # noqa: E402
from gate import Gate, Hold  # noqa: E402
from usher import App, Failed, Scratch, Skipped, Usher, check, equal, scim_user, wait_for  # noqa: E402

CONFIG = "[tasks]\nretry-wait = 20ms\n"

# Where a run is killed, for ten runs.  Half of them fall between the commit of an intent and that
# of its outcome; a third hits a child.
INTENT = ["after intent", "in the call, before the app has it", "in the call, the app is late",
          "in the call, the answer is lost", "after the answer", "in the commit"]
CHILDREN = ["worker in a change", "net in a change", "worker in a sync", "net in a sync"]
SYNC = ["in a page", "in a page's record", "page under way", "before applying", "in the applying",
        "in a commit", "after a commit", "absence asked for"]
POINTS = {"after intent": "change-intent", "after the answer": "change-answered", "in the commit": "change-commit",
          "in a page": "sync-page", "in a page's record": "spool-checkpoint", "before applying": "sync-sealed",
          "in the applying": "delta-batch", "in a commit": "store-before-commit", "after a commit": "store-after-commit"}
MANY = {"sync-page", "spool-checkpoint", "store-before-commit", "store-after-commit"}  # passed more than once
WRITES = ("create-user", "patch-user", "put-user", "delete-user")


class Step:
    """One thing that is done, and where what does it is killed."""

    def __init__(self, where, what, who=None, role=None, native=None, number=1, later=False):
        self.where, self.what, self.who, self.role, self.native = where, what, who, role, native
        self.number = number  # which page, or which commit
        self.later = later    # a held request is lost on its way back, not on its way there

    def __str__(self):
        return f"{self.what} {self.who or ''} {self.role or ''} killed {self.where} ({self.number}, {self.later})"


class Plan:
    """Steps from a number, the same each time."""

    def __init__(self, runs, seed, app):
        self.random, self.pages, self.users = random.Random(seed), app.PAGES, app.USERS
        self.removable = 10  # the first of those who were there that has not gone
        self.people, self.natives, self.roles = 0, 0, {}
        self.gone, self.steps = [], []
        decks = {name: [] for name in ("intent", "child", "sync")}
        kinds = []
        for _ in range(runs):
            if not kinds:
                kinds = ["intent"] * 5 + ["child"] * 3 + ["sync"] * 2
                self.random.shuffle(kinds)
            kind = kinds.pop()
            if not decks[kind]:
                decks[kind] = list({"intent": INTENT, "child": CHILDREN, "sync": SYNC}[kind])
                self.random.shuffle(decks[kind])
            self.steps.append(self.step(decks[kind].pop()))

    def step(self, where):
        if where in SYNC or where.endswith("in a sync"):
            return self.sync(where)
        later = self.random.random() < 0.5
        active = sorted(self.roles)
        choice = self.random.random()
        if choice < 0.4 or not active:
            back = self.gone and self.random.random() < 0.3
            who = self.gone.pop(0) if back else f"p{self.people:04}@example.com"
            self.people += not back
            self.roles[who] = self.random.choice(["member", "admin"])
            return Step(where, "invite", who, self.roles[who], later=later)
        who = self.random.choice(active)
        if choice < 0.7:
            self.roles[who] = "admin" if self.roles[who] == "member" else "member"
            return Step(where, "set-role", who, self.roles[who], later=later)
        del self.roles[who]
        self.gone.append(who)
        return Step(where, "remove", who, later=later)

    def sync(self, where):
        """Somebody came to the app by himself, somebody has another role, and sometimes one went."""
        names = [f"n{self.natives + i:04}@example.com" for i in range(self.random.randint(1, 3))]
        native = {"add": names, "set": [f"user{self.random.randrange(10):04}@example.com"], "remove": []}
        self.natives += len(names)
        if self.removable < self.users and (where == "absence asked for" or self.random.random() < 0.25):
            native["remove"] = [f"user{self.removable:04}@example.com"]
            self.removable += 1
        elif where == "absence asked for":
            where = "before applying"
        number = self.random.randint(2, self.pages)
        return Step(where, "sync", native=native, number=number, later=self.random.random() < 0.5)


# ---- The apps.

class Counting(App):
    """tests/apps/scim, whose accounts have a version that each change raises."""

    EXACT = True
    BASE = "/scim/v2"
    USERS, PAGE, PAGES = 100, 10, 5  # PAGE: rows of a page; PAGES: fewer than there are

    def __init__(self, scratch):
        users = [scim_user(f"user{i:04}@example.com", roles=[{"value": "member" if i % 7 else "admin"}]) for i in range(self.USERS)]
        super().__init__(scratch, page_max=self.PAGE, json=scratch.file("users.json", json.dumps({"users": users})))

    def native(self, change):
        self.change(add=[scim_user(name) for name in change["add"]], remove=change["remove"],
                    set={name: {"displayName": f"Renamed {change['add']}"} for name in change["set"]})

    def state(self):
        return self.users()


class Real:
    """better-auth: what it shows, and what is changed in it by itself."""

    EXACT = False  # its ids are its own, and it has no versions
    BASE = "/api/auth/scim/v2"
    USERS, PAGE, PAGES = realparts.USERS, 100, 3

    def __init__(self, scratch):
        self.server = realparts.better_auth_server(scratch)
        self.port, self.TOKEN = self.server.port, self.server.TOKEN

    def ask(self, method, path, body=None):
        request = urllib.request.Request(
            f"{self.server.url}/Users{path}", json.dumps(body).encode() if body else None, method=method,
            headers={"Authorization": f"Bearer {self.TOKEN}", "Content-Type": "application/scim+json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    def native(self, change):
        for name in change["add"]:
            self.ask("POST", "", scim_user(name))
        for name in change["remove"]:
            self.ask("DELETE", "/" + self.server.user(name)["id"])
        for name in change["set"]:
            self.ask("PATCH", "/" + self.server.user(name)["id"],
                     {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                      "Operations": [{"op": "replace", "path": "displayName", "value": f"Renamed {change['add']}"}]})

    def state(self):
        found, start = [], 1
        while True:
            page = self.server.get(f"startIndex={start}&count=100")
            found += [(u["userName"], u["active"], u.get("displayName"), sorted(r["value"] for r in u.get("roles", [])))
                      for u in page.get("Resources", [])]
            start = len(found) + 1
            if len(found) >= page["totalResults"]:
                return sorted(found, key=str)


# ---- A daemon with its app.

class Side:
    def __init__(self, scratch, make, people):
        self.app = make(scratch)
        self.gate = Gate(scratch, self.app, self.app.port, self.app.BASE)
        self.usher = Usher(scratch, config=CONFIG)
        self.usher.connect(self.gate)
        self.usher.people(*(f"p{i:04}@example.com" for i in range(people)))
        self.tasks = len(self.usher.tasks())

    def command(self, step):
        """What is done; a daemon that dies of it may answer nothing."""
        if step.what == "sync":
            return self.usher.run("sync", "Acme", "--no-wait")
        role = ("--role", step.role) if step.role else ()
        return self.usher.run("member", step.what, "Acme", step.who, *role, "--yes", "--no-wait")

    def idle(self):
        """The newest task, once none is open."""
        def ended():
            newest = self.usher.api("GET", "/tasks?limit=1")[1]["items"]
            return newest and newest[0]["status"] in ("completed", "not-completed") and newest[0]
        task = wait_for(ended, "the end of the task", 180)
        self.usher.wait_idle()
        return task

    def settled(self, step):
        """One task more, and it is done."""
        task = self.idle()
        self.tasks += 1
        equal(len(self.usher.tasks()), self.tasks, "tasks")
        kinds = {"invite": "add-user", "set-role": "update-role", "remove": "remove-user", "sync": "sync"}
        equal((task["kind"], task["status"], task.get("error")), (kinds[step.what], "completed", None), "the task")

    def state(self):
        """Everything that is known, without ids and times that each store makes for itself."""
        exact = self.app.EXACT
        found = self.usher.members()
        said = ("username", "email", "name", "status", "tab", "app_state", "disabled", *(["native_id"] if exact else []))
        members = sorted(((*(m.get(key) for key in said), m.get("person") is not None,
                           *(tuple(r["id"] for r in m.get(key, [])) for key in ("roles", "desired_roles")))
                          for m in found), key=str)
        names = {m["id"]: m.get("username") for m in found}
        tasks = [(t["kind"], t["status"], t["result"], names.get(t.get("member"))) for t in self.usher.tasks()]
        events = collections.Counter((e["type"], e.get("outcome")) for e in self.usher.json("audit", "list"))
        check(self.usher.json("audit", "verify")["ok"], "the chain of events is whole")
        return {"members": members, "tasks": tasks, "hub": self.usher.hub()["counts"], "issues":
                [i["code"] for i in self.usher.json("issue", "list")], "reports": self.usher.json("report", "list"),
                "events": sorted(events.items(), key=str)}


def pages(gate, mark, end=None):
    """How many pages of the listing passed: whoever is asked for by himself may cost a walk."""
    count = 0
    for request in gate.since(mark)[:None if end is None else end - mark]:
        if request.kind == "read-user":
            break
        count += request.kind == "list-users"
    return count


# ---- The kills.

class Run:
    """One step of the side that is killed."""

    def __init__(self, side, step, pages_wanted):
        self.side, self.step, self.pages_wanted = side, step, pages_wanted
        self.usher, self.gate = side.usher, side.gate
        self.again = 0  # pages that were asked for again, beside those in flight

    def go(self):
        step = self.step
        self.mark = self.gate.mark()
        if step.where in POINTS:
            self.by_point(POINTS[step.where])
        elif step.where in CHILDREN:
            self.of_child("usher-" + step.where.split()[0])
        else:
            self.at_gate()
        self.side.settled(step)
        if step.what != "sync":
            self.one_effect()

    def one_effect(self):
        """The app was told once, whatever was asked for in vain on the way to it."""
        told = [(r.kind, r.status) for r in self.gate.since(self.mark) if r.writes and r.status]
        equal(len(told), 1, f"changes that reached the app: {told}")
        check(200 <= told[0][1] < 300, f"the app's answer: {told}")

    def dead(self):
        wait_for(lambda: self.usher.process.poll() is not None, "the kill")
        equal(self.usher.process.returncode, -signal.SIGKILL, "how usherd ended")
        self.usher.process = None

    def by_point(self, point):
        fired = self.usher.fired(point)
        self.usher.stop()
        number = self.step.number if point in MANY else 1
        self.usher.start(fail_points=f"{point}=kill:{number}", wait=False)
        wait_for(lambda: self.usher.process.poll() is not None or self.usher.ready(), "the start or the kill")
        answer = self.side.command(self.step)
        self.dead()
        equal(self.usher.fired(point) - fired, 1, f"how often {point} fired")
        self.gate.settled()
        end = self.gate.mark()
        self.usher.start()
        if answer.status and len(self.usher.tasks()) == self.side.tasks:
            # The kill came before the task was on disk, and nobody was told that it was.
            equal(self.side.command(self.step).status, 0, "the command, given again")
        self.side.idle()
        recorded = {"sync-page": number, "spool-checkpoint": number}.get(point)
        if self.step.what == "sync":
            self.count_pages(end, recorded)

    def at_gate(self):
        """Killed while the app, or the way to it, has a request."""
        step = self.step
        if step.where == "page under way":
            hold = Hold("list-users", after_app=step.later, skip=step.number - 1)
        elif step.where == "absence asked for":
            hold = Hold("read-user", after_app=step.later)
        else:
            hold = Hold(*WRITES, after_app=step.where == INTENT[3])
        self.gate.rule = hold
        equal(self.side.command(step).status, 0, "the command")
        check(hold.reached.wait(90), "nothing came to be held")
        recorded = self.recorded(hold.held)
        self.usher.kill()
        # What is late is carried out by the app after the daemon is dead.
        hold.let_go(drop=step.where in (INTENT[1], "page under way", "absence asked for"))
        self.gate.rule = None
        self.gate.settled()
        end = self.gate.mark()
        self.usher.start()
        self.side.idle()
        if step.what == "sync":
            self.count_pages(end, recorded)

    def of_child(self, name):
        step = self.step
        if self.usher.logged().rpartition(" ready on ")[2].count(" the connector seat ended by signal 9") > 1:
            # A third would pause the app's hubs, as it should; a start forgets faults.
            self.usher.stop()
            self.usher.start()
        kinds = ("list-users",) if step.what == "sync" else WRITES
        hold = Hold(*kinds, after_app=step.later, skip=step.number - 1 if step.what == "sync" else 0)
        self.gate.rule = hold
        equal(self.side.command(step).status, 0, "the command")
        check(hold.reached.wait(90), "nothing came to be held")
        recorded = self.recorded(hold.held)
        pids = wait_for(lambda: len(found := self.usher.children(name)) == 1 and found, f"one process {name}")
        end, logged = self.gate.mark(), len(self.usher.logged())
        os.kill(pids[0], signal.SIGKILL)
        # Not a word of it may reach the next process, and the app must not come late.
        hold.let_go(drop=True)
        self.gate.rule = None
        self.side.idle()
        wait_for(lambda: pids[0] not in self.usher.children(name), f"the end of {name}")
        # Where the other one ended first, the log has it once somebody wants their session again.
        words = f"{'the connector seat' if 'worker' in name else name} ended by signal 9"
        wait_for(lambda: words in self.usher.logged()[logged:], f"'{words}' in the log", 90)
        if step.what == "sync":
            self.count_pages(end, recorded)

    def recorded(self, held):
        """Pages in the spool once everything before the one that is held is through."""
        if held.kind != "list-users":
            return None
        def size():
            return sum(f.stat().st_size for f in (self.usher.state / "work").glob("sync-*"))
        last, same = size(), 0
        while same < 10:
            time.sleep(0.02)
            now = size()
            last, same = now, same + 1 if now == last else 0
        return (int(held.query["startIndex"]) - 1) // self.side.app.PAGE

    def count_pages(self, end, recorded):
        before, after = pages(self.gate, self.mark, end), pages(self.gate, end)
        if recorded is None:  # the listing was whole, or had not begun
            recorded = before if self.step.where in ("before applying", "in the applying", "absence asked for") else 0
        in_flight = before - recorded
        self.again = before + after - self.pages_wanted - in_flight
        check(self.again <= 1, f"{self.again} pages again: {before} before the kill, {recorded} of them recorded, "
              f"{after} after it, {self.pages_wanted} without a kill")


# ---- The whole.

def undisturbed(side, step):
    """The step without a kill; how many pages it takes."""
    mark = side.gate.mark()
    answer = side.command(step)
    equal(answer.status, 0, f"{step.what} of the daemon that nobody kills: {answer.err}")
    side.settled(step)
    return pages(side.gate, mark)


def differences(ours, theirs):
    """The lines that only one of two states has."""
    text = []
    for key in ours:
        if ours[key] == theirs[key]:
            continue
        if isinstance(ours[key], list):
            text += [f"{key}, killed: {x}" for x in ours[key] if x not in theirs[key]]
            text += [f"{key}, clean: {x}" for x in theirs[key] if x not in ours[key]]
            text.append(f"{key}: {len(ours[key])} and {len(theirs[key])}")
        else:
            text.append(f"{key}: {ours[key]} and {theirs[key]}")
    return text


def slice_of(runs, seed, make, title):
    """Carries RUNS steps out; (runs that held, how the table counts them, pages again)."""
    plan = Plan(runs, seed, make)
    print(f"kill: {runs} runs against {title}, --seed {seed}", flush=True)
    table, again, began = collections.Counter(), collections.Counter(), time.monotonic()
    with Scratch() as killed, Scratch() as clean:
        sides = [Side(scratch, make, plan.people) for scratch in (killed, clean)]
        for i, step in enumerate(plan.steps, 1):
            for side in sides:
                if step.native:
                    side.app.native(step.native)
            try:
                run = Run(sides[0], step, undisturbed(sides[1], step))
                run.go()
            except Exception as error:
                print(f"kill: run {i} of {runs}, {step}: FAILED: {type(error).__name__}: {error}\n"
                      f"{sides[0].usher.logged()[-3000:]}", flush=True)
                return i - 1, table, again, 1
            table[(step.where, step.what)] += 1
            again[max(0, run.again)] += 1
            if i % 50 == 0:
                print(f"  {i} runs in {time.monotonic() - began:.0f} s", flush=True)
        wrong = []
        if sides[0].app.state() != sides[1].app.state():
            wrong = differences({"app": sides[0].app.state()}, {"app": sides[1].app.state()})
        wrong += differences(sides[0].state(), sides[1].state())
    for text in wrong[:40]:
        print("  " + text, flush=True)
    print(f"kill: after {runs} runs both apps and both stores are the same ({time.monotonic() - began:.0f} s): "
          + ("FAILED" if wrong else "ok"), flush=True)
    return runs, table, again, int(bool(wrong))


def report(table, again):
    whats = ("invite", "set-role", "remove", "sync")
    print(f"\n  {'killed':40}" + "".join(f"{what:>10}" for what in (*whats, "runs")))
    def line(name, wheres):
        cells = [sum(table[(where, what)] for where in wheres) for what in whats]
        print(f"  {name:40}" + "".join(f"{n:>10}" for n in (*cells, sum(cells))))
        return sum(cells)
    for where in INTENT:
        line("usherd " + where, [where])
    line("= between an intent and its outcome", INTENT)
    for where in CHILDREN:
        line(where, [where])
    line("= of worker or net", CHILDREN)
    for where in SYNC:
        line("usherd, sync: " + where, [where])
    line("= all", [*INTENT, *CHILDREN, *SYNC])
    print("  pages asked for again, beside those in flight: "
          + ", ".join(f"{n} in {runs} runs" for n, runs in sorted(again.items())) + "\n", flush=True)


def main():
    p = argparse.ArgumentParser(description="kill -9 in the middle of everything")
    whole = os.environ.get("USHER_TORTURE") == "long"
    p.add_argument("runs", nargs="?", type=int)
    p.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    p.add_argument("--real", action="store_true")
    o = p.parse_args()
    slices = [(o.runs or (450 if whole else 30), Real if o.real else Counting)]
    if whole and not o.runs and not o.real:
        slices.append((50, Real))
    table, again, passed, failed, skipped = collections.Counter(), collections.Counter(), 0, 0, 0
    for runs, make in slices:
        try:
            held, more, pages_again, wrong = slice_of(runs, o.seed, make, "better-auth" if make is Real else "the counting app")
        except Skipped as missing:
            skipped += 1
            print(f"skipped: kill {make.__name__}: {missing}", flush=True)
            continue
        table.update(more)
        again.update(pages_again)
        passed, failed = passed + held + (not wrong), failed + wrong
    report(table, again)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
