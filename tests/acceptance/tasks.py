#!/usr/bin/env python3
"""Tasks that meet a difficult app: R65, R66, R74."""

import sys

from lib import QUICK, app_files, connect, events, task_of, token_file, wait_task, with_admin
from usher import App, Usher, check, equal, main, wait_for

NEW = "new@example.com"
FIRST = "user000000@example.com"


def last(u):
    return u.tasks()[0]


def ready(scratch, config=QUICK, app="scim", env=None):
    u, scim = Usher(scratch, config, env=env), with_admin(App(scratch, users=3))
    u.people(FIRST, "user000001@example.com", NEW)
    answer = connect(u, scim, "--login-method", "sso", "--secret", f"token=@{token_file(u, scim)}", app=app)
    equal(answer.status, 0, answer.err)
    scim.reset_counts()
    return u, scim


def invite(u, name):
    """The task of an invitation that nobody waits for."""
    return task_of(u.usher("member", "invite", "Acme", name, "--create", "--role", "member", "--yes", "--no-wait"))


def waits(u, task):
    found = u.json("task", "show", task)
    return found if found.get("wait_reason") == "app-asked" else None


def r65_no_such_member_is_not_taken_for_a_yes(scratch):
    """R65: an app that answers a removal with 404 and still shows the member is told as that, not as a yes"""
    u, scim = Usher(scratch, "[tasks]\nretry-wait = 10ms\n"), App(scratch, users=3)
    u.connect(scim, leave="delete")
    scim.faults(error={"kind": "delete-user", "status": 404})
    done = u.run("member", "remove", "Acme", FIRST, "--yes")
    check(scim.fired("error"), "the fault fired")
    equal((done.status, last(u)["error"]["code"]), (1, "not-confirmed"), "the task")
    equal(last(u)["error"]["message"], "The app said that there is no such member, but it still shows them.", "the sentence")
    check(scim.user(FIRST) is not None, "the app still has them")


def r65_completed_means_read_back(scratch):
    """R65: a change is Completed only once it was read back; claimed without effect it ends not-confirmed"""
    u, scim = ready(scratch, "[tasks]\nretry-wait = 10ms\n")
    changes = [("add-user", ("invite", "Acme", NEW, "--role", "member"), "create-user", "invite-failed",
                lambda: scim.user(NEW) is not None),
               ("update-role", ("set-role", "Acme", FIRST, "--role", "admin"), "patch-user", "update-failed",
                lambda: scim.roles(FIRST) == ["admin"]),
               ("remove-user", ("remove", "Acme", "user000001@example.com"), "patch-user", "deprovisioning-failed",
                lambda: not scim.user("user000001@example.com")["active"])]
    for kind, command, request, status, done in changes:
        scim.faults(ignore_write={"kind": request})
        u.usher("member", *command, "--yes", status=1)
        check(scim.fired("ignore-write"), f"{kind}: the fault fired")
        task = last(u)
        equal((task["kind"], task["status"], task["error"]["code"]), (kind, "not-completed", "not-confirmed"),
              "the task")
        check(not done(), f"{kind}: the app did nothing")
        equal(u.member(command[2])["status"], status, f"{kind}: the member")
        scim.faults()
        scim.reset_counts()
        u.usher("task", "retry", task["id"])
        equal((last(u)["id"], wait_task(u, task["id"])["status"]), (task["id"], "completed"), f"{kind}: the same task")
        check(done(), f"{kind}: the app did it")
        check(scim.counts().get("read-user"), f"{kind}: it was read back")
    equal([u.member(n)["status"] for n in (NEW, FIRST, "user000001@example.com")],
          ["onboarded", "onboarded", "removed"], "the members")
    # An app that says no and did it all the same: nothing is wrong.
    scim.faults(reset={"kind": "patch-user", "times": 1})
    u.usher("member", "set-role", "Acme", FIRST, "--role", "member", "--yes")
    equal(scim.fired("reset"), 1, "the fault fired")
    equal(scim.counts()["patch-user"], 2, "the change was sent once, and the removal before it")
    equal(scim.roles(FIRST), ["member"], "the role")


