#!/usr/bin/env python3
"""Access tokens that Usher gets by itself: renewed in time and by one, kept before they are used,
and given up when the app says so."""

import json
import os
import pathlib
import signal
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / part) for part in ("lib", "apps/oauth")]

from server import ID, SECRET, Endpoint  # noqa: E402
from usher import TOP, App, Usher, check, equal, main, wait_for  # noqa: E402


def start(scratch, users=3, grant="refresh_token", client_auth="basic", connect=True, fail_points=None,
          config="[tasks]\nretry-wait = 100ms\n", **options):
    """An app that is reached with access tokens, its token endpoint, and a daemon whose hub it is."""
    app = App(scratch, users=users, **options)
    endpoint = Endpoint(app.port, app.TOKEN)
    endpoint.client_auth = client_auth
    scratch.callback(endpoint.close)
    folder = scratch.dir / "apps"
    folder.mkdir()
    file = json.loads((TOP / "plugins/seat/apps/scim.json").read_text())
    file["id"] = "granted"
    file["fields"].append({"key": "token_url", "label": "Token endpoint", "kind": "url", "required": True})
    file["accounts"] = [{"kind": "oauth", "fields": [
        {"key": "client_id", "label": "Client", "kind": "text", "required": True},
        {"key": "client_secret", "label": "Client secret", "kind": "secret", "required": True}],
        "oauth": {"token_url": "{token_url}", "grant": grant, "client_auth": client_auth,
                  "scopes": ["members:read", "members:write"], "extra": {"continuous": "true"}}}]
    file["auth"] = {"default": {"bearer": "access_token"}}
    (folder / "granted.json").write_text(json.dumps(file))
    u = Usher(scratch, config, env={"USHER_APP_PATH": str(folder)})
    if fail_points:
        u.stop()
        u.start(fail_points=fail_points)
    if connect:
        hub(u, endpoint, grant)
    return app, endpoint, u


def hub(u, endpoint, grant="refresh_token", status=0):
    files = {"client_secret": SECRET}
    if grant == "refresh_token":
        files["refresh_token"] = endpoint.refresh
    flags = []
    for name, value in files.items():
        flags += ["--secret", f"{name}=@{u.scratch.file(name, value)}"]
    return u.usher("hub", "connect", "granted", "--label", "Acme", "--login-method", "sso", "--set",
                   f"base_url={endpoint.url}/scim/v2", "--set", f"token_url={endpoint.token_url}", "--secret",
                   f"client_id=@{u.scratch.file('client_id', ID)}", *flags, status=status)


def give_refresh_token(u, endpoint):
    u.usher("account", "set", "Acme", "--secret", f"refresh_token=@{u.scratch.file('new-token', endpoint.grant())}")


def no_token_leaked(u, endpoint):
    """No token that was ever given, and not the client's secret, is in a file or a line of Usher."""
    texts = {path: path.read_bytes() for path in u.scratch.dir.rglob("*")
             if path.is_file() and (u.state in path.parents or path == u.log_path)}
    check(len(texts) > 1, "there is something to look through")
    for token in [*endpoint.issued, SECRET]:
        for path, text in texts.items():
            check(token.encode() not in text, f"{token[:3]}... is in {path.name}")


def one_token_for_much_work(scratch):
    """A hub works with tokens that it gets by itself, one for all requests, sealed where they are kept"""
    app, endpoint, u = start(scratch, users=30)
    equal(len(u.members()), 30, "members")
    equal(endpoint.counts["renewed"], 1, "tokens got")
    equal(endpoint.counts["unauthorized"], 0, "requests without a good token")
    equal(endpoint.form["scope"], "members:read members:write", "the scopes")
    equal(endpoint.form["continuous"], "true", "the form field of the app file")
    u.people("new@example.com")
    u.usher("member", "invite", "Acme", "new@example.com", "--role", "member", "--yes")
    check(app.user("new@example.com"), "the invitation had its effect")
    u.stop()
    u.start()
    u.usher("sync", "Acme")
    equal(endpoint.counts["renewed"], 1, "tokens got, after another start")
    account = u.json("account", "show", "Acme")
    check("token" not in account and "refresh_token" in account["secrets"], f"the account as shown: {account}")
    no_token_leaked(u, endpoint)


