# usher.conf(5).
noinst_LTLIBRARIES += libusherconf.la
libusherconf_la_CPPFLAGS = $(AM_CPPFLAGS) $(INIH_CFLAGS)
libusherconf_la_CFLAGS = $(AM_CFLAGS) $(PROGRAM_CFLAGS)
libusherconf_la_LIBADD = libushercommon.la $(INIH_LIBS)
libusherconf_la_SOURCES = \
	%D%/conf.c %D%/conf.h \
	%D%/value.c %D%/value.h
dist_man_MANS += host/man/usher.conf.5
