/* Values of configuration keys, from text: what each type takes. */
#ifndef USHER_CONF_VALUE_H
#define USHER_CONF_VALUE_H

#include "host/conf/conf.h"

/* Each answers 0, -EINVAL with "must be ..." in *WHY (caller frees), or -ENOMEM. */

/* Any type with one text; *RET is its normal form (caller frees). */
int value_text (const struct conf_key *k, const char *value, char **ret, char **why);
int value_number (const struct conf_key *k, const char *value, uint64_t *ret, char **why);
/* Appends the elements of VALUE, parted by blanks or commas, to LIST. */
int value_list (const struct conf_key *k, const char *value, struct conf_list *list, char **why);

#endif
