# Fuzz target of the spool, replaying its corpus in make check.
check_PROGRAMS += tests/fuzz/fuzz-spool
TESTS += tests/fuzz/fuzz-spool
EXTRA_DIST += %D%/spool.in
tests_fuzz_fuzz_spool_SOURCES = %D%/spool.c %D%/replay.c
tests_fuzz_fuzz_spool_LDADD = libusherstore.la libushercommon.la
