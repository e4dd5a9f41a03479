# Unit tests of the store.
if HAVE_CHECK
STORE_TESTS = tests/unit/test-store tests/unit/test-members \
	tests/unit/test-store-faults tests/unit/test-spool tests/unit/test-sorter \
	tests/unit/test-delta tests/unit/test-chain tests/unit/test-backup
check_PROGRAMS += $(STORE_TESTS)
TESTS += $(STORE_TESTS)
STORE_TEST_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(LMDB_CFLAGS)
STORE_TEST_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
STORE_TEST_LIBS = libusherstore.la libushercommon.la $(CHECK_LIBS) $(JANSSON_LIBS) $(LMDB_LIBS)

tests_unit_test_store_SOURCES = %D%/test-store.c %D%/store-fixture.h %D%/unit.h
tests_unit_test_store_CPPFLAGS = $(STORE_TEST_CPPFLAGS)
tests_unit_test_store_CFLAGS = $(STORE_TEST_CFLAGS)
tests_unit_test_store_LDADD = $(STORE_TEST_LIBS)

tests_unit_test_members_SOURCES = %D%/test-members.c %D%/store-fixture.h %D%/unit.h
tests_unit_test_members_CPPFLAGS = $(STORE_TEST_CPPFLAGS)
tests_unit_test_members_CFLAGS = $(STORE_TEST_CFLAGS)
tests_unit_test_members_LDADD = $(STORE_TEST_LIBS)

tests_unit_test_store_faults_SOURCES = %D%/test-store-faults.c %D%/delta-fixture.h \
	%D%/store-dump.h %D%/store-fixture.h %D%/unit.h
tests_unit_test_store_faults_CPPFLAGS = $(STORE_TEST_CPPFLAGS)
tests_unit_test_store_faults_CFLAGS = $(STORE_TEST_CFLAGS)
tests_unit_test_store_faults_LDADD = $(STORE_TEST_LIBS)

tests_unit_test_backup_SOURCES = %D%/test-backup.c %D%/store-dump.h %D%/store-fixture.h %D%/unit.h
tests_unit_test_backup_CPPFLAGS = $(STORE_TEST_CPPFLAGS) $(SODIUM_CFLAGS)
tests_unit_test_backup_CFLAGS = $(STORE_TEST_CFLAGS)
tests_unit_test_backup_LDADD = $(STORE_TEST_LIBS) $(SODIUM_LIBS)

tests_unit_test_chain_SOURCES = %D%/test-chain.c %D%/store-fixture.h %D%/unit.h
tests_unit_test_chain_CPPFLAGS = $(STORE_TEST_CPPFLAGS)
tests_unit_test_chain_CFLAGS = $(STORE_TEST_CFLAGS)
tests_unit_test_chain_LDADD = $(STORE_TEST_LIBS)

tests_unit_test_spool_SOURCES = %D%/test-spool.c %D%/store-fixture.h %D%/unit.h
tests_unit_test_spool_CPPFLAGS = $(STORE_TEST_CPPFLAGS)
tests_unit_test_spool_CFLAGS = $(STORE_TEST_CFLAGS)
tests_unit_test_spool_LDADD = $(STORE_TEST_LIBS)

tests_unit_test_sorter_SOURCES = %D%/test-sorter.c %D%/store-fixture.h %D%/unit.h
tests_unit_test_sorter_CPPFLAGS = $(STORE_TEST_CPPFLAGS)
tests_unit_test_sorter_CFLAGS = $(STORE_TEST_CFLAGS)
tests_unit_test_sorter_LDADD = $(STORE_TEST_LIBS)

tests_unit_test_delta_SOURCES = %D%/test-delta.c %D%/delta-fixture.h %D%/store-dump.h \
	%D%/store-fixture.h %D%/unit.h
tests_unit_test_delta_CPPFLAGS = $(STORE_TEST_CPPFLAGS)
tests_unit_test_delta_CFLAGS = $(STORE_TEST_CFLAGS)
tests_unit_test_delta_LDADD = $(STORE_TEST_LIBS)
endif
