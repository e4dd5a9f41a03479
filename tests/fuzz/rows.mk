# The fuzz target of rows, replayed over its corpus.  To fuzz:
#   clang -g -O1 -fsanitize=fuzzer,address,undefined -I. -Isdk/include -I$builddir \
#     tests/fuzz/rows.c sdk/lib/rows*.c sdk/lib/body.c && ./a.out tests/fuzz/rows-corpus
check_PROGRAMS += tests/fuzz/rows-replay
tests_fuzz_rows_replay_SOURCES = %D%/rows.c %D%/rows-replay.c
tests_fuzz_rows_replay_LDADD = libushersdkall.la
TESTS += %D%/rows.sh
EXTRA_DIST += %D%/rows.sh %D%/rows-corpus
