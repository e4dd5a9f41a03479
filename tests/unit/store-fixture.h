/* A store in a folder of its own, gone after the test. */
#ifndef USHER_TESTS_STORE_FIXTURE_H
#define USHER_TESTS_STORE_FIXTURE_H

#include <ftw.h>
#include <stdio.h>

#include "unit.h"

#include "host/common/id.h"
#include "host/common/row.h"
#include "host/store/store.h"

#define FIXTURE_MAP (256ull * 1024 * 1024)

struct fixture
{
  char dir[64];
  struct store *store;
};

static inline int
fixture_unlink (const char *path, const struct stat *st _unused_, int type _unused_,
                struct FTW *at _unused_)
{
  return remove (path);
}

static inline struct store *
fixture_reopen (struct fixture *f, uint64_t map_size)
{
  struct store_options options = { f->dir, map_size };
  char *why = NULL;
  int r;

  store_close (f->store);
  f->store = NULL;
  r = store_open (&options, &f->store, &why);
  ck_assert_msg (r == 0, "store_open: %d %s", r, why ? why : "");
  return f->store;
}

static inline void
fixture_make (struct fixture *f, uint64_t map_size)
{
  f->store = NULL;
  (void) snprintf (f->dir, sizeof f->dir, "/tmp/usher-store-XXXXXX");
  ck_assert_ptr_nonnull (mkdtemp (f->dir));
  fixture_reopen (f, map_size);
}

static inline void
fixture_remove (struct fixture *f)
{
  store_close (f->store);
  (void) nftw (f->dir, fixture_unlink, 8, FTW_DEPTH | FTW_PHYS);
}

/* A row for member ID; free ROW->data by buf_done. */
static inline void
fixture_row (struct buf *row, const char *id, const char *username, const char *email,
             const char *name)
{
  struct usher_member m = {
    .size = sizeof m, .id = id, .username = username, .email = email, .name = name,
    .state = USHER_ACTIVE,
  };

  buf_reset (row);
  ck_assert_int_eq (row_put_member (row, &m), 0);
}

/* Fills M with a member of ID whose native id is NATIVE (KEY: "m" and it). */
static inline void
fixture_member (struct member *m, const struct id *id, const char *key, const struct buf *row)
{
  *m = (struct member) {
    .link = { .id = *id, .status = MEMBER_UNMATCHED, .flags = MEMBER_F_SEEN },
    .key = key, .key_len = strlen (key), .row = row->data, .row_len = row->len,
  };
}

#endif