def client_credentials(scratch):
    """A client that acts for itself gets a token with its own secret, in the body where the app file says so"""
    _, endpoint, u = start(scratch, grant="client_credentials", client_auth="body")
    equal(endpoint.form["grant_type"], "client_credentials", "the grant")
    equal(endpoint.counts["renewed"], 1, "tokens got")
    endpoint.expire()
    u.usher("sync", "Acme")
    equal(endpoint.counts["renewed"], 2, "tokens got, after the app refused one")
    no_token_leaked(u, endpoint)


def half_life(scratch):
    """A token is renewed at half of its life, before any request is refused"""
    _, endpoint, u = start(scratch)
    u.stop()
    u.advance(1700)
    u.start()
    u.usher("sync", "Acme")
    equal(endpoint.counts["renewed"], 1, "tokens got before half of the life")
    u.stop()
    u.advance(200)
    u.start()
    u.usher("sync", "Acme")
    equal(endpoint.counts["renewed"], 2, "tokens got after half of the life")
    equal(endpoint.counts["unauthorized"], 0, "requests without a good token")


def still_good(scratch):
    """When a token cannot be renewed at half of its life, the one that there is serves until its end"""
    _, endpoint, u = start(scratch)
    u.stop()
    u.advance(2000)
    u.start()
    endpoint.answers.extend([(503, {}, b"<html>out</html>")] * 2)
    u.usher("sync", "Acme")
    equal(endpoint.counts["scripted"], 1, "attempts to renew")
    check("serves for now" in u.logged(), "the log says so")
    u.stop()
    u.advance(2000)
    u.start()
    endpoint.answers.clear()
    u.usher("sync", "Acme")
    equal(endpoint.counts["renewed"], 2, "tokens got")


def refused_token(scratch):
    """A token that the app no longer takes is replaced in the middle of a listing, which then is complete"""
    _, endpoint, u = start(scratch, users=500, page_max=50)
    endpoint.expire()
    before = endpoint.counts["unauthorized"]
    u.usher("sync", "Acme")
    equal(u.tasks()[0]["sync"]["listing"], "complete", "the listing")
    equal(endpoint.counts["renewed"], 2, "tokens got")
    check(endpoint.counts["unauthorized"] > before, "a request was refused")
    u.people("late@example.com")
    endpoint.expire()
    u.usher("member", "invite", "Acme", "late@example.com", "--role", "member", "--yes")
    equal(endpoint.counts["renewed"], 3, "tokens got, for a change")
    equal(sum(m["email"] == "late@example.com" for m in u.members()), 1, "the member")


def never_taken(scratch):
    """An app that takes no token at all is asked once more with a new one, and then the hub waits for a person"""
    _, endpoint, u = start(scratch)
    endpoint.answers.append(lambda answer: (200, {}, dict(answer, access_token="never-good-anywhere")))
    endpoint.expire()
    requests, tokens = endpoint.counts["api"], endpoint.counts["token"]
    u.usher("sync", "Acme", status=1)
    equal(endpoint.counts["token"] - tokens, 1, "tokens asked for")
    check(endpoint.counts["api"] - requests <= 8, f"requests: {endpoint.counts['api'] - requests}")
    equal(u.tasks()[0]["error"]["code"], "token-rejected", "the failure")
    equal(u.hub()["status"], "review-automation-account", "the hub")


def issues(u):
    return [issue for issue in u.json("issue", "list") if issue["state"] != "resolved"]


