# Everything that Usher decides.
noinst_LTLIBRARIES += libusherengine.la
libusherengine_la_CFLAGS = $(AM_CFLAGS) $(PROGRAM_CFLAGS) $(JANSSON_CFLAGS) $(SODIUM_CFLAGS)
libusherengine_la_LIBADD = libushersession.la libusherstore.la libushervault.la \
	libusherapps.la libusherconf.la libusherdirectory.la libushercommon.la \
	$(JANSSON_LIBS) $(SODIUM_LIBS)
libusherengine_la_SOURCES = \
	%D%/account.c %D%/accounts.h \
	%D%/attempt.c \
	%D%/audit.c \
	%D%/backup.c \
	%D%/call.c \
	%D%/caller.c \
	%D%/change-status.c \
	%D%/check-app.c %D%/check-app.h \
	%D%/confinement.c %D%/confinement.h \
	%D%/connectors.c %D%/connectors.h \
	%D%/credential.c %D%/credential.h \
	%D%/crowd.c \
	%D%/directory.c \
	%D%/engine.c %D%/engine.h \
	%D%/event.c \
	%D%/find.c \
	%D%/fold.c \
	%D%/grant.c \
	%D%/guard.c \
	%D%/hub-session.c \
	%D%/hub-limit.c \
	%D%/hub-status.c \
	%D%/hub.c \
	%D%/inspect.c %D%/inspect.h \
	%D%/internal.h \
	%D%/invitation.c \
	%D%/json.c \
	%D%/key.c %D%/key.h \
	%D%/leavers.c \
	%D%/list.c \
	%D%/member-change.c \
	%D%/member.c %D%/members.h \
	%D%/merge-walk.c \
	%D%/merge.c \
	%D%/metrics.c %D%/metrics.h \
	%D%/person.c %D%/people.h \
	%D%/plan-hub.c \
	%D%/plan.c %D%/plan.h \
	%D%/prove.c \
	%D%/queue.c \
	%D%/rank.c \
	%D%/readback.c %D%/readback.h \
	%D%/recover.c \
	%D%/refusal.c %D%/refusal.h \
	%D%/report.c \
	%D%/restored.c %D%/restored.h \
	%D%/run-change.c \
	%D%/run-sync.c \
	%D%/run-validate.c \
	%D%/run.c \
	%D%/schedule.c \
	%D%/seals.c %D%/seals.h \
	%D%/settings.c %D%/settings.h \
	%D%/secret-hosts.c \
	%D%/sight.c \
	%D%/stream.c \
	%D%/sync-apply.c \
	%D%/sync-list.c \
	%D%/sync-run.h \
	%D%/sync.h \
	%D%/task.c \
	%D%/token.c \
	%D%/work.c %D%/work.h \
	%D%/workspace.c
