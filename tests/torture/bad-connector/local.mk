# Connectors that crash, flood, lie or try to get out, one that does not open, and those that cannot
# be loaded.
check_LTLIBRARIES += tests/torture/bad-connector/bad.la
tests_torture_bad_connector_bad_la_SOURCES = %D%/bad.c %D%/bad.h %D%/forge.c
tests_torture_bad_connector_bad_la_CFLAGS = $(CONNECTOR_COMPILE_FLAGS)
tests_torture_bad_connector_bad_la_LDFLAGS = $(TEST_CONNECTOR_LDFLAGS)

check_LTLIBRARIES += tests/torture/bad-connector/refuse.la
tests_torture_bad_connector_refuse_la_SOURCES = %D%/refuse.c
tests_torture_bad_connector_refuse_la_CFLAGS = $(CONNECTOR_COMPILE_FLAGS)
tests_torture_bad_connector_refuse_la_LDFLAGS = $(TEST_CONNECTOR_LDFLAGS)

check_LTLIBRARIES += tests/torture/bad-connector/broken-constructor.la
tests_torture_bad_connector_broken_constructor_la_SOURCES = %D%/broken.c
tests_torture_bad_connector_broken_constructor_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=CONSTRUCTOR
tests_torture_bad_connector_broken_constructor_la_CFLAGS = $(CONNECTOR_COMPILE_FLAGS)
tests_torture_bad_connector_broken_constructor_la_LDFLAGS = $(TEST_CONNECTOR_LDFLAGS)

check_LTLIBRARIES += tests/torture/bad-connector/broken-symbol.la
tests_torture_bad_connector_broken_symbol_la_SOURCES = %D%/broken.c
tests_torture_bad_connector_broken_symbol_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=SYMBOL
tests_torture_bad_connector_broken_symbol_la_CFLAGS = $(CONNECTOR_COMPILE_FLAGS)
tests_torture_bad_connector_broken_symbol_la_LDFLAGS = $(TEST_CONNECTOR_LDFLAGS)

check_LTLIBRARIES += tests/torture/bad-connector/broken-null.la
tests_torture_bad_connector_broken_null_la_SOURCES = %D%/broken.c
tests_torture_bad_connector_broken_null_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=NO_TABLE
tests_torture_bad_connector_broken_null_la_CFLAGS = $(CONNECTOR_COMPILE_FLAGS)
tests_torture_bad_connector_broken_null_la_LDFLAGS = $(TEST_CONNECTOR_LDFLAGS)

check_LTLIBRARIES += tests/torture/bad-connector/broken-magic.la
tests_torture_bad_connector_broken_magic_la_SOURCES = %D%/broken.c
tests_torture_bad_connector_broken_magic_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=MAGIC
tests_torture_bad_connector_broken_magic_la_CFLAGS = $(CONNECTOR_COMPILE_FLAGS)
tests_torture_bad_connector_broken_magic_la_LDFLAGS = $(TEST_CONNECTOR_LDFLAGS)

check_LTLIBRARIES += tests/torture/bad-connector/broken-major.la
tests_torture_bad_connector_broken_major_la_SOURCES = %D%/broken.c
tests_torture_bad_connector_broken_major_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=MAJOR
tests_torture_bad_connector_broken_major_la_CFLAGS = $(CONNECTOR_COMPILE_FLAGS)
tests_torture_bad_connector_broken_major_la_LDFLAGS = $(TEST_CONNECTOR_LDFLAGS)

check_LTLIBRARIES += tests/torture/bad-connector/broken-minor.la
tests_torture_bad_connector_broken_minor_la_SOURCES = %D%/broken.c
tests_torture_bad_connector_broken_minor_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=MINOR
tests_torture_bad_connector_broken_minor_la_CFLAGS = $(CONNECTOR_COMPILE_FLAGS)
tests_torture_bad_connector_broken_minor_la_LDFLAGS = $(TEST_CONNECTOR_LDFLAGS)

check_LTLIBRARIES += tests/torture/bad-connector/broken-size.la
tests_torture_bad_connector_broken_size_la_SOURCES = %D%/broken.c
tests_torture_bad_connector_broken_size_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=SIZE
tests_torture_bad_connector_broken_size_la_CFLAGS = $(CONNECTOR_COMPILE_FLAGS)
tests_torture_bad_connector_broken_size_la_LDFLAGS = $(TEST_CONNECTOR_LDFLAGS)

check_LTLIBRARIES += tests/torture/bad-connector/broken-operation.la
tests_torture_bad_connector_broken_operation_la_SOURCES = %D%/broken.c
tests_torture_bad_connector_broken_operation_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=OPERATION
tests_torture_bad_connector_broken_operation_la_CFLAGS = $(CONNECTOR_COMPILE_FLAGS)
tests_torture_bad_connector_broken_operation_la_LDFLAGS = $(TEST_CONNECTOR_LDFLAGS)

check_LTLIBRARIES += tests/torture/bad-connector/broken-name.la
tests_torture_bad_connector_broken_name_la_SOURCES = %D%/broken.c
tests_torture_bad_connector_broken_name_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=NAME
tests_torture_bad_connector_broken_name_la_CFLAGS = $(CONNECTOR_COMPILE_FLAGS)
tests_torture_bad_connector_broken_name_la_LDFLAGS = $(TEST_CONNECTOR_LDFLAGS)

check_LTLIBRARIES += tests/torture/bad-connector/broken-library.la
tests_torture_bad_connector_broken_library_la_SOURCES = %D%/broken.c
tests_torture_bad_connector_broken_library_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=LIBRARY
tests_torture_bad_connector_broken_library_la_CFLAGS = $(CONNECTOR_COMPILE_FLAGS)
tests_torture_bad_connector_broken_library_la_LDFLAGS = $(TEST_CONNECTOR_LDFLAGS)

check_LTLIBRARIES += tests/torture/bad-connector/broken-short.la
tests_torture_bad_connector_broken_short_la_SOURCES = %D%/broken.c
tests_torture_bad_connector_broken_short_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=SHORT
tests_torture_bad_connector_broken_short_la_CFLAGS = $(CONNECTOR_COMPILE_FLAGS)
tests_torture_bad_connector_broken_short_la_LDFLAGS = $(TEST_CONNECTOR_LDFLAGS)
