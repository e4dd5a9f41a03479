"""Misbehaviours of an app, each for a pain that people had with one.

A misbehaviour is a function of a request and of what asks the app itself; it gives back an
answer, None to end the connection without one, or PASS for what it leaves alone.  It stands in
tests/lib/gate.py before server.py; no two have a path in common.  Its head says which pain it
stands for, which requests it is asked about, and in which row of the table of syncs a sync ends
that meets it:

    complete    added, changed and removed          partial    as the connector says
    unproved    nobody is removed                    failed     nothing at all, with this code
    stopped     by the safeguard                     parked     until the app wants to be asked again
"""

import email.utils
import functools
import json
import os
import random
import signal
import threading
import time
import types

from gate import Answer

PASS = object()
ALL = []
USERS = 30
PAGE = 10
LEAVER = "user000007@example.com"   # went by himself just before
JOINER = "joiner@example.com"       # came by himself just before
NEW = "new@example.com"             # is invited
OLD = "user000003@example.com"      # is changed or removed


class Misbehaviour:
    def __init__(self, act, pain, kinds, row, code=None, does="sync", ends=None, writes=1, paging="index", times=None,
                 hub="healthy", keeps=(), alone=False):
        self.act, self.name, self.claim = act, act.__name__, act.__doc__
        self.pain, self.kinds, self.row, self.code, self.does = pain, kinds.split(), row, code, does
        self.ends = ends      # the code that the change ends with; None = completed
        self.writes = writes  # how many of its writes the app carries out
        self.paging, self.times = paging, times
        self.hub = hub        # how the hub is after the sync
        self.keeps = keeps    # members whose absence the sync could not confirm
        self.alone = alone    # it does something to the children of the daemon, and begins with new ones
        self.fired, self.lock = 0, threading.Lock()
        self.note = types.SimpleNamespace(n=0, app=None, usher=None, after=lambda: None, happened=True)

    def __call__(self, request, forward):
        if request.kind not in self.kinds or (self.times is not None and self.fired >= self.times):
            return forward(request)
        answer = self.act(self.note, request, forward)
        if answer is PASS:
            return forward(request)
        with self.lock:
            self.fired += 1
        return answer


def stands_for(pain, kinds, row, code=None, **more):
    def decorate(act):
        ALL.append(functools.partial(Misbehaviour, act, pain, kinds, row, code, **more))
        return act
    return decorate


def listing(request, forward):
    """The app's own page, and its document."""
    answer = forward(request)
    return answer, answer.json()


def cut(request, rows):
    """The page of ROWS that REQUEST asks for, in good order."""
    at, count = start(request) - 1, min(PAGE, int(request.query["count"]))
    found = rows[at:at + count]
    return Answer(200, json.dumps({"totalResults": len(rows), "startIndex": at + 1, "itemsPerPage": len(found),
                                   "Resources": found}).encode())


def start(request):
    return int(request.query.get("startIndex", 1))


def first(request):
    return start(request) == 1 and not request.query.get("cursor")


# ---- Pain 1: an empty or short list is taken as "everyone left".

@stands_for("1: a session that ended answers 302 and nobody", "list-users", "failed", "unexpected-answer")
def sign_in_redirect(note, request, forward):
    """A redirect to a page to sign in"""
    if "signin" in request.query:
        return Answer(200, b"<!DOCTYPE html><title>Sign in</title>", [("Content-Type", "text/html")])
    return Answer(302, b"", [("Location", request.path + "?signin=1")])


@stands_for("1: narrowed permission is 200 with nothing", "list-users", "stopped")
def nobody(note, request, forward):
    """A list of nobody, whole by its own word"""
    return Answer(200, b'{"totalResults":0,"startIndex":1,"itemsPerPage":0,"Resources":[]}')


@stands_for("1: 200 with data missing", "list-users", "stopped")
def every_third(note, request, forward):
    """A list without most people, whole by its own word"""
    return cut(request, note.app.users()[::3])


