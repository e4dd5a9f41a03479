/* The members that an app of the bench shows: made from their number, so that every run and
   every machine has the same.  Ids and addresses are in no order. */
#ifndef BENCH_PEOPLE_H
#define BENCH_PEOPLE_H

#include <stddef.h>
#include <stdint.h>

/* More than any member takes. */
#define PEOPLE_JSON_MAX 1024u

/* Writes member N of a list as a SCIM user (RFC 7643 4.1), about 400 bytes, without a NUL;
   its length.  Of a thousand members CHANGED are other than with CHANGED 0. */
size_t people_json (uint32_t n, uint32_t changed, char ret[PEOPLE_JSON_MAX]);

#endif
