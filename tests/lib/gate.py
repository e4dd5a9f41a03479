"""A gate before an app: hands requests on, and does to them and to their answers what a test
wants.  It runs in the test's own process, so what a test wants is a function of the test:

    def rule(request, forward): ...     returns an Answer, or None to end the connection
                                        without one; forward(request) asks the app

Everything that passed is in Gate.passed, in the order in which it came.
"""

import http.client
import http.server
import json
import sys
import threading
import time
import urllib.parse

BODY_MAX = 64 << 20
# Of an answer: what the gate makes anew, or what is only between it and the app.
NOT_HANDED_ON = {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}
NOUNS = {"Users": "user", "Groups": "group", "ServiceProviderConfig": "config"}
VERBS = {"GET": "read", "POST": "create", "PUT": "put", "PATCH": "patch", "DELETE": "delete"}


class Request:
    """One request of SCIM; KIND as tests/apps/scim/server.py counts them, but "check-users" for a
    list of nobody, which only asks whether the app is there."""

    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        url = urllib.parse.urlsplit(target)
        self.path = url.path
        self.query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        self.kind = self.kind_of()
        self.status = None  # of the app's answer, once there is one
        self.done = threading.Event()  # answered, or given up

    def kind_of(self):
        parts = [part for part in self.path.split("/") if part]
        at = next((i for i, part in enumerate(parts) if part in NOUNS), None)
        if at is None:
            return "unknown"
        noun = NOUNS[parts[at]]
        if noun == "config":
            return "config"
        if len(parts) == at + 1 and self.method == "GET":
            if self.query.get("count") in ("0", "1") and "filter" not in self.query:
                return f"check-{noun}s"
            return ("filter-" if "filter" in self.query else "list-") + noun + "s"
        return VERBS[self.method] + "-" + noun

    @property
    def writes(self):
        return self.method != "GET"

    def json(self):
        return json.loads(self.body)


class Answer:
    """STATUS and BODY, bytes or an iterable of bytes.  Without LENGTH an iterable ends with its
    connection."""

    def __init__(self, status, body=b"", headers=(), length=None):
        self.status, self.body, self.headers, self.length = status, body, list(headers), length

    def json(self):
        return json.loads(self.body)

    def replaced(self, document):
        """The same answer with another document."""
        return Answer(self.status, json.dumps(document).encode(), self.headers)


class Gate:
    """Listens for what is meant for PORT.  APP is whatever else a test asks of the app."""

    def __init__(self, scratch, app, port, base):
        self.app, self.port, self.rule = app, port, None
        self.lock = threading.Lock()
        self.passed = []
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.gate = self
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}{base}"
        self.TOKEN = app.TOKEN
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        scratch.callback(self.server.server_close)
        scratch.callback(self.server.shutdown)

    def forward(self, request):
        """What the app itself says."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            headers = {name: value for name, value in request.headers.items()
                       if name.lower() not in ("host", "connection", "content-length")}
            connection.request(request.method, request.target, request.body or None, headers)
            answer = connection.getresponse()
            body = answer.read(BODY_MAX)
        finally:
            connection.close()
        request.status = answer.status
        return Answer(answer.status, body,
                      [(k, v) for k, v in answer.getheaders() if k.lower() not in NOT_HANDED_ON])

    def take(self, request):
        with self.lock:
            self.passed.append(request)
            rule = self.rule
        return rule(request, self.forward) if rule else self.forward(request)

    def since(self, mark, *kinds):
        """What passed after the first MARK requests, of these kinds."""
        with self.lock:
            return [one for one in self.passed[mark:] if not kinds or one.kind in kinds]

    def mark(self):
        with self.lock:
            return len(self.passed)

    def settled(self):
        """Waits until everything that came was answered or given up."""
        end = time.monotonic() + 60
        for request in self.since(0):
            request.done.wait(max(0, end - time.monotonic()))


class Hold:
    """A rule: holds one request of KINDS, the one behind SKIP others, before or after the app has
    it, until let go; the others pass."""

    def __init__(self, *kinds, after_app, skip=0):
        self.kinds, self.after_app, self.skip = kinds, after_app, skip
        self.lock = threading.Lock()
        self.held = None
        self.reached, self.free = threading.Event(), threading.Event()
        self.dropped = False

    def __call__(self, request, forward):
        with self.lock:
            mine = self.held is None and request.kind in self.kinds
            if mine and self.skip:
                self.skip, mine = self.skip - 1, False
            if mine:
                self.held = request
        if not mine:
            return forward(request)
        answer = forward(request) if self.after_app else None
        self.reached.set()
        self.free.wait()
        if self.dropped:
            return None
        return answer or forward(request)

    def let_go(self, drop=False):
        self.dropped = drop
        self.free.set()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # who asked is gone
            super().handle_error(request, client_address)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def handle_any(self):
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), BODY_MAX))
        request = Request(self.command, self.path, dict(self.headers.items()), body)
        try:
            answer = self.server.gate.take(request)
            if answer:
                self.send(answer)
            else:
                self.close_connection = True
        except OSError:  # who asked is gone
            self.close_connection = True
        finally:
            request.done.set()

    def send(self, answer):
        whole = isinstance(answer.body, bytes)
        length = answer.length if answer.length is not None else len(answer.body) if whole else None
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if length is None:
            self.send_header("Connection", "close")
            self.close_connection = True
        elif answer.status != 204:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        sent = 0
        for piece in [answer.body] if whole else answer.body:
            self.wfile.write(piece)
            self.wfile.flush()
            sent += len(piece)
        self.wfile.flush()
        if length is not None and sent < length:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any
