# Sealed secrets.
noinst_LTLIBRARIES += libushervault.la
libushervault_la_CPPFLAGS = $(AM_CPPFLAGS) $(SODIUM_CFLAGS)
libushervault_la_CFLAGS = $(AM_CFLAGS) $(PROGRAM_CFLAGS) -pthread
libushervault_la_LIBADD = libushercommon.la $(SODIUM_LIBS)
libushervault_la_SOURCES = \
	%D%/key-file.c %D%/key-file.h \
	%D%/vault.c %D%/vault.h
