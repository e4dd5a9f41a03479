#!/bin/sh
# usherd(8) names the flags and the variables that the code has, usher-api(7) the paths, codes
# and metrics, and no others; and so does the usage.
set -eu
top=${srcdir:-.}
source=$top/host/usherd.c page=$top/host/man/usherd.8 api=$top/host/man/usher-api.7
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

{
  sed -n 's/^ *{ "\([a-z-]*\)", \(required\|no\)_argument.*/\1/p' "$source"
  sed -n '/ conf_flags\[\] = {/,/^};/s/^ *{ "\([a-z-]*\)",.*/\1/p' "$source"
} | sort >"$tmp/code"
host/usherd --help | grep -oE -e '--[a-z-]+' | sed 's/^--//' | sort -u >"$tmp/usage"
sed -n '/^\.Sh OPTIONS/,/^\.Sh/s/^\.It Fl -\([a-z-]*\).*/\1/p' "$page" | sort >"$tmp/items"
sed -n '/^\.Sh SYNOPSIS/,/^\.Sh/p' "$page" | grep -oE 'Fl -[a-z-]+' | sed 's/^Fl -//' | sort -u >"$tmp/synopsis"
sed -n 's/.*getenv ("\([A-Z_]*\)").*/\1/p' "$source" "$top"/host/vault/*.c >"$tmp/asked"
grep -oE '\{ "USHER_[A-Z_]+"' "$source" | tr -d '{ "' >>"$tmp/asked"
sort -u -o "$tmp/asked" "$tmp/asked"
sed -n 's/^\.It Ev \([A-Z_]*\).*/\1/p' "$page" | sort -u >"$tmp/described"

sed -n 's/^ *{ "\([A-Z]*\)", "\(\/[^"]*\)",.*/\1 \2/p' "$top/host/api/routes.c" | sort >"$tmp/routes"
sed -n 's/^\.It \([A-Z, ]*\) Ta Pa \(.*\)/\1:\2/p' "$api" | while IFS=: read -r methods paths
do
  for method in $(echo "$methods" | tr , ' ')
  do
    for path in $(echo "$paths" | tr , ' ')
    do
      echo "$method $path"
    done
  done
done | sort >"$tmp/paths"

sed -n 's/^  { "\([a-z-]*\)", \([0-9]*\), "[A-Z].*/\1 \2/p' "$top/host/engine/refusal.c" | sort >"$tmp/refusals"
sed -n 's/^\.It Li \([a-z-]*\) Ta \([0-9]*\)$/\1 \2/p' "$api" | sort >"$tmp/codes"
grep -ohE '"(# TYPE )?usher_[a-z_]+' "$top/host/engine/metrics.c" "$top/host/api/metrics.c" |
  sed -E 's/^"(# TYPE )?//; s/_(total|info|count|sum)$//' | sort -u >"$tmp/counted"
sed -n '/^\.Sh METRICS/,/^\.Sh/s/^\.It Li \(.*\)/\1/p' "$api" | tr -d ' ' | tr , '\n' | sort >"$tmp/metrics"

[ "$(wc -l <"$tmp/code")" -ge 12 ] && [ "$(wc -l <"$tmp/routes")" -ge 40 ]
bad=0
for other in usage items synopsis
do
  diff "$tmp/code" "$tmp/$other" || { echo "the flags of usherd.c (<) and of the $other (>) differ"; bad=1; }
done
diff "$tmp/asked" "$tmp/described" || { echo "the variables of the code (<) and of usherd(8) (>) differ"; bad=1; }
diff "$tmp/routes" "$tmp/paths" || { echo "the paths of routes.c (<) and of usher-api(7) (>) differ"; bad=1; }
diff "$tmp/refusals" "$tmp/codes" || { echo "the codes of refusal.c (<) and of usher-api(7) (>) differ"; bad=1; }
diff "$tmp/counted" "$tmp/metrics" || { echo "the metrics of the code (<) and of usher-api(7) (>) differ"; bad=1; }
exit $bad
