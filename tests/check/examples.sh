#!/bin/sh
# What README and the manual pages show can be typed: each command line is taken apart by the
# program it calls, each configuration and app file is checked by usherd; and the example
# configuration has each key that usher.conf(5) has, in its order.
set -eu
top=$(cd "${srcdir:-.}" && pwd)
usher=$(pwd)/host/usher usherd=$(pwd)/host/usherd
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0

# Lines that begin with one of ours, whole, without prompts, comments and a shell's "&".
# literal FILE: the displays of a page, or the indented lines of a text.
literal ()
{
  case $1 in
  *.[1-8]) sed -n -e '/^\.Bd -literal/,/^\.Ed/{/^\./!p}' -e 's/^\.Dl //p' "$1" | sed 's/\\e/\\/g' ;;
  *) sed -n 's/^    \$\{0,1\} *//p' "$1" ;;
  esac
}
for file in "$top/README" "$top"/host/man/*.[158] "$top"/plugins/*/*.7
do
  literal "$file" | sed -e :a -e '/\\$/{N;s/ *\\\n */ /;ta' -e '}' -e 's/ *&& .*//; s/ *&$//; s/ *#.*//; s/  .*//' |
    grep -E '^usherd? ' || true
done | grep -v ' FILE$' | sort -u >"$tmp/lines"
[ "$(wc -l <"$tmp/lines")" -ge 18 ] || { cat "$tmp/lines"; echo "there are hardly any examples"; exit 1; }
while read -r program words
do
  # --help: what would be asked of the daemon is not, but everything is understood.
  case $program in
  usher) set -- "$usher" --help ;;
  usherd) set -- "$usherd" --check-config ;;
  esac
  # shellcheck disable=SC2086 # words
  (cd "$tmp" && "$@" $words) >"$tmp/said" 2>&1 || { echo "$program $words: $(cat "$tmp/said")"; bad=1; }
done <"$tmp/lines"

literal "$top/host/man/usher.conf.5" | sed '/^usherd /d' >"$tmp/page.conf"
grep -q '^\[web\]' "$tmp/page.conf"
"$usherd" --check-config --config "$tmp/page.conf" || bad=1
# App files: each is called by its id; the connector looks at it too, and finds nothing to be slow.
literal "$top/host/man/usher-app.5" | sed -n '/^{/,/^}/p' |
  awk -v tmp="$tmp" '/^{/ { file = tmp "/app-" ++n ".json" } { print >file }'
for file in "$tmp"/app-?.json
do
  id=$(sed -n 's/.*"id": "\([a-z]*\)", "name".*/\1/p' "$file")
  mv "$file" "$tmp/$id.json"
  ./run usherd --check-app "$tmp/$id.json" 2>"$tmp/said" || bad=1
  if [ -s "$tmp/said" ]; then cat "$tmp/said"; bad=1; fi
done
[ -f "$tmp/example.json" ] && [ -f "$tmp/acme.json" ]

example=$top/packaging/examples/usher.conf
sed -n 's/^\.Ss \([a-z]*\)$/[\1]/p; s/^\.It Ic \([a-z-]*\) No = .*/\1/p' "$top/host/man/usher.conf.5" >"$tmp/page"
sed 's/^#\([a-z-]* =\)/\1/' "$example" >"$tmp/usher.conf"
sed -n 's/^\(\[[a-z]*\]\)$/\1/p; s/^\([a-z-]*\) =.*/\1/p' "$tmp/usher.conf" >"$tmp/keys"
[ "$(wc -l <"$tmp/page")" -gt 25 ]
diff "$tmp/page" "$tmp/keys" || { echo "usher.conf(5) (<) and $example (>) have other keys"; bad=1; }
"$usherd" --check-config --config "$tmp/usher.conf" || bad=1
exit $bad
