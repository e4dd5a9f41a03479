#!/usr/bin/env python3
"""Connectors that come, change, go, and misbehave, while the rest runs."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from rig import BAD, SEAT, Held, Rig  # noqa: E402
from usher import TOP, App, Skipped, check, equal, main, wait_for  # noqa: E402


def other_version(rig, version):
    """The SCIM connector with another version in it, byte for byte as long."""
    data = SEAT.read_bytes()
    old = rig.connector("seat")["version"].encode()
    check(len(old) == len(version) and data.count(old + b"\0") == 1, f"the version {old} stands not once in {SEAT}")
    path = rig.scratch.dir / "other.so"
    path.write_bytes(data.replace(old + b"\0", version.encode() + b"\0"))
    return path


def app_broken(rig, app):
    return rig.usher.json("app", "show", app).get("broken", "")


def open_task(rig, hub):
    return [t for t in rig.usher.tasks(hub) if not t.get("ended_at")][0]


def test_comes_changes_goes(scratch):
    """A connector dropped in, replaced or removed takes effect at SIGHUP while another hub syncs."""
    rig = Rig(scratch)
    other = App(scratch, users=3)
    rig.usher.connect(other, "Other")
    held = Held(rig)

    # Dropped in: until then its hub waits, and says for what.
    rig.write_app("late", "late", "print")
    rig.reload()
    check("not installed" in app_broken(rig, "late"), f"an app without its connector: {app_broken(rig, 'late')!r}")
    answer = rig.connect("late", status=5)
    check("connector" in answer.err, f"the command does not say what it waits for: {answer.err}")
    task = open_task(rig, "late")
    equal((task["status"], task["wait_reason"], task["attempts"]), ("queued", "connector-missing", 0), "the task")
    equal(rig.usher.hub("late")["status"], "under-validation", "the hub's status")
    rig.install(BAD / "bad.so", "late")
    check(rig.connector("late") is None, "a file takes effect before SIGHUP")
    rig.reload()
    equal(rig.connector("late")["version"], "0", "the connector that was dropped in")
    equal(app_broken(rig, "late"), "", "the app")
    wait_for(lambda: rig.usher.tasks("late")[-1]["status"] == "completed", "the validation that waited")
    held.check_open("when a connector was dropped in")

    # Replaced by rename.
    new = other_version(rig, "9.8.7")
    rig.install(new, "seat")
    rig.reload()
    equal(rig.connector("seat")["version"], "9.8.7", "the version after the file was replaced")
    rig.usher.usher("sync", "Other")
    held.check_open("when its connector was replaced")

    # Removed.
    (rig.connectors / "seat.so").unlink()
    rig.reload()
    check(rig.connector("seat") is None, "a connector that was removed is listed")
    check("not installed" in app_broken(rig, "scim"), "the app of the removed connector is not broken")
    rig.usher.usher("sync", "Other", status=5)
    equal(open_task(rig, "Other")["wait_reason"], "connector-missing", "a sync without its connector")
    check(len(rig.usher.members("Other")) == 3, "members cannot be read without the connector")
    held.check_open("when its connector was removed")
    held.release()

    rig.install(new, "seat")
    rig.reload()
    rig.usher.wait_idle("Other")
    task = rig.last("Other")
    equal((task["status"], task["attempts"]), ("completed", 1), "the sync that waited for its connector")
    equal(rig.usher.hub("Other")["status"], "healthy", "the hub after its connector came back")


def test_broken_files(scratch):
    """A file that is no connector is listed with the reason; its hubs wait and the rest runs."""
    rig = Rig(scratch)
    app = App(scratch, users=3)
    rig.usher.connect(app, "Good")
    text = scratch.file("text", "this is no shared object\n")
    cut = scratch.dir / "cut"
    cut.write_bytes(SEAT.read_bytes()[:5000])
    wanted = {"magic": (BAD / "broken-magic.so", "magic number 12345678"),
              "minor": (BAD / "broken-minor.so", "needs version 1.7 of the connector ABI, this host has 1.0"),
              "major": (BAD / "broken-major.so", "built for version 2"),
              "symbol": (BAD / "broken-symbol.so", "does not export usher_connector_v1"),
              "size": (BAD / "broken-size.so", "40 bytes"),
              "library": (BAD / "broken-library.so", "no_library_has_this"),
              "constructor": (BAD / "broken-constructor.so", "signal 11"),
              "text": (text, "is not a shared object"), "cut": (cut, "is damaged")}
    for name, (file, _) in wanted.items():
        rig.install(file, name)
        rig.write_app(f"app-{name}", name, "print")
    (rig.connectors / "dangling.so").symlink_to(rig.connectors / "nothing")
    (rig.connectors / "notes.txt").write_text("not looked at")
    rig.reload()
    listed = {c["name"]: c for c in rig.usher.json("connector", "list")}
    doctor = rig.usher.usher("-o", "json", "doctor", status=1).json()
    check("notes" not in listed and "broken" not in listed["seat"], f"the list: {sorted(listed)}")
    for name, (_, sentence) in wanted.items():
        check(sentence in listed[name].get("broken", ""), f"{name}: {listed[name]}")
        check(sentence in app_broken(rig, f"app-{name}"), f"the app of {name} is not shown as broken")
        found = [c for c in doctor["checks"] if c["name"] == f"connector {name}"]
        check(len(found) == 1 and not found[0]["ok"] and sentence in found[0]["detail"] and str(rig.connectors) in
              found[0]["detail"], f"doctor of {name}: {found}")
    rig.connect("app-magic", status=5)
    equal(open_task(rig, "app-magic")["wait_reason"], "connector-missing", "the task of a hub with a broken connector")
    answer = rig.usher.usher("doctor", status=1)
    check("magic number" in answer.out, f"doctor does not tell why: {answer.out}")
    rig.usher.usher("sync", "Good")
    # Mended, it goes on by itself.
    rig.install(BAD / "bad.so", "magic")
    rig.reload()
    wait_for(lambda: rig.usher.tasks("app-magic")[-1]["status"] == "completed", "the validation after the file was mended")
    # Without a daemon the same is said.
    answer = rig.usher.usher("connector", "inspect", BAD / "broken-minor.so", status=1)
    check("needs version 1.7" in answer.err + answer.out, f"inspect: {answer.out}{answer.err}")
    equal(rig.usher.json("connector", "inspect", SEAT)["abi"], "1.0", "inspect")


def test_quarantine(scratch):
    """Three faults in ten minutes pause the app's hubs until a person or a new file ends it."""
    rig = Rig(scratch)
    rig.install(BAD / "bad.so", "crashy")
    rig.write_app("crashy", "crashy", "crash")
    rig.write_app("calm", "crashy", "print")
    rig.reload()
    rig.connect("crashy", status=1)
    task = rig.last("crashy")
    equal(task["error"]["code"], "connector-quarantined", "the third fault")
    check("usher connector enable crashy" in task["error"]["message"], f"how to end it: {task['error']}")
    check("signal 11" in task["error"]["message"], f"what it was: {task['error']}")
    found = rig.connector("crashy")
    equal((found["paused"], found["enabled"]), (["crashy"], True), "the list")
    check("are paused" in app_broken(rig, "crashy"), f"the app: {app_broken(rig, 'crashy')}")
    # The same connector goes on serving other apps.
    equal(app_broken(rig, "calm"), "", "the other app of the connector")
    rig.connect("calm", status=1)
    equal(rig.last("calm")["error"]["code"], "refused-by-app", "the sync of the other app")
    equal(rig.usher.hub("crashy")["status"], "review-configuration", "the hub")
    rig.usher.usher("doctor", status=1)
    # It lasts over a restart and a reload.
    rig.usher.stop()
    rig.usher.start()
    rig.reload()
    check(rig.connector("crashy")["paused"], "the pause ended by itself")
    # A person ends it.  The app file was changed meanwhile, so that validation and sync do no harm.
    rig.write_app("crashy", "crashy", "print")
    rig.reload()
    rig.usher.usher("connector", "enable", "crashy")
    check(rig.connector("crashy")["enabled"], "enabled")
    rig.usher.wait_idle("crashy")
    check(rig.last("crashy")["error"]["code"] == "refused-by-app", f"the sync after it: {rig.last('crashy')}")
    # Three again; this time a new file ends it.
    rig.write_app("crashy", "crashy", "crash")
    rig.reload()
    rig.usher.usher("sync", "crashy", status=1)
    check(rig.connector("crashy")["paused"], "three more faults did not pause it")
    rig.write_app("crashy", "crashy", "print")
    rig.install(BAD / "bad.so", "crashy")
    rig.reload()
    check(not rig.connector("crashy")["paused"], "a new file did not end the pause")
    rig.usher.wait_idle("crashy")
    check(rig.usher.hub("crashy")["status"] != "review-configuration", "the hub was not validated again")
    # Switched off, its hubs wait.
    rig.write_app("crashy", "crashy", "crash")
    rig.reload()
    rig.usher.usher("connector", "disable", "crashy", "--yes")
    rig.usher.usher("sync", "crashy", status=5)
    equal(open_task(rig, "crashy")["wait_reason"], "connector-missing", "a sync while the connector is switched off")


