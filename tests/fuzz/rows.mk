# The fuzz target of rows of JSON, replaying its corpus in make check.
check_PROGRAMS += tests/fuzz/fuzz-rows
TESTS += tests/fuzz/fuzz-rows
EXTRA_DIST += %D%/rows.in
tests_fuzz_fuzz_rows_SOURCES = %D%/rows.c %D%/replay.c
tests_fuzz_fuzz_rows_LDADD = libushersdkall.la libushercommon.la
