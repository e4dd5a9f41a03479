# An app that mails invitations, and its connector.
check_LTLIBRARIES += tests/apps/invites/invites.la
tests_apps_invites_invites_la_SOURCES = %D%/invites.c
tests_apps_invites_invites_la_CFLAGS = $(CONNECTOR_COMPILE_FLAGS)
tests_apps_invites_invites_la_LDFLAGS = $(TEST_CONNECTOR_LDFLAGS)
