# Fuzz targets of what people write and clients send: their corpora are replayed in make check.
FUZZ_APPS = tests/fuzz/fuzz-csv tests/fuzz/fuzz-app tests/fuzz/fuzz-http \
	tests/fuzz/fuzz-descriptor
check_PROGRAMS += $(FUZZ_APPS)
TESTS += $(FUZZ_APPS)
EXTRA_DIST += %D%/csv.in %D%/app.in %D%/http.in %D%/descriptor.in

tests_fuzz_fuzz_csv_SOURCES = %D%/csv.c %D%/replay.c
tests_fuzz_fuzz_csv_LDADD = libusherdirectory.la
tests_fuzz_fuzz_http_SOURCES = %D%/http.c %D%/replay.c
tests_fuzz_fuzz_http_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_http_LDADD = libusherapi.la
tests_fuzz_fuzz_app_SOURCES = %D%/app.c %D%/replay.c
tests_fuzz_fuzz_app_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_app_LDADD = libusherapps.la $(JANSSON_LIBS)
tests_fuzz_fuzz_descriptor_SOURCES = %D%/descriptor.c %D%/replay.c
tests_fuzz_fuzz_descriptor_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_descriptor_LDADD = libseat.la libusher-fakehost.a libusherapps.la $(JANSSON_LIBS)
