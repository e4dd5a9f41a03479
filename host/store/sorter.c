/* Owns sorting beyond memory: the budget, runs in one temporary file, the merge. */
#include <config.h>

#include "host/store/sorter.h"

#include <endian.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>

#include "host/common/buf.h"
#include "host/common/io.h"
#include "host/store/keys.h"

#define RUN_MAX (16u * 1024 * 1024)
#define RUN_MIN (256u * 1024)
#define RUN_STEP (1024u * 1024)
#define BUDGET (2u * RUN_MAX)
#define WRITE_AT 65536u
/* A record: u16 key length, u16 value length (of this machine: it never leaves it). */
#define RECORD_HEADER 4u

/* Memory that may still be taken, beyond the RUN_MIN that every sorter has. */
static struct
{
  pthread_mutex_t lock;
  size_t left; /* guarded by lock */
} budget = { PTHREAD_MUTEX_INITIALIZER, BUDGET };

/* A place in a run.  The prefix is of eight bytes of its key: the first, or while a run is
   sorted the first that may differ from those of its neighbours. */
struct place
{
  uint64_t prefix;
  const uint8_t *record;
};

struct run
{
  struct place at;      /* the next record */
  const uint8_t *end;
  size_t number;
};

struct sorter
{
  char *dir;
  /* The run in memory: records from the front, their places from the back. */
  uint8_t *memory;      /* RUN_MAX bytes of address space; touched as used */
  size_t granted, used, n;
  /* Runs on disk. */
  int fd;
  struct buf out;
  uint64_t *ends;       /* where each run ends in the file */
  size_t n_runs, cap;
  /* Reading. */
  bool finished;
  const uint8_t *map;   /* the whole file; NULL = all is in memory */
  size_t map_len, taken;
  struct run *heap;
  size_t n_heap;
};

static bool
budget_take (size_t size)
{
  bool enough;

  pthread_mutex_lock (&budget.lock);
  enough = budget.left >= size;
  if (enough)
    budget.left -= size;
  pthread_mutex_unlock (&budget.lock);
  return enough;
}

static void
budget_give (size_t size)
{
  pthread_mutex_lock (&budget.lock);
  budget.left += size;
  pthread_mutex_unlock (&budget.lock);
}

/* ---- Records and their order. */

static size_t
key_length (const uint8_t *record)
{
  uint16_t len;

  memcpy (&len, record, sizeof len);
  return len;
}

static size_t
value_length (const uint8_t *record)
{
  uint16_t len;

  memcpy (&len, record + 2, sizeof len);
  return len;
}

static size_t
record_size (const uint8_t *record)
{
  return RECORD_HEADER + key_length (record) + value_length (record);
}

/* Eight bytes of the key from AT on, as a number that sorts as they do. */
static uint64_t
prefix_of (const uint8_t *record, size_t at)
{
  size_t len = key_length (record);
  uint64_t prefix = 0;

  memcpy (&prefix, record + RECORD_HEADER + at, len > at ? MIN (len - at, sizeof prefix) : 0);
  return be64toh (prefix);
}

static struct place
place_of (const uint8_t *record)
{
  return (struct place) { prefix_of (record, 0), record };
}

static int
compare_keys (const struct place *a, const struct place *b)
{
  if (a->prefix != b->prefix)
    return a->prefix < b->prefix ? -1 : 1;
  return key_compare (a->record + RECORD_HEADER, key_length (a->record),
                      b->record + RECORD_HEADER, key_length (b->record));
}

/* Of equal keys the one added first: it lies before the other. */
static int
compare_places (const void *a, const void *b)
{
  const struct place *x = a, *y = b;
  int c = compare_keys (x, y);

  return c ? c : (x->record > y->record) - (x->record < y->record);
}

static bool
run_before (const struct run *a, const struct run *b)
{
  int c = compare_keys (&a->at, &b->at);

  return c ? c < 0 : a->number < b->number;
}

/* ---- Filling. */

