/* Inside the store: which texts of a document each index has. */
#ifndef USHER_STORE_SCHEMA_H
#define USHER_STORE_SCHEMA_H

#include "host/store/keys.h"
#include "host/store/store.h"

/* More entries than a document may have: -E2BIG. */
#define SCHEMA_ENTRIES_MAX 256u

/* The index entries of one document, as whole keys of DB_INDEX. */
struct schema_entries
{
  struct key *v;  /* owned */
  size_t n, cap;
};

/* Appends the entries of DOC (a document of KIND with ID). */
int schema_entries (enum store_kind kind, const struct id *id, const json_t *doc,
                    struct schema_entries *ret);
void schema_entries_done (struct schema_entries *e);
bool schema_entries_have (const struct schema_entries *e, const struct key *key);
bool schema_unique (enum store_index index);

/* What an entry of STORE_PERSON_ADDRESS holds, so that matching reads no document; other
   entries hold nothing. */
#define SCHEMA_FACTS_SIZE 9u
void schema_put_facts (const json_t *person, uint64_t number, uint8_t ret[SCHEMA_FACTS_SIZE]);
/* All but the id; -EBADMSG. */
int schema_get_facts (const void *p, size_t len, struct person_facts *ret);

/* The beginning of the keys that INDEX has for TEXT (compared in lower case).  -ENOMEM. */
int schema_prefix (enum store_index index, const char *text, struct key *ret);

#endif
