#!/usr/bin/env python3
"""Runs the unit tests with allocations of the code under test failing in turn (starve.c).

  tests/unit/starve.py [--whole] [--answers] [--jobs N] [PROGRAM...]     in the build folder

In each test the N-th allocation fails, and in a second run that one and all later.  What has to
hold: each test has a result, nearly all of them come to that allocation, nobody crashes, aborts,
hangs or trips a sanitizer, and where there is one, nothing is lost: all that was allocated can be
reached from the stack of the test that ends.  A test may fail then, because the code answers that
it has no memory; --answers shows those that failed by something else than -ENOMEM, a missing
pointer or a sentence about memory, for a person to judge.

What the test does with a missing pointer in its own code is no fault of the code under test.
Without --whole: two allocations of each test of the programs that are quick.  With it: each, or
of a test that has more than EACH_MAX the first, second, middle and last on every path of calls.
"""
import argparse
import collections
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile
import time

SOURCE = os.path.realpath(os.environ.get("srcdir", os.path.join(os.path.dirname(__file__), "../..")))
TOOLS = ["host/common/buf.c"]
CODE = re.compile(r"(host|plugins|sdk/lib)/")
SHIM = "tests/unit/.libs/starve.so"
# Programs whose code under test is in their own process.  The others drive usher-worker and
# usher-net as processes, whose objects test-elf and test-net-* hold.
QUICK = """
test-common test-row test-members test-conf test-net-parts test-net-oauth test-limits test-secrets
test-engine test-crowd test-api test-host test-rows test-xml test-elf test-rest-plain
""".split()
SLOW = """
test-pager test-wire test-vault test-lists test-sight test-cli test-rows-diff ../contract/contract-scim test-csv
test-apps test-credential test-rate test-session test-supervisor test-chain test-sorter test-spool
../contract/test-scim test-backup test-leave test-key test-store test-delta test-store-faults
""".split()
# Passed, failed, an error, or one of the last two in what a test sets up or tears down.
RESULT = re.compile(r"^(\S+:\d+):([PFES]):[^:]*:([^:]+):(\d+): (.*)$")
ERROR = re.compile(r"Received signal|Early exit|Test timeout")
EACH_MAX = 300
# Of the allocations chosen, how many have to fail: threads do not allocate in one order each time.
FIRED_MIN = 0.95
SAID = re.compile(r"-(?:12|1003)\b|ENOMEM|\(n(?:i|ul)l\)|\bNULL\b|0x0\b|(?i:memory)")


