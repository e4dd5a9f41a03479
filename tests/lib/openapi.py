"""The API's document, as tests hold requests and answers to it.  Needs python3-jsonschema."""

import copy
import json
import re

from usher import Failed, Skipped

try:
    import jsonschema
except ImportError:
    jsonschema = None


def closed(schema):
    """The same schema, but what it does not name is wrong.  Clients have to bear new fields; a
    test that lets them pass would not see that the document lacks them."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: closed(value) for key, value in schema.items()}
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
        schema.setdefault("additionalProperties", False)
    return schema


def opened_parts(schemas):
    """Parts of an allOf are closed as one, not each by itself."""
    for name, schema in list(schemas.items()):
        if "allOf" in schema:
            whole = {"type": "object", "required": [], "properties": {}, "additionalProperties": False}
            for part in schema["allOf"]:
                part = schemas[part["$ref"].rsplit("/", 1)[1]] if "$ref" in part else part
                whole["required"] += part.get("required", [])
                whole["properties"].update(part["properties"])
            schemas[name] = whole


class Document:
    def __init__(self, whole):
        if jsonschema is None:
            raise Skipped("python3-jsonschema is missing")
        self.whole = whole
        strict = copy.deepcopy(whole)
        opened_parts(strict["components"]["schemas"])
        strict["components"]["schemas"] = closed(strict["components"]["schemas"])
        self.strict = strict
        self.patterns = [(re.compile("^" + re.sub(r"\\\{[a-z]+\\\}", "[^/]+", re.escape(path)) + "$"), path)
                         for path in sorted(whole["paths"], key=lambda path: path.count("{"))]
        self.called = set()

    def operations(self):
        for path, item in self.whole["paths"].items():
            for method, operation in item.items():
                yield method.upper(), path, operation

    def follow(self, item):
        """What ITEM is, or what it refers to."""
        while "$ref" in item:
            at = self.strict
            for word in item["$ref"][2:].split("/"):
                at = at[word]
            item = at
        return item

    def find(self, method, path):
        """The operation for a request's path, without its query."""
        for pattern, template in self.patterns:
            if pattern.match(path):
                operation = self.strict["paths"][template].get("get" if method == "HEAD" else method.lower())
                return template, operation
        return None, None

    def answer(self, method, path, status, content_type, body):
        """Holds an answer to the document; PATH is without its query."""
        template, operation = self.find(method, path)
        if operation is None:
            if status not in (401, 404, 405, 400):
                raise Failed(f"{method} {path} answered {status}, and is not in the document")
            return
        self.called.add((method, template))
        wanted = operation["responses"].get(str(status))
        if wanted is None:
            raise Failed(f"{method} {template}: the document knows no answer {status}: {body[:300]}")
        wanted = self.follow(wanted)
        content = wanted.get("content", {})
        if not content:
            if body:
                raise Failed(f"{method} {template}: {status} has a body")
            return
        kind = content_type.split(";")[0]
        if kind not in content:
            raise Failed(f"{method} {template}: {status} is {kind}, documented is {list(content)}")
        if method == "HEAD" or "json" not in kind:
            return
        self.validate(json.loads(body), content[kind]["schema"], f"{method} {template} {status}")

    def validate(self, value, schema, what):
        resolver = jsonschema.RefResolver("", self.strict)
        validator = jsonschema.Draft202012Validator(schema, resolver=resolver,
                                                    format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
        for error in validator.iter_errors(value):
            raise Failed(f"{what}: {'/'.join(map(str, error.absolute_path))}: {error.message[:500]}")
