#!/bin/sh
# Whether threads race for anything, as make check-tsan calls it in a build folder with test hooks:
# the unit tests that have threads, and then usherd itself, driven from outside.
# They are built by gcc with ThreadSanitizer in tsan-scratch; usher-worker and usher-net, which have one
# thread each and are confined, are those of the build folder.
# Exit status 1: a race, or a test that failed.
set -eu
top=$(cd "${srcdir:?}" && pwd)
plain=$PWD
units="rate supervisor session credential backup store"
# All of api.py but the bad requests: the deepest JSON needs more than the small stack of a connection
# where ThreadSanitizer uses it too.
api=$(sed -n 's/^def \(test_[a-z_0-9]*\).*/\1/p' "$top/tests/e2e/api.py" | grep -vx test_bad_requests)

mkdir -p tsan-scratch
cd tsan-scratch
[ -f Makefile ] || "$top/configure" -q --enable-test-hooks CFLAGS="-g -O1 -fsanitize=thread" LDFLAGS=-fsanitize=thread
programs=
for unit in $units; do programs="$programs tests/unit/test-$unit"; done
# shellcheck disable=SC2086 # words
make -s V=0 host/usherd tests/unit/fake-child $programs
mkdir -p plugins/.libs
cp -f "$plain/host/usher" "$plain/host/usher-worker" "$plain/host/usher-net" host
cp -f "$plain"/plugins/.libs/*.so plugins/.libs
cp -f "$plain"/.libs/libusher-sdk.so* .libs
# A connector that a test lets crash is to be seen as that; only a race has status 66.
export TSAN_OPTIONS="exitcode=66 handle_segv=0 handle_abort=0 log_path=$PWD/race"
export CK_TIMEOUT_MULTIPLIER=20 USHER_BUILD="$PWD"
rm -f race.*
passed=0 failed=0
# proof NAME COMMAND...: where the kernel spreads addresses far, ThreadSanitizer finds no place for its own.
proof () {
  name=$1 began=$(date +%s) verdict=ok
  shift
  setarch -R "$@" >log 2>&1 || verdict=FAILED
  if [ "$verdict" = ok ]; then passed=$((passed + 1)); else failed=$((failed + 1)); tail -n 20 log; fi
  echo "$name ($(($(date +%s) - began)) s): $verdict"
}
for program in $programs; do proof "$program" "./$program"; done
proof tests/e2e/rates.py python3 "$top/tests/e2e/rates.py"
# shellcheck disable=SC2086 # words
proof tests/e2e/api.py python3 "$top/tests/e2e/api.py" $api
for file in race.*; do
  [ -e "$file" ] || continue
  cat "$file"
  failed=$((failed + 1))
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
