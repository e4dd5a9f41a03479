# Checks on the tree itself.
TREE_CHECKS = %D%/banned.sh %D%/examples.sh %D%/includes.sh %D%/man.sh %D%/pages.sh \
	%D%/service.sh %D%/shell.sh %D%/tarball.sh %D%/targets.sh %D%/usherd-page.sh %D%/words.sh
TESTS += $(TREE_CHECKS)
EXTRA_DIST += $(TREE_CHECKS) %D%/code.awk
