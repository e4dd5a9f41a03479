# People and teams: what comes in from files.
noinst_LTLIBRARIES += libusherdirectory.la
libusherdirectory_la_CPPFLAGS = $(AM_CPPFLAGS) $(SODIUM_CFLAGS)
libusherdirectory_la_CFLAGS = $(AM_CFLAGS) $(PROGRAM_CFLAGS)
libusherdirectory_la_LIBADD = libushercommon.la $(CSV_LIBS) $(SODIUM_LIBS)
libusherdirectory_la_SOURCES = \
	%D%/csv.c %D%/csv.h \
	%D%/csv-out.c \
	%D%/seen.c %D%/seen.h
