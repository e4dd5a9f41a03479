"""What the acceptance suites share beside tests/lib/usher.py: other app files, and short words
for what nearly every rule asks."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import usher  # noqa: E402

QUICK = "[tasks]\nretry-wait = 10ms\n"


def app_files(scratch, **apps):
    """A folder of app files: scim.json, and NAME.json for each NAME = change(app), which edits a
    copy of it.  Answers the environment for usher.Usher."""
    folder = scratch.dir / "apps"
    folder.mkdir()
    plain = (usher.TOP / "plugins/seat/apps/scim.json").read_text()
    (folder / "scim.json").write_text(plain)
    for name, change in apps.items():
        app = json.loads(plain)
        app["id"], app["name"] = name, "App " + name
        change(app)
        (folder / f"{name}.json").write_text(json.dumps(app))
    return {"USHER_APP_PATH": str(folder)}


def with_admin(scim, name="user000001@example.com"):
    """Somebody in the app is admin, so that the hub knows the role."""
    scim.change(set={name: {"roles": [{"value": "admin"}]}})
    return scim


def refused(answer, status, code):
    """A refusal: exit STATUS, one sentence that ends with its code."""
    usher.equal(answer.status, status, f"the exit status ({answer.err.strip()})")
    usher.check(f"[{code}]" in answer.err, f"wanted the refusal {code}, found: {answer.err.strip()}")


def task_of(answer):
    """The task that a command with --no-wait made."""
    return answer.out.split()[0]


def wait_task(u, task):
    """The task once it is over."""
    def over():
        found = u.json("task", "show", task)
        return found if found["status"] in ("completed", "not-completed") else None
    return usher.wait_for(over, f"the end of task {task}")


def wait_hub(u, status, hub="Acme"):
    return usher.wait_for(lambda: u.hub(hub)["status"] == status and u.hub(hub), f"{hub} being {status}")


def events(u, kind, hub="Acme"):
    return [event for event in u.json("audit", "list", "--hub", hub) if event["type"] == kind]


def statuses(u, hub="Acme"):
    """Every status the hub had, oldest first."""
    return [event["outcome"] for event in reversed(events(u, "hub.status-changed", hub))]


def by_name(members):
    return {member["username"]: member for member in members}


def without_times(members):
    """Members as they can be compared over a sync that is to change nothing."""
    return sorted(({key: value for key, value in member.items() if key != "last_seen"} for member in members),
                  key=lambda member: member["id"])


def connect(u, scim, *arguments, app="scim", label="Acme", **more):
    """hub connect with the address of the stand-in, and what else is given."""
    return u.run("hub", "connect", app, "--label", label, "--set", f"base_url={scim.url}", *arguments, **more)


def token_file(u, scim, name="token"):
    return u.scratch.file(name, scim.TOKEN)
