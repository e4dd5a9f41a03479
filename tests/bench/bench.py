#!/usr/bin/env python3
"""What Usher costs beside the least it could cost.  Prints a line for each comparison,

    bench NAME ratio=R limit=L    what it was made of

where R is ours over theirs and holds when it is not above L; lines without a limit only inform.
Exit status 1 when a limit does not hold.  Knobs, by environment (HACKING has more):

    BENCH           full, or quick: 100,000 members, 3 runs, short waits
    BENCH_MEMBERS   sizes, "10000 100000 1000000"; limits are those of the greatest, and some
                    only hold of a million
    BENCH_PAGES     page sizes, "100 1000"; the slower one counts
    BENCH_RUNS      runs of each program, 5; medians count
    BENCH_PARTS     "rows values rest sync proof pages together session idle"
"""

import os
import re
import resource
import statistics
import subprocess
import sys

import contestants
import standing
import together
from contestants import BUILD, PROGRAMS
from usher import Scratch

QUICK = os.environ.get("BENCH") == "quick"
MEMBERS = sorted(map(int, os.environ.get("BENCH_MEMBERS", "100000" if QUICK else "10000 100000 1000000").split()))
PAGES = sorted(map(int, os.environ.get("BENCH_PAGES", "100 1000").split()))
RUNS = int(os.environ.get("BENCH_RUNS", "3" if QUICK else "5"))
PARTS = os.environ.get("BENCH_PARTS", "rows values rest sync proof pages together session idle").split()
IDLE_S = 10 if QUICK else 60
MILLION = 1_000_000   # from here on what stores as it reads, or starts slowly, shows
PROVED = TOGETHER = 100_000   # members, of a hub
VALUES_MEMBERS = (10_000, 100_000)   # flat memory shows by ten times as many
MIB = 1 << 20

# Of the least: the same work in 300 lines of C that have nothing of Usher, on a quiet machine,
# took 1.43 s and unchanged 0.62 s for 1,000,000 members in pages of 1,000, where curl took 0.50 s.
# The floor has a process more; a tenth of a second is for that.
REFERENCE = {"first": 1.43, "unchanged": 0.62}
REFERENCE_CURL, REFERENCE_HOP, REFERENCE_SPREAD = 0.50, 0.10, 1.25


class Lines:
    """The lines, and which limits hold."""

    def __init__(self):
        self.held, self.broken = [], []

    def say(self, name, ratio, limit=None, detail=""):
        text = f"bench {name} ratio={ratio:.3f}" + ("" if limit is None else f" limit={limit:.3f}")
        if limit is not None:
            (self.held if ratio <= limit else self.broken).append(name)
            text += "" if ratio <= limit else " BROKEN"
        print(f"{text:<72} {detail}".rstrip(), flush=True)

    def end(self):
        print(f"bench: {len(self.held)} limits hold, {len(self.broken)} do not"
              + (": " + " ".join(self.broken) if self.broken else ""), flush=True)
        return 1 if self.broken else 0


