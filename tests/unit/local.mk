# Unit tests by libcheck, one program a noun.
if HAVE_CHECK
UNIT_TESTS = tests/unit/test-common
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)

tests_unit_test_common_SOURCES = %D%/test-common.c %D%/unit.h
tests_unit_test_common_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_common_LDADD = libushercommon.la $(CHECK_LIBS)
endif
