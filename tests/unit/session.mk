# usherd's side of the frames: rate limits, child processes, sessions.
if HAVE_CHECK
SESSION_TESTS = tests/unit/test-rate tests/unit/test-secrets tests/unit/test-session tests/unit/test-supervisor
check_PROGRAMS += $(SESSION_TESTS) tests/unit/fake-child
TESTS += $(SESSION_TESTS)

tests_unit_test_rate_SOURCES = %D%/test-rate.c %D%/unit.h
tests_unit_test_rate_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_rate_LDADD = libushersession.la $(CHECK_LIBS)

tests_unit_test_secrets_SOURCES = %D%/test-secrets.c %D%/unit.h
tests_unit_test_secrets_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_secrets_LDADD = libushersession.la $(CHECK_LIBS)

tests_unit_test_session_SOURCES = %D%/test-session.c %D%/child.h %D%/fake.h %D%/unit.h
tests_unit_test_session_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_session_LDADD = libushersession.la $(CHECK_LIBS)

tests_unit_test_supervisor_SOURCES = %D%/test-supervisor.c %D%/fake.h %D%/unit.h
tests_unit_test_supervisor_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_supervisor_LDADD = libushersession.la $(CHECK_LIBS)

tests_unit_fake_child_SOURCES = %D%/fake-child.c
tests_unit_fake_child_LDADD = libushercommon.la
endif
