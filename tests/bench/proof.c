/* proof: what the proof of a listing costs, alone: a fingerprint of each id, a look at all earlier
   pages for each page, and the state that is saved, searched for secrets and kept in the spool so
   that the listing can go on behind it.  Rows are not; those are there without any proof.

   proof DIR MEMBERS PAGE: prints the seconds of CPU.  */
#include <config.h>

#include <usher/pager.h>

#include <stdio.h>
#include <time.h>

#include "host/common/text.h"
#include "host/session/secrets.h"
#include "host/store/spool.h"
#include "tests/bench/tables.h"

#define ID_LEN 26u
#define MEMBERS_MAX 10000000u

static double
cpu (void)
{
  struct timespec t;

  (void) clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static void
turn (struct usher_pager *pager, uint64_t first, uint64_t n, uint64_t total)
{
  const struct usher_pager_page page = { .size = sizeof page, .items = n, .total = (int64_t) total };
  char id[ID_LEN + 1];
  uint64_t i;

  (void) snprintf (id, sizeof id, "%026llu", (unsigned long long) first);
  for (i = 0; i < n; i++)
    {
      memcpy (id, &i, sizeof (uint32_t));
      usher_pager_id (pager, id, ID_LEN);
    }
  must (usher_pager_turn (pager, &page) < 0 ? -EBADMSG : 0, usher_pager_error (pager));
}

static void
keep (struct usher_pager *pager, const struct session_secrets *secrets, struct spool *spool)
{
  unsigned char state[USHER_PAGER_STATE_MAX];
  int32_t len = usher_pager_save (pager, state, sizeof state);

  must (len < 0 || session_secrets_in (secrets, state, (size_t) len) ? -EBADMSG : 0, "the state of the pager");
  must (spool_checkpoint (spool, state, (size_t) len), "the spool");
}

int
main (int argc, char **argv)
{
  struct usher_pager_spec spec = { .size = sizeof spec, .style = USHER_PAGER_INDEX, .first = 1 };
  struct session_secrets secrets = { .n = 0 };
  uint64_t members = 0, page = 0, first;
  struct usher_pager *pager;
  struct spool *spool;
  const void *cursor;
  size_t len;
  double began;

  if (argc != 4 || parse_u64 (argv[2], 1, MEMBERS_MAX, &members) < 0 || parse_u64 (argv[3], 1, members, &page) < 0)
    {
      (void) fprintf (stderr, "usage: proof DIR MEMBERS PAGE\n");
      return EXIT_FAILURE;
    }
  spec.count = page;
  must (spool_open (argv[1], "proof", &spool, &cursor, &len), argv[1]);
  must (usher_pager_new (&spec, &pager) < 0 ? -ENOMEM : 0, "a pager");
  must (session_secrets_put (&secrets, "token", "a token of thirty-two characters"), "a secret");
  began = cpu ();
  for (first = 0; first < members; first += page)
    {
      turn (pager, first, MIN (page, members - first), members);
      keep (pager, &secrets, spool);
    }
  (void) printf ("%.6f\n", cpu () - began);
  session_secrets_done (&secrets);
  usher_pager_free (pager);
  spool_close (spool);
  spool_remove (argv[1], "proof");
  return EXIT_SUCCESS;
}
