#!/usr/bin/env python3
"""A token endpoint of OAuth 2 (RFC 6749) with an app behind it, to test against.

POST /oauth/token answers as a strict one does: a refresh token is good once, with a new one in each
answer, and one that comes again ends the whole grant (as the Security BCP, RFC 9700 section 4.14.2,
has it).  Every other request needs a live access token and goes on to the app, with the app's own
token in place of it.  Everything is counted.

Used from Python: Endpoint(app_port, app_token), then

    .url, .token_url      where it is
    .refresh              the refresh token that is good now
    .issued               every token that was ever given
    .counts               "renewed", "refused", "reused", "api", "unauthorized": how often
    .life                 seconds in expires_in; None = it is not told
    .rotates              False: the refresh token stays the same
    .client_auth          "basic" or "body": how a client has to prove itself
    .expire()             no access token is good any more
    .revoke()             the grant is no longer good
    .answers              what the next token requests are answered, in turn: (status, headers, body)
                          or a function of the body that would be, which answers such
    .hold()               token requests are carried out, and not answered before .release();
                          .held is set once one waits
"""

import base64
import collections
import http.client
import http.server
import json
import secrets
import threading
import urllib.parse

ID, SECRET = "usher client", "client-secret-%s" % ("s" * 24)  # the space has to be written as in a form


class Endpoint(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, app_port, app_token):
        super().__init__(("127.0.0.1", 0), Handler)
        self.app_port, self.app_token = app_port, app_token
        self.lock = threading.RLock()
        self.counts = collections.Counter()
        self.live, self.used, self.issued = set(), set(), set()
        self.life, self.rotates, self.client_auth = 3600, True, "basic"
        self.answers = collections.deque()
        self.held, self.free = threading.Event(), threading.Event()
        self.free.set()
        self.refresh = self.token("rt")
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.token_url = self.url + "/oauth/token"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.free.set()
        self.shutdown()
        self.server_close()

    def token(self, kind):
        token = f"{kind}-{secrets.token_urlsafe(30)}"
        self.issued.add(token)
        return token

    def grant(self):
        """A person grants access again: the new refresh token."""
        with self.lock:
            self.refresh = self.token("rt")
            return self.refresh

    def expire(self):
        with self.lock:
            self.live.clear()

    def revoke(self):
        with self.lock:
            self.live.clear()
            self.refresh = None

    def hold(self):
        self.held.clear()
        self.free.clear()

    def release(self):
        self.free.set()

    def handle_error(self, request, address):
        """A client that went away is what some tests are about."""


def refusal(error, status=400):
    return status, {}, {"error": error}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def send(self, status, headers, body):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers = {"Content-Type": "application/json", **headers}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    # ---- The token endpoint.

    def client(self, form):
        """Whether the client is ours, and says so in the way that is wanted."""
        kind, _, text = self.headers.get("Authorization", "").partition(" ")
        if self.server.client_auth == "body":
            return not kind and (form.get("client_id"), form.get("client_secret")) == (ID, SECRET)
        if kind != "Basic" or "client_secret" in form:
            return False
        pair = base64.b64decode(text).decode().split(":")
        return [urllib.parse.unquote_plus(half) for half in pair] == [ID, SECRET]

    def tokens(self, form):
        """What an honest endpoint answers, with what it does."""
        server = self.server
        if not self.client(form):
            return refusal("invalid_client", 401)
        if form.get("grant_type") not in ("refresh_token", "client_credentials"):
            return refusal("unsupported_grant_type")
        answer = {"token_type": "bearer"}
        if form["grant_type"] == "refresh_token":
            given = form.get("refresh_token")
            if given in server.used:
                server.counts["reused"] += 1
                server.revoke()
            if given is None or given != server.refresh:
                return refusal("invalid_grant")
            if server.rotates:
                server.used.add(given)
                server.refresh = answer["refresh_token"] = server.token("rt")
        answer["access_token"] = server.token("at")
        server.live.add(answer["access_token"])
        if server.life is not None:
            answer["expires_in"] = server.life
        return 200, {}, answer

    def give_token(self):
        server = self.server
        form = dict(urllib.parse.parse_qsl(self.body().decode(), keep_blank_values=True))
        with server.lock:
            server.counts["token"] += 1
            server.form = form
            scripted = server.answers.popleft() if server.answers else None
            if scripted and not callable(scripted):
                server.counts["scripted"] += 1
                answer = scripted
            else:
                answer = self.tokens(form)
                server.counts["renewed" if answer[0] == 200 else "refused"] += 1
                if scripted:
                    server.counts["scripted"] += 1
                    answer = scripted(answer[2])
        if not server.free.is_set():
            server.held.set()
            server.free.wait()
        self.send(*answer)

    # ---- The app.

    def pass_on(self):
        server, body = self.server, self.body()
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        with server.lock:
            server.counts["api"] += 1
            good = kind == "Bearer" and token in server.live
            server.counts["unauthorized"] += not good
        if not good:
            return self.send(401, {"WWW-Authenticate": 'Bearer error="invalid_token"'}, {"detail": f"not {token}"})
        connection = http.client.HTTPConnection("127.0.0.1", server.app_port, timeout=60)
        headers = {name: value for name, value in self.headers.items()
                   if name.lower() in ("content-type", "accept", "if-match")}
        connection.request(self.command, self.path, body or None,
                           {**headers, "Authorization": "Bearer " + server.app_token})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        kept = {name: value for name, value in answer.getheaders()
                if name.lower() in ("content-type", "etag", "retry-after", "location")}
        return self.send(answer.status, kept, text)

    def do_POST(self):
        if self.path == "/oauth/token":
            self.give_token()
        else:
            self.pass_on()

    do_GET = do_PUT = do_PATCH = do_DELETE = pass_on
