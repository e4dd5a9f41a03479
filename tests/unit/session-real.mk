# A session of the three real processes: the test is usherd, and the app.
if HAVE_CHECK
check_PROGRAMS += tests/unit/test-session-real
TESTS += tests/unit/test-session-real
check_LTLIBRARIES += tests/unit/real.la
tests_unit_real_la_SOURCES = %D%/real-connector.c
tests_unit_real_la_CFLAGS = $(CONNECTOR_COMPILE_FLAGS)
tests_unit_real_la_LDFLAGS = $(CONNECTOR_LINK_FLAGS) -rpath /nowhere

tests_unit_test_session_real_SOURCES = %D%/test-session-real.c %D%/child.h %D%/net-server.c \
	%D%/net-server.h %D%/unit.h
tests_unit_test_session_real_CPPFLAGS = $(AM_CPPFLAGS) \
	-DLIBEXEC=\"$(abs_top_builddir)/host\" \
	-DCONNECTOR=\"$(abs_top_builddir)/tests/unit/.libs/real.so\"
tests_unit_test_session_real_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_session_real_LDADD = libushersession.la libushercommon.la $(CHECK_LIBS)
EXTRA_tests_unit_test_session_real_DEPENDENCIES = host/usher-worker$(EXEEXT) \
	host/usher-net$(EXEEXT) tests/unit/real.la
endif
