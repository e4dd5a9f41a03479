# usher-net: its parts one by one, and the program between stand-ins for its neighbours.
if HAVE_CHECK
NET_TESTS = tests/unit/test-limits tests/unit/test-net tests/unit/test-net-confine \
	tests/unit/test-net-oauth tests/unit/test-net-parts tests/unit/test-net-tls
check_PROGRAMS += $(NET_TESTS)
TESTS += $(NET_TESTS)

tests_unit_test_net_SOURCES = %D%/test-net.c %D%/unit.h \
	%D%/net-play.c %D%/net-play.h %D%/net-server.c %D%/net-server.h
tests_unit_test_net_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_net_LDADD = libushercommon.la $(CHECK_LIBS)
EXTRA_tests_unit_test_net_DEPENDENCIES = host/usher-net

tests_unit_test_net_tls_SOURCES = %D%/test-net-tls.c %D%/unit.h %D%/net-play.c %D%/net-play.h
tests_unit_test_net_tls_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_net_tls_LDADD = libushercommon.la $(CHECK_LIBS)
EXTRA_tests_unit_test_net_tls_DEPENDENCIES = host/usher-net

tests_unit_test_net_confine_SOURCES = %D%/test-net-confine.c %D%/unit.h
tests_unit_test_net_confine_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_net_confine_LDADD = libushernet.la $(CHECK_LIBS)

tests_unit_test_net_oauth_SOURCES = %D%/test-net-oauth.c %D%/unit.h
tests_unit_test_net_oauth_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_net_oauth_CPPFLAGS = $(libushernet_la_CPPFLAGS)
tests_unit_test_net_oauth_LDADD = libushernet.la $(CHECK_LIBS)

tests_unit_test_net_parts_SOURCES = %D%/test-net-parts.c %D%/unit.h
tests_unit_test_net_parts_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_net_parts_CPPFLAGS = $(libushernet_la_CPPFLAGS)
tests_unit_test_net_parts_LDADD = libushernet.la $(CHECK_LIBS)

tests_unit_test_limits_SOURCES = %D%/test-limits.c %D%/unit.h
tests_unit_test_limits_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_limits_CPPFLAGS = $(libushernet_la_CPPFLAGS)
tests_unit_test_limits_LDADD = libushernet.la $(CHECK_LIBS)
endif
