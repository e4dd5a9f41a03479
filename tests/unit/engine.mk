# The engine: its pure pieces, its lists on a real store, and several people on a whole one.
if HAVE_CHECK
ENGINE_TESTS = tests/unit/test-engine tests/unit/test-lists tests/unit/test-sight \
	tests/unit/test-key tests/unit/test-crowd tests/unit/test-credential tests/unit/test-leave tests/unit/test-api
check_PROGRAMS += $(ENGINE_TESTS)
TESTS += $(ENGINE_TESTS)
tests_unit_test_engine_SOURCES = %D%/test-engine.c %D%/unit.h
tests_unit_test_engine_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_engine_LDADD = libusherengine.la $(CHECK_LIBS)

tests_unit_test_lists_SOURCES = %D%/test-lists.c %D%/store-fixture.h %D%/unit.h
tests_unit_test_lists_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(LMDB_CFLAGS)
tests_unit_test_lists_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_lists_LDADD = libusherengine.la $(CHECK_LIBS) $(LMDB_LIBS)

tests_unit_test_sight_SOURCES = %D%/test-sight.c %D%/store-fixture.h %D%/unit.h
tests_unit_test_sight_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_sight_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -DTOP_SRCDIR=\"$(abs_top_srcdir)\"
tests_unit_test_sight_LDADD = libusherengine.la $(CHECK_LIBS)

tests_unit_test_key_SOURCES = %D%/test-key.c %D%/store-fixture.h %D%/unit.h
tests_unit_test_key_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_key_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_key_LDADD = libusherengine.la $(CHECK_LIBS)

tests_unit_test_crowd_SOURCES = %D%/test-crowd.c %D%/unit.h
tests_unit_test_crowd_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_crowd_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_crowd_LDADD = libusherengine.la $(CHECK_LIBS)

tests_unit_test_credential_SOURCES = %D%/test-credential.c %D%/store-fixture.h %D%/unit.h
tests_unit_test_credential_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_credential_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_credential_LDADD = libusherengine.la $(CHECK_LIBS)

tests_unit_test_leave_SOURCES = %D%/test-leave.c %D%/store-fixture.h %D%/unit.h
tests_unit_test_leave_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(LMDB_CFLAGS)
tests_unit_test_leave_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_leave_LDADD = libusherengine.la $(CHECK_LIBS) $(LMDB_LIBS)

tests_unit_test_api_SOURCES = %D%/test-api.c %D%/unit.h
tests_unit_test_api_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_api_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_api_LDADD = libusherapi.la $(CHECK_LIBS)
endif
