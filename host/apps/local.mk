# App files: checked, loaded, asked.
noinst_LTLIBRARIES += libusherapps.la
libusherapps_la_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
libusherapps_la_CFLAGS = $(AM_CFLAGS) $(PROGRAM_CFLAGS)
libusherapps_la_LIBADD = libushercommon.la $(JANSSON_LIBS)
libusherapps_la_SOURCES = \
	%D%/accounts.c \
	%D%/app.h \
	%D%/apps.c %D%/apps.h \
	%D%/check.c \
	%D%/cross.c \
	%D%/json-offsets.c %D%/json-offsets.h \
	%D%/load.c \
	%D%/pattern.c \
	%D%/reach.c \
	%D%/shape.c %D%/shape.h \
	%D%/spot.c %D%/spot.h \
	%D%/template.c %D%/template.h \
	%D%/url.c %D%/url.h \
	%D%/values.c
dist_man_MANS += host/man/usher-app.5

# Beside the folder of app files, not in it: what is in there is an app.
appschemadir = $(datadir)/usher
dist_appschema_DATA = %D%/usher-app.schema.json