@stands_for("1: 200 with a few missing", "list-users", "complete", keeps=["user000004@example.com"])
def one_hidden(note, request, forward):
    """A list without one who is there, whole by its own word; the app has him when it is asked"""
    return cut(request, [u for u in note.app.users() if u["userName"] != "user000004@example.com"])


@stands_for("1: only the first page is read, then the rest is removed", "list-users", "stopped")
def first_page_is_all(note, request, forward):
    """A total that counts the page"""
    answer, page = listing(request, forward)
    return answer.replaced(dict(page, totalResults=start(request) - 1 + page["itemsPerPage"]))


@stands_for("1: an error in mid-list with status 200", "list-users", "failed", "unexpected-answer")
def exception_in_mid_list(note, request, forward):
    """Good rows, and then the text of an exception, with status 200"""
    answer = forward(request)
    if first(request):
        return PASS
    at = answer.body.rindex(b'{"schemas"')
    return Answer(200, answer.body[:at] + b"java.sql.SQLException: Connection reset\n\tat Cursor.next", answer.headers)


@stands_for("1: a list that ends after two thirds as if it were over", "list-users", "unproved", "listing-incomplete")
def two_thirds(note, request, forward):
    """The last pages have nobody, and the total stays"""
    answer, page = listing(request, forward)
    if start(request) <= 20:
        return PASS
    return answer.replaced(dict(page, Resources=[], itemsPerPage=0))


@stands_for("1: a reader that is slow is sent less", "list-users", "complete", times=1, alone=True)
def slow_reader(note, request, forward):
    """A page that the app ends early, in good order, because its reader does not come along"""
    answer, page = listing(request, forward)
    workers, note.happened = note.usher.children("usher-worker"), False
    rows = page["Resources"][:4]
    text = json.dumps(dict(page, Resources=rows, itemsPerPage=len(rows))).encode()
    blank = b" " * 65536

    def pieces():
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        threading.Timer(1.0, lambda: [os.kill(pid, signal.SIGCONT) for pid in workers]).start()
        yield text[:-1]
        for _ in range(512):
            began = time.monotonic()
            yield blank
            if time.monotonic() - began > 0.3:
                note.happened = True
                break
        yield text[-1:]
    return Answer(200, pieces(), answer.headers)


@stands_for("1: a failure that looks like no list", "list-users", "failed", "unexpected-answer")
def resources_null(note, request, forward):
    """Neither people nor a total, in an object that looks well"""
    return Answer(200, b'{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"Resources":null}')


@stands_for("1: a failure that looks like no list", "list-users", "failed", "unexpected-answer")
def no_content(note, request, forward):
    """204, which has no body"""
    forward(request)
    return Answer(204)


@stands_for("1: a failure that looks like no list", "list-users", "failed", "unexpected-answer")
def bare_array(note, request, forward):
    """An empty array in place of a list"""
    return Answer(200, b"[]", [("Content-Type", "application/json")])


@stands_for("1: names and addresses are mixed up, and everybody is made anew", "list-users", "stopped")
def other_ids(note, request, forward):
    """The same people by other ids"""
    answer, page = listing(request, forward)
    return answer.replaced(dict(page, Resources=[dict(u, id="new-" + u["id"][::-1]) for u in page["Resources"]]))


@stands_for("1: the token sees another space", "list-users", "stopped")
def another_space(note, request, forward):
    """A whole list of people who were never here"""
    answer, page = listing(request, forward)
    rows = [{"id": f"elsewhere-{start(request) + i}", "userName": f"e{start(request) + i}@other.example.com", "active": True}
            for i in range(len(page["Resources"]))]
    return answer.replaced(dict(page, Resources=rows))


@stands_for("1: a 404 is read as none", "list-users", "failed", "wrong-business-id", hub="review-configuration")
def not_found(note, request, forward):
    """404 for the list itself"""
    return Answer(404, b'{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"404"}')


@stands_for("1: a list of which some entries cannot be read", "list-users", "partial")
def no_ids(note, request, forward):
    """Three entries have no id"""
    answer, page = listing(request, forward)
    if start(request) != 11:
        return PASS
    rows = [dict(u, id=None) if i < 3 else u for i, u in enumerate(page["Resources"])]
    return answer.replaced(dict(page, Resources=rows))


