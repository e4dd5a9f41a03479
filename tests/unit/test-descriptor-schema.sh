#!/bin/sh
# usher-descriptor.schema.json and the checker agree: files that are right pass both, and of the
# mistakes "bad" says which the schema refuses (s) and which it cannot see (c).
python3 -c 'import jsonschema' 2>/dev/null || { echo "SKIP: python3-jsonschema is missing"; exit 77; }
exec python3 - "${srcdir:-.}" <<'PYTHON'
import glob, json, sys
from jsonschema import Draft202012Validator as Validator

root = sys.argv[1]
schema = json.load(open(root + "/plugins/seat/rest/usher-descriptor.schema.json"))
Validator.check_schema(schema)
validator = Validator(schema)
corpus, failed, seen = root + "/tests/unit/descriptors/", 0, 0

def hold(what, text, flag):
    global failed, seen
    seen += 1
    valid = validator.is_valid(json.loads(text).get("run"))
    if valid != (flag == "c"):
        print(what, "passes" if valid else "is refused by", "the schema")
        failed += 1

for path in glob.glob(corpus + "good/*.json") + glob.glob(root + "/plugins/seat/apps/*.json"):
    hold(path, open(path).read(), "c")
for line in open(corpus + "bad"):
    mark, rest = line[:1], line.rstrip("\n")[2:]
    if mark == "=":
        base = open(corpus + "good/" + rest + ".json").read()
    elif mark == "-":
        old = rest
    elif mark == "+":
        new = rest
    elif mark in "sc":
        hold(line, base.replace(old, new), mark)
print(seen, "descriptors,", failed, "disagreements")
sys.exit(1 if failed or seen < 200 else 0)
PYTHON
