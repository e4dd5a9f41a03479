#!/usr/bin/env python3
"""usher app check: the form of a file and what its connector makes of it, without a daemon."""
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from usher import BUILD, TOP, equal, main, of_the_command  # noqa: E402

GOOD = TOP / "tests/unit/descriptors/good"


def check_app(scratch, name, edits=(), words=(), **env):
    """Runs the command on an edited copy of a file that is right: its status, what it prints, what it
    complains of."""
    text = (GOOD / f"{name}.json").read_text(encoding="utf-8")
    for old, new in edits:
        equal(text.count(old), 1, old)
        text = text.replace(old, new)
    return check_text(scratch, name, text, words, **env)


def check_text(scratch, name, text, words=(), **env):
    """The same of a text."""
    path = scratch.dir / f"{name}.json"
    path.write_text(text, encoding="utf-8")
    done = subprocess.run([BUILD / "run", "usher", *words, "app", "check", path], capture_output=True, text=True,
                          timeout=60, check=False, env={**os.environ, **env})
    return done.returncode, done.stdout, done.stderr.replace(f"{scratch.dir}/", "")


@of_the_command
def what_is_right_is_said_to_be(scratch):
    """What is right is said to be, and nothing is wrong with it"""
    for path in sorted(GOOD.glob("*.json")):
        status, out, err = check_app(scratch, path.stem)
        equal([line for line in err.splitlines() if ": note: " not in line], [], path.stem)
        equal(status, 0, path.stem)
        assert out.endswith(f"{path.name} is right\n"), out


@of_the_command
def form_goes_before_the_connector(scratch):
    """A file of wrong form is not shown to the connector"""
    status, _, err = check_app(scratch, "members", [('"read": "lookup"', '"reed": "lookup"'),
                                           ('"style": "number"', '"style": "nummber"')])
    assert status == 1, status
    assert "members.json:24:3: reed: is not a key here; did you mean \"read\"?\n" in err, err
    assert "run.rest" not in err, err


@of_the_command
def each_problem_of_run_has_its_line_in_the_order_of_the_file(scratch):
    """Each problem of run has its line, in the order of the file"""
    status, _, err = check_app(scratch, "members", [('"style": "number"', '"style": "nummber"'),
                                           ('"base": "{base_url}/api/v1"', '"base": ""'),
                                           ('"none": "continue"', '"none": "contniue"')])
    assert status == 1, status
    lines = err.splitlines()
    assert [line.split(": ")[0] for line in lines] == ["members.json:33:5", "members.json:49:18", "members.json:70:52"], err
    assert lines[1].endswith('or next; did you mean "number"?'), err


@of_the_command
def what_is_slow_is_a_note_and_no_failure(scratch):
    """What is slow is a note and no failure"""
    status, out, err = check_app(scratch, "links", [('"username": "login", "state"', '"username": {"jq": ".user.login"}, "state"'),
                                           ('"size": 200', '"size": 20')])
    assert status == 0, err
    assert out.endswith("is right\n"), out
    for note in ('links.json:23:62: note: run.rest.list[0].member.username.jq: this jq expression is run for every item; '
                 'the path "user.login" does the same and is much faster',
                 "run.rest.list[2].page.size: 20 items a page make many requests"):
        assert note in err, err


@of_the_command
def what_only_the_engine_can_tell_has_its_line(scratch):
    """An expression that cannot be compiled is a problem, at its line"""
    status, _, err = check_app(scratch, "links", [("select(.user) | .user", "select(.user | .user")])
    equal(status, 1, err)
    assert "links.json:27:20: run.rest.list[1].member.jq: The jq expression cannot be compiled" in err, err


@of_the_command
def json_is_one_object(scratch):
    """With -o json the report is one object"""
    status, out, err = check_app(scratch, "members", [('"style": "number"', '"style": "nummber"')], words=["-o", "json"])
    assert (status, err) == (1, ""), (status, err)
    report = json.loads(out)
    assert report["right"] is False and report["notes"] == [], report
    assert [(p["line"], p["column"], p["path"]) for p in report["problems"]] == [(49, 18, "run.rest.list[0].page.style")], report


@of_the_command
def a_connector_that_is_not_there_is_a_note(scratch):
    """A connector that is not there is a note"""
    status, _, err = check_app(scratch, "members", USHER_CONNECTOR_PATH=str(scratch.dir))
    assert status == 0, err
    assert "note: connector: is in no folder of the connector path" in err, err


@of_the_command
def a_connector_that_does_not_load_is_a_problem(scratch):
    """A connector that does not load is a problem, at its line"""
    (scratch.dir / "seat.so").write_text("no shared object", encoding="utf-8")
    status, _, err = check_app(scratch, "members", USHER_CONNECTOR_PATH=str(scratch.dir))
    assert status == 1, err
    assert "members.json:2:63: connector: " in err and "is not a shared object" in err, err


def refused(scratch, how):
    """What the command says of a file whose connector ends its open in that way."""
    (scratch.dir / "refuse.so").write_bytes((BUILD / "tests/torture/bad-connector/.libs/refuse.so").read_bytes())
    app = json.loads((GOOD / "members.json").read_text(encoding="utf-8"))
    text = json.dumps(dict(app, connector="refuse", run={"how": how}), indent=1)
    return check_text(scratch, "members", text, USHER_CONNECTOR_PATH=str(scratch.dir))


@of_the_command
def an_open_that_fails_is_never_right(scratch):
    """A connector that does not open says of what; in silence, that itself is the problem"""
    for how, place, sentence in (("silent", "run", "the connector does not open with this, and does not say why (status -502)"),
                                 ("with a sentence", "run", "It is not to be."),
                                 ("about hosts", "hosts[0]", "It is not to be."),
                                 ("about run", "run.how", "It is not to be.")):
        status, out, err = refused(scratch, how)
        assert (status, out) == (1, ""), (how, status, out, err)
        assert len(err.splitlines()) == 1 and err.endswith(f": {place}: {sentence}\n"), (how, err)


@of_the_command
def what_is_said_of_a_sample_is_a_note(scratch):
    """What the connector says of a field is said of a sample: a note at the field, as the file may be right"""
    status, _, err = refused(scratch, "about a field")
    assert status == 0, err
    assert "note: fields[1]: of a sample of its value the connector says: It is not to be.\n" in err, err


@of_the_command
def an_open_that_goes_on_is_right(scratch):
    """What the connector told before it opened all the same is no problem, and a log of one word is a note"""
    for how, notes in (("not at all", []), ("with a word", ["note: run: run"])):
        status, out, err = refused(scratch, how)
        assert status == 0 and out.endswith("is right\n"), (how, status, err)
        equal([line.split(": ", 1)[1] for line in err.splitlines()], notes, how)


if __name__ == "__main__":
    sys.exit(main([what_is_right_is_said_to_be, form_goes_before_the_connector,
                   each_problem_of_run_has_its_line_in_the_order_of_the_file, what_is_slow_is_a_note_and_no_failure,
                   what_only_the_engine_can_tell_has_its_line, json_is_one_object, a_connector_that_is_not_there_is_a_note,
                   a_connector_that_does_not_load_is_a_problem, an_open_that_fails_is_never_right,
                   what_is_said_of_a_sample_is_a_note, an_open_that_goes_on_is_right], "app-check"))
