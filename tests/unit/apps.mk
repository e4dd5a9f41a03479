# App files, the vault, configuration, people as CSV.
if HAVE_CHECK
APPS_TESTS = tests/unit/test-vault tests/unit/test-conf tests/unit/test-csv \
	tests/unit/test-apps tests/unit/test-descriptors
check_PROGRAMS += $(APPS_TESTS)
TESTS += $(APPS_TESTS)
APPS_TEST_FLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -DTOP_SRCDIR=\"$(abs_top_srcdir)\"

tests_unit_test_vault_SOURCES = tests/unit/test-vault.c tests/unit/unit.h
tests_unit_test_vault_CFLAGS = $(APPS_TEST_FLAGS)
tests_unit_test_vault_LDADD = libushervault.la $(CHECK_LIBS)

tests_unit_test_conf_SOURCES = tests/unit/test-conf.c tests/unit/unit.h
tests_unit_test_conf_CFLAGS = $(APPS_TEST_FLAGS)
tests_unit_test_conf_LDADD = libusherconf.la $(CHECK_LIBS)

tests_unit_test_csv_SOURCES = tests/unit/test-csv.c tests/unit/unit.h
tests_unit_test_csv_CFLAGS = $(APPS_TEST_FLAGS)
tests_unit_test_csv_LDADD = libusherdirectory.la $(CHECK_LIBS)

tests_unit_test_apps_SOURCES = tests/unit/test-apps.c tests/unit/unit.h
tests_unit_test_apps_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_apps_CFLAGS = $(APPS_TEST_FLAGS)
tests_unit_test_apps_LDADD = libusherapps.la $(JANSSON_LIBS) $(CHECK_LIBS)

tests_unit_test_descriptors_SOURCES = tests/unit/test-descriptors.c tests/unit/unit.h
tests_unit_test_descriptors_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_descriptors_CFLAGS = $(APPS_TEST_FLAGS)
tests_unit_test_descriptors_LDADD = libseat.la libusher-fakehost.a libusherapps.la $(JANSSON_LIBS) \
	$(CHECK_LIBS)
endif
EXTRA_DIST += tests/unit/apps tests/unit/descriptors
TESTS += tests/unit/test-app-schema.sh tests/unit/test-descriptor-schema.sh
EXTRA_DIST += tests/unit/test-app-schema.sh tests/unit/test-descriptor-schema.sh