def r66_retryable_failures_are_tried_five_times(scratch):
    """R66: a passing failure is tried at most 5 times, another one once"""
    u, scim = ready(scratch, "[tasks]\nretry-wait = 10ms\n")
    scim.faults(error={"kind": "create-user"})
    u.usher("member", "invite", "Acme", NEW, "--role", "member", "--yes", status=1)
    equal((last(u)["attempts"], last(u)["error"]["code"]), (5, "app-unavailable"), "an app that stays away")
    equal(scim.fired("error"), 5, "times the fault fired")
    equal(scim.counts()["create-user"], 5, "requests at the app")
    equal([e["outcome"] for e in events(u, "task.failed")], ["app-unavailable"], "failures recorded")
    check(any(issue["code"] == "app-unavailable" for issue in u.json("issue", "list")), "an issue")

    scim.faults(error={"kind": "create-user", "times": 4})
    u.usher("task", "retry", last(u)["id"])
    equal(wait_task(u, last(u)["id"])["status"], "completed", "the fifth attempt, of a new series")
    equal((scim.fired("error"), last(u)["attempts"]), (4, 5), "the fault, and the attempts")
    check(scim.user(NEW), "the person is in the app")

    scim.reset_counts()
    scim.faults(error={"kind": "patch-user", "status": 400})
    u.usher("member", "set-role", "Acme", FIRST, "--role", "admin", "--yes", status=1)
    equal((last(u)["attempts"], scim.fired("error"), scim.counts()["patch-user"]), (1, 1, 1), "a refusal by the app")


def r66_a_listing_that_loses_its_place_is_an_attempt(scratch):
    """R66: a listing whose place the app forgets each time is tried at most 5 times too"""
    u, scim = Usher(scratch, "[tasks]\nretry-wait = 10ms\n"), App(scratch, users=30, page_max=10, paging="cursor")
    u.connect(scim)
    before = len(u.members())
    scim.reset_counts()
    scim.faults(expired_cursor={"kind": "list-users"})
    u.usher("sync", "Acme", status=1)
    check(scim.fired("expired-cursor"), "the fault fired")
    equal((last(u)["attempts"], last(u)["error"]["code"]), (5, "listing-incomplete"), "the task")
    check(scim.counts()["list-users"] <= 30, f"requests at the app: {scim.counts()}")
    equal(len(u.members()), before, "the members")
    scim.faults(expired_cursor={"kind": "list-users", "times": 1})
    u.usher("sync", "Acme")
    equal((scim.fired("expired-cursor"), last(u)["attempts"]), (1, 1), "a place lost once: the listing begins again")


def r66_a_killed_daemon_loses_and_repeats_nothing(scratch):
    """R66: a daemon that is killed loses no task and repeats no effect"""
    u, scim = ready(scratch, "[tasks]\nretry-wait = 1h\n")
    # Between two attempts: they go on being counted.
    scim.faults(error={"kind": "create-user"})
    task = invite(u, NEW)
    wait_for(lambda: u.json("task", "show", task)["status"] == "retrying", "the wait")
    equal((u.json("task", "show", task)["attempts"], scim.fired("error")), (1, 1), "the first attempt")
    u.kill()
    scim.faults()
    u.config.write_text("[tasks]\nretry-wait = 1s\n")
    u.start()
    u.advance(2 * 3600)
    found = wait_task(u, task)
    equal((found["status"], found["attempts"]), ("completed", 2), "the task after the restart")
    equal(sum(user["userName"] == NEW for user in scim.users()), 1, "accounts of the person")

    # Between the effect and its end: each point at which the daemon can die.
    for point in ("change-intent", "change-answered", "change-commit"):
        name = point + "@example.com"
        u.stop()
        u.start(fail_points=f"{point}=kill")
        scim.reset_counts()
        task = invite(u, name)
        wait_for(lambda: u.process.poll() is not None, f"the end of the daemon at {point}")
        check(u.fired(point), f"{point}: the fail point fired")
        u.start()
        equal(wait_task(u, task)["status"], "completed", f"{point}: the task")
        equal(scim.counts()["create-user"], 1, f"{point}: requests to make the account")
        equal(sum(user["userName"] == name for user in scim.users()), 1, f"{point}: accounts")
        equal(u.member(name)["status"], "onboarded", f"{point}: the member")

    # While tasks are queued: all of them are done, each once.
    scim.reset_counts()
    scim.faults(slow={"kind": "create-user", "ms": 100, "chunk": 64})
    names = [f"many{n}@example.com" for n in range(6)]
    tasks = [invite(u, name) for name in names]
    wait_for(lambda: scim.fired("slow"), "the first of them")
    u.kill()
    u.start()
    for task in tasks:
        equal(wait_task(u, task)["status"], "completed", "a queued task after the restart")
    equal(scim.counts()["create-user"], len(names), "requests to make the accounts")
    equal(sorted(u["userName"] for u in scim.users() if u["userName"].startswith("many")), names, "accounts")


