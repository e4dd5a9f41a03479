#!/bin/sh
# What git holds is in the tarball, but for what only a clone needs.
set -eu
top=${srcdir:-.}
[ -e "$top/.git" ] || { echo "SKIP: this is not a clone"; exit 77; }
command -v git >/dev/null || { echo "SKIP: git is missing"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL
git -C "$top" -c safe.directory='*' ls-files >"$tmp/git" || { echo "SKIP: git cannot read this clone"; exit 77; }

cat >"$tmp/print.mk" <<'END'
include Makefile
print-distfiles:
	@:$(foreach f,$(DISTFILES),$(info $(patsubst $(srcdir)/%,%,$(f))))
END
make -s -f "$tmp/print.mk" print-distfiles | sort -u >"$tmp/dist"
[ "$(wc -l <"$tmp/dist")" -gt 300 ] || { echo "the list of the tarball's files is too short"; exit 1; }

# A folder on the list takes all that is in it.
awk 'NR == FNR { dist[$0]; next }
     { name = $0
       while (!(name in dist) && sub (/\/[^\/]*$/, "", name)) ;
       if (!(name in dist)) print "not in the tarball: " $0 }' "$tmp/dist" "$tmp/git" |
  grep -vxE 'not in the tarball: (\.gitignore|\.ci/run|\.clang-format)' >"$tmp/missing" || true
cat "$tmp/missing"
[ ! -s "$tmp/missing" ]
