# Every target, searching: see HACKING.
EXTRA_DIST += %D%/run
.PHONY: fuzz
fuzz:
	@$(srcdir)/%D%/run $(srcdir) $(check_PROGRAMS)

# Fuzz targets of files, command lines, requests and XML: their corpora are replayed in make check.
FUZZ_INPUT = tests/fuzz/fuzz-elf tests/fuzz/fuzz-conf tests/fuzz/fuzz-cli tests/fuzz/fuzz-api \
	tests/fuzz/fuzz-cursor tests/fuzz/fuzz-xml
check_PROGRAMS += $(FUZZ_INPUT)
TESTS += $(FUZZ_INPUT)
EXTRA_DIST += %D%/elf.in %D%/conf.in %D%/cli.in %D%/api.in %D%/cursor.in %D%/xml.in

tests_fuzz_fuzz_elf_SOURCES = %D%/elf.c %D%/replay.c
tests_fuzz_fuzz_elf_LDADD = libusherworker.la
tests_fuzz_fuzz_conf_SOURCES = %D%/conf.c %D%/replay.c
tests_fuzz_fuzz_conf_LDADD = libusherconf.la
tests_fuzz_fuzz_cli_SOURCES = %D%/cli.c %D%/replay.c
tests_fuzz_fuzz_cli_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_cli_LDADD = libushercli.la $(JANSSON_LIBS)
tests_fuzz_fuzz_api_SOURCES = %D%/api.c %D%/replay.c
tests_fuzz_fuzz_api_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(MHD_CFLAGS)
tests_fuzz_fuzz_api_LDADD = libusherapi.la $(JANSSON_LIBS)
tests_fuzz_fuzz_cursor_SOURCES = %D%/cursor.c %D%/replay.c
tests_fuzz_fuzz_cursor_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_cursor_LDADD = libusherapi.la $(JANSSON_LIBS)
tests_fuzz_fuzz_xml_SOURCES = %D%/xml.c %D%/replay.c
tests_fuzz_fuzz_xml_LDADD = libushersdkall.la libusher-fakehost.a libushercommon.la