def r74_a_wait_blocks_nobody(scratch):
    """R74: a task that waits as the app asked blocks no other task of its hub, and is no attempt"""
    # Without a rate rule, what the app asks for is asked of the one request.
    env = app_files(scratch, unruled=lambda app: app.update(rate=[]))
    u, scim = ready(scratch, app="unruled", env=env)
    scim.faults(rate_limit={"kind": "create-user", "times": 1, "retry_after": 600})
    waiting = invite(u, NEW)
    found = wait_for(lambda: waits(u, waiting), "the wait")
    equal(scim.fired("rate-limit"), 1, "the fault fired")
    check(found["next_attempt_at"], "when it goes on is shown")
    u.usher("member", "set-role", "Acme", FIRST, "--role", "admin", "--yes")
    u.usher("sync", "Acme")
    equal(scim.roles(FIRST), ["admin"], "the other change is done")
    check(waits(u, waiting), "the first still waits")
    check(scim.user(NEW) is None, "and did nothing")
    u.advance(610)
    done = wait_task(u, waiting)
    equal((done["status"], done["attempts"]), ("completed", 1), "after the wait; it was no attempt")
    check(scim.user(NEW), "the person is in the app")


def r74_a_limit_holds_for_all_requests(scratch):
    """R74: where the app limits the whole account nothing is sent before its time, and each task has its turn"""
    u, scim = ready(scratch)
    second = App(scratch, users=1)
    u.connect(second, "Second")
    scim.faults(rate_limit={"kind": "create-user", "times": 1, "retry_after": 600})
    tasks = [invite(u, NEW)]
    wait_for(lambda: waits(u, tasks[0]), "the wait")
    scim.reset_counts()
    tasks.append(task_of(u.usher("member", "set-role", "Acme", FIRST, "--role", "admin", "--yes", "--no-wait")))
    wait_for(lambda: u.json("task", "show", tasks[1]).get("started_at"), "the second task's turn")
    check(waits(u, tasks[0]), "the first still waits")
    u.usher("sync", "Second")
    equal(scim.counts(), {}, "requests to the app before its time")
    u.advance(610)
    for task in tasks:
        equal(wait_task(u, task)["attempts"], 1, "attempts: a wait is none")
        equal(u.json("task", "show", task)["status"], "completed", "the task")
    check(scim.user(NEW) and scim.roles(FIRST) == ["admin"], "the app has both changes")


if __name__ == "__main__":
    sys.exit(main([r65_completed_means_read_back, r65_no_such_member_is_not_taken_for_a_yes, r66_retryable_failures_are_tried_five_times,
                   r66_a_listing_that_loses_its_place_is_an_attempt, r66_a_killed_daemon_loses_and_repeats_nothing,
                   r74_a_wait_blocks_nobody, r74_a_limit_holds_for_all_requests], "tasks"))
