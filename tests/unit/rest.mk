# Unit tests of descriptors.
if HAVE_CHECK
REST_TESTS = tests/unit/test-rest-diff tests/unit/test-rest-plain tests/unit/test-rest-value
check_PROGRAMS += $(REST_TESTS)
TESTS += $(REST_TESTS)

tests_unit_test_rest_diff_SOURCES = %D%/test-rest-diff.c %D%/unit.h
tests_unit_test_rest_diff_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_rest_diff_LDADD = libseat.la libusher-fakehost.a $(JANSSON_LIBS) $(CHECK_LIBS)

tests_unit_test_rest_plain_SOURCES = %D%/test-rest-plain.c %D%/unit.h
tests_unit_test_rest_plain_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_rest_plain_LDADD = libseat.la libusher-fakehost.a $(JANSSON_LIBS) $(CHECK_LIBS)

tests_unit_test_rest_value_SOURCES = %D%/test-rest-value.c %D%/unit.h
tests_unit_test_rest_value_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_rest_value_LDADD = libseat.la libusher-fakehost.a $(JANSSON_LIBS) $(CHECK_LIBS)
endif
