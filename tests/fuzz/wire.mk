# Fuzz targets of the frames and rows, replaying their corpora in make check.
FUZZ_COMMON = tests/fuzz/fuzz-wire tests/fuzz/fuzz-row
check_PROGRAMS += $(FUZZ_COMMON)
TESTS += $(FUZZ_COMMON)
EXTRA_DIST += %D%/wire.in %D%/row.in

tests_fuzz_fuzz_wire_SOURCES = %D%/wire.c %D%/replay.c
tests_fuzz_fuzz_wire_LDADD = libushercommon.la
tests_fuzz_fuzz_row_SOURCES = %D%/row.c %D%/replay.c
tests_fuzz_fuzz_row_LDADD = libushercommon.la
