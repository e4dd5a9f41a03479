# The engine's pure pieces.
if HAVE_CHECK
check_PROGRAMS += tests/unit/test-engine
TESTS += tests/unit/test-engine
tests_unit_test_engine_SOURCES = %D%/test-engine.c %D%/unit.h
tests_unit_test_engine_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_engine_LDADD = libusherengine.la $(CHECK_LIBS)
endif
