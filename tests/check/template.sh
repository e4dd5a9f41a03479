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
# What usher-connector(3) shows is this.
sed 's/\\e$/\\/' "$top/sdk/man/usher-connector.3" |
  sed -n '/^\.Ss Building/,/^\.Ed/{/^\./!p}' | diff - Makefile
exported=$(nm -D --defined-only members.so | awk '{ print $3 }')
[ "$exported" = usher_connector_v1 ] || { echo "members.so exports: $exported"; exit 1; }
LD_LIBRARY_PATH="$lib" make -s check CFLAGS="-O2 -Wall -Wextra -pedantic -Werror"
make -s install DESTDIR="$tmp/out" connectordir=/c appdir=/a
[ -f "$tmp/out/c/members.so" ] && [ -f "$tmp/out/a/members.json" ]
