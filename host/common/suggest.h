/* The nearest known word to one that somebody mistyped: for "did you mean". */
#ifndef USHER_COMMON_SUGGEST_H
#define USHER_COMMON_SUGGEST_H

#include "host/common/base.h"

/* Longer words are never suggested for. */
#define SUGGEST_MAX 40u

/* The one of N words that takes the fewest single-letter edits to make of WORD, when
   that is at most a third of its letters (and at least one edit is allowed); NULL when
   none is that near.  NULL entries are skipped.  Borrowed from WORDS. */
const char *suggest_nearest (const char *word, const char *const *words, size_t n);

#endif
