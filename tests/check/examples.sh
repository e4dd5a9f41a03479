#!/bin/sh
# The example configuration has each key that usher.conf(5) has, in its order, with values
# that usherd takes for right.
set -eu
top=${srcdir:-.} example=${srcdir:-.}/packaging/examples/usher.conf
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
sed -n 's/^\.Ss \([a-z]*\)$/[\1]/p; s/^\.It Ic \([a-z-]*\) No = .*/\1/p' "$top/host/man/usher.conf.5" >"$tmp/page"
sed 's/^#\([a-z-]* =\)/\1/' "$example" >"$tmp/usher.conf"
sed -n 's/^\(\[[a-z]*\]\)$/\1/p; s/^\([a-z-]*\) =.*/\1/p' "$tmp/usher.conf" >"$tmp/example"
[ "$(wc -l <"$tmp/page")" -gt 25 ]
diff "$tmp/page" "$tmp/example" || { echo "usher.conf(5) (<) and $example (>) have other keys"; exit 1; }
host/usherd --check-config --config "$tmp/usher.conf"
