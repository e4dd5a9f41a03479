# usherd's side of a session: its two processes, the frames between, rates, secrets by value.
noinst_LTLIBRARIES += libushersession.la
libushersession_la_CFLAGS = $(AM_CFLAGS) $(STRICT_CFLAGS) $(PROGRAM_CFLAGS) $(JANSSON_CFLAGS)
libushersession_la_LIBADD = libushercommon.la $(JANSSON_LIBS)
libushersession_la_SOURCES = \
	%D%/call.c \
	%D%/frames.c \
	%D%/pool.c \
	%D%/private.h \
	%D%/rate-rules.c \
	%D%/rate.c %D%/rate.h \
	%D%/secrets.c %D%/secrets.h \
	%D%/renewal.c \
	%D%/session.c %D%/session.h \
	%D%/sieve.c %D%/sieve.h \
	%D%/supervisor.c %D%/supervisor.h
