# The HTTP API.
noinst_LTLIBRARIES += libusherapi.la
libusherapi_la_CFLAGS = $(AM_CFLAGS) $(PROGRAM_CFLAGS) $(JANSSON_CFLAGS) $(MHD_CFLAGS) $(SODIUM_CFLAGS)
libusherapi_la_LIBADD = libusherengine.la libushercommon.la $(JANSSON_LIBS) $(MHD_LIBS) $(SODIUM_LIBS)
libusherapi_la_SOURCES = \
	%D%/answer.c %D%/answer.h \
	%D%/api.h \
	%D%/cursor.c %D%/cursor.h \
	%D%/document.c %D%/document.h \
	%D%/metrics.c %D%/metrics.h \
	%D%/request.c %D%/request.h \
	%D%/routes.c %D%/routes.h \
	%D%/server.c \
	%D%/stream.c %D%/stream.h \
	%D%/transfer.c %D%/transfer.h
nodist_libusherapi_la_SOURCES = host/api/schemas.c
EXTRA_DIST += %D%/schemas.json
dist_man_MANS += host/man/usher-api.7
CLEANFILES += host/api/schemas.c

# The document's schemas as one text in the program.
host/api/schemas.c: %D%/schemas.json
	$(AM_V_GEN)$(MKDIR_P) host/api && $(AWK) 'BEGIN { print "#include \"host/api/document.h\"\nconst char schemas_json[] =" } \
	  { gsub (/\\/, "\\\\"); gsub (/"/, "\\\""); printf "  \"%s\\n\"\n", $$0 } END { print ";" }' \
	  $(srcdir)/host/api/schemas.json >$@.tmp && mv $@.tmp $@