def children(pid):
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)
            name = fields[0].split("(", 1)[1]
            if int(fields[1].split()[1]) == pid:
                found.setdefault(name, []).append(entry)
        except OSError:
            continue
    return found


def memory_holds(process, text):
    """Whether TEXT lies in memory that the process can write."""
    with open(process / "mem", "rb", 0) as memory:
        for line in (process / "maps").read_text().splitlines():
            where, rights = line.split()[:2]
            if not rights.startswith("rw"):
                continue
            begin, end = (int(x, 16) for x in where.split("-"))
            try:
                memory.seek(begin)
                if text in memory.read(end - begin):
                    return True
            except OSError:
                continue
    return False


def test_confinement(scratch):
    """Seen from outside, a worker is confined and holds no secret while its session is open."""
    rig = Rig(scratch)
    held = Held(rig)
    found = children(rig.usher.process.pid)
    equal(sorted(found), ["usher-net", "usher-worker"], "the daemon's children")
    (worker,), (net,) = found["usher-worker"], found["usher-net"]
    secret = App.TOKEN.encode()
    for process in (worker, net):
        status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
        equal((status["NoNewPrivs"].strip(), status["Seccomp"].strip(), status["Threads"].strip()), ("1", "2", "1"),
              f"the status of {process}")
        variables = [v for v in (process / "environ").read_bytes().split(b"\0") if v]
        # Test builds hand on what their hooks need.
        equal([v for v in variables if not v.startswith(b"USHER_TEST_")], [], "the environment")
        check(secret not in (process / "cmdline").read_bytes(), "a secret on the command line")
        limits = (process / "limits").read_text()
        check(any(line.startswith("Max core file size") and line.split()[4] == "0" for line in limits.splitlines()),
              f"cores are not off: {limits}")
    descriptors = {int(d.name): os.readlink(d) for d in (worker / "fd").iterdir()}
    equal(sorted(descriptors), [0, 1, 2, 3, 4], f"the worker's descriptors: {descriptors}")
    equal([descriptors[i] for i in (0, 1)], ["/dev/null", "/dev/null"], "what the worker reads and prints")
    equal([i for i, what in descriptors.items() if what.startswith("socket:")], [3, 4], "the worker's sockets")
    check(str(rig.usher.state) not in str(descriptors), "the worker has a file of the state folder")
    network = [os.readlink(d) for d in (net / "fd").iterdir()]
    check(not any(str(rig.usher.state) in what for what in network), f"usher-net has a file of the state folder: {network}")
    if os.geteuid() == 0:
        check(memory_holds(net, secret), "the search finds nothing where the secret must be")
        check(not memory_holds(worker, secret), "the worker's memory holds the secret")
    check(secret not in (pathlib.Path("/proc") / str(rig.usher.process.pid) / "cmdline").read_bytes(), "the daemon's")
    held.release()
    rig.usher.stop()
    check(not worker.exists() and not net.exists(), "children outlive the daemon")


def test_old_binary(scratch):
    """A connector that was built when the ABI was fixed still loads."""
    machine = f"{os.uname().machine}-linux-gnu"
    files = sorted((TOP / "tests/old" / machine).glob("*/*.so"))
    if not files:
        raise Skipped(f"there is no binary of another day for {machine}")
    rig = Rig(scratch)
    for file in files:
        about = rig.usher.json("connector", "inspect", file)
        equal(about["abi"], file.parent.name, f"the ABI of {file}")
        check("list" in about["operations"], f"operations of {file}: {about}")
        rig.install(file, file.stem)
        rig.reload()
        check("broken" not in rig.connector(file.stem), f"usherd cannot use {file}: {rig.connector(file.stem)}")


if __name__ == "__main__":
    sys.exit(main([test_comes_changes_goes, test_broken_files, test_quarantine, test_confinement,
                   test_old_binary], "connectors"))
