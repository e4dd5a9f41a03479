# The only door to state.
noinst_LTLIBRARIES += libusherstore.la
libusherstore_la_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(LMDB_CFLAGS) $(SODIUM_CFLAGS)
libusherstore_la_CFLAGS = $(AM_CFLAGS) $(PROGRAM_CFLAGS)
libusherstore_la_LIBADD = libushercommon.la $(JANSSON_LIBS) $(LMDB_LIBS) $(SODIUM_LIBS) -lpthread
libusherstore_la_SOURCES = \
	%D%/backup-head.c \
	%D%/backup.c %D%/backup.h \
	%D%/chain.c %D%/chain.h \
	%D%/crc32c.c %D%/crc32c.h \
	%D%/delta.c %D%/delta.h \
	%D%/delta-apply.c \
	%D%/delta-file.c %D%/delta-file.h \
	%D%/delta-forget.c \
	%D%/document.c \
	%D%/event.c \
	%D%/keys.c %D%/keys.h \
	%D%/member.c %D%/member.h \
	%D%/members.c %D%/members.h \
	%D%/pagefile.c %D%/pagefile.h \
	%D%/reader.h \
	%D%/record.c %D%/record.h \
	%D%/restore.c \
	%D%/schema.c %D%/schema.h \
	%D%/seen-walk.c \
	%D%/sorter.c %D%/sorter.h \
	%D%/spool.c %D%/spool.h \
	%D%/store.c %D%/store.h \
	%D%/txn.c %D%/txn.h \
	%D%/value.c \
	%D%/work.h