def revoked_grant(scratch):
    """A grant that was taken back parks the hub and asks once; a new refresh token lets it go on"""
    _, endpoint, u = start(scratch)
    endpoint.revoke()
    tokens = endpoint.counts["token"]
    u.usher("sync", "Acme", status=1)
    error = u.tasks()[0]["error"]
    equal((error["code"], error["class"]), ("token-rejected", "credential"), "the failure")
    check("invalid_grant" in error["message"] and error["message"].count(". ") == 0, f"one sentence: {error}")
    found = u.hub()
    equal(found["status"], "review-automation-account", "the hub")
    equal([(issue["code"], issue["count"]) for issue in issues(u)], [("token-rejected", 1)], "issues")
    for _ in range(3):
        u.usher("sync", "Acme", "--no-wait")
    u.advance(3 * 3600)
    equal(endpoint.counts["token"] - tokens, 1, "requests to the endpoint that refuses")
    wait_for(lambda: u.tasks()[0].get("wait_reason") == "hub-needs-review", "the wait of the syncs")
    equal([(issue["code"], issue["count"]) for issue in issues(u)], [("token-rejected", 1)], "issues, later")
    give_refresh_token(u, endpoint)
    wait_for(lambda: u.hub()["status"] == "healthy", "the hub's recovery")
    u.wait_idle()
    equal(issues(u), [], "issues, at the end")


def wrong_client(scratch):
    """A client that the endpoint does not know is said to be wrong, and its secret can be given anew"""
    _, endpoint, u = start(scratch, connect=False)
    right = endpoint.client_auth
    endpoint.client_auth = "body"
    hub(u, endpoint, status=1)
    error = u.tasks()[0]["error"]
    check("invalid_client" in error["message"] and "client_secret" in error["message"], f"the failure: {error}")
    equal(u.hub()["status"], "review-automation-account", "the hub")
    endpoint.client_auth = right
    u.usher("account", "set", "Acme", "--secret", f"client_secret=@{u.scratch.file('again', SECRET)}")
    wait_for(lambda: u.hub()["status"] == "healthy", "the hub's recovery")


ODD = {
    "a web page": ((200, {"Content-Type": "text/html"}, b"<html>Sign in</html>"), "unexpected-answer", "not JSON"),
    "an error with status 200": ((200, {}, {"error": "invalid_grant"}), "token-rejected", "invalid_grant"),
    "an error of its own": ((400, {}, {"error": "no <b>tokens</b>\n"}), "token-rejected", "error of its own"),
    "no life": (lambda a: (200, {}, dict(a, expires_in=0)), "unexpected-answer", "over at once"),
    "a life that was": (lambda a: (200, {}, dict(a, expires_in=-5)), "unexpected-answer", "over at once"),
    "no token": (lambda a: (200, {}, {k: a[k] for k in a if k != "access_token"}), "unexpected-answer", "without one"),
    "a token with a line break": (lambda a: (200, {}, dict(a, access_token="a\r\nX: y")), "unexpected-answer",
                                  "without one"),
    "another type": (lambda a: (200, {}, dict(a, token_type="mac")), "unexpected-answer", "another type"),
    "a redirect to another host": ((302, {"Location": "https://other.example.com/token"}, b""), "bad-setting",
                                   "other.example.com"),
    "a redirect within": ((307, {"Location": "/oauth/elsewhere"}, b""), "bad-setting", "token_url"),
    "too much": ((200, {}, b"{" + b" " * 200000 + b"}"), "unexpected-answer", "KiB"),
    "nothing": ((200, {}, b""), "unexpected-answer", "not JSON"),
    "half an answer": ((200, {}, b'{"access_token": "abcdefgh'), "unexpected-answer", "not JSON"),
    "a list": ((200, {}, [1, 2]), "unexpected-answer", "not JSON"),
    "no such page": ((404, {}, b"gone"), "bad-setting", "404"),
}


