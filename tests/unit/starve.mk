# The unit tests without memory: see starve.py.
if HAVE_CHECK
check_LTLIBRARIES += tests/unit/starve.la
tests_unit_starve_la_SOURCES = %D%/starve.c
# It stands before a sanitizer's own malloc, and is no part of what is looked at.
tests_unit_starve_la_CFLAGS = -std=gnu11 $(WARN_CFLAGS)
tests_unit_starve_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere
TESTS += tests/unit/starve.py
endif
EXTRA_DIST += tests/unit/starve.py
