#!/bin/sh
# An author outside the tree needs the installed files and pkg-config, nothing else; what the
# author installs, a daemon lists.
set -eu
top=$(cd "${srcdir:-.}" && pwd)
build=$(pwd)
tmp=$(mktemp -d)
daemon=
trap '[ ! "$daemon" ] || kill "$daemon" || :; wait; rm -rf "$tmp"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL LD_LIBRARY_PATH
make -s install-usherincludeHEADERS install-libLTLIBRARIES install-libLIBRARIES install-pkgconfigDATA \
  DESTDIR="$tmp/root" >"$tmp/install.log" 2>&1 || { cat "$tmp/install.log"; exit 1; }
pc=$(dirname "$(find "$tmp/root" -name usher-sdk-1.pc)")
lib=$(dirname "$pc")
# As if that were the prefix it was configured for.
sed -i "s|=/|=$tmp/root/|" "$pc"/*.pc
export PKG_CONFIG_PATH="$pc"
mkdir "$tmp/author"
cp "$top"/sdk/template/* "$tmp/author/"
cd "$tmp/author"
make -s CFLAGS="-O2 -Wall -Wextra -pedantic -Werror"
# What usher-connector(3) shows is this.
sed 's/\\e$/\\/' "$top/sdk/man/usher-connector.3" |
  sed -n '/^\.Ss Building/,/^\.Ed/{/^\./!p}' | diff - Makefile
exported=$(nm -D --defined-only members.so | awk '{ print $3 }')
[ "$exported" = usher_connector_v1 ] || { echo "members.so exports: $exported"; exit 1; }
make -s check CFLAGS="-O2 -Wall -Wextra -pedantic -Werror"
make -s install
connectors=$(pkg-config --variable=connectordir usher-connector-1)
apps=$(pkg-config --variable=appdir usher-connector-1)
export USHER_LIBEXEC_DIR="$build/host" USHER_LIBRARY_PATH="$lib" USHER_CONNECTOR_PATH="$connectors" \
  USHER_APP_PATH="$apps" USHER_SOCKET="$tmp/r/usher.sock"
"$build/host/usher" app check "$apps/members.json"

: >"$tmp/usher.conf"
"$build/host/usherd" --config "$tmp/usher.conf" --state-dir "$tmp/s" --runtime-dir "$tmp/r" --listen "unix:$tmp/r/web" \
  2>"$tmp/usherd.log" &
daemon=$!
n=0
until [ -S "$USHER_SOCKET" ] || [ $((n += 1)) -gt 300 ]
do
  sleep 0.1
done
"$build/host/usher" -q setup --owner owner@example.com >"$tmp/setup.log" || { cat "$tmp/usherd.log"; exit 1; }
listed=$("$build/host/usher" -o json app list; "$build/host/usher" -o json connector list)
case $listed in
*'"broken"'*) echo "listed: $listed"; exit 1 ;;
*'"id":"members"'*'"name":"members"'*) ;;
*) echo "listed: $listed"; cat "$tmp/usherd.log"; exit 1 ;;
esac
