# seat: the SCIM 2.0 client, and apps that a descriptor tells of.  The same objects serve the
# module and its tests.
noinst_LTLIBRARIES += libseat.la
libseat_la_SOURCES = \
	%D%/fail.c %D%/fail.h \
	%D%/rest/answer.c \
	%D%/rest/assets.c \
	%D%/rest/body.c \
	%D%/rest/change.c \
	%D%/rest/cross.c \
	%D%/rest/grammar.c \
	%D%/rest/keys.c \
	%D%/rest/known.c \
	%D%/rest/list.c %D%/rest/list.h \
	%D%/rest/login.c \
	%D%/rest/look-up.c \
	%D%/rest/member.c \
	%D%/rest/names.c \
	%D%/rest/pick.c \
	%D%/rest/place.c %D%/rest/place.h \
	%D%/rest/read.c \
	%D%/rest/request.c \
	%D%/rest/rest.c %D%/rest/rest.h \
	%D%/rest/roles.c \
	%D%/rest/shape.c %D%/rest/shape.h \
	%D%/rest/slow.c \
	%D%/rest/source.c \
	%D%/rest/steps.h \
	%D%/rest/template.c \
	%D%/rest/value-jq.c \
	%D%/rest/value-text.c \
	%D%/rest/value-tree.c \
	%D%/rest/value.c %D%/rest/value.h %D%/rest/value-private.h \
	%D%/rest/walk.c \
	%D%/rest/write.c \
	%D%/scim-edit.c \
	%D%/scim-error.c \
	%D%/scim-find.c \
	%D%/scim-group.c \
	%D%/scim-http.c \
	%D%/scim-list.c \
	%D%/scim-roles.c \
	%D%/scim-url.c \
	%D%/scim-user.c \
	%D%/scim-walk.c \
	%D%/scim-write.c \
	%D%/scim.c %D%/scim.h \
	%D%/seat.c \
	%D%/text.c %D%/text.h
libseat_la_CFLAGS = $(CONNECTOR_COMPILE_FLAGS) $(STRICT_CFLAGS) $(JANSSON_CFLAGS) $(JQ_CFLAGS)
libseat_la_LIBADD = libusher-sdk.la $(JANSSON_LIBS) $(JQ_LIBS) -lm

connector_LTLIBRARIES += plugins/seat.la
plugins_seat_la_SOURCES =
plugins_seat_la_LDFLAGS = $(CONNECTOR_LINK_FLAGS) -Wl,-z,defs
plugins_seat_la_LIBADD = libseat.la
dist_app_DATA += \
	%D%/apps/asana.json \
	%D%/apps/atlassian-org.json \
	%D%/apps/calendly.json \
	%D%/apps/github-org.json \
	%D%/apps/gitlab-group.json \
	%D%/apps/glewlwyd.json \
	%D%/apps/grafana.json \
	%D%/apps/hcp-terraform.json \
	%D%/apps/linear.json \
	%D%/apps/mailman3.json \
	%D%/apps/miro-team.json \
	%D%/apps/redmine-xml.json \
	%D%/apps/redmine.json \
	%D%/apps/scim.json \
	%D%/apps/sentry.json \
	%D%/apps/slack-enterprise.json \
	%D%/apps/tableau.json \
	%D%/apps/zoom.json
dist_appschema_DATA += %D%/rest/usher-descriptor.schema.json
dist_man_MANS += %D%/usher-apps.7 %D%/usher-scim.7
