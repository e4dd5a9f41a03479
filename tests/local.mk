# Every claim the project makes, as a test.
include tests/unit/local.mk
include tests/unit/wire.mk
include tests/fuzz/wire.mk
