#!/usr/bin/env python3
"""The way to an app as it is in the world: a name that a name server resolves, TLS by an
authority of one's own, HTTP/2.  All in a network of its own, where nothing leads out."""

import fcntl
import os
import pathlib
import shutil
import socket
import socketserver
import struct
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

from usher import TOP, App, Skipped, Usher, check, equal, main, stop_process, wait_for  # noqa: E402

NAME = "app.corp.test"
NODE = os.environ.get("NODE") or shutil.which("node")
INSIDE = "USHER_TEST_OWN_NETWORK"


def enter_own_network():
    """Begins again in a network of this test's own; returns where that is not allowed."""
    for way in (["--net"], ["--user", "--map-root-user", "--net"]):
        if subprocess.run(["unshare", *way, "true"], capture_output=True).returncode == 0:
            os.environ[INSIDE] = "1"
            os.execvp("unshare", ["unshare", *way, sys.executable, *sys.argv])


def name_servers():
    """Those the machine is configured to ask; in this network they are ours."""
    with open("/etc/resolv.conf", encoding="utf-8") as file:
        found = [line.split()[1] for line in file if line.startswith("nameserver ")]
    return [address for address in found if ":" not in address] or ["127.0.0.1"]


def prepare():
    """Loopback is up, and the addresses of the name servers are on it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: up, running
        for n, address in enumerate(name_servers()):
            if not address.startswith("127."):
                fcntl.ioctl(s, 0x8916, struct.pack("16sHH4s8x", b"lo:%d" % n, socket.AF_INET, 0,
                                                   socket.inet_aton(address)))  # SIOCSIFADDR


def needs_own_network():
    if INSIDE not in os.environ:
        raise Skipped("this machine allows no network of one's own")


class NameServer:
    """Knows NAME as 127.0.0.1.  In full over TCP; over UDP it says that the answer is too long."""

    def __init__(self, scratch):
        self.asked = {"udp": 0, "tcp": 0}
        outer = self

        class Udp(socketserver.BaseRequestHandler):
            def handle(self):
                outer.asked["udp"] += 1
                self.request[1].sendto(outer.answer(self.request[0], cut=True), self.client_address)

        class Tcp(socketserver.StreamRequestHandler):
            def handle(self):
                while head := self.rfile.read(2):
                    outer.asked["tcp"] += 1
                    text = outer.answer(self.rfile.read(struct.unpack(">H", head)[0]), cut=False)
                    self.wfile.write(struct.pack(">H", len(text)) + text)

        for address in name_servers():
            for make, handler in (socketserver.ThreadingUDPServer, Udp), (socketserver.ThreadingTCPServer, Tcp):
                server = make((address, 53), handler)
                server.daemon_threads = True
                threading.Thread(target=server.serve_forever, daemon=True).start()
                scratch.callback(server.server_close)
                scratch.callback(server.shutdown)

    @staticmethod
    def answer(query, cut):
        end = query.index(b"\0", 12) + 5
        name, (kind,) = query[12:end - 4], struct.unpack(">H", query[end - 4:end - 2])
        known = name == b"".join(bytes([len(part)]) + part.encode() for part in NAME.split(".")) + b"\0"
        full = known and kind == 1 and not cut
        flags = 0x8180 | (0x0200 if cut else 0) | (0 if known else 3)
        text = query[:2] + struct.pack(">HHHHH", flags, 1, full, 0, 0) + query[12:end]
        return text + (b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes([127, 0, 0, 1]) if full else b"")


def certificate(scratch):
    """An authority, and what it says of NAME: (authority, key, certificate)."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=scratch.dir, check=True, capture_output=True)
    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    openssl(*new, "-subj", "/CN=Test authority", "-keyout", "ca.key", "-out", "ca.pem")
    openssl(*new, "-subj", "/CN=" + NAME, "-addext", "subjectAltName=DNS:" + NAME, "-addext",
            "basicConstraints=critical,CA:FALSE", "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "app.key",
            "-out", "app.pem")
    return scratch.dir / "ca.pem", scratch.dir / "app.key", scratch.dir / "app.pem"


def front(scratch, app, key, cert):
    """An HTTP/2 server before the app: its port, and the lines it prints."""
    if not NODE:
        raise Skipped("node is missing")
    log = scratch.dir / "front.log"
    with open(log, "w") as out:
        process = subprocess.Popen([NODE, TOP / "tests/apps/http2/front.mjs", key, cert, str(app.port)], stdout=out,
                                   stderr=subprocess.STDOUT)
    scratch.callback(stop_process, process)
    port = wait_for(lambda: log.read_text().partition("\n")[0], "the HTTP/2 server's start")
    return port, lambda: log.read_text().splitlines()[1:]


def a_name_over_http2(scratch):
    """An app with a name is found by the name server, trusted by its authority, and spoken to in HTTP/2"""
    needs_own_network()
    names, app = NameServer(scratch), App(scratch, users=1200, page_max=100)
    authority, key, cert = certificate(scratch)
    port, lines = front(scratch, app, key, cert)
    app.url = f"https://{NAME}:{port}/scim/v2"
    private = "allow-private = 127.0.0.0/8\n"
    u = Usher(scratch, f"[http]\nca-file = {authority}\n{private}[tasks]\nretry-wait = 20ms\n")
    u.people("new@example.com")
    u.connect(app)
    check(names.asked["udp"] and names.asked["tcp"], f"the name server was asked both ways: {names.asked}")
    equal(len(u.members()), 1200, "members")
    u.usher("member", "invite", "Acme", "new@example.com", "--role", "member", "--yes")
    check(app.user("new@example.com"), "the invitation had its effect")
    check(len(lines()) >= 14 and {line.split()[0] for line in lines()} == {"h2"}, f"HTTP/2: {lines()[:3]}")
    equal({line.split()[2] for line in lines()}, {f"{NAME}:{port}"}, "the name in the requests")

    # The same without the leave to reach private addresses: the name server cannot give it.
    u.stop()
    u.config.write_text(u.config.read_text().replace(private, ""))
    before = len(lines())
    u.start()
    u.usher("sync", "Acme", status=1)
    error = u.tasks()[0]["error"]
    check("private" in error["message"] or "allow-private" in error["message"] + error["action"], f"the reason: {error}")
    equal(len(lines()), before, "requests to the address")


def an_unknown_name(scratch):
    """A name that nobody knows is said to be unknown, and with a stranger's certificate nothing is sent"""
    needs_own_network()
    NameServer(scratch)
    app = App(scratch, users=1)
    authority, key, cert = certificate(scratch)
    port, lines = front(scratch, app, key, cert)
    u = Usher(scratch, "[http]\nallow-private = 127.0.0.0/8\n[tasks]\nretry-wait = 20ms\n")
    app.url = f"https://nobody.corp.test:{port}/scim/v2"
    answer = u.connect(app, "Nobody", status=1)
    check("nobody.corp.test" in answer.err and "could not be resolved" in answer.err, answer.err)
    app.url = f"https://{NAME}:{port}/scim/v2"
    answer = u.connect(app, "Stranger", status=1)
    check("certificate" in answer.err, answer.err)
    equal(lines(), [], "requests to a server nobody vouches for")


if __name__ == "__main__":
    if INSIDE not in os.environ:
        enter_own_network()
    else:
        prepare()
    sys.exit(main([a_name_over_http2, an_unknown_name], "reach"))
