#!/bin/sh
# Who may include whom: the arrows of HACKING's floor plan.  A folder includes itself, what
# stands in its row, and nothing else of this tree; a library that only some may use has a
# row of its own.
set -eu
top=${srcdir:-.}
cd "$top"

# FOLDER and what it may include, by the beginning of the name.
rows='
sdk/include/usher/connector.h
sdk/include        <usher/
sdk/lib            <usher/
sdk/fakehost       <usher/
sdk/template       <usher/
plugins/seat       <usher/
host/common        <usher/
host/conf          host/common/
host/store         host/common/
host/vault         host/common/
host/apps          host/common/
host/directory     host/common/
host/session       host/common/ <usher/
host/engine        host/common/ host/session/ host/store/ host/vault/ host/apps/ host/conf/ host/directory/ <usher/
host/api           host/common/ host/engine/
host/worker        host/common/ <usher/
host/net           host/common/ <usher/
host/cli           host/common/
host/usherd.c      host/common/ host/conf/ host/store/ host/apps/ host/engine/ host/api/
'
# HEADER and the folders that may include it.
libraries='
<curl/        host/net host/cli
<lmdb.h       host/store
<microhttpd.h host/api
<libxml/      sdk/include sdk/lib sdk/template plugins
<seccomp.h    host/worker host/net
<dlfcn.h      host/worker
<spawn.h      host/session host/engine host/cli
<ini.h        host/conf
<csv.h        host/directory
<libsmartcols host/cli
<jq.h         plugins/seat/rest
'

# Lines "FILE HEADER", where a header of the system begins with "<".
included=$(find host sdk plugins -name '*.[ch]' -exec \
  grep -HoE '^# *include *[<"][^">]+' {} + | sed -E 's/:# *include */ /; s/"//')
[ "$(printf '%s\n' "$included" | wc -l)" -gt 500 ] || { echo "there are hardly any includes"; exit 1; }

printf '%s\n' "$included" | awk -v rows="$rows" -v libraries="$libraries" '
function begins (s, with) { return substr (s, 1, length (with)) == with }
# Whether S begins with one of the words of LIST behind its first, each with TAIL behind it.
function one_of (s, list, tail,   n, word, i) {
  n = split (list, word, " ")
  for (i = 2; i <= n; i++) if (begins (s, word[i] tail)) return 1
  return 0
}
function complain (text) { print text; bad = 1 }
function first (list,   word) { split (list, word, " "); return word[1] }
# The row of FILE: its own, or that of its folder.
function row_of (file,   i, best) {
  for (i = 1; i <= n_rows; i++) {
    if (first (row[i]) == file) return row[i]
    if (row[i] != "" && begins (file, first (row[i]) "/")) best = row[i]
  }
  return best
}
BEGIN { n_rows = split (rows, row, "\n"); n_libraries = split (libraries, library, "\n") }
{
  file = $1; header = $2; mine = row_of (file)
  if (mine == "") complain (file " is in no row of includes.sh")
  # A name without a folder is of the same folder; the C library may be used by all.
  else if (header ~ /^<usher\// || header ~ /^[^<].*\//) {
    if (!begins (header, first (mine) "/") && !one_of (header, mine, "")) complain (file " includes " header)
  }
  for (i = 1; i <= n_libraries; i++)
    if (library[i] != "" && begins (header, first (library[i])) && !one_of (file, library[i], "/"))
      complain (file " includes " header)
}
END { exit bad }'