@stands_for("1: a right that is missing for a part of the list", "list-users", "failed", "account-lacks-permission",
            hub="review-automation-account")
def forbidden_page(note, request, forward):
    """403 in mid-list"""
    return PASS if start(request) < 21 else Answer(403, b'{"status":"403","detail":"no right for this department"}')


@stands_for("1: absence is confirmed by an answer that is none", "list-users read-user", "complete",
            keeps=["user000005@example.com", LEAVER])
def unreadable_absence(note, request, forward):
    """One is left out of the list, and whoever is asked for is answered with a web page"""
    if request.kind == "read-user":
        return Answer(200, b"<html>Loading</html>", [("Content-Type", "text/html")])
    return cut(request, [u for u in note.app.users() if u["userName"] != "user000005@example.com"])


@stands_for("1: absence is confirmed by somebody else's record", "list-users read-user", "complete",
            keeps=["user000006@example.com", LEAVER])
def wrong_record(note, request, forward):
    """One is left out of the list, and asked for anybody the app answers with another"""
    if request.kind == "read-user":
        return Answer(200, b'{"id":"somebody-else","userName":"else@example.com","active":true}')
    return cut(request, [u for u in note.app.users() if u["userName"] != "user000006@example.com"])


@stands_for("1: everybody is shown as switched off for a moment", "list-users", "complete")
def all_disabled(note, request, forward):
    """Every account is shown as not active"""
    answer, page = listing(request, forward)
    return answer.replaced(dict(page, Resources=[dict(u, active=False) for u in page["Resources"]]))


# ---- Section 8 of the vendors' facts: bodies.

@stands_for("8 (apps): an HTML error page", "list-users", "failed", "unexpected-answer")
def web_page(note, request, forward):
    """A web page with status 200, later in the list"""
    return PASS if first(request) else Answer(200, b"<html><body>Maintenance</body></html>", [("Content-Type", "text/html")])


