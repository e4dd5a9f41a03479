# Every claim the project makes, as a test.
include tests/unit/local.mk
include tests/unit/apps.mk
include tests/fuzz/apps.mk
include tests/unit/wire.mk
include tests/fuzz/wire.mk
include tests/unit/store.mk
include tests/fuzz/spool.mk
include tests/unit/net.mk
include tests/unit/sdk.mk
include tests/fuzz/rows.mk
include tests/worker/local.mk
include tests/unit/worker.mk
include tests/fuzz/net.mk
include tests/old/local.mk
include tests/check/sdk.mk
