# Unit tests by libcheck, one program a noun.
if HAVE_CHECK
UNIT_TESTS = tests/unit/test-common
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)

tests_unit_test_common_SOURCES = %D%/test-common.c %D%/unit.h
tests_unit_test_common_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_common_LDADD = libushercommon.la $(CHECK_LIBS)
endif

EXTRA_DIST += %D%/tsan.sh
.PHONY: check-tsan
check-tsan: all
	@srcdir=$(srcdir) $(srcdir)/%D%/tsan.sh

# Longer than make check, and of no use beside sanitizers, which look for the same.
EXTRA_DIST += %D%/valgrind.sh %D%/valgrind.supp
.PHONY: check-valgrind
check-valgrind: $(check_PROGRAMS) $(check_LTLIBRARIES) host/usher-worker$(EXEEXT) host/usher-net$(EXEEXT)
	@srcdir=$(srcdir) $(srcdir)/%D%/valgrind.sh $(check_PROGRAMS)
