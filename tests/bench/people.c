/* Owns what a member is: pure functions of its number. */
#include <config.h>

#include "tests/bench/people.h"

#include <stdbool.h>
#include <stdio.h>

#include "host/common/base.h"

#define SEED UINT64_C (0x5eed0f0e0d0c0b0a)
#define ID_CHARS 26u

static const char *const given[] = {
  "Ada", "Grace", "Alan", "Barbara", "Edsger", "Frances", "Donald", "Margaret", "Dennis", "Radia",
  "Ren\xc3\xa9", "J\xc3\xbcrgen", "Niklaus", "Adele", "Tony", "Evelyn",
};
static const char *const family[] = {
  "Lovelace", "Hopper", "Turing", "Liskov", "Dijkstra", "Allen", "Knuth", "Hamilton", "Ritchie",
  "Perlman", "Descartes", "Wirth", "Goldberg", "Hoare", "Berezin", "N\xc3\xb8rgaard",
};
static const char *const titles[] = {
  "Engineer", "Senior Engineer of Things", "Accountant", "Buyer, Southern Region",
};

/* splitmix64: a permutation of the numbers, so no two members are alike. */
static uint64_t
mix (uint64_t v)
{
  v += UINT64_C (0x9e3779b97f4a7c15);
  v = (v ^ v >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
  v = (v ^ v >> 27) * UINT64_C (0x94d049bb133111eb);
  return v ^ v >> 31;
}

static void
write_id (uint64_t v, char ret[ID_CHARS + 1])
{
  static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
  uint64_t more = mix (v);

  for (size_t i = 0; i < ID_CHARS; i++)
    {
      ret[i] = digits[i < 13 ? v >> (5 * i) & 31 : more >> (5 * (i - 13)) & 31];
    }
  ret[ID_CHARS] = '\0';
}

size_t
people_json (uint32_t n, uint32_t changed, char ret[PEOPLE_JSON_MAX])
{
  uint64_t v = mix (SEED + n), w = mix (v);
  const char *first = given[w % ARRAY_SIZE (given)], *last = family[(w >> 8) % ARRAY_SIZE (family)];
  const char *role = w >> 16 & 63 ? "member" : "admin";
  bool other = (w >> 32) % 1000 < changed;
  char id[ID_CHARS + 1];
  int len;

  write_id (v, id);
  /* The number keeps addresses apart, its permutation keeps them from coming in order.  One in
     sixteen has an address that is not the user name. */
  len = snprintf (ret, PEOPLE_JSON_MAX,
                  "{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\"],\"id\":\"%s\","
                  "\"userName\":\"%08x.%u@corp.example.com\",\"name\":{\"givenName\":\"%s\","
                  "\"familyName\":\"%s\"},\"title\":\"%s\",\"active\":%s,"
                  "\"emails\":[{\"value\":\"%s%08x.%u@corp.example.com\",\"primary\":true}],"
                  "\"roles\":[{\"value\":\"%s\"}],\"meta\":{\"resourceType\":\"User\","
                  "\"created\":\"2024-03-01T12:00:00Z\",\"version\":\"W/\\\"%u\\\"\"}}",
                  id, (unsigned int) (v >> 32), n, first, last, titles[(w >> 24) % ARRAY_SIZE (titles)],
                  w >> 40 & 127 ? "true" : "false", w >> 48 & 15 ? "" : "alias.",
                  (unsigned int) (v >> 32), n, other ? "auditor" : role, other ? 2u : 1u);
  assert (len > 0 && (size_t) len < PEOPLE_JSON_MAX);
  return (size_t) len;
}
