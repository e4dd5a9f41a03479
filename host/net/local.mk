# usher-net: the process that speaks to apps.
noinst_LTLIBRARIES += libushernet.la
libushernet_la_CPPFLAGS = $(AM_CPPFLAGS) $(CURL_CFLAGS) $(JANSSON_CFLAGS) $(SODIUM_CFLAGS) \
	$(OATH_CFLAGS) $(SECCOMP_CFLAGS)
libushernet_la_CFLAGS = $(AM_CFLAGS) $(PROGRAM_CFLAGS)
libushernet_la_LIBADD = libushercommon.la $(CURL_LIBS) $(JANSSON_LIBS) $(SODIUM_LIBS) \
	$(OATH_LIBS) $(SECCOMP_LIBS)
libushernet_la_SOURCES = \
	%D%/accept.c %D%/accept.h \
	%D%/allow.c %D%/allow.h \
	%D%/answer.c %D%/answer.h \
	%D%/auth.c %D%/auth.h \
	%D%/compose.c %D%/compose.h \
	%D%/confine.c %D%/confine.h \
	%D%/exchange.c %D%/exchange.h \
	%D%/fault.c %D%/fault.h \
	%D%/limits-header.c %D%/limits-json.c \
	%D%/limits.c %D%/limits.h \
	%D%/oauth-form.c %D%/oauth-form.h \
	%D%/oauth.c %D%/oauth.h \
	%D%/rate.c %D%/rate.h \
	%D%/redact.c %D%/redact.h \
	%D%/request.c %D%/request.h \
	%D%/retry.c %D%/retry.h \
	%D%/session.c %D%/session.h \
	%D%/standin.c %D%/standin.h \
	%D%/totp.c %D%/totp.h \
	%D%/url.c %D%/url.h \
	%D%/when.c %D%/when.h \
	%D%/witness.c %D%/witness.h

usherlibexec_PROGRAMS += host/usher-net
host_usher_net_SOURCES = %D%/main.c
host_usher_net_CPPFLAGS = $(libushernet_la_CPPFLAGS)
host_usher_net_CFLAGS = $(AM_CFLAGS) $(PROGRAM_CFLAGS)
host_usher_net_LDFLAGS = $(AM_LDFLAGS) $(PROGRAM_LDFLAGS)
host_usher_net_LDADD = libushernet.la
dist_man_MANS += host/man/usher-net.8
