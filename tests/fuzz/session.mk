# Fuzz target of usherd's side of the frames, replaying its corpus in make check.
check_PROGRAMS += tests/fuzz/fuzz-session
TESTS += tests/fuzz/fuzz-session
EXTRA_DIST += %D%/session.in
tests_fuzz_fuzz_session_SOURCES = %D%/session.c %D%/replay.c
tests_fuzz_fuzz_session_LDADD = libushersession.la libushercommon.la
