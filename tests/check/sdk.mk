# Checks of what the SDK promises to outsiders.
SDK_CHECKS = %D%/headers.sh %D%/one-symbol.sh %D%/connector-docs.sh
TESTS += $(SDK_CHECKS)
if !SANITIZERS
TESTS += %D%/template.sh
endif
EXTRA_DIST += $(SDK_CHECKS) %D%/template.sh
