# Connectors: one folder each.
include plugins/seat/local.mk