int
sorter_new (const char *dir, struct sorter **ret)
{
  struct sorter *s = calloc (1, sizeof *s);
  void *memory = MAP_FAILED;

  if (s)
    {
      s->fd = -1;
      s->out = (struct buf) BUF_INIT (WRITE_AT + RECORD_HEADER + SORTER_KEY_MAX + SORTER_VALUE_MAX);
      s->granted = RUN_MIN;
      s->dir = strdup (dir);
      memory = mmap (NULL, RUN_MAX, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    }
  if (!s || !s->dir || memory == MAP_FAILED)
    {
      if (memory != MAP_FAILED)
        (void) munmap (memory, RUN_MAX);
      if (s)
        free (s->dir);
      free (s);
      return -ENOMEM;
    }
  s->memory = memory;
  *ret = s;
  return 0;
}

static void
drop_memory (struct sorter *s)
{
  if (!s->memory)
    return;
  (void) munmap (s->memory, RUN_MAX);
  s->memory = NULL;
  budget_give (s->granted - RUN_MIN);
  s->granted = RUN_MIN;
}

void
sorter_free (struct sorter *s)
{
  if (!s)
    return;
  drop_memory (s);
  if (s->map)
    (void) munmap ((void *) (uintptr_t) s->map, s->map_len);
  closep (&s->fd);
  buf_done (&s->out);
  free (s->ends);
  free (s->heap);
  free (s->dir);
  free (s);
}

static struct place *
places (struct sorter *s)
{
  return (struct place *) (void *) (s->memory + RUN_MAX) - s->n;
}

/* ---- Sorting a run: by one byte of the prefixes after the other, in place; where all eight
   are equal the next eight of the keys become the prefixes.  Few records are compared. */

#define FEW 24u
#define PREFIX_BYTES sizeof (uint64_t)
/* Bytes of a key that are sorted by in this way; what is equal then is compared. */
#define RADIX_MAX (16 * PREFIX_BYTES)
#define DEPTH_MAX 32u

static void
sort_few (struct place *v, size_t n)
{
  size_t i, j;

  for (i = 1; i < n; i++)
    {
      struct place p = v[i];

      for (j = i; j > 0 && compare_places (&p, &v[j - 1]) < 0; j--)
        v[j] = v[j - 1];
      v[j] = p;
    }
}

static unsigned int
byte_of (const struct place *p, unsigned int byte)
{
  return (unsigned int) (p->prefix >> (8 * (PREFIX_BYTES - 1 - byte))) & 0xff;
}

/* Brings V in the order of one byte of the prefixes; ENDS[b]: where the records with b end. */
static void
deal (struct place *v, size_t n, unsigned int byte, size_t ends[256])
{
  size_t next[256] = { 0 }, i, sum = 0;
  unsigned int b;

  for (i = 0; i < n; i++)
    next[byte_of (&v[i], byte)]++;
  for (b = 0; b < 256; b++)
    {
      sum += next[b];
      ends[b] = sum;
      next[b] = sum - next[b];
    }
  for (b = 0; b < 256; b++)
    while (next[b] < ends[b])
      {
        struct place p = v[next[b]];
        unsigned int home = byte_of (&p, byte);

        /* Around a ring of records that are in each other's places. */
        while (home != b)
          {
            struct place other = v[next[home]];

            v[next[home]++] = p;
            p = other;
            home = byte_of (&p, byte);
          }
        v[next[b]++] = p;
      }
}

/* AT bytes of the keys are equal.  A level of the recursion has 4 KiB on the stack of a task's
   thread, so bytes that all have in common take none, and DEPTH is bounded whatever the keys. */
static void
sort_from (struct place *v, size_t n, size_t at, unsigned int depth)
{
  size_t ends[256], from = 0, i;
  unsigned int b, byte;

  do
    {
      if (n <= FEW)
        return sort_few (v, n);
      if (at == RADIX_MAX || depth == DEPTH_MAX)
        return qsort (v, n, sizeof *v, compare_places);
      byte = (unsigned int) (at % PREFIX_BYTES);
      for (i = 0; at && byte == 0 && i < n; i++)
        v[i].prefix = prefix_of (v[i].record, at);
      deal (v, n, byte, ends);
      at++;
    }
  while (ends[byte_of (&v[0], byte)] == n);
  for (b = 0; b < 256; from = ends[b++])
    if (ends[b] - from > 1)
      sort_from (v + from, ends[b] - from, at, depth + 1);
}

static void
sort_run (struct sorter *s)
{
  sort_from (places (s), s->n, 0, 0);
}

static int
open_file (struct sorter *s)
{
  char path[PATH_MAX];

  s->fd = open (s->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (s->fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
    return s->fd < 0 ? -errno : 0;
  if (snprintf (path, sizeof path, "%s/sort-XXXXXX", s->dir) >= (int) sizeof path)
    return -ENAMETOOLONG;
  s->fd = mkostemp (path, O_CLOEXEC);
  if (s->fd < 0)
    return -errno;
  (void) unlink (path);
  return 0;
}

static int
note_run (struct sorter *s, uint64_t end)
{
  size_t cap = s->cap ? 2 * s->cap : 16;
  uint64_t *ends;

  if (s->n_runs == s->cap)
    {
      ends = reallocarray (s->ends, cap, sizeof *ends);
      if (!ends)
        return -ENOMEM;
      s->ends = ends;
      s->cap = cap;
    }
  s->ends[s->n_runs++] = end;
  return 0;
}

static int
flush (struct sorter *s)
{
  int r = buf_error (&s->out);

  if (r == 0)
    r = io_write_all (s->fd, s->out.data, s->out.len);
  buf_reset (&s->out);
  return r;
}

/* Writes the run in memory in order and gives its memory back. */
static int
spill (struct sorter *s)
{
  uint64_t size = s->n_runs ? s->ends[s->n_runs - 1] : 0;
  size_t i;
  int r = s->fd < 0 ? open_file (s) : 0;

  sort_run (s);
  for (i = 0; i < s->n && r == 0; i++)
    {
      const uint8_t *record = places (s)[i].record;

      buf_put (&s->out, record, record_size (record));
      size += record_size (record);
      if (s->out.len >= WRITE_AT)
        r = flush (s);
    }
  if (r == 0)
    r = flush (s);
  if (r == 0)
    r = note_run (s, size);
  if (r < 0)
    return r;
  (void) madvise (s->memory, RUN_MAX, MADV_DONTNEED);
  budget_give (s->granted - RUN_MIN);
  s->granted = RUN_MIN;
  s->used = s->n = 0;
  return 0;
}

static bool
has_room (const struct sorter *s, size_t size)
{
  return s->used + size + (s->n + 1) * sizeof (struct place) <= s->granted;
}

int
sorter_add (struct sorter *s, const void *key, size_t key_len, const void *value,
            size_t value_len)
{
  size_t size = RECORD_HEADER + key_len + value_len;
  uint16_t lengths[2] = { (uint16_t) key_len, (uint16_t) value_len };
  uint8_t *record;
  int r;

  assert (!s->finished);
  if (key_len > SORTER_KEY_MAX || value_len > SORTER_VALUE_MAX)
    return -E2BIG;
  while (!has_room (s, size) && s->granted < RUN_MAX
         && budget_take (MIN (RUN_STEP, RUN_MAX - s->granted)))
    s->granted = MIN (s->granted + RUN_STEP, RUN_MAX);
  if (!has_room (s, size))
    {
      r = spill (s);
      if (r < 0)
        return r;
    }
  record = s->memory + s->used;
  memcpy (record, lengths, sizeof lengths);
  if (key_len)
    memcpy (record + RECORD_HEADER, key, key_len);
  if (value_len)
    memcpy (record + RECORD_HEADER + key_len, value, value_len);
  s->used += size;
  s->n++;
  *places (s) = place_of (record);
  return 0;
}

/* ---- Merging. */

static void
sift_down (struct sorter *s, size_t i)
{
  for (;;)
    {
      size_t least = 2 * i + 1;
      struct run swap;

      if (least >= s->n_heap)
        return;
      if (least + 1 < s->n_heap && run_before (&s->heap[least + 1], &s->heap[least]))
        least++;
      if (!run_before (&s->heap[least], &s->heap[i]))
        return;
      swap = s->heap[i];
      s->heap[i] = s->heap[least];
      s->heap[least] = swap;
      i = least;
    }
}

static void
fill_heap (struct sorter *s)
{
  size_t i;

  for (i = 0; i < s->n_runs; i++)
    s->heap[i] = (struct run) {
      .at = place_of (s->map + (i ? s->ends[i - 1] : 0)), .end = s->map + s->ends[i], .number = i,
    };
  s->n_heap = s->n_runs;
  for (i = s->n_heap / 2; i-- > 0;)
    sift_down (s, i);
}

int
sorter_finish (struct sorter *s)
{
  void *map;
  int r;

  s->finished = true;
  if (s->n_runs == 0)
    {
      sort_run (s);
      return 0;
    }
  r = s->n ? spill (s) : 0;
  if (r < 0)
    return r;
  drop_memory (s);
  s->heap = calloc (s->n_runs, sizeof *s->heap);
  if (!s->heap)
    return -ENOMEM;
  s->map_len = (size_t) s->ends[s->n_runs - 1];
  map = mmap (NULL, s->map_len, PROT_READ, MAP_SHARED, s->fd, 0);
  if (map == MAP_FAILED)
    return -errno;
  s->map = map;
  fill_heap (s);
  return 0;
}

int
sorter_rewind (struct sorter *s)
{
  s->taken = 0;
  if (s->map)
    fill_heap (s);
  return 0;
}

int
sorter_next (struct sorter *s, const void **ret_key, size_t *ret_key_len, const void **ret_value,
             size_t *ret_value_len)
{
  const uint8_t *record;
  struct run *top = s->heap;

  assert (s->finished);
  if (s->map ? s->n_heap == 0 : s->taken >= s->n)
    return 0;
  if (!s->map)
    record = places (s)[s->taken++].record;
  else
    {
      record = top->at.record;
      if (record + record_size (record) < top->end)
        top->at = place_of (record + record_size (record));
      else
        *top = s->heap[--s->n_heap];
      sift_down (s, 0);
    }
  *ret_key = record + RECORD_HEADER;
  *ret_key_len = key_length (record);
  *ret_value = record + RECORD_HEADER + key_length (record);
  *ret_value_len = value_length (record);
  return 1;
}
