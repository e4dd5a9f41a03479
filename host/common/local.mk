# What the three processes share.
noinst_LTLIBRARIES += libushercommon.la
libushercommon_la_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
libushercommon_la_CFLAGS = $(AM_CFLAGS) $(STRICT_CFLAGS) $(PROGRAM_CFLAGS)
libushercommon_la_LIBADD = $(JANSSON_LIBS)
libushercommon_la_SOURCES = \
	%D%/arena.c %D%/arena.h \
	%D%/base.h \
	%D%/le.h \
	%D%/buf.c %D%/buf.h \
	%D%/clock.c %D%/clock.h \
	%D%/failpoint.c %D%/failpoint.h \
	%D%/failure.c %D%/failure.h \
	%D%/id.c %D%/id.h \
	%D%/io.c %D%/io.h \
	%D%/json-memory.c %D%/json-memory.h \
	%D%/landlock.c %D%/landlock.h \
	%D%/log.c %D%/log.h \
	%D%/row-get.c \
	%D%/row.c %D%/row.h \
	%D%/secret.h \
	%D%/suggest.c %D%/suggest.h \
	%D%/text.c %D%/text.h \
	%D%/wire-channel.c \
	%D%/wire.c %D%/wire.h
