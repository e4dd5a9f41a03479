# A connector through which tests/e2e/canary.py leaks.
check_LTLIBRARIES += tests/torture/canary/leaky.la
tests_torture_canary_leaky_la_SOURCES = %D%/leaky.c
tests_torture_canary_leaky_la_CFLAGS = $(CONNECTOR_COMPILE_FLAGS)
tests_torture_canary_leaky_la_LDFLAGS = $(TEST_CONNECTOR_LDFLAGS)