def odd_answers(scratch):
    """Each odd answer of a token endpoint ends in one sentence, is asked for once, and loses no refresh token"""
    _, endpoint, u = start(scratch)
    for name, (answer, code, words) in ODD.items():
        endpoint.expire()
        endpoint.answers.append(answer)
        fired, asked = endpoint.counts["scripted"], endpoint.counts["token"]
        u.usher("sync", "Acme", status=1)
        equal(endpoint.counts["scripted"] - fired, 1, f"{name} was answered")
        equal(endpoint.counts["token"] - asked, 1, f"requests for {name}")
        error = u.tasks()[0]["error"]
        equal(error["code"], code, f"{name}: {error['message']}")
        check(words in error["message"], f"{name}: {error['message']}")
        check(error["message"].endswith(".") and ". " not in error["message"] and "\n" not in error["message"],
              f"one sentence: {error['message']}")
        if u.hub()["status"].startswith("review-"):
            u.usher("hub", "check", "Acme")
            u.wait_idle()
        u.usher("sync", "Acme")
    equal(endpoint.counts["reused"], 0, "refresh tokens that came twice")
    no_token_leaked(u, endpoint)


def odd_lives(scratch):
    """A life that is not told, huge, a text or broken is taken for what it can be, without a loop"""
    _, endpoint, u = start(scratch)
    for life in (None, 10 ** 18, "3600", 3599.5, 1e300, "soon", True, 1):
        endpoint.expire()
        endpoint.life = life
        asked = endpoint.counts["token"]
        u.usher("sync", "Acme")
        u.usher("sync", "Acme")
        check(1 <= endpoint.counts["token"] - asked <= (4 if life == 1 else 1), f"tokens with a life of {life!r}: "
              f"{endpoint.counts['token'] - asked}")
    equal(endpoint.counts["reused"], 0, "refresh tokens that came twice")


def asked_to_wait(scratch):
    """A token endpoint that asks to wait is waited for, and not asked again before"""
    _, endpoint, u = start(scratch)
    endpoint.expire()
    endpoint.answers.append((429, {"Retry-After": "600"}, b""))
    asked = endpoint.counts["token"]
    u.usher("sync", "Acme", "--no-wait")
    wait_for(lambda: u.tasks()[0].get("wait_reason") == "app-asked", "the wait")
    equal(endpoint.counts["token"] - asked, 1, "requests to the endpoint")
    u.advance(700)
    u.wait_idle()
    equal(u.tasks()[0]["status"], "completed", "the sync, later")


def children(u):
    """The programs that usherd has started: {pid: name}."""
    found = {}
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text()
        except OSError:
            continue
        name, rest = fields[fields.index("(") + 1:fields.rindex(")")], fields[fields.rindex(")") + 2:].split()
        if int(rest[1]) == u.process.pid:
            found[int(path.name)] = name
    return found


def worker_dies(scratch):
    """A connector that dies while a token is renewed does not lose the refresh token"""
    _, endpoint, u = start(scratch)
    endpoint.expire()
    endpoint.hold()
    u.usher("sync", "Acme", "--no-wait")
    check(endpoint.held.wait(90), "a renewal is under way")
    workers = [pid for pid, name in children(u).items() if name.startswith("usher-worker")]
    check(workers, "there is a worker")
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not set(workers) & set(children(u)), "the worker's end")
    endpoint.release()
    u.wait_idle()
    equal(u.tasks()[0]["status"], "completed", "the sync, at its second attempt")
    equal(endpoint.counts["reused"], 0, "refresh tokens that came twice")
    equal(endpoint.counts["renewed"], 2, "tokens got")


def daemon_stops(scratch):
    """A daemon that is stopped while a token is renewed waits for it and keeps it"""
    _, endpoint, u = start(scratch)
    endpoint.expire()
    endpoint.hold()
    u.usher("sync", "Acme", "--no-wait")
    check(endpoint.held.wait(90), "a renewal is under way")
    u.process.terminate()
    endpoint.release()
    equal(u.stop(), 0, "the daemon's exit")
    u.start()
    u.wait_idle()
    u.usher("sync", "Acme")
    equal(endpoint.counts["reused"], 0, "refresh tokens that came twice")
    equal(endpoint.counts["renewed"], 2, "tokens got")


