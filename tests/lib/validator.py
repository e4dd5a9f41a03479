"""An independent validator between the command and the daemon: prism, a proxy that holds
requests and answers to the API's document.

    usher --url  ->  front  ->  prism  ->  back  ->  usherd, over TCP

There is one prism a suite, for it takes seconds to start, and a front for each daemon, which
tells the back by a header where the request is to go.  The front also holds each answer to the
document as strictly as tests/lib/openapi.py does.
"""

import atexit
import http.client
import http.server
import json
import os
import pathlib
import socket
import subprocess
import threading

import usher
from openapi import Document

DAEMON = "x-test-daemon"  # prism hands names of headers on in lower case
OF_THE_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "date", "server",
              "sl-violations", "expect", DAEMON}


def send(port, method, path, headers, body):
    """Status, headers and body of the answer of 127.0.0.1:PORT."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


class Hop(http.server.BaseHTTPRequestHandler):
    """Takes a request whole and hands it to self.server.on (method, path, headers, body)."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) if "Content-Length" in self.headers else None
        headers = {name: value for name, value in self.headers.items()
                   if name.lower() not in OF_THE_HOP - {DAEMON}}
        try:
            status, found, answer = self.server.on(self.command, self.path, headers, body)
        except (OSError, http.client.HTTPException):
            self.close_connection = True  # as if nobody were there
            return
        self.send_response_only(status)
        for name, value in found.items():
            if name.lower() not in OF_THE_HOP - {"sl-violations"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = pass_on


def serve(on):
    """A server on a free port; the port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hop)
    server.daemon_threads = True
    server.on = on
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def to_daemon(method, path, headers, body):
    return send(int(headers.pop(DAEMON)), method, path, headers, body)


class Validator:
    def __init__(self, document):
        program = usher.TOP / "build/prism/node_modules/.bin/prism"
        program = pathlib.Path(os.environ.get("USHER_PRISM", program))
        if not program.exists():
            raise usher.Skipped("prism is missing: ./bootstrap deps check installs it")
        self.document = Document(document)
        self.requests, self.wrong = 0, []
        self.lock = threading.Lock()
        folder = usher.BUILD / "test-scratch"
        folder.mkdir(exist_ok=True)
        path = folder / f"openapi-{os.getpid()}.json"
        path.write_text(json.dumps(document))
        self.port = usher.free_port()
        self.process = subprocess.Popen(
            [os.environ.get("NODE", "node"), str(program), "proxy", str(path), f"http://127.0.0.1:{serve(to_daemon)}",
             "--port", str(self.port), "--host", "127.0.0.1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        atexit.register(path.unlink, missing_ok=True)
        atexit.register(usher.stop_process, self.process)
        usher.wait_for(self.ready, "prism's start", 60)

    def ready(self):
        usher.check(self.process.poll() is None, "prism ended at once")
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True
        except OSError:
            return False

    def front(self, daemon):
        """The port where requests for the daemon at the port DAEMON are let in."""
        def on(method, path, headers, body):
            socket.create_connection(("127.0.0.1", daemon), timeout=5).close()  # nobody there: say so
            status, found, answer = send(self.port, method, path, dict(headers, **{DAEMON: str(daemon)}), body)
            with self.lock:
                self.judge(method, path, status, found, answer)
            return status, found, answer
        return serve(on)

    def judge(self, method, path, status, headers, answer):
        """A request may be wrong if it was refused; an answer may not."""
        self.requests += 1
        for violation in json.loads(headers.get("sl-violations") or "[]"):
            if violation["location"][0] != "request" or status < 400:
                self.wrong.append(f"{method} {path} {status}: {violation['message']} {violation['location']}")
        try:
            self.document.answer(method, path.split("?")[0], status, headers.get("Content-Type", ""), answer)
        except usher.Failed as failed:
            self.wrong.append(str(failed))
