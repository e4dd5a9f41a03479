#!/usr/bin/env python3
"""An HTTP API that answers what a test told it to.

usage: cli-api.py ADDRESS SCRIPT LOG

ADDRESS is the path of a unix socket, or HOST:0 for TCP (the port is written to LOG.port).
SCRIPT is a JSON object: "METHOD /path?query" -> an answer or a list of them (the last one is
repeated).  An answer is {"status": 200, "json": ..., "text": ..., "type": ..., "hold": FILE,
"drop": true}: "hold" waits until FILE exists, "drop" closes the connection in place of an
answer.  What is not in SCRIPT gets a 404 with the code "not-scripted".
Every request becomes a line of JSON in LOG, before it is answered.
"""
import http.server
import json
import os
import socketserver
import sys
import threading
import time

address, script_path, log_path = sys.argv[1:4]
script = json.load(open(script_path, encoding="utf-8"))
counts = {}
lock = threading.Lock()


def next_answer(key):
    with lock:
        answers = script.get(key)
        if answers is None:
            return {"status": 404, "json": {"code": "not-scripted", "title": "Not scripted",
                                            "detail": "The test has no answer for %s." % key}}
        if isinstance(answers, dict):
            return answers
        at = counts.get(key, 0)
        counts[key] = at + 1
        return answers[min(at, len(answers) - 1)]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length).decode("utf-8")
        path = self.path
        assert path.startswith("/api/v1/"), path
        key = "%s %s" % (self.command, path[len("/api/v1"):])
        with lock, open(log_path, "a", encoding="utf-8") as log:
            log.write(json.dumps({"request": key, "body": body,
                                  "headers": {k.lower(): v for k, v in self.headers.items()}}) + "\n")
        answer = next_answer(key)
        while "hold" in answer and not os.path.exists(answer["hold"]):
            time.sleep(0.01)
        if answer.get("drop"):
            self.close_connection = True
            return
        if "json" in answer:
            data = json.dumps(answer["json"]).encode("utf-8")
        else:
            data = answer.get("text", "").encode("utf-8")
        self.send_response(answer.get("status", 200))
        self.send_header("Content-Type", answer.get("type", "application/json"))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def address_string(self):
        return "client"

    def log_message(self, *args):
        pass


class Quiet(socketserver.ThreadingMixIn):
    """A client that went away in the middle is no error of the test."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Unix(Quiet, socketserver.UnixStreamServer):
    request_queue_size = 64


class Tcp(Quiet, socketserver.TCPServer):
    pass


if address.endswith(":0"):
    server = Tcp((address[:-2], 0), Handler)
    with open(log_path + ".port", "w", encoding="utf-8") as out:
        out.write("%d\n" % server.server_address[1])
else:
    server = Unix(address, Handler)
server.serve_forever(poll_interval=0.05)
