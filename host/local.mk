# The host: usherd, its two child processes, the command.
include host/common/local.mk
include host/worker/local.mk
include host/net/local.mk
include host/store/local.mk
include host/conf/local.mk
include host/vault/local.mk
include host/apps/local.mk
include host/directory/local.mk
include host/session/local.mk
include host/engine/local.mk
include host/api/local.mk
include host/cli/local.mk

sbin_PROGRAMS += host/usherd
host_usherd_SOURCES = host/usherd.c
host_usherd_CFLAGS = $(AM_CFLAGS) $(PROGRAM_CFLAGS) $(JANSSON_CFLAGS) $(SODIUM_CFLAGS) $(SYSTEMD_CFLAGS)
host_usherd_LDFLAGS = $(AM_LDFLAGS) $(PROGRAM_LDFLAGS)
host_usherd_LDADD = libusherapi.la libusherengine.la libushercommon.la $(SODIUM_LIBS) $(SYSTEMD_LIBS)
dist_man_MANS += host/man/usherd.8
