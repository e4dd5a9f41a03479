# What the product costs, beside the least it could cost: "make bench".  No part of "all" or of
# "check"; the knobs are in HACKING.
EXTRA_PROGRAMS = tests/bench/app tests/bench/floor tests/bench/obvious tests/bench/proof \
	tests/bench/rows tests/bench/values

tests_bench_app_SOURCES = %D%/app.c %D%/people.c %D%/people.h
tests_bench_app_CFLAGS = $(AM_CFLAGS) $(MHD_CFLAGS)
tests_bench_app_LDADD = libushercommon.la $(MHD_LIBS)

tests_bench_floor_SOURCES = %D%/floor.c %D%/span.c %D%/span.h %D%/tables.c %D%/tables.h
tests_bench_floor_CPPFLAGS = $(AM_CPPFLAGS) -DLIBEXEC=\"$(abs_top_builddir)/host\" \
	-DLIBRARIES=\"$(abs_top_builddir)/.libs\" \
	-DCONNECTOR=\"$(abs_top_builddir)/plugins/.libs/seat.so\"
tests_bench_floor_CFLAGS = $(AM_CFLAGS) $(LMDB_CFLAGS) $(JANSSON_CFLAGS)
tests_bench_floor_LDADD = libushersession.la libusherstore.la libushercommon.la $(LMDB_LIBS)

tests_bench_obvious_SOURCES = %D%/obvious.c %D%/span.c %D%/span.h %D%/tables.c %D%/tables.h
tests_bench_obvious_CFLAGS = $(AM_CFLAGS) $(LMDB_CFLAGS) $(JANSSON_CFLAGS) $(CURL_CFLAGS)
tests_bench_obvious_LDADD = libusherstore.la libushercommon.la $(LMDB_LIBS) $(JANSSON_LIBS) $(CURL_LIBS)

tests_bench_proof_SOURCES = %D%/proof.c %D%/tables.c %D%/tables.h
tests_bench_proof_CFLAGS = $(AM_CFLAGS) $(LMDB_CFLAGS)
tests_bench_proof_LDADD = libushersdkall.la libushersession.la libusherstore.la libushercommon.la $(LMDB_LIBS)

tests_bench_rows_SOURCES = %D%/rows.c
tests_bench_rows_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_bench_rows_LDADD = libushersdkall.la $(JANSSON_LIBS)

tests_bench_values_SOURCES = %D%/values.c %D%/people.c %D%/people.h
tests_bench_values_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_bench_values_LDADD = libseat.la libusher-fakehost.a $(JANSSON_LIBS)

EXTRA_DIST += %D%/bench.py %D%/contestants.py %D%/meter.py %D%/standing.py %D%/together.py
CLEANFILES += $(EXTRA_PROGRAMS)

.PHONY: bench
# The programs, and what they run.
bench: all $(EXTRA_PROGRAMS)
	USHER_BUILD=$(abs_builddir) python3 $(srcdir)/tests/bench/bench.py
