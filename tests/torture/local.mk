# Programs that do harm, for tests that drive the product from outside.
check_PROGRAMS += tests/torture/edit-events
tests_torture_edit_events_SOURCES = %D%/edit-events.c
tests_torture_edit_events_CPPFLAGS = $(AM_CPPFLAGS) $(LMDB_CFLAGS)
tests_torture_edit_events_LDADD = libushercommon.la $(LMDB_LIBS)
