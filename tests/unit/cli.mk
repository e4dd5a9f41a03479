# The command usher without a daemon.
if HAVE_CHECK
check_PROGRAMS += tests/unit/test-cli
TESTS += tests/unit/test-cli

tests_unit_test_cli_SOURCES = %D%/test-cli.c %D%/unit.h
tests_unit_test_cli_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_cli_LDADD = libushercli.la $(CHECK_LIBS) $(JANSSON_LIBS)
endif
