# Fuzz target of the head of a backup, replaying its corpus in make check.
check_PROGRAMS += tests/fuzz/fuzz-backup
TESTS += tests/fuzz/fuzz-backup
EXTRA_DIST += %D%/backup.in
tests_fuzz_fuzz_backup_SOURCES = %D%/backup.c %D%/replay.c
tests_fuzz_fuzz_backup_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(SODIUM_CFLAGS)
tests_fuzz_fuzz_backup_LDADD = libusherstore.la libushercommon.la $(SODIUM_LIBS)
