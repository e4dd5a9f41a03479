/* Inside the store: what delta.c writes and delta-apply.c reads. */
#ifndef USHER_STORE_DELTA_FILE_H
#define USHER_STORE_DELTA_FILE_H

#include "host/store/delta.h"
#include "host/store/keys.h"
#include "host/store/pagefile.h"
#include "host/store/record.h"
#include "host/store/sorter.h"

#define DELTA_MAGIC "USHDLT2\n"
#define DELTA_PREFIX "delta-"

/* The file: a head; members and events in the order they were put; what changes of the
   index entries and links of known members, in key order; a seal.  The entries of new
   members follow from their rows and links, and are not in the file.  Numbers are stored:
   never change or reuse one. */
#define DELTA_HEAD 1u     /* struct delta_head */
#define DELTA_MEMBER 2u   /* struct delta_member */
#define DELTA_EVENT 3u    /* JSON */
#define DELTA_OP 4u       /* struct delta_op */
#define DELTA_SEAL 5u     /* u64 rows, JSON */
#define DELTA_NEW 6u      /* struct delta_new_member */

struct delta_head
{
  struct id hub;
  uint64_t base;         /* the hub's write count when the delta began */
};

/* The row of a known member, and what tells whether it may still be written.  All that
   is pointed to is borrowed. */
struct delta_member
{
  struct id id;
  struct id person;      /* newly linked; zero = no change there */
  const char *key;       /* native key; empty = none */
  size_t key_len;
  const void *row;       /* NULL = the row stays */
  size_t row_len;
};

/* A member that the walk did not show. */
struct delta_new_member
{
  struct id id;
  const void *link;      /* record.h; without the key when there is a row: it is the row's */
  size_t link_len;
  const void *row;       /* NULL = none */
  size_t row_len;
  char key[ROW_NATIVE_MAX]; /* the row's; filled by delta_member_of_new */
};

/* One change of one entry. */
struct delta_op
{
  uint8_t db;            /* enum db */
  bool put;              /* else delete */
  struct id member;      /* whose it is */
  struct key key;
  const void *value;     /* of a link; borrowed */
  size_t value_len;
};

struct delta
{
  struct store *store;   /* borrowed */
  struct delta_head head;
  char *path;
  struct pagefile file;
  struct sorter *ops;    /* until it is sealed */
  struct buf scratch;    /* of one item */
  uint64_t rows;
  bool sealed, begun;    /* begun: the store has its mark */
};

int delta_encode_head (struct buf *out, const struct delta_head *h);
int delta_decode_head (const struct page_item *item, struct delta_head *ret);
/* Without the row, which follows in the file. */
int delta_encode_member (struct buf *out, const struct delta_member *m);
int delta_decode_member (const struct page_item *item, struct delta_member *ret);
/* Without the row, which follows in the file; with one, without the key.  -EINVAL when the
   key is not the row's. */
int delta_encode_new (struct buf *out, const struct record_link *link, const void *row, size_t len);
int delta_decode_new (const struct page_item *item, struct delta_new_member *ret);
/* As it comes to stand in the store: what it points to is M's and what M borrows. */
int delta_member_of_new (struct delta_new_member *m, struct member *ret);
/* The tab it is under, without the rest; -1 for damage. */
int delta_tab_of_new (const struct page_item *item);
/* As a sorter has it, which is how the file has it too: the key first. */
int delta_decode_op (const struct page_item *item, struct delta_op *ret);
int delta_decode_seal (const struct page_item *item, uint64_t *ret_rows, json_t **ret_summary);

/* 1: a delta of HUB is half applied, 0, or a negative errno. */
int delta_has_mark (struct store *s, const struct id *hub);
/* Takes out what says that one is, and whom it leaves as they are. */
void delta_erase_marks (struct txn *t, const struct id *hub);

/* "WORK-DIR/delta-HUB"; NULL for no memory. */
char *delta_path (struct store *s, const struct id *hub);

#endif
