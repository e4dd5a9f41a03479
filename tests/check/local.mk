# Checks on the tree itself.
TREE_CHECKS = %D%/banned.sh %D%/includes.sh %D%/man.sh %D%/usherd-page.sh %D%/shell.sh \
	%D%/targets.sh %D%/words.sh %D%/tarball.sh
TESTS += $(TREE_CHECKS)
EXTRA_DIST += $(TREE_CHECKS) %D%/code.awk
