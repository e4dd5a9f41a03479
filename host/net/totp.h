/* One-time codes by time (RFC 6238).  A step is never used twice, because apps refuse
   the second use and count it as an attack. */
#ifndef USHER_NET_TOTP_H
#define USHER_NET_TOTP_H

#include "host/common/base.h"
#include "host/common/secret.h"

#define TOTP_CODE_SIZE 9  /* 8 digits */

struct totp
{
  struct secret key;
  unsigned int period_s, digits;
  int flags;               /* of liboath: the hash */
  int64_t last_step;       /* -1 = none used yet */
};

void totp_done (struct totp *t);
/* From an otpauth URI or a bare base32 seed (spaces and case do not matter).
   -EINVAL when it is neither. */
int totp_parse (const char *s, struct totp *ret);
/* The code of the time NOW_MS.  -EAGAIN and the milliseconds until the next step in
   *ret_wait_ms when this step's code is spent. */
int totp_code (struct totp *t, int64_t now_ms, char ret[TOTP_CODE_SIZE], int64_t *ret_wait_ms);

#endif
