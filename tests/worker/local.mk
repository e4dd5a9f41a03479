# Connectors that the worker's tests load: one that keeps the contract, and the bad ones.
TEST_CONNECTOR_LDFLAGS = $(CONNECTOR_LINK_FLAGS) -rpath /nowhere

check_LTLIBRARIES += tests/worker/good.la
tests_worker_good_la_SOURCES = %D%/good.c
tests_worker_good_la_CFLAGS = $(CONNECTOR_COMPILE_FLAGS)
tests_worker_good_la_LDFLAGS = $(TEST_CONNECTOR_LDFLAGS)

# For tests that drive the product with them from outside.
.PHONY: test-connectors
test-connectors: $(check_LTLIBRARIES)

include tests/torture/bad-connector/local.mk
include tests/torture/canary/local.mk