class Table:
    """The costs of all runs, by contestant, size, page size and pass."""

    def __init__(self):
        self.costs = {}

    def add(self, who, members, page, found):
        for what, cost in found.items():
            self.costs.setdefault((who, members, page, what), []).append(cost)

    def of(self, who, members, page, what):
        return self.costs[who, members, page, what]

    def median(self, get, *key):
        return statistics.median(get(cost) for cost in self.of(*key))

    def ratio(self, get, ours, theirs):
        """The median of the ratios of each round: what loads the machine loads both alike."""
        return statistics.median(get(a) / max(get(b), 1e-9) for a, b in zip(self.of(*ours), self.of(*theirs)))

    def middle(self, *key):
        """The run of median CPU, to show."""
        runs = sorted(self.of(*key), key=cpu_of)
        return runs[len(runs) // 2]


def cpu_of(cost):
    return cost.cpu


def wall_of(cost):
    return cost.wall


def run_sync(scratch, lines):
    app, table = contestants.App(scratch), Table()
    programs = {name: getattr(contestants, name) for name in ("curl", "floor", "ours", "obvious")}
    for members in MEMBERS:
        for run in range(RUNS):
            for page in PAGES:
                for name, program in programs.items():
                    table.add(name, members, page, program(scratch, app, members, page))
            print(f"  {members} members: round {run + 1} of {RUNS} is done", flush=True)
        say_honest(lines, table, members)
        for what in ("first", "unchanged"):
            say_costs(lines, table, members, what)
    say_sizes(lines, table)
    say_growth(lines, table)


def slower(table, members, what):
    return max(PAGES, key=lambda page: table.median(cpu_of, "ours", members, page, what))


def say_honest(lines, table, members):
    """The floor is one: not much above what the same work costs without Usher."""
    if 1000 not in PAGES:
        return
    for what, reference in REFERENCE.items():
        limit = REFERENCE_SPREAD * (reference + REFERENCE_HOP) / REFERENCE_CURL
        floor, curl = ("floor", members, 1000, what), ("curl", members, 1000, what)
        lines.say(f"honest-{what}-{members}", table.ratio(cpu_of, floor, curl),
                  limit if members == MEMBERS[-1] >= MILLION else None,
                  f"floor[{table.middle(*floor)}] curl[{table.middle(*curl)}]")


def say_costs(lines, table, members, what):
    for page in PAGES:
        counts = members == MEMBERS[-1] and page == slower(table, members, what)
        ours, size = ("ours", members, page, what), f"{members}x{page}"
        for theirs, name, get, limit in (("floor", "cpu", cpu_of, 1.5), ("floor", "wall", wall_of, 1.5),
                                         ("obvious", "wall", wall_of, 0.25 if members >= MILLION else None),
                                         ("curl", "cpu", cpu_of, None)):
            other = (theirs, members, page, what)
            lines.say(f"{what}-{name}-{theirs}-{size}", table.ratio(get, ours, other), limit if counts else None,
                      f"ours[{table.middle(*ours)}] {theirs}[{table.middle(*other)}]")


def say_sizes(lines, table):
    """What is written, and memory, of the greatest size, whatever the page size."""
    members = MEMBERS[-1]
    rows = table.of("floor", members, PAGES[0], "first")[0].row_bytes
    worst = {}
    for page in PAGES:
        first, again = (table.of("ours", members, page, what) for what in ("first", "unchanged"))
        for name, value in (("database-first", statistics.median(cost.db / cost.size for cost in first)),
                            ("temporary-first", statistics.median(cost.temp / rows for cost in first)),
                            ("temporary-unchanged", statistics.median(cost.temp / rows for cost in again)),
                            ("anon-usherd", max(cost.own for cost in first + again) / (64 * MIB)),
                            ("anon-children", max(cost.others for cost in first + again) / (32 * MIB))):
            worst[name] = max(worst.get(name, 0), value)
    for name, value in worst.items():
        lines.say(f"{name}-{members}", value, {"database": 1.5, "temporary": 3.0, "anon": 1.0}[name.split("-")[0]])


def say_growth(lines, table):
    """Memory does not grow with the list, from where it is too long for the memory of a sort."""
    if len(MEMBERS) < 2 or MEMBERS[-2] < 100_000:
        return
    small, great = (max(cost.own for page in PAGES for what in ("first", "unchanged")
                        for cost in table.of("ours", members, page, what)) for members in MEMBERS[-2:])
    lines.say(f"anon-growth-{MEMBERS[-2]}-{MEMBERS[-1]}", max(great - small, 0) / (8 * MIB), 1.0,
              f"usherd {small / MIB:.1f} -> {great / MIB:.1f} MiB")


def run_proof(scratch, lines):
    """What makes a listing trustworthy, beside all that a sync costs."""
    app, members, page = contestants.App(scratch), min(MEMBERS[-1], PROVED), PAGES[0]
    shares = []
    for _ in range(RUNS):
        with contestants.folder(scratch, "proof") as path:
            done = subprocess.run([PROGRAMS / "proof", path, str(members), str(page)], check=True, capture_output=True,
                                  text=True)
        syncs = contestants.ours(scratch, app, members, page)
        shares.append([float(done.stdout) / syncs[what].cpu for what in ("first", "unchanged")])
    lines.say(f"proof-{members}x{page}", statistics.median(max(share) for share in shares), 0.05,
              f"{float(done.stdout) * 1000:.1f} ms of CPU")


def run_together(scratch, lines):
    """Ten hubs at once; what a caller waits for is held to what is promised where the idle daemon
    answers in 5 ms and 50 ms, and in proportion where the machine is slower."""
    members = min(MEMBERS[-1], 10_000 if QUICK else TOGETHER)
    found = [together.compare(scratch, contestants.App(scratch), members) for _ in range(1 if QUICK else 3)]
    lines.say(f"together-{members}", statistics.median(one.at_once / one.one_by_one for one in found), 0.8,
              " ".join(f"{one.at_once:.1f}/{one.one_by_one:.1f}s" for one in found))
    for name, idle_ms, busy_ms in (("read", 5, 25), ("write", 50, 250)):
        ratios = [getattr(one, f"busy_{name}") * 1000 / busy_ms / max(1, getattr(one, f"idle_{name}") * 1000 / idle_ms)
                  for one in found]
        lines.say(f"together-{name}-p99", statistics.median(ratios), 1.0,
                  " ".join(f"idle {getattr(one, f'idle_{name}') * 1000:.1f}ms busy {getattr(one, f'busy_{name}') * 1000:.1f}ms"
                           for one in found))


def run_pages(scratch, lines):
    found = standing.member_pages(scratch, contestants.App(scratch), MEMBERS[-1], PAGES[-1])
    for when, times in found.items():
        lines.say(f"pages-{when}-{MEMBERS[-1]}", max(times.values()) / min(times.values()), 1.5,
                  " ".join(f"{depth}%: {took * 1000:.2f}ms" for depth, took in times.items()))


def run_standing(scratch, lines):
    ear = standing.Ear()
    many = standing.Many(scratch, ear)
    if "session" in PARTS:
        asked, started = map(statistics.median, many.first_bytes())
        spawn = statistics.median(standing.spawn_cost(ear))
        lines.say("session-start", started / spawn, 2.0,
                  f"first byte {started:.1f} ms after the task began, {asked:.1f} ms after it was asked for; "
                  f"floor {spawn:.1f} ms")
    if "idle" in PARTS:
        if QUICK:
            many.restart()   # else the sessions stay for a minute
        private, switches = many.idle(IDLE_S)
        lines.say("idle-private", private / (16 * MIB), 1.0, f"{private / MIB:.1f} MiB with {standing.HUBS} hubs")
        lines.say("idle-switches", switches, 1.0, f"{switches:.2f} a second over {IDLE_S} s")
    ear.shutdown()
    ear.server_close()


def run_rows(lines):
    for page in PAGES:
        done = subprocess.run([PROGRAMS / "rows", str(page)], check=True, capture_output=True, text=True)
        rows, jansson = (float(re.search(rf"^{name} +([0-9.]+) s", done.stdout, re.M)[1]) for name in ("rows", "jansson"))
        lines.say(f"rows-jansson-{page}", rows / jansson, 0.1, f"rows {rows:.3f} s, jansson {jansson:.3f} s")


def run_values(scratch, lines):
    """What a descriptor's values cost in CPU above the extractor, and in jq beside the command jq on the same bytes."""
    def values(*args):
        return subprocess.run([PROGRAMS / "values", *map(str, args)], check=True, capture_output=True, text=True).stdout

    def took(mode, members):
        found = [re.match(r"\S+ ([0-9.]+) s, (\d+) KiB", values(mode, files[members])) for _ in range(RUNS)]
        return statistics.median(float(m[1]) for m in found), int(found[-1][2])

    def jq(members):
        command = ["jq", "-c", values("filter").strip(), files[members]]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    files = {members: scratch.dir / f"pages-{members}.json" for members in VALUES_MEMBERS}
    for members, file in files.items():
        values("write", file, members)
    few, many = VALUES_MEMBERS
    theirs = statistics.median(jq(many) for _ in range(RUNS))
    rows, _ = took("rows", many)
    for mode, limit, other in (("plain", 1.3, rows), ("jq", 1.5, theirs), ("through", 1.5, theirs)):
        ours, private = took(mode, many)
        lines.say(f"values-{mode}-{many}", ours / other, limit, f"ours {ours:.3f} s, theirs {other:.3f} s")
        lines.say(f"values-{mode}-private", private / took(mode, few)[1], 1.1, f"{private / 1024:.1f} MiB")


def run_rest(scratch, lines):
    """The first sync of a list through a descriptor: of plain paths beside the SCIM connector, of jq beside the
    command jq on the same bytes."""
    app, apps = contestants.App(scratch), contestants.descriptors(scratch)
    few, many = VALUES_MEMBERS
    costs, theirs = {}, []
    for _ in range(RUNS):
        theirs.append(contestants.filtered(scratch, app, many, contestants.EXPRESSION))
        for kind in ("scim", "plain", "jq"):
            costs.setdefault(kind, []).append(contestants.listed(scratch, app, apps, kind, many))
    ours = {kind: statistics.median(map(cpu_of, found)) for kind, found in costs.items()}
    for kind, limit, other in (("plain", 1.3, ours["scim"]), ("jq", 1.5, statistics.median(theirs))):
        lines.say(f"rest-{kind}", ours[kind] / other, limit, f"ours {ours[kind]:.3f} s, theirs {other:.3f} s")
        # Of usher-worker and usher-net together.  Slack for pages ahead and how often they are looked at.
        private = max(cost.others for cost in costs[kind])
        lines.say(f"rest-{kind}-private", private / (contestants.listed(scratch, app, apps, kind, few).others + MIB), 1.1,
                  f"{private / MIB:.1f} MiB")


def refuse_slow_build():
    """Hooks and sanitizers cost what users do not pay."""
    config, make = (BUILD / "config.h").read_text(), (BUILD / "Makefile").read_text()
    if re.search(r"^#define USHER_(TEST_HOOKS|SANITIZERS)", config, re.M) or not re.search(r"^CFLAGS = .*-O[23]", make, re.M):
        sys.exit(f"bench: {BUILD} has test hooks or sanitizers, or is not optimised; configure another folder "
                 "without them")
    if os.geteuid() != 0:
        sys.exit("bench: what usherd writes and holds is hidden from its own user; run it as root")


def main():
    refuse_slow_build()
    lines = Lines()
    print(f"bench: members {MEMBERS}, pages {PAGES}, {RUNS} runs, {BUILD}", flush=True)
    if "rows" in PARTS:
        run_rows(lines)
    for part, names in ((run_values, {"values"}), (run_rest, {"rest"}), (run_sync, {"sync"}), (run_proof, {"proof"}), (run_pages, {"pages"}),
                        (run_together, {"together"}), (run_standing, {"session", "idle"})):
        if names & set(PARTS):
            with Scratch() as scratch:
                part(scratch, lines)
    return lines.end()


if __name__ == "__main__":
    sys.exit(main())
