# usher-worker: runs one connector, confined.  The library is what its tests link.
noinst_LTLIBRARIES += libusherworker.la
libusherworker_la_CFLAGS = $(AM_CFLAGS) $(STRICT_CFLAGS) $(PROGRAM_CFLAGS) $(SECCOMP_CFLAGS)
libusherworker_la_LIBADD = libushercommon.la $(SECCOMP_LIBS) $(DL_LIBS)
libusherworker_la_SOURCES = \
	%D%/check.c %D%/check.h \
	%D%/confine.c %D%/confine.h \
	%D%/elf.c %D%/elf.h \
	%D%/host-table.c %D%/host.h \
	%D%/http.c \
	%D%/inspect.c %D%/inspect.h \
	%D%/landlock.c \
	%D%/link.c %D%/link.h \
	%D%/load.c %D%/load.h \
	%D%/rows.c \
	%D%/run.c \
	%D%/seccomp.c

usherlibexec_PROGRAMS += host/usher-worker
host_usher_worker_SOURCES = %D%/main.c
host_usher_worker_CFLAGS = $(AM_CFLAGS) $(STRICT_CFLAGS) $(PROGRAM_CFLAGS)
host_usher_worker_LDFLAGS = $(AM_LDFLAGS) $(PROGRAM_LDFLAGS)
host_usher_worker_LDADD = libusherworker.la
dist_man_MANS += host/man/usher-worker.8
