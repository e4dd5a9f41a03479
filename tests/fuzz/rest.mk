# The fuzz target of the values of descriptors, replaying its corpus in make check.
check_PROGRAMS += tests/fuzz/fuzz-values
TESTS += tests/fuzz/fuzz-values
EXTRA_DIST += %D%/values.in
tests_fuzz_fuzz_values_SOURCES = %D%/values.c %D%/replay.c
tests_fuzz_fuzz_values_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_values_LDADD = libseat.la libusher-fakehost.a libushercommon.la $(JANSSON_LIBS)
