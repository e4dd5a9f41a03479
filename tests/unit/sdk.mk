# Unit tests of the SDK.
if HAVE_CHECK
SDK_TESTS = \
	tests/unit/test-abi \
	tests/unit/test-host \
	tests/unit/test-pager \
	tests/unit/test-rows \
	tests/unit/test-rows-diff \
	tests/unit/test-xml
check_PROGRAMS += $(SDK_TESTS)
TESTS += $(SDK_TESTS)

tests_unit_test_abi_SOURCES = %D%/test-abi.c

tests_unit_test_host_SOURCES = %D%/test-host.c %D%/unit.h
tests_unit_test_host_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_host_LDADD = libushersdkall.la libusher-fakehost.a $(CHECK_LIBS)

tests_unit_test_pager_SOURCES = %D%/test-pager.c %D%/unit.h
tests_unit_test_pager_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_pager_LDADD = libushersdkall.la $(CHECK_LIBS)

tests_unit_test_rows_SOURCES = %D%/test-rows.c %D%/unit.h
tests_unit_test_rows_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_rows_LDADD = libushersdkall.la $(CHECK_LIBS)

tests_unit_test_rows_diff_SOURCES = %D%/test-rows-diff.c %D%/unit.h
tests_unit_test_rows_diff_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_rows_diff_LDADD = libushersdkall.la $(JANSSON_LIBS) $(CHECK_LIBS)

tests_unit_test_xml_SOURCES = %D%/test-xml.c %D%/unit.h
tests_unit_test_xml_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_xml_LDADD = libushersdkall.la libusher-fakehost.a $(CHECK_LIBS)
endif
