# Harm done on purpose.  "make torture" runs every suite of this list whole; ./bootstrap check
# runs their short forms.
TORTURE = tests/torture/bad-connector.py tests/torture/faults.py \
	tests/torture/hostile-app.py tests/torture/kill.py
EXTRA_DIST += $(TORTURE)

.PHONY: torture
# The programs, and what they load.
torture: all test-connectors $(check_PROGRAMS) tests/bench/app
	@failed=; for suite in $(TORTURE); do \
	  printf '\n== %s\n' $$suite; \
	  USHER_BUILD=$(abs_builddir) USHER_TORTURE=long python3 $(srcdir)/$$suite || failed="$$failed $$suite"; \
	done; \
	printf '\n== tests/unit/starve.py\n'; \
	srcdir=$(srcdir) $(srcdir)/tests/unit/starve.py --whole || failed="$$failed tests/unit/starve.py"; \
	printf '\n== tests/unit/tsan.sh\n'; \
	srcdir=$(srcdir) $(srcdir)/tests/unit/tsan.sh || failed="$$failed tests/unit/tsan.sh"; \
	[ -z "$$failed" ] || { printf '\nFailed:%s\n' "$$failed"; exit 1; }

# What edits the store of a daemon that is stopped.
check_PROGRAMS += tests/torture/edit-events
tests_torture_edit_events_SOURCES = %D%/edit-events.c
tests_torture_edit_events_CPPFLAGS = $(AM_CPPFLAGS) $(LMDB_CFLAGS)
tests_torture_edit_events_LDADD = libushercommon.la $(LMDB_LIBS)
