#!/usr/bin/env python3
"""Apps that misbehave in every way that hurt somebody: nobody is removed who is there, nobody is
invited twice, and each sync ends in the row of the table of syncs that it should.

    tests/torture/hostile-app.py [WORD]...       only those with a word in their name

The short form tries every second one; USHER_TORTURE=long all.
tests/apps/scim/hostile.py has the misbehaviours.  Before each, one person came to the app and one
left it by himself, so that a sync which is believed too much, or too little, is seen.
"""

import concurrent.futures
import contextlib
import os
import pathlib
import signal
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "lib"), str(TESTS / "apps/scim")]
import hostile  # noqa: E402
from gate import Gate  # noqa: E402
from usher import App, Scratch, Usher, check, equal, scim_user, wait_for  # noqa: E402

CONFIG = "[tasks]\nretry-wait = 10ms\n"
# Exit status of a sync, how its task and its listing end, and the code.
ROWS = {"complete": (0, "completed", "complete", None), "partial": (0, "completed", "partial", None),
        "unproved": (1, "not-completed", "unproved", "listing-incomplete"), "failed": (1, "not-completed", None, None),
        "stopped": (5, "not-completed", None, "safeguard-exceeded")}
CHANGES = {"invite": ("add-user", hostile.NEW, "--role", "member"),
           "set-role": ("update-role", hostile.OLD, "--role", "admin"), "remove": ("remove-user", hostile.OLD)}
AT_ONCE = 4
PARK_MAX_S = 25 * 3600 + 60


