/* Inside the store: what delta.c writes and delta-apply.c reads. */
#ifndef USHER_STORE_DELTA_FILE_H
#define USHER_STORE_DELTA_FILE_H

#include "host/store/delta.h"
#include "host/store/keys.h"
#include "host/store/pagefile.h"
#include "host/store/sorter.h"

#define DELTA_MAGIC "USHDLT1\n"
#define DELTA_PREFIX "delta-"

/* The file: a head; members and events in the order they were put; index changes and
   links in key order; a seal.  Numbers are stored: never change or reuse one. */
#define DELTA_HEAD 1u    /* struct delta_head */
#define DELTA_MEMBER 2u  /* struct delta_member */
#define DELTA_EVENT 3u   /* JSON */
#define DELTA_OP 4u      /* struct delta_op */
#define DELTA_SEAL 5u    /* u64 rows, JSON */

struct delta_head
{
  struct id hub;
  uint64_t base;         /* the hub's write count when the delta began */
};

/* A member's row, and what tells whether it may still be written. */
struct delta_member
{
  struct id id;
  bool fresh;            /* the walk did not show it */
  struct id person;      /* newly linked; zero = no change there */
  const uint8_t *part;   /* ordering key; borrowed */
  size_t part_len;       /* 0 = no key */
  const void *row;       /* NULL = the row stays */
  size_t row_len;
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
  uint64_t rows;
  bool sealed, begun;    /* begun: the store has its mark */
};

int delta_encode_head (struct buf *out, const struct delta_head *h);
int delta_decode_head (const struct page_item *item, struct delta_head *ret);
/* Without the row, which follows in the file. */
int delta_encode_member (struct buf *out, const struct delta_member *m);
int delta_decode_member (const struct page_item *item, struct delta_member *ret);
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
