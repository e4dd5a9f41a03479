# The command usher.  The library is the program without its main, so that tests can
# link it.
noinst_LTLIBRARIES += libushercli.la
libushercli_la_CPPFLAGS = $(AM_CPPFLAGS) -DSBINDIR=\"$(sbindir)\"
libushercli_la_CFLAGS = $(AM_CFLAGS) $(PROGRAM_CFLAGS) \
	$(CURL_CFLAGS) $(JANSSON_CFLAGS) $(SMARTCOLS_CFLAGS)
libushercli_la_LIBADD = libushercommon.la $(CURL_LIBS) $(JANSSON_LIBS) $(SMARTCOLS_LIBS)
libushercli_la_SOURCES = \
	%D%/account.c \
	%D%/args.c %D%/args.h \
	%D%/ask.c %D%/ask.h \
	%D%/audit.c \
	%D%/backup.c \
	%D%/bar.c %D%/bar.h \
	%D%/cli.h \
	%D%/client.c %D%/client.h \
	%D%/command.c %D%/command.h \
	%D%/complete.c %D%/complete.h \
	%D%/file.c \
	%D%/hub.c \
	%D%/interrupt.c %D%/interrupt.h \
	%D%/output.c %D%/output.h \
	%D%/plan.c \
	%D%/request.c \
	%D%/say.c %D%/say.h \
	%D%/view.c %D%/view.h \
	%D%/wait.c \
	%D%/workspace.c

bin_PROGRAMS += host/usher
host_usher_SOURCES = %D%/usher.c
host_usher_CFLAGS = $(libushercli_la_CFLAGS)
host_usher_LDFLAGS = $(AM_LDFLAGS) $(PROGRAM_LDFLAGS)
host_usher_LDADD = libushercli.la

dist_man_MANS += host/man/usher.1
