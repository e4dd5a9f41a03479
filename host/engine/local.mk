# usherd's side of the frames, then everything that Usher decides.
noinst_LTLIBRARIES += libushersession.la
libushersession_la_CFLAGS = $(AM_CFLAGS) $(STRICT_CFLAGS) $(PROGRAM_CFLAGS) $(JANSSON_CFLAGS)
libushersession_la_LIBADD = libushercommon.la $(JANSSON_LIBS)
libushersession_la_SOURCES = \
	%D%/rate-rules.c \
	%D%/rate.c %D%/rate.h \
	%D%/session-secrets.c %D%/session-secrets.h \
	%D%/session-call.c \
	%D%/session-frames.c \
	%D%/session-pool.c \
	%D%/session-private.h \
	%D%/session.c %D%/session.h \
	%D%/supervisor.c %D%/supervisor.h

