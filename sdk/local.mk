# What outsiders see: headers, the convenience library, the fake host, pkg-config files.
usherinclude_HEADERS += \
	%D%/include/usher/connector.h \
	%D%/include/usher/pager.h \
	%D%/include/usher/rows.h \
	%D%/include/usher/xml.h
pkgconfig_DATA += %D%/usher-connector-1.pc %D%/usher-sdk-1.pc

# The library, and the same objects with everything visible for tests and fuzzers.
noinst_LTLIBRARIES += libushersdkall.la
libushersdkall_la_CFLAGS = $(AM_CFLAGS) $(STRICT_CFLAGS) $(XML_CFLAGS)
libushersdkall_la_SOURCES = \
	%D%/lib/body.c \
	%D%/lib/pager.c \
	%D%/lib/rows.c %D%/lib/rows-private.h \
	%D%/lib/rows-path.c \
	%D%/lib/rows-token.h \
	%D%/lib/rows-value.c %D%/lib/rows-value.h \
	%D%/lib/xml.c \
	%D%/lib/xml-rows.c
libushersdkall_la_LIBADD = $(XML_LIBS)

lib_LTLIBRARIES += libusher-sdk.la
libusher_sdk_la_SOURCES =
libusher_sdk_la_LIBADD = libushersdkall.la $(XML_LIBS)
libusher_sdk_la_LDFLAGS = $(AM_LDFLAGS) -version-info 1:0:0 -Wl,-z,defs \
	-Wl,--version-script=$(srcdir)/%D%/libusher-sdk.map
libusher_sdk_la_DEPENDENCIES = libushersdkall.la %D%/libusher-sdk.map
EXTRA_DIST += %D%/libusher-sdk.map

# A host for tests of connectors.
usherinclude_HEADERS += %D%/include/usher/fakehost.h
lib_LIBRARIES += libusher-fakehost.a
libusher_fakehost_a_CFLAGS = $(AM_CFLAGS) $(STRICT_CFLAGS) $(PROGRAM_CFLAGS)
libusher_fakehost_a_SOURCES = \
	%D%/fakehost/fake.c %D%/fakehost/fake.h \
	%D%/fakehost/fake-http.c \
	%D%/fakehost/fake-hub.c \
	%D%/fakehost/fake-rows.c

dist_man_MANS += %D%/man/usher-connector.3
EXTRA_DIST += %D%/ABI

# What an author begins with.
templatedir = $(docdir)/examples/template
dist_template_DATA = %D%/template/Makefile %D%/template/members.c %D%/template/members.json \
	%D%/template/test-members.c