class Trial:
    """One misbehaviour, with an app and a hub of its own."""

    def __init__(self, scratch, usher, people, case):
        self.usher, self.people, self.case, self.hub = usher, people, case, case.name
        self.app = App(scratch, users=hostile.USERS, page_max=hostile.PAGE, paging=case.paging)
        self.gate = Gate(scratch, self.app, self.app.port, "/scim/v2")
        usher.connect(self.gate, label=self.hub)
        self.hub_id = usher.hub(self.hub)["id"]
        self.app.change(add=[scim_user(hostile.JOINER)], remove=[hostile.LEAVER],
                        set={hostile.OLD: {"roles": [{"value": "member"}]}})
        case.note.app, case.note.usher = self.app, usher
        self.wrong_removals = self.duplicates = 0

    def members(self):
        return {(m.get("username") or m["email"]).lower(): m for m in self.usher.members(self.hub)}

    def live(self):
        """Who is in the app, as far as Usher knows."""
        return sorted(name for name, m in self.members().items() if m["status"] != "removed" and m.get("app_state"))

    def run(self):
        if self.case.alone:
            for name in ("usher-net", "usher-worker"):
                for pid in self.usher.children(name):
                    os.kill(pid, signal.SIGTERM)
                wait_for(lambda: not self.usher.children(name), f"the end of {name}")
        self.gate.rule = self.case
        if self.case.does != "sync":
            self.change()
        self.sync()
        check(self.case.fired and self.case.note.happened, "it never happened")
        self.gate.rule = None
        self.recover()

    def change(self):
        kind, who, *role = CHANGES[self.case.does]
        mark = self.gate.mark()
        self.usher.usher("member", self.case.does, self.hub, who, *role, "--yes", status=1 if self.case.ends else 0)
        task = next(t for t in self.usher.tasks(self.hub) if t["kind"] == kind)
        equal(task.get("error", {}).get("code"), self.case.ends, f"how {kind} ends ({task.get('error')})")
        if self.case.ends:
            check(task["error"]["message"] and task["error"]["action"], f"what to do: {task['error']}")
        done = [r for r in self.gate.since(mark) if r.writes and r.status and r.status < 300]
        equal(len(done), self.case.writes, f"changes that the app carried out: {[(r.kind, r.status) for r in done]}")
        if self.case.does == "invite":
            self.duplicates = max(0, len([r for r in done if r.kind == "create-user"]) - 1)
            check(len([u for u in self.app.users() if u["userName"].lower() == who]) <= 1, "two accounts")
        self.case.note.after()
        if self.usher.hub(self.hub)["status"].startswith("review"):
            self.usher.usher("hub", "check", self.hub)
        self.mark = self.gate.mark()

    def sync(self):
        case, before = self.case, self.members()
        mark = self.gate.mark()
        if case.row == "parked":
            self.parked()
        else:
            self.ended()
        # A sync writes nothing to an app, and removes nobody who is there.
        equal([r.kind for r in self.gate.since(mark) if r.writes], [], "changes that a sync made in the app")
        after, there = self.members(), {u["userName"].lower() for u in self.app.users()}
        self.wrong_removals = sum(m["status"] == "removed" and name in there and before[name]["status"] != "removed"
                                  for name, m in after.items() if name in before)
        equal(self.wrong_removals, 0, "wrong removals")
        if case.row in ("failed", "stopped", "parked"):
            known = lambda found: sorted((n, m["status"], m["app_state"], str(m["roles"])) for n, m in found.items())  # noqa: E731
            equal(known(after), known(before), "members after a sync that changes nothing")
        if case.row in ("complete", "partial"):
            check(hostile.JOINER in after, "whoever came was not added")
        gone = case.row == "complete" and hostile.LEAVER not in case.keeps
        equal(after[hostile.LEAVER]["status"] == "removed", gone, "the leaver is removed")
        for name in case.keeps:
            check(after[name]["status"] != "removed", f"{name} is removed")
        wanted = "requires-sync" if case.row == "stopped" else "healthy" if case.does != "sync" else case.hub
        equal(self.usher.hub(self.hub)["status"], wanted, "the hub")

    def ended(self):
        exit_status, status, listing, code = ROWS[self.case.row]
        answer = self.usher.run("sync", self.hub)
        task = next(t for t in self.usher.tasks(self.hub) if t["kind"] == "sync")
        error = task.get("error", {})
        equal((answer.status, task["status"], error.get("code")), (exit_status, status, code or self.case.code),
              f"the sync ({error.get('message')}; {task.get('sync')})")
        if listing:
            equal(task["sync"]["listing"], listing, f"the listing ({task['sync']})")
        if error:
            check(error["message"][-1] in ".!?" and error["action"].endswith("."), f"no sentence and no action: {error}")

    def parked(self):
        self.usher.usher("sync", self.hub, "--no-wait")
        task = wait_for(lambda: next((t for t in self.usher.tasks(self.hub) if t.get("wait_reason") == "app-asked"), None),
                        "the wait")
        until = time.mktime(time.strptime(task["next_attempt_at"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
        check(until - time.time() <= PARK_MAX_S, f"it waits until {task['next_attempt_at']}")
        self.usher.usher("task", "cancel", task["id"], "--yes")

    def recover(self):
        """The app is well again: a check where it was needed, and a sync has everything."""
        if self.usher.hub(self.hub)["status"].startswith("review") or self.case.row == "parked":
            self.usher.usher("hub", "check", self.hub)
            self.usher.wait_idle(self.hub)
        mark = self.gate.mark()
        self.usher.usher("sync", self.hub)
        equal(self.live(), sorted(u["userName"].lower() for u in self.app.users()
                                  if not (self.case.does == "remove" and u["userName"] == hostile.OLD and not u["active"])),
              "members when the app is well again")
        equal([r.kind for r in self.gate.since(mark) if r.writes], [], "changes that nobody asked for")
        equal({name for name, m in self.members().items() if "person" in m and self.people[m["person"]] != name}, set(),
              "members who are tied to somebody else")
        equal(self.usher.hub(self.hub)["status"], "healthy", "the hub when the app is well again")
        check(not [r for r in self.usher.json("report", "list")
                   if r["status"] == "open" and r["hub"] == self.hub_id], "a report is left")


def trial(scratch, usher, people, case):
    """(case, wrong removals, duplicate invitations, what failed)"""
    one, wrong = None, None
    try:
        with contextlib.ExitStack() as stack:
            stack.dir = scratch.dir
            one = Trial(stack, usher, people, case)
            one.run()
    except Exception as error:  # a trial that breaks is one that fails
        wrong = f"{type(error).__name__}: {error}"
    print(f"hostile-app: {case.claim} ({case.name}): {'FAILED: ' + wrong if wrong else 'ok'}", flush=True)
    return case, one.wrong_removals if one else 0, one.duplicates if one else 0, wrong


def main():
    cases = [make() for make in hostile.ALL]
    if len(sys.argv) > 1:
        cases = [c for c in cases if any(word in c.name for word in sys.argv[1:])]
    elif os.environ.get("USHER_TORTURE") != "long":
        cases = cases[::2]
    began = time.monotonic()
    with Scratch() as scratch:
        usher = Usher(scratch, config=CONFIG)
        usher.people(*(f"user{i:06}@example.com" for i in range(hostile.USERS)), hostile.JOINER, hostile.NEW)
        people = {p["id"]: p["email"] for p in usher.json("person", "list")}
        ended = [trial(scratch, usher, people, case) for case in cases if case.alone]
        # The others have a hub each, and none may notice another.
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            ended += pool.map(lambda case: trial(scratch, usher, people, case), [c for c in cases if not c.alone])
    rows, removed, twice = [one[0] for one in ended], sum(one[1] for one in ended), sum(one[2] for one in ended)
    failed = [one for one in ended if one[3]]
    print(f"\n  {'misbehaviour':28}{'fired':>6}  {'ends':38}pain")
    for case in rows:
        ends = f"{case.does} {case.ends or 'completed'}, " if case.does != "sync" else ""
        print(f"  {case.name:28}{case.fired:>6}  {ends + case.row + (' ' + case.code if case.code else ''):38}{case.pain}")
    print(f"\n  {len(rows)} misbehaviours, fired {sum(c.fired for c in rows)} times: {removed} wrong removals, "
          f"{twice} duplicate invitations ({time.monotonic() - began:.0f} s)")
    print(f"{len(rows) - len(failed)} passed, {len(failed)} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
