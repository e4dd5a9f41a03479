# usher-worker, driven from both of its channels.  EXTRA_..._DEPENDENCIES: what it runs.
if HAVE_CHECK
WORKER_TESTS = tests/unit/test-worker tests/unit/test-elf
check_PROGRAMS += $(WORKER_TESTS)
TESTS += $(WORKER_TESTS)

WORKER_TEST_CPPFLAGS = $(AM_CPPFLAGS) \
	-DWORKER=\"$(abs_top_builddir)/host/usher-worker\" \
	-DGOOD=\"$(abs_top_builddir)/tests/worker/.libs/good.so\" \
	-DBAD_FOLDER=\"$(abs_top_builddir)/tests/torture/bad-connector/.libs\"
tests_unit_test_worker_SOURCES = %D%/test-worker.c %D%/worker-rig.c %D%/worker-rig.h %D%/unit.h
tests_unit_test_worker_CPPFLAGS = $(WORKER_TEST_CPPFLAGS)
tests_unit_test_worker_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_worker_LDADD = libushercommon.la $(CHECK_LIBS)
EXTRA_tests_unit_test_worker_DEPENDENCIES = host/usher-worker$(EXEEXT) $(check_LTLIBRARIES)

tests_unit_test_elf_SOURCES = %D%/test-elf.c %D%/unit.h
tests_unit_test_elf_CPPFLAGS = $(WORKER_TEST_CPPFLAGS)
tests_unit_test_elf_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_elf_LDADD = libusherworker.la $(CHECK_LIBS)
EXTRA_tests_unit_test_elf_DEPENDENCIES = $(check_LTLIBRARIES)

if !SANITIZERS
# A sanitizer would take the crashes for its own.
WORKER_BAD_TESTS = tests/unit/test-worker-bad
check_PROGRAMS += $(WORKER_BAD_TESTS)
TESTS += $(WORKER_BAD_TESTS)
tests_unit_test_worker_bad_SOURCES = %D%/test-worker-bad.c %D%/worker-rig.c %D%/worker-rig.h \
	%D%/unit.h
tests_unit_test_worker_bad_CPPFLAGS = $(WORKER_TEST_CPPFLAGS)
tests_unit_test_worker_bad_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_worker_bad_LDADD = libushercommon.la $(CHECK_LIBS)
EXTRA_tests_unit_test_worker_bad_DEPENDENCIES = host/usher-worker$(EXEEXT) $(check_LTLIBRARIES)
endif
endif
