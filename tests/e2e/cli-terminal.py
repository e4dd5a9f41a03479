#!/usr/bin/env python3
"""Drives usher at a terminal of its own.

usage: cli-terminal.py USHER CASE

The API of cli-terminal.sh must be running.  Ends with 0 when the case holds.
"""
import os
import pty
import signal
import sys
import termios
import time

usher = sys.argv[1]
LIMIT = 20.0


class Terminal:
    """One run of usher; what it prints arrives in self.seen."""

    def __init__(self, *args, env=None):
        self.seen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(usher, ["usher", *args], dict(os.environ, TERM="xterm", **(env or {})))

    def read(self):
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.seen += data.decode("utf-8")
        return bool(data)

    def until(self, text):
        end = time.monotonic() + LIMIT
        while text not in self.seen:
            assert time.monotonic() < end and self.read(), "no %r in %r" % (text, self.seen)

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def type(self, text):
        os.write(self.fd, text.encode("utf-8"))

    def end(self, status):
        while self.read():
            pass
        got = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.fd)
        assert got == status, "ended with %d, not %d: %r" % (got, status, self.seen)


def case_yes():
    t = Terminal("member", "remove", "Acme", "m")
    t.until("Remove m from Acme? [y/N] ")
    t.type("y\n")
    t.end(0)


def case_no():
    for answer in ("n\n", "\n", "yess\n", "\x04"):
        t = Terminal("member", "remove", "Acme", "m")
        t.until("[y/N] ")
        t.type(answer)
        t.end(2)
        assert "Nothing was changed." in t.seen


def case_label():
    t = Terminal("hub", "remove", "Acme")
    t.until("Type Acme to remove it:")
    t.type("Acne\n")
    t.end(2)
    t = Terminal("hub", "remove", "Acme")
    t.until("Type Acme to remove it:")
    t.type("acme\n")
    t.end(0)


def case_daemon_asks():
    t = Terminal("member", "set-role", "Acme", "m", "--role", "admin")
    t.until("The app must remove and add m again. [y/N] ")
    t.type("yes\n")
    t.end(0)


def case_secret():
    t = Terminal("account", "add", "Robot", "--app", "scim", "--secret", "token=-")
    t.until("--secret token: ")
    assert not t.echoes()
    t.type("geheim\n")
    t.until("Robot")
    assert t.echoes()
    t.end(0)
    assert "geheim" not in t.seen


def case_missing_secret():
    t = Terminal("account", "add", "Robot", "--app", "scim")
    t.until("Bearer token: ")
    assert not t.echoes()
    t.type("geheim\n")
    t.end(0)
    assert "geheim" not in t.seen


def case_interrupted_prompt():
    t = Terminal("account", "add", "Robot", "--app", "scim", "--secret", "token=-")
    t.until("--secret token: ")
    t.type("geh\x03")
    t.until("\n")
    assert t.echoes()
    t.end(130)


def case_progress():
    t = Terminal("sync", "Acme")
    t.until("Check for updates [##########..........] 50 of 100 members")
    t.until("waiting, as the app asked until")
    t.end(0)
    assert "\r\x1b[KCheck for updates: completed" in t.seen, t.seen


def case_interrupted_wait():
    t = Terminal("sync", "Slow")
    t.until("[##########..........]")
    t.type("\x03")
    t.end(130)
    assert "Task t2 goes on" in t.seen


def case_colour():
    t = Terminal("hub", "list")
    t.end(0)
    assert "\x1b[32mhealthy" in t.seen, t.seen
    t = Terminal("hub", "list", env={"NO_COLOR": "1"})
    t.end(0)
    assert "\x1b" not in t.seen, t.seen


def case_json():
    t = Terminal("-o", "json", "hub", "show", "Acme")
    t.end(0)
    assert "é\\u009b1m" in t.seen and "\u009b" not in t.seen, t.seen


signal.alarm(60)
globals()["case_" + sys.argv[2]]()
