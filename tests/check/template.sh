#!/bin/sh
# An author outside the tree needs the installed files and pkg-config, nothing else.
set -eu
top=$(cd "${srcdir:-.}" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL
make -s install-usherincludeHEADERS install-libLTLIBRARIES install-libLIBRARIES install-pkgconfigDATA \
  DESTDIR="$tmp/root" >"$tmp/install.log" 2>&1 || { cat "$tmp/install.log"; exit 1; }
pc=$(dirname "$(find "$tmp/root" -name usher-sdk-1.pc)")
lib=$(dirname "$pc")
export PKG_CONFIG_PATH="$pc" PKG_CONFIG_SYSROOT_DIR="$tmp/root"
mkdir "$tmp/author"
cp "$top"/sdk/template/* "$tmp/author/"
host/usherd --check-app "$tmp/author/members.json"
cd "$tmp/author"
make -s CFLAGS="-O2 -Wall -Wextra -pedantic -Werror"
exported=$(nm -D --defined-only members.so | awk '{ print $3 }')
[ "$exported" = usher_connector_v1 ] || { echo "members.so exports: $exported"; exit 1; }
# shellcheck disable=SC2046 # one flag a word
${CC:-cc} -std=gnu99 -o run "$top/tests/check/template-run.c" $(pkg-config --cflags usher-connector-1) \
  "$lib/libusher-fakehost.a" -ldl
LD_LIBRARY_PATH="$lib" ./run ./members.so
make -s install DESTDIR="$tmp/out" connectordir=/c appdir=/a
[ -f "$tmp/out/c/members.so" ] && [ -f "$tmp/out/a/members.json" ]
