#!/bin/sh
# Runs the unit tests among the programs named under valgrind; memory errors and lost memory are
# failures.
# Called by make check-valgrind in a build folder without sanitizers.
set -u
command -v valgrind >/dev/null || { echo "check-valgrind: valgrind is missing; install it."; exit 1; }
# One line for each test: libcheck forks, and each child reports its own errors by its exit status.
# valgrind answers otherwise than the kernel to a map that no machine has room for.
export CK_VERBOSITY=normal CK_TIMEOUT_MULTIPLIER=60 USHER_VALGRIND=yes
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
passed=0 failed=0
for test; do
  case $test in tests/unit/test-*) ;; *) continue ;; esac
  log=$logs/log began=$(date +%s)
  if ./libtool --silent --mode=execute valgrind -q --leak-check=full --show-leak-kinds=definite \
    --errors-for-leak-kinds=definite --error-exitcode=99 --suppressions="${srcdir:-.}/tests/unit/valgrind.supp" "$test" >"$log" 2>&1; then
    passed=$((passed + 1)) verdict=ok
  else
    failed=$((failed + 1)) verdict=FAILED
  fi
  echo "$test ($(($(date +%s) - began)) s): $verdict"
  [ "$verdict" = ok ] || tail -n 60 "$log"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
