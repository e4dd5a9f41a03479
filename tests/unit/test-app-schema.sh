#!/bin/sh
# usher-app.schema.json and the checker agree about the corpus: good files pass both, and of
# the bad ones EXPECTED says which the schema refuses (s) and which it cannot see (c).
python3 -c 'import jsonschema' 2>/dev/null || { echo "SKIP: python3-jsonschema is missing"; exit 77; }
exec python3 - "${srcdir:-.}" <<'PYTHON'
import glob, json, sys
from jsonschema import Draft202012Validator as Validator

root = sys.argv[1]
schema = json.load(open(root + "/host/apps/usher-app.schema.json"))
Validator.check_schema(schema)
validator = Validator(schema)
corpus, failed, seen = root + "/tests/unit/apps/", 0, 0
rows = [("good/" + p.rsplit("/", 1)[1][:-5], "c") for p in glob.glob(corpus + "good/*.json")]
for line in open(corpus + "EXPECTED"):
    if not line.startswith("#"):
        name, flag = line.split(" ")[:2]
        rows.append(("bad/" + name, flag))
for name, flag in rows:
    if flag == "j":
        continue
    seen += 1
    valid = validator.is_valid(json.load(open(corpus + name + ".json")))
    if valid != (flag == "c"):
        print(name, "passes" if valid else "is refused by", "the schema")
        failed += 1
print(seen, "files,", failed, "disagreements")
sys.exit(1 if failed or seen < 60 else 0)
PYTHON
