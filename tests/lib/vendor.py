"""A vendor's API as its documentation has it, and nothing else: behind TLS under the vendor's own
name, reached through a proxy on loopback, so that app files are tested as they are shipped.  A
path, parameter, header or body that it does not know it refuses with 400, and counts."""

import collections
import http.server
import inspect
import json
import re
import select
import socket
import ssl
import subprocess
import threading
import urllib.parse

from usher import check

Answer = collections.namedtuple("Answer", "status body headers", defaults=({},))

# What any client sends.
USUAL = {"host", "user-agent", "accept", "accept-encoding", "connection", "content-type", "content-length"}


class Unknown(Exception):
    """A request that the documentation does not have."""


class Request:
    def __init__(self, method, path, query, headers, body, args):
        self.method, self.path, self.query, self.headers, self.body, self.args = method, path, query, headers, body, args


def route(method, path, query=None, json=None, form=None, text=None, headers=None):
    """One operation.  QUERY and FORM: name -> shape; JSON: the body's shape; TEXT: a pattern of it;
    HEADERS: what it takes besides HEADERS of the class (None: not that one).  {name} in PATH is one segment."""
    pattern = re.compile("/".join("(?P<%s>[^/]+)" % part[1:-1] if part.startswith("{") else re.escape(part)
                                  for part in path.split("/")))

    def mark(function):
        function.route = (method, pattern, query or {}, json, form, text, headers or {})
        return function
    return mark