def killed_after_keeping(scratch):
    """Killed between keeping a token and using it, nothing is lost"""
    _, endpoint, u = start(scratch)
    u.stop()
    endpoint.expire()
    u.start(fail_points="token-kept=kill")
    u.run("sync", "Acme", "--no-wait")
    wait_for(lambda: u.process.poll() is not None, "the kill")
    equal(u.fired("token-kept"), 1, "the fail point")
    u.stop()
    u.start()
    u.wait_idle()
    u.usher("sync", "Acme")
    equal(endpoint.counts["renewed"], 2, "tokens got")
    equal(endpoint.counts["reused"], 0, "refresh tokens that came twice")


def killed_before_keeping(scratch):
    """Killed before a token is kept, it is asked for again; a refresh token that was changed then is lost, and a person asked"""
    _, endpoint, u = start(scratch)
    u.stop()
    endpoint.rotates = False
    endpoint.expire()
    u.start(fail_points="token-answered=kill")
    u.run("sync", "Acme", "--no-wait")
    wait_for(lambda: u.process.poll() is not None, "the kill")
    equal(u.fired("token-answered"), 1, "the fail point")
    u.stop()
    u.start()
    u.wait_idle()
    u.usher("sync", "Acme")
    equal(endpoint.counts["renewed"], 3, "tokens got, where the refresh token stays")
    u.stop()
    endpoint.rotates = True
    endpoint.expire()
    u.start(fail_points="token-answered=kill")
    u.run("sync", "Acme", "--no-wait")
    wait_for(lambda: u.process.poll() is not None, "the kill")
    u.stop()
    u.start()
    wait_for(lambda: u.hub()["status"] == "review-automation-account", "the question to a person")
    equal(endpoint.counts["reused"], 1, "the one that is lost")
    equal([(issue["code"], issue["count"]) for issue in issues(u)], [("token-rejected", 1)], "issues")
    give_refresh_token(u, endpoint)
    wait_for(lambda: u.hub()["status"] == "healthy", "the hub's recovery")


def full_disk(scratch):
    """A token that the store has no room for is kept as soon as there is some, and used only then"""
    _, endpoint, u = start(scratch)
    u.stop()
    endpoint.expire()
    u.start(fail_points="token-keep=full")
    u.usher("sync", "Acme")
    equal(u.fired("token-keep"), 1, "the fail point")
    check("cannot be kept" in u.logged(), "the log says so")
    equal(endpoint.counts["renewed"], 2, "tokens got")
    u.stop()
    u.start()
    u.usher("sync", "Acme")
    equal(endpoint.counts["reused"], 0, "refresh tokens that came twice")


def new_credential_wins(scratch):
    """A credential that a person gives while a token is renewed with the old one is not overwritten"""
    _, endpoint, u = start(scratch)
    endpoint.expire()
    endpoint.hold()
    u.usher("sync", "Acme", "--no-wait")
    check(endpoint.held.wait(90), "a renewal is under way")
    give_refresh_token(u, endpoint)
    endpoint.release()
    wait_for(lambda: u.hub()["status"] == "healthy", "the hub's recovery")
    u.wait_idle()
    endpoint.expire()
    u.usher("sync", "Acme")
    equal(endpoint.counts["reused"], 0, "refresh tokens that came twice")


def new_secret_keeps_the_grant(scratch):
    """Whoever gives only the client's secret while a token is renewed loses no refresh token"""
    _, endpoint, u = start(scratch)
    endpoint.expire()
    endpoint.hold()
    u.usher("sync", "Acme", "--no-wait")
    check(endpoint.held.wait(90), "a renewal is under way")
    u.usher("account", "set", "Acme", "--secret", f"client_secret=@{u.scratch.file('again', SECRET)}")
    endpoint.release()
    u.wait_idle()
    endpoint.expire()
    u.usher("sync", "Acme")
    equal(endpoint.counts["reused"], 0, "refresh tokens that came twice")


TESTS = [one_token_for_much_work, client_credentials, half_life, still_good, refused_token, never_taken,
         revoked_grant, wrong_client, odd_answers, odd_lives, asked_to_wait, worker_dies, daemon_stops,
         killed_after_keeping, killed_before_keeping, full_disk, new_credential_wins, new_secret_keeps_the_grant]

if __name__ == "__main__":
    sys.exit(main(TESTS, "credentials"))
