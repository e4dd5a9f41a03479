# Connectors of former releases: binaries that are never rebuilt.
check_PROGRAMS += tests/old/run
tests_old_run_SOURCES = %D%/run.c
tests_old_run_LDADD = libusher-fakehost.a $(DL_LIBS)
TESTS += %D%/old.sh
EXTRA_DIST += %D%/old.sh \
	%D%/x86_64-linux-gnu/1.0/museum.c %D%/x86_64-linux-gnu/1.0/museum.so
