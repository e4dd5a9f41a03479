# What packages ship beside the program.

exampledir = $(docdir)/examples
dist_example_DATA = %D%/examples/usher.conf

# The service.  What the folders are called in full, make alone knows.
noinst_DATA += %D%/systemd/usher.service
CLEANFILES += %D%/systemd/usher.service
EXTRA_DIST += %D%/systemd/usher.service.in
%D%/systemd/usher.service: %D%/systemd/usher.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && sed 's,[@]sbindir[@],$(sbindir),' $(srcdir)/$@.in >$@

if SERVICE
systemdsystemunit_DATA = %D%/systemd/usher.service
dist_sysusers_DATA = %D%/systemd/sysusers.d/usher.conf
dist_tmpfiles_DATA = %D%/systemd/tmpfiles.d/usher.conf
endif
AM_DISTCHECK_CONFIGURE_FLAGS = --sysconfdir=/etc --localstatedir=/var --runstatedir=/run

# Completion.
bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = %D%/completions/bash/usher %D%/completions/bash/usherd
zshcompletiondir = $(datadir)/zsh/site-functions
dist_zshcompletion_DATA = %D%/completions/zsh/_usher
fishcompletiondir = $(datadir)/fish/vendor_completions.d
dist_fishcompletion_DATA = %D%/completions/fish/usher.fish %D%/completions/fish/usherd.fish

# Packages for Debian, from the tarball that "make dist" makes.
EXTRA_DIST += %D%/debian %D%/build-deb %D%/check-packages %D%/chroot-lib

.PHONY: deb check-packages
deb: dist
	$(srcdir)/%D%/build-deb $(distdir).tar.gz .

check-packages: dist
	$(srcdir)/%D%/check-packages $(distdir).tar.gz
