#!/bin/sh
# Each public header stands alone, as C99 and as C++11, without a warning and without padding.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for h in "${srcdir:-.}"/sdk/include/usher/*.h
do
  echo "#include <usher/$(basename "$h")>" >"$tmp/t.c"
  cp "$tmp/t.c" "$tmp/t.cc"
  ${CC:-cc} -std=c99 -pedantic -Wall -Wextra -Wpadded -Wconversion -Werror -I"${srcdir:-.}/sdk/include" \
    -fsyntax-only "$tmp/t.c"
  if command -v c++ >/dev/null
  then
    c++ -std=c++11 -pedantic -Wall -Wextra -Wpadded -Werror -I"${srcdir:-.}/sdk/include" -fsyntax-only "$tmp/t.cc"
  fi
done