def fit(shape, value, where):
    """Raises Unknown unless VALUE has SHAPE: a type, a pattern, a tuple of what it may be, a list of
    one shape, or an object; a key that ends with ? may be absent."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            raise Unknown(f"{where} must be an object")
        known = {key.rstrip("?"): (key, s) for key, s in shape.items()}
        for key in value:
            if key not in known:
                raise Unknown(f"{where}.{key} is unknown")
        for key, (written, s) in known.items():
            if key in value:
                fit(s, value[key], f"{where}.{key}")
            elif not written.endswith("?"):
                raise Unknown(f"{where}.{key} is missing")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise Unknown(f"{where} must be a list")
        for i, element in enumerate(value):
            fit(shape[0], element, f"{where}[{i}]")
    elif isinstance(shape, tuple):
        if value not in shape:
            raise Unknown(f"{where} is {value!r}, not one of {shape}")
    elif isinstance(shape, type):
        if type(value) is not shape:
            raise Unknown(f"{where} must be {shape.__name__}, not {value!r}")
    elif not re.fullmatch(shape, value if isinstance(value, str) else ""):
        raise Unknown(f"{where} is {value!r}, which is not {shape}")


NUMBER = r"[0-9]+"
ANY = r"(?s).+"
ADDRESS = r"[^@\s]+@[^@\s]+"


class Vendor:
    """Subclasses say APP, HOST, HEADERS and their routes; state is whatever they keep."""

    APP = HOST = None       # HOSTS: more names that it answers to
    HOSTS = ()
    LOGIN_METHOD = "sso"
    FIELDS, SECRETS = {}, {}
    HEADERS = {}            # name in lower case -> pattern; all of them must come with every request

    def __init__(self, scratch):
        self.lock = threading.Lock()
        self.refused = []   # (method, path, why)
        self.asked = []     # (method, path with query)
        self.foreign = []   # names other than HOST that somebody wanted to reach
        self.routes = [(*f.route, f) for _, f in inspect.getmembers(self, lambda f: hasattr(f, "route"))]
        self.certify(scratch)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(scratch.dir / f"{self.APP}.pem", scratch.dir / f"{self.APP}.key")
        self.context = context
        self.proxy = socket.create_server(("127.0.0.1", 0))
        for target in (self.serve, self.accept):
            threading.Thread(target=target, daemon=True).start()
        scratch.callback(self.end)
        self.config = (f"[tasks]\nretry-wait = 1s\n[http]\nproxy = http://127.0.0.1:{self.proxy.getsockname()[1]}\n"
                       f"ca-file = {scratch.dir}/{self.APP}-ca.pem\n")

    # ---- What routes share.

    def by_cursor(self, items, size, cursor):
        """(the page behind CURSOR, the next cursor or None); a cursor is opaque, and refused when it is not ours."""
        start = 0
        if cursor:
            if not re.fullmatch("c[0-9]+x", cursor):
                raise Unknown(f"the cursor {cursor!r} was never given out")
            start = int(cursor[1:-1])
        end = start + size
        return items[start:end], f"c{end}x" if end < len(items) else None

    def by_link(self, request, items, size, more=""):
        """(the page, its Link header), by number."""
        number, last = int(request.query.get("page", 1)), max(1, -(-len(items) // size))
        rest = "".join(f"&{k}={urllib.parse.quote(v)}" for k, v in request.query.items() if k != "page")
        link = [f'<https://{self.HOST}{request.path}?page={n}{rest}>; rel="{rel}"{more}'
                for rel, n in (("next", number + 1), ("last", last)) if number < last]
        return items[(number - 1) * size:number * size], {"Link": ", ".join(link)} if link else {}

    # ---- What tests ask.

    def connect(self, usher, label="Acme"):
        fields = [part for key, value in self.FIELDS.items() for part in ("--set", f"{key}={value}")]
        secrets = []
        for key, value in self.SECRETS.items():
            file = usher.scratch.file(f"{self.APP}-{key}", value)
            secrets += ["--secret", f"{key}=@{file}"]
        return usher.usher("hub", "connect", self.APP, "--label", label, "--login-method", self.LOGIN_METHOD, *fields, *secrets)

    def calls(self, method, pattern=".*"):
        """How many requests of METHOD had a path like PATTERN."""
        with self.lock:
            return sum(m == method and re.fullmatch(pattern, path) is not None for m, path in self.asked)

    def held(self):
        """Fails when anything was refused, or another host was wanted."""
        check(not self.refused, f"{self.APP}: what the documentation does not have: {self.refused[:5]}")
        check(not self.foreign, f"{self.APP}: other hosts: {self.foreign}")

    # ---- The server.

    def certify(self, scratch):
        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], cwd=scratch.dir, check=True, capture_output=True)
        new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
        openssl(*new, "-subj", "/CN=Test authority", "-keyout", f"{self.APP}-ca.key", "-out", f"{self.APP}-ca.pem")
        openssl(*new, "-subj", "/CN=" + self.HOST, "-addext", "subjectAltName=" + ",".join("DNS:" + h for h in (self.HOST, *self.HOSTS)), "-addext",
                "basicConstraints=critical,CA:FALSE", "-CA", f"{self.APP}-ca.pem", "-CAkey", f"{self.APP}-ca.key",
                "-keyout", f"{self.APP}.key", "-out", f"{self.APP}.pem")

    def end(self):
        self.proxy.close()
        self.server.shutdown()
        self.server.server_close()

    def serve(self):
        self.server.serve_forever(poll_interval=0.05)

    def accept(self):
        while True:
            try:
                connection, _ = self.proxy.accept()
            except OSError:
                return
            threading.Thread(target=self.tunnel, args=(connection,), daemon=True).start()

    def tunnel(self, connection):
        """A proxy that leads to one name alone."""
        head = b""
        with connection:
            while b"\r\n\r\n" not in head:
                got = connection.recv(4096)
                if not got:
                    return
                head += got
            target = head.split()[1].decode()
            if head.split()[0] != b"CONNECT" or target not in [f"{h}:443" for h in (self.HOST, *self.HOSTS)]:
                with self.lock:
                    self.foreign.append(target)
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                return
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            try:
                with self.context.wrap_socket(connection, server_side=True) as inner:
                    with socket.create_connection(self.server.server_address) as plain:
                        self.pump(inner, plain)
            except OSError:
                pass

    @staticmethod
    def pump(one, other):
        ways = {one: other, other: one}
        while True:
            ready = [one] if one.pending() else select.select(list(ways), [], [])[0]
            for source in ready:
                data = source.recv(65536)
                if not data:
                    return
                ways[source].sendall(data)

    def handler(self):
        vendor = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer = vendor.answer(self.command, self.path, self.headers, body)
                data = b""
                if answer.body is not None:
                    data = answer.body.encode() if isinstance(answer.body, str) else json.dumps(answer.body).encode()
                self.send_response(answer.status)
                for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                    self.send_header(name, value)
                if answer.status != 204:
                    self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if answer.status != 204:
                    self.wfile.write(data)
                self.wfile.flush()

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

            def log_message(self, *_):
                pass
        return Handler

    def answer(self, method, target, headers, body):
        path, _, query = target.partition("?")
        with self.lock:
            self.asked.append((method, target))
            try:
                function, request = self.find(method, path, query, headers, body)
                return function(request)
            except Unknown as error:
                self.refused.append((method, target, str(error)))
                return Answer(400, {"message": str(error)})

    def find(self, method, path, query, headers, body):
        for verb, pattern, params, shape, form, text, more, function in self.routes:
            match = pattern.fullmatch(path)
            if not match or verb != method:
                continue
            known = {name: want for name, want in {**self.HEADERS, **more}.items() if want is not None}
            for name in headers:
                if name.lower() not in USUAL and name.lower() not in known:
                    raise Unknown(f"the header {name}")
            for name, want in known.items():
                fit(want, headers.get(name, ""), f"the header {name}")
            return function, Request(method, path, self.pairs(query, params, "?"), headers,
                                     self.body(headers, body, shape, form, text),
                                     {k: urllib.parse.unquote(v) for k, v in match.groupdict().items()})
        raise Unknown("there is no such operation")

    @staticmethod
    def pairs(text, shape, where):
        found = urllib.parse.parse_qsl(text, keep_blank_values=True)
        if len(dict(found)) != len(found):
            raise Unknown(f"{where}: a name stands twice")
        fit(shape, dict(found), where)
        return dict(found)

    def body(self, headers, body, shape, form, text):
        kind = headers.get("Content-Type", "").partition(";")[0]
        if shape is not None:
            if kind not in ("application/json", "application/scim+json", "application/vnd.api+json"):
                raise Unknown(f"the body is {kind or 'of no type'}")
            value = json.loads(body)
            fit(shape, value, "body")
            return value
        if form is not None:
            if kind != "application/x-www-form-urlencoded":
                raise Unknown(f"the body is {kind or 'of no type'}")
            return self.pairs(body.decode(), form, "body")
        if text is not None:
            fit(text, body.decode(), "body")
            return body.decode()
        if body:
            raise Unknown("a body")
        return None
