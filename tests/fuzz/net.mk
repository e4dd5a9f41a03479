# Fuzz targets of usher-net, replaying their corpora in make check.
FUZZ_NET = tests/fuzz/fuzz-net-url tests/fuzz/fuzz-net-standin tests/fuzz/fuzz-net-limits \
	tests/fuzz/fuzz-net-oauth
check_PROGRAMS += $(FUZZ_NET)
TESTS += $(FUZZ_NET)
EXTRA_DIST += %D%/net-url.in %D%/net-standin.in %D%/net-limits.in %D%/net-oauth.in

tests_fuzz_fuzz_net_url_SOURCES = %D%/net-url.c %D%/replay.c
tests_fuzz_fuzz_net_url_LDADD = libushernet.la
tests_fuzz_fuzz_net_standin_SOURCES = %D%/net-standin.c %D%/replay.c
tests_fuzz_fuzz_net_standin_LDADD = libushernet.la
tests_fuzz_fuzz_net_limits_SOURCES = %D%/net-limits.c %D%/replay.c
tests_fuzz_fuzz_net_limits_LDADD = libushernet.la
tests_fuzz_fuzz_net_oauth_SOURCES = %D%/net-oauth.c %D%/replay.c
tests_fuzz_fuzz_net_oauth_LDADD = libushernet.la
