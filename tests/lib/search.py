"""The search for secrets in everything that can be seen from outside."""

import base64
import json
import pathlib
import re
import urllib.parse

from usher import Failed, check


def forms(secret):
    """The ways in which bytes of a secret may stand somewhere."""
    raw = secret.encode()
    yield "plain", raw
    yield "JSON", json.dumps(secret)[1:-1].encode()
    yield "JSON in UTF-8", json.dumps(secret, ensure_ascii=False)[1:-1].encode()
    yield "JSON with slashes", json.dumps(secret)[1:-1].replace("/", "\\/").encode()
    yield "JSON, all escaped", "".join(f"\\u{ord(c):04x}" for c in secret).encode()
    yield "URL", urllib.parse.quote(secret, safe="").encode()
    yield "URL in lower case", re.sub("%..", lambda escape: escape[0].lower(), urllib.parse.quote(secret, safe="")).encode()
    yield "form", urllib.parse.quote_plus(secret).encode()
    yield "hex", raw.hex().encode()
    for before in range(3):
        # What base64 makes of it does not depend on what stands before and behind but at the ends.
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            text = encode(b"x" * before + raw)
            yield f"{name} behind {before}", text[(before * 8 + 5) // 6:(before + len(raw)) * 8 // 6]


class Search:
    """Looks for secrets in all that it is shown."""

    def __init__(self, *secrets):
        self.forms = [(secret[:8] + "...", name, form) for secret in secrets for name, form in forms(secret)]
        self.bytes = 0

    def look(self, where, data):
        data = data.encode(errors="surrogateescape") if isinstance(data, str) else data
        self.bytes += len(data)
        for secret, name, form in self.forms:
            check(form not in data, f"{secret} stands as {name} in {where}")

    def hold(self, secret):
        """A search that finds nothing must be one that can find."""
        raw = secret.encode()
        for data in (secret, json.dumps({"text": secret}), urllib.parse.quote(secret, safe=""),
                     base64.b64encode(raw), base64.b64encode(b"Bearer " + raw),
                     base64.b64encode(b"robot:" + raw + b"."),
                     base64.urlsafe_b64encode(b"ab" + raw), raw.hex()):
            try:
                self.look("the control", data)
            except Failed:
                continue
            raise Failed(f"the search does not find {data!r}")

    def look_at_files(self, folder, but=()):
        for path in pathlib.Path(folder).rglob("*"):
            if path.is_file() and path.name not in but:
                self.look(path, path.read_bytes())

    def look_at_processes(self, pid):
        """The daemon and all that it started; answers who they are."""
        pids = family(pid)
        for each in pids:
            for name in ("cmdline", "environ"):
                self.look(f"{name} of {each}", pathlib.Path(f"/proc/{each}/{name}").read_bytes())
        return pids


def family(pid):
    """PID and all that descend from it."""
    pids = [pid]
    for parent in pids:
        for task in pathlib.Path(f"/proc/{parent}/task").glob("*/children"):
            pids += [int(child) for child in task.read_text().split()]
    return pids
