# The rules of acceptance, one test or more each: make acceptance prints the table.
ACCEPTANCE = %D%/connect.py %D%/guard.py %D%/members.py %D%/secrets.py %D%/sync.py %D%/tasks.py
EXTRA_DIST += $(ACCEPTANCE) %D%/lib.py %D%/table

.PHONY: acceptance
acceptance: all
	@USHER_BUILD=$(abs_builddir) $(srcdir)/%D%/table $(ACCEPTANCE)
