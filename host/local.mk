# The host: usherd, its two child processes, the command.
include host/common/local.mk
include host/worker/local.mk
include host/net/local.mk
include host/store/local.mk
include host/conf/local.mk
include host/vault/local.mk
include host/apps/local.mk
include host/directory/local.mk
include host/engine/local.mk

