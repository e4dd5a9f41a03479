/* Checks and small conversions of text.  Pure functions, no allocation unless said. */
#ifndef USHER_COMMON_TEXT_H
#define USHER_COMMON_TEXT_H

#include "host/common/base.h"

/* A decimal number in [MIN, MAX], nothing before or after it; -EINVAL or -ERANGE. */
int parse_u64 (const char *s, uint64_t min, uint64_t max, uint64_t *ret);

/* Well-formed UTF-8 (RFC 3629) without NUL. */
bool utf8_valid (const char *s, size_t len);
/* Copies S to RET, SIZE bytes with the NUL: cut before a character that does not fit;
   each byte that is not UTF-8 becomes '?'.  For text that is shown, not compared. */
void utf8_clean (const char *s, char *ret, size_t size);
/* The number of characters of valid UTF-8. */
size_t utf8_length (const char *s);
/* Whether S is one line: no control characters of ASCII. */
bool text_is_line (const char *s);

/* ASCII only; the rest is compared as it is. */
int ascii_casecmp (const char *a, const char *b);
/* Whether the LEN bytes at A are B. */
bool ascii_same (const char *a, size_t len, const char *b);
void ascii_lower (char *s);
bool has_prefix (const char *s, const char *prefix);
bool has_suffix (const char *s, const char *suffix);

/* An e-mail address for comparing: trimmed, ASCII lower case.  No dot or plus-tag
   tricks (behaviour: auto-match).  NULL when S is not one address of the form
   local@domain without spaces or controls, or longer than 254 bytes; else the
   caller frees it. */
char *email_normalise (const char *s);
/* The same of LEN bytes without a NUL: the length of what is written to RET, 0 for no
   address. */
#define EMAIL_MAX 254u
size_t email_fold (const char *s, size_t len, char ret[EMAIL_MAX]);
/* Copies LEN bytes in ASCII lower case. */
void ascii_fold (const char *s, size_t len, char *ret);

/* Bytes to lower-case hex; RET has room for 2 * LEN + 1. */
void hex_encode (const void *p, size_t len, char *ret);
/* The reverse: LEN bytes of RET from 2 * LEN hex digits of S; -EINVAL. */
int hex_decode (const char *s, void *ret, size_t len);

#endif