@stands_for("8 (apps): truncated JSON", "list-users", "failed", "unexpected-answer")
def truncated(note, request, forward):
    """JSON that ends in its middle, of the right length"""
    answer = forward(request)
    return Answer(answer.status, answer.body[:-len(answer.body) // 3], answer.headers)


@stands_for("8 (apps): a body shorter than announced", "list-users", "failed", "network-error")
def cut_body(note, request, forward):
    """A body that ends before its length"""
    body = forward(request).body
    return Answer(200, body[:-7], length=len(body))


@stands_for("8 (apps): a redirect to another host", "list-users", "failed", "unexpected-answer")
def other_host(note, request, forward):
    """A redirect to where no token of this hub may go"""
    return Answer(307, b"", [("Location", "http://127.0.0.2:9/scim/v2/Users")])


@stands_for("8 (apps): an endless body", "list-users", "failed", "answer-too-large")
def endless(note, request, forward):
    """A body without an end"""
    def pieces():
        yield b'{"totalResults":1,"Resources":['
        while True:
            yield b"\n" * 262144
    return Answer(200, pieces())


@stands_for("8 (apps): a slow body", "list-users", "complete", times=1)
def dripping(note, request, forward):
    """A body in drops"""
    body = forward(request).body

    def drops():
        for at in range(0, len(body), 97):
            time.sleep(0.002)
            yield body[at:at + 97]
    return Answer(200, drops(), length=len(body))


@stands_for("8 (apps): a huge page", "list-users", "complete")
def everybody_at_once(note, request, forward):
    """All people in one page, whatever count was asked for"""
    rows = [u for u in note.app.users()]
    return Answer(200, json.dumps({"totalResults": len(rows), "Resources": rows[start(request) - 1:]}).encode())


@stands_for("8 (apps): a huge record", "list-users", "failed", "answer-too-large")
def huge_record(note, request, forward):
    """A name of 200 KiB"""
    answer, page = listing(request, forward)
    for user in page["Resources"][:1]:
        user["displayName"] = "x" * (200 << 10)
    return answer.replaced(page)


@stands_for("8 (apps): mixed-case e-mails", "list-users", "complete")
def shouting(note, request, forward):
    """Names and addresses in capitals"""
    answer, page = listing(request, forward)
    for user in page["Resources"]:
        user["userName"] = user["userName"].upper()
        user["emails"] = [{"value": user["userName"], "primary": True}]
    return answer.replaced(page)


@stands_for("8 (apps): a missing e-mail", "list-users", "complete")
def no_addresses(note, request, forward):
    """Nobody has an address"""
    answer, page = listing(request, forward)
    for user in page["Resources"]:
        user.pop("emails", None)
    return answer.replaced(page)


@stands_for("8 (apps): an unknown role word", "list-users", "complete")
def odd_roles(note, request, forward):
    """Roles in shapes that nobody expects"""
    answer, page = listing(request, forward)
    for n, user in enumerate(page["Resources"]):
        user["roles"] = [[{"value": 17}], "weird", None, [{"display": "x"}], [{"value": "\u202e role"}], {}][n % 6]
    return answer.replaced(page)


# ---- Pain 6: paging drifts.

@stands_for("6: startIndex is ignored for ever", "list-users", "failed", "cursor-loop")
def page_one_for_ever(note, request, forward):
    """Page one whatever is asked"""
    request.target = request.path + "?startIndex=1&count=10"
    return forward(request)


@stands_for("6: a short page taken for the last", "list-users", "complete")
def short_page(note, request, forward):
    """A page in the middle has fewer than it could"""
    answer, page = listing(request, forward)
    if start(request) != 11:
        return PASS
    return answer.replaced(dict(page, Resources=page["Resources"][:6], itemsPerPage=6))


@stands_for("6: no order, so some come twice and some not at all", "list-users", "unproved", "listing-incomplete")
def no_order(note, request, forward):
    """Everybody in another order for each page"""
    rows = note.app.users()
    random.Random(start(request)).shuffle(rows)
    return cut(request, rows)


@stands_for("6: cursors in a circle of three", "list-users", "failed", "cursor-loop", paging="cursor")
def circle(note, request, forward):
    """Three cursors that follow each other for ever"""
    answer, page = listing(request, forward)
    return PASS if "nextCursor" in page else answer.replaced(dict(page, nextCursor="c11"))


@stands_for("6: no end of pages", "list-users", "failed", "cursor-loop", paging="cursor")
def ever_new_cursors(note, request, forward):
    """A new cursor each time, and the same people again and again"""
    note.n += 1
    rows = note.app.users()[(note.n % 2) * PAGE:][:PAGE]
    return Answer(200, json.dumps({"totalResults": 1000, "nextCursor": f"k{note.n}", "Resources": rows}).encode())


@stands_for("8 (apps): a cursor loop", "list-users", "failed", "cursor-loop", paging="cursor")
def same_cursor(note, request, forward):
    """The cursor that was asked with is the next one"""
    answer, page = listing(request, forward)
    asked = request.query.get("cursor")
    return answer.replaced(dict(page, nextCursor=asked)) if asked else PASS


@stands_for("8 (apps): an empty page with a next cursor", "list-users", "complete", paging="cursor")
def empty_page(note, request, forward):
    """A page of nobody between two others, and a cursor that goes on"""
    cursor = request.query.get("cursor", "")
    if cursor.startswith("behind-"):
        request.target = request.target.replace("behind-", "")
        return forward(request)
    if not cursor:
        return PASS
    return Answer(200, json.dumps({"totalResults": len(note.app.users()), "itemsPerPage": 0,
                                   "nextCursor": "behind-" + cursor, "Resources": []}).encode())


@stands_for("8 (apps): an expired cursor", "list-users", "complete", paging="cursor", times=1)
def expired_cursor(note, request, forward):
    """A cursor that is too old, once"""
    if not request.query.get("cursor"):
        return PASS
    return Answer(400, b'{"status":"400","scimType":"expiredCursor","detail":"start again"}')


@stands_for("6: page one again behind the last, and a total that says so", "list-users", "failed", "cursor-loop")
def round_again(note, request, forward):
    """The total is too high, and behind the end comes page one"""
    answer, page = listing(request, forward)
    if page.get("Resources"):
        return answer.replaced(dict(page, totalResults=40))
    request.target = request.path + "?startIndex=1&count=10"
    return forward(request)


@stands_for("6: count is ignored", "list-users", "complete")
def seven_each(note, request, forward):
    """Seven rows a page, whatever count was asked for"""
    request.target = f"{request.path}?startIndex={start(request)}&count=7"
    return forward(request)


@stands_for("6: a total that nobody reaches", "list-users", "unproved", "listing-incomplete")
def total_too_high(note, request, forward):
    """Three more are announced than ever come"""
    answer, page = listing(request, forward)
    page["totalResults"] += 3
    return answer.replaced(page)


@stands_for("6: somebody leaves while pages are turned, and another slips through", "list-users", "complete",
            keeps=["user000010@example.com"])
def slips_through(note, request, forward):
    """Behind page one everybody moves up by one: one is never shown"""
    if first(request):
        return PASS
    return cut(request, note.app.users()[1:])


@stands_for("6: duplicates, and as many missing", "list-users", "unproved", "listing-incomplete")
def doubles(note, request, forward):
    """Page three has people of page two"""
    answer, page = listing(request, forward)
    if start(request) != 21:
        return PASS
    rows = page["Resources"]
    return answer.replaced(dict(page, Resources=rows[:2] + note.app.users()[12:10 + len(rows)]))


# ---- Pain 7: rates.

@stands_for("7: Retry-After in seconds", "list-users", "complete", times=1)
def wait_seconds(note, request, forward):
    """429 with seconds"""
    return Answer(429, b"", [("Retry-After", "1")])


@stands_for("7: Retry-After as a date", "list-users", "complete", times=1)
def wait_date(note, request, forward):
    """429 with a date"""
    return Answer(429, b"slow down", [("Retry-After", email.utils.formatdate(time.time() + 2, usegmt=True))])


@stands_for("7: only a reset, as an epoch", "list-users", "complete", times=1)
def reset_epoch(note, request, forward):
    """429 with the second in which it ends"""
    return Answer(429, b"{}", [("X-RateLimit-Limit", "10"), ("X-RateLimit-Remaining", "0"),
                               ("X-RateLimit-Reset", str(int(time.time()) + 2))])


@stands_for("7: only a reset, as seconds from now", "list-users", "complete", times=1)
def reset_delta(note, request, forward):
    """429 by the draft of the RateLimit header"""
    return Answer(429, b"{}", [("RateLimit", "limit=10, remaining=0, reset=1")])


@stands_for("7: a limit without any header", "list-users", "complete", times=1)
def no_word_of_when(note, request, forward):
    """429 and not a word of when"""
    return Answer(429)


@stands_for("7: nonsense as a reset", "list-users", "complete", times=2)
def nonsense(note, request, forward):
    """429 with a time that is none"""
    note.n += 1
    return Answer(429, b"", [("Retry-After", ["soon", "-99999999999999999999"][note.n % 2])])


@stands_for("7: a reset in a thousand years", "list-users", "parked")
def thousand_years(note, request, forward):
    """429 with a time that nobody lives to see"""
    return Answer(429, b"", [("Retry-After", "31536000000")])


@stands_for("7: throttling with status 500 and only text", "list-users", "complete", times=2)
def throttled_500(note, request, forward):
    """500, and the text says that it was too much"""
    return Answer(500, b"Too many requests, try again", [("Content-Type", "text/plain")])


@stands_for("7: 503 and Retry-After", "list-users", "complete", times=1)
def busy(note, request, forward):
    """503 with seconds"""
    return Answer(503, b"busy", [("Retry-After", "1")])


@stands_for("7: limited at the start already", "config", "complete", times=1, alone=True)
def limited_at_start(note, request, forward):
    """429 to the very first request of a session"""
    return Answer(429, b"", [("Retry-After", "0")])


@stands_for("8 (apps): 5xx, then success", "list-users", "complete", times=2)
def gateway(note, request, forward):
    """502 with a web page, twice"""
    return Answer(502, b"<html>Bad gateway</html>", [("Content-Type", "text/html")])


@stands_for("8 (apps): 5xx for ever", "list-users", "failed", "app-unavailable")
def down(note, request, forward):
    """504 whenever it is asked"""
    return Answer(504)


# ---- Pain 8: tokens die.

@stands_for("8: a token that expires in mid-list", "list-users", "failed", "token-rejected", hub="review-automation-account")
def token_dies(note, request, forward):
    """401 from page two on"""
    return PASS if first(request) else Answer(401, b'{"status":"401","detail":"token expired"}',
                                              [("WWW-Authenticate", 'Bearer error="invalid_token"')])


@stands_for("8: a token that expires in the wait for a limit", "list-users", "failed", "token-rejected",
            hub="review-automation-account")
def token_dies_in_a_wait(note, request, forward):
    """429, and after the wait 401"""
    note.n += 1
    return Answer(429, b"", [("Retry-After", "1")]) if note.n == 1 else Answer(401)


@stands_for("8: an error of the token as a good answer", "list-users", "failed", "unexpected-answer")
def error_as_200(note, request, forward):
    """200, and the body says that the token is not valid"""
    return Answer(200, b'{"error":"invalid_token","error_description":"The access token expired"}')


# ---- Pains 3 and 5: invitations, and creating twice.

@stands_for("5: 409 without scimType", "create-user", "complete", does="invite", writes=0)
def nameless_conflict(note, request, forward):
    """The account is there already, and the app says 409 and nothing else"""
    if note.n == 0:
        note.app.change(add=[dict(json.loads(request.body), active=True)])
    note.n += 1
    return Answer(409, b"")


@stands_for("5: checked, then created by somebody else", "create-user", "complete", does="invite", writes=0, times=1)
def race(note, request, forward):
    """Somebody else makes the account between the look and the request"""
    note.app.change(add=[dict(json.loads(request.body), displayName="made by another")])
    return forward(request)


@stands_for("5: made, but not activated: check before trying again", "create-user", "complete", does="invite", times=1)
def made_then_500(note, request, forward):
    """The account is made, the answer is 500"""
    forward(request)
    return Answer(500, b'{"detail":"activation failed"}')


@stands_for("5: the answer is lost", "create-user", "complete", does="invite", times=1)
def lost_answer(note, request, forward):
    """The account is made, and the connection ends"""
    forward(request)
    return None


@stands_for("5: a gateway gives up, the app does not", "create-user", "complete", does="invite", times=1)
def late_effect(note, request, forward):
    """504, and the account appears a while later"""
    threading.Timer(0.25, lambda: forward(request)).start()
    return Answer(504, b"")


@stands_for("3: the app says that it invited, and did not", "create-user", "complete", does="invite", ends="not-confirmed",
            writes=0)
def lies(note, request, forward):
    """201 for an account that is never there"""
    note.n += 1
    return Answer(201, json.dumps(dict(json.loads(request.body), id=f"never-{note.n}")).encode())


@stands_for("3: an invitation that is shown as not active", "create-user patch-user", "complete", does="invite",
            ends="not-confirmed")
def inactive_until_accepted(note, request, forward):
    """The account is not active before the person accepts, whatever is asked of it"""
    if request.kind == "patch-user":
        note.n += 1
        return Answer(200, json.dumps(note.app.user(NEW)).encode())
    body = json.loads(request.body)
    request.body = json.dumps(dict(body, active=False)).encode()
    return forward(request)


@stands_for("3: an invitation that expires, and tools that invite again for ever", "create-user", "complete", does="invite",
            times=1)
def expires(note, request, forward):
    """The account is made, and is gone before the next sync"""
    answer = forward(request)
    note.after = lambda: note.app.change(remove=[NEW])
    return answer


@stands_for("3: joined by another way, and the invitation stays", "list-users", "complete", does="invite")
def pending_twin(note, request, forward):
    """Whoever was invited is listed once more, as not active and under another id"""
    answer, page = listing(request, forward)
    for user in [u for u in page["Resources"] if u["userName"] == NEW]:
        page["Resources"].append(dict(user, id="twin-" + user["id"], userName="invite-" + NEW, active=False))
    page["totalResults"] += 1
    return answer.replaced(page)


@stands_for("3: invitations have a limit of their own", "create-user", "complete", does="invite", times=1)
def invite_limit(note, request, forward):
    """429 to the invitation alone"""
    return Answer(429, b'{"detail":"too many invitations today"}', [("Retry-After", "1")])


@stands_for("3: what was invited is not shown at once", "read-user", "complete", does="invite", times=2)
def shown_later(note, request, forward):
    """404 for the new account, twice"""
    return Answer(404, b'{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"404"}')


@stands_for("5: the answer has somebody else's account", "create-user", "complete", does="invite")
def wrong_account(note, request, forward):
    """The account is made, and the answer shows somebody else's, whom Usher has not seen yet"""
    forward(request)
    return Answer(201, json.dumps(note.app.user(JOINER)).encode())


@stands_for("5: 201 without a body", "create-user", "complete", does="invite", times=1)
def created_in_silence(note, request, forward):
    """The account is made, and not shown in the answer"""
    forward(request)
    return Answer(201)


@stands_for("5: an account that the token cannot see", "create-user filter-users", "complete", does="invite",
            ends="refused-by-app", writes=0)
def unseen_conflict(note, request, forward):
    """409 for an account that is nowhere to be found"""
    if request.kind == "filter-users":
        return Answer(200, b'{"totalResults":0}')
    return Answer(409, b'{"scimType":"uniqueness","detail":"reserved","status":"409"}')


@stands_for("5: a filter that is not applied", "filter-users", "complete", does="invite")
def filter_ignored(note, request, forward):
    """Everybody is found, whoever is looked for"""
    return Answer(200, json.dumps({"totalResults": USERS, "Resources": note.app.users()[:5]}).encode())


# ---- Section 8 of the vendors' facts: changes of who is there.

@stands_for("8 (apps): an answer that lies", "patch-user", "complete", does="set-role", ends="not-confirmed", writes=0)
def role_unchanged(note, request, forward):
    """200, and the role is what it was"""
    return Answer(200, json.dumps(note.app.user(OLD)).encode())


@stands_for("5: the answer has somebody else's account", "patch-user", "complete", does="set-role")
def patched_another(note, request, forward):
    """The role is set, and the answer shows somebody else, whom Usher has not seen yet"""
    forward(request)
    return Answer(200, json.dumps(dict(note.app.user(JOINER), roles=[{"value": "admin"}])).encode())


@stands_for("8 (apps): failures of single items", "patch-user", "complete", does="set-role", ends="unexpected-answer", writes=0)
def item_failed(note, request, forward):
    """200, and the one item of it failed"""
    return Answer(200, b'{"results":[{"status":"failed","code":"role_locked"}]}')


@stands_for("8 (apps): the last owner", "patch-user", "complete", does="remove", ends="refused-by-app", writes=0)
def last_owner(note, request, forward):
    """The app refuses to let its last owner go"""
    return Answer(400, b'{"status":"400","detail":"cannot remove the last owner of the workspace"}')


@stands_for("1: a web page with 404 taken for gone", "read-user", "complete", does="remove", ends="unexpected-answer",
            writes=0, keeps=[LEAVER])
def gone_says_a_page(note, request, forward):
    """404 with a web page for somebody who is there"""
    return Answer(404, b"<html>Not found</html>", [("Content-Type", "text/html")])


@stands_for("5: the answer to a removal is lost", "patch-user", "complete", does="remove", times=1)
def removal_unanswered(note, request, forward):
    """The account is switched off, and the answer is cut short"""
    answer = forward(request)
    return Answer(200, answer.body[:20], length=len(answer.body))


@stands_for("8: a token that dies before a removal", "patch-user", "complete", does="remove", ends="token-rejected",
            writes=0, hub="review-automation-account", times=1)
def token_dies_before_removal(note, request, forward):
    """401 to the removal"""
    return Answer(401, b'{"detail":"expired"}', [("WWW-Authenticate", "Bearer")])