def code_of(program):
    """Where the code under test lies in PROGRAM: begin and end of each piece."""
    units, folder, out = {}, "", []
    at = None
    text = subprocess.run(["readelf", "--debug-dump=info", "--dwarf-depth=1", program],
                          capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        m = re.search(r"Compilation Unit @ offset (?:0x)?([0-9a-f]+)", line)
        if m:
            at, name = int(m[1], 16), None
        m = re.search(r"DW_AT_name\s*:(?: \(.*?\):)? (.*\S)", line)
        if m and name is None:
            name = m[1]
        m = re.search(r"DW_AT_comp_dir\s*:(?: \(.*?\):)? (.*\S)", line)
        if m and name:
            units[at] = os.path.relpath(os.path.realpath(os.path.join(m[1], name)), SOURCE)
    text = subprocess.run(["readelf", "--debug-dump=aranges", program],
                          capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        m = re.search(r"Offset into \.debug_info: +(?:0x)?([0-9a-f]+)", line)
        if m:
            unit = units.get(int(m[1], 16), "")
        m = re.match(r"\s+([0-9a-f]{16}) ([0-9a-f]{16})", line)
        if m and int(m[2], 16) and CODE.match(unit):
            out.append((int(m[1], 16), int(m[1], 16) + int(m[2], 16), unit in TOOLS))
    return out


class Program:
    """A program of unit tests.  What is found in it is (program, test, number of the allocation, whether
    all later ones failed, kind, text, where it failed, where it crashed)."""

    def __init__(self, name, folder):
        self.name = os.path.normpath(os.path.join("tests/unit", name))
        real = os.path.join(os.path.dirname(self.name), ".libs", os.path.basename(self.name))
        if os.path.exists(real):  # behind a script of libtool, for it needs a library of ours
            self.name = real
        self.folder = folder
        self.code = os.path.join(folder, os.path.basename(name) + ".code")
        self.ranges = code_of(self.name)
        if not self.ranges:
            print("%s does not say where its code lies; with clang, configure CFLAGS='-g -O2 -gdwarf-aranges'." % self.name)
            sys.exit(77)
        with open(self.code, "w") as f:
            f.writelines("%x %x %d\n" % r for r in self.ranges)

    def run(self, plan=None, later=False):
        """Status, results, output and log of one run by PLAN, a number for each test."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            log = os.path.join(folder, "log")
            env = dict(os.environ, LD_PRELOAD=os.path.abspath(SHIM), STARVE_CODE=self.code, STARVE_LOG=log,
                       CK_LOG_FILE_NAME=os.path.join(folder, "results"), CK_FORK="yes", CK_TIMEOUT_MULTIPLIER="1" if plan else "20", TMPDIR=folder)
            env.update(srcdir=SOURCE, LD_LIBRARY_PATH=os.path.abspath(".libs"))
            env["ASAN_OPTIONS"] = "verify_asan_link_order=0:symbolize=0:exitcode=99"
            env["UBSAN_OPTIONS"] = "print_stacktrace=1:exitcode=99"
            if plan:
                env["STARVE_PLAN"] = os.path.join(folder, "plan")
                with open(env["STARVE_PLAN"], "w") as f:
                    f.writelines("%d\n" % n for n in plan)
            if later:
                env["STARVE_LATER"] = "1"
            p = subprocess.run([self.name], env=env, capture_output=True, stdin=subprocess.DEVNULL)
            try:
                with open(log) as f:
                    lines = f.read().splitlines()
            except FileNotFoundError:
                lines = []
            try:
                with open(env["CK_LOG_FILE_NAME"], errors="replace") as f:
                    results = f.read()
            except FileNotFoundError:
                results = ""
            results = [m for m in map(RESULT.match, results.splitlines()) if m]
            return p.returncode, results, (p.stdout + p.stderr).decode(errors="replace"), lines

    def count(self):
        """The names of the tests, and the paths of each one's allocations, in their order."""
        status, results, output, lines = self.run()
        failed = [m[0] for m in results if m[2] != "P"]
        if failed or not results or status < 0:
            sys.exit("%s fails by itself:\n%s\n%s" % (self.name, "\n".join(failed), output))
        self.tests = [m[3] + ":" + m[4] for m in results]
        self.paths = [[] for _ in self.tests]
        for line in lines:
            _, _, test, number, path = line.split()
            self.paths[int(test) - 1].append((int(number), path))
        self.paths = [[path for _, path in sorted(paths)] for paths in self.paths]

    def plans(self, whole):
        """Lists of a number for each test, 0 where it has none left."""
        chosen = [choose(paths) if whole else sample(paths, 2, i) for i, paths in enumerate(self.paths)]
        for i in range(max(map(len, chosen))):
            yield [numbers[i] if i < len(numbers) else 0 for numbers in chosen]

    def where(self, addresses):
        """The functions at ADDRESSES, innermost first, inlined ones, too: (function, file:line)."""
        out = subprocess.run(["addr2line", "-fie", self.name, *addresses], capture_output=True, text=True).stdout.split("\n")
        return [(out[i], os.path.relpath(os.path.realpath(out[i + 1].split(" (")[0]), SOURCE)) for i in range(0, len(out) - 1, 2)]


def choose(paths):
    """The numbers of the allocations that fail: each, or of a test of very many the first, the
    second, the middle and the last on each path through the code."""
    if len(paths) <= EACH_MAX:
        return list(range(1, len(paths) + 1))
    at = collections.defaultdict(list)
    for number, path in enumerate(paths, 1):
        at[path].append(number)
    return sorted({n for on in at.values() for n in (on[0], on[min(1, len(on) - 1)], on[len(on) // 2], on[-1])})


def sample(paths, rounds, i):
    """Some of them, in another part of the range for each test I."""
    return sorted({1 + (len(paths) * (k * 5 + 3 * i) // (5 * rounds)) % len(paths) for k in range(rounds)}) if paths else []


def judge(program, plan, later):
    """The tests of one run by PLAN whose allocation failed, and what was wrong then."""
    status, results, output, lines = program.run(plan, later)
    fired, crashed, wrong = {}, {}, []
    for line in lines:
        _, what, test, number, *stack = line.split()
        (fired if what == "fired" else crashed)[int(test)] = stack
    pids = {line.split()[0]: int(line.split()[2]) for line in lines}
    planned = {test for test, number in enumerate(plan, 1) if number}
    ended = set()

    def add(test, kind, text):
        wrong.append((program, program.tests[test - 1], plan[test - 1], later, kind, text, fired.get(test, []), crashed.get(test, [])))
    for m in results:
        test = program.tests.index(m[3] + ":" + m[4]) + 1
        if test not in planned:
            continue
        ended.add(test)
        what = m[2] if m[2] != "S" else "E" if ERROR.search(m[5]) else "F"
        if what == "E":
            inner = program.where(crashed[test]) if test in crashed else []
            if "return value 99" in m[5]:
                continue  # a sanitizer: see below
            if not inner or not (innermost(inner).startswith("tests/") or in_library(inner)):
                add(test, "error", m[5] + " after " + m[1])
        elif what == "F" and test not in fired and test not in crashed:
            add(test, "fails without a failed allocation", m[1] + ": " + m[5])
        elif what == "F" and not SAID.search(m[5]):
            add(test, "answer", m[1] + ": " + m[5])
    # Who ran them is to come to its end, whatever became of them.
    for test in planned if status < 0 else planned - ended:
        add(test, "no result", "the runner ended with status %d" % status)
    for block in re.split(r"(?m)^(?===\d+==ERROR)", output)[1:]:
        m = re.match(r"==(\d+)==ERROR: (\w+)", block)
        test = pids.get(m[1])
        for part in block.split("\n\n"):
            stack = program.where(re.findall(r"\(%s\+(0x[0-9a-f]+)\)" % re.escape(os.path.abspath(program.name)), part))
            if m[2] == "LeakSanitizer" and test and "Direct" in part and stack and CODE.match(innermost(stack)):
                add(test, "leak", lines_of(stack))
            elif m[2] != "LeakSanitizer" and not in_library(stack) and part.startswith("==") and stack and test:
                add(test, "sanitizer", part.splitlines()[0].split(" on ")[0].split("ERROR: ")[1] + "\n" + lines_of(stack))
    return planned, set(fired) & planned, wrong


def innermost(stack):
    """The place of the first function that is none of a tool."""
    return next((place for _, place in stack if place.rpartition(":")[0] not in TOOLS), "")


# Calls in which a library frees what it never had, or twice, when it gets no memory: jansson's parser
# (2.14), and libxml2's XPath (2.9.14).  Usher is not to be helped there but by another version.
LIBRARIES = ("json_load", "xmlXPathEvalExpression")


def in_library(stack):
    """Whether the crash is in one of those."""
    path, _, line = innermost(stack).partition(":")
    if not line.isdigit() or not os.path.exists(os.path.join(SOURCE, path)):
        return False
    with open(os.path.join(SOURCE, path)) as f:
        text = f.read().splitlines()[int(line) - 1]
    return any(call in text for call in LIBRARIES)


def lines_of(stack):
    return "\n".join("        %s %s" % at for at in stack if at[0] not in ("srunner_run_tagged", "_start"))


def report(found):
    """Each kind of wrong once, with where it was."""
    seen = collections.defaultdict(list)
    for one in found:
        program, test, number, later, kind, text, fired, crashed = one
        if kind == "error" and crashed:
            text += "\n" + lines_of(program.where(crashed))
        seen[program.name, kind, text].append(one)
    for (name, kind, text), all_of in seen.items():
        program, test, number, later, _, _, fired, _ = all_of[0]
        print("%s %s: %s, %d times, as at allocation %d%s\n    %s\n      without" % (
            name, test, kind, len(all_of), number, " and all later" if later else "", text))
        print(lines_of(program.where(fired)))
    return len(seen)


def starve(name, asked, pool):
    """Whether all was right in one program, and how many allocations failed in it."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        program = Program(name, folder)
        program.count()
        jobs = [pool.submit(judge, program, plan, later) for plan in program.plans(asked.whole) for later in (False, True)]
        results = [job.result() for job in jobs]
    found = [one for _, _, wrong in results for one in wrong]
    planned, failed = (sum(len(result[i]) for result in results) for i in (0, 1))
    rare = failed < planned * FIRED_MIN
    if asked.answers:
        report(one for one in found if one[4] == "answer")
    n = report([one for one in found if one[4] != "answer"])
    if rare:
        print("%s: too many tests did not come to the allocation that was to fail" % program.name)
    print("%s: %d allocations in %d tests, %d times one failed, %d times it was not reached (%.0f s): %s" % (
        program.name, sum(map(len, program.paths)), len(program.tests), failed, planned - failed,
        time.monotonic() - began, "FAILED" if n or rare else "ok"), flush=True)
    return not n and not rare, failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--answers", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("programs", nargs="*")
    asked = parser.parse_args()
    with concurrent.futures.ThreadPoolExecutor(asked.jobs) as pool:
        done = [starve(name, asked, pool) for name in asked.programs or (QUICK + SLOW if asked.whole else QUICK)]
    bad = sum(not right for right, _ in done)
    failed = sum(n for _, n in done)
    print("%d allocations failed; %d passed, %d failed" % (failed, len(done) - bad, bad))
    return 1 if bad or not failed else 0


sys.exit(main())
