# Frames and rows.
if HAVE_CHECK
WIRE_TESTS = tests/unit/test-wire tests/unit/test-row
check_PROGRAMS += $(WIRE_TESTS)
TESTS += $(WIRE_TESTS)

tests_unit_test_wire_SOURCES = %D%/test-wire.c %D%/unit.h
tests_unit_test_wire_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_wire_LDADD = libushercommon.la $(CHECK_LIBS)
tests_unit_test_row_SOURCES = %D%/test-row.c %D%/unit.h
tests_unit_test_row_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_row_LDADD = libushercommon.la $(CHECK_LIBS)
endif
