# The HTTP API.
noinst_LTLIBRARIES += libusherapi.la
libusherapi_la_CFLAGS = $(AM_CFLAGS) $(PROGRAM_CFLAGS) $(JANSSON_CFLAGS) $(MHD_CFLAGS)
libusherapi_la_LIBADD = libusherengine.la libushercommon.la $(JANSSON_LIBS) $(MHD_LIBS)
libusherapi_la_SOURCES = \
	%D%/api.h \
	%D%/request.c %D%/request.h \
	%D%/routes.c %D%/routes.h \
	%D%/server.c
