# The command usher against an API that answers what the test says.
CLI_TESTS = \
	%D%/cli-answers.sh \
	%D%/cli-complete.sh \
	%D%/cli-reach.sh \
	%D%/cli-secrets.sh \
	%D%/cli-tasks.sh \
	%D%/cli-terminal.sh \
	%D%/cli-usage.sh
TESTS += $(CLI_TESTS)
EXTRA_DIST += $(CLI_TESTS) %D%/cli-lib.sh %D%/cli-api.py %D%/cli-terminal.py
