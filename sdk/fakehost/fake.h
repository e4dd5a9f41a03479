/* Inside of the fake host. */
#ifndef USHER_FAKEHOST_FAKE_H
#define USHER_FAKEHOST_FAKE_H

#include <usher/fakehost.h>

#include <stdbool.h>

#define FAKE_HANDLES 8u
#define FAKE_BLOB_MAX 16384u
#define FAKE_ID_MAX 1024u
#define FAKE_LOG_LINES 200u
#define FAKE_STANDIN 32u
#define FAKE_MORE_HELPERS 4u   /* of a host that is newer than this header */

enum fake_op { FAKE_NONE, FAKE_OPEN, FAKE_LOGIN, FAKE_CHECK, FAKE_LIST, FAKE_READ, FAKE_WRITE };

/* One allocation of many that live until usher_fake_free. */
struct fake_block
{
  struct fake_block *next;
};

struct fake_field
{
  struct fake_field *next;
  const char *name, *value;
  char standin[FAKE_STANDIN + 1];   /* secrets only */
  const void *data;                 /* state only */
  size_t len;
};

struct fake_route
{
  struct fake_route *next;
  const char *method, *url;
  struct usher_fake_answer answer;
};

struct fake_handle
{
  bool open;
  struct usher_fake_answer answer;
  const char *url;
  size_t at, end;
  bool cut;                      /* the body breaks off at its end ... */
  bool asked;                    /* ... because of usher_fake_cut */
};

struct usher_fake
{
  struct usher_ctx ctx;          /* first: helpers get its address */
  struct
  {
    struct usher_host host;
    void (*more[FAKE_MORE_HELPERS]) (void);
  } table;
  struct fake_block *blocks;     /* owned */
  struct fake_field *conf, *secrets, *states;
  int64_t now_ms;
  uint32_t n_secrets;

  struct fake_route *routes;
  usher_fake_http_fn *http;
  void *http_arg;
  size_t chunk;
  struct fake_handle handle[FAKE_HANDLES];
  uint32_t requests, open, open_max, open_left;

  uint32_t fail_helper, fail_n, cancel_n, cut_n;
  size_t cut_at;
  int32_t fail_status;
  bool cancelled, fired;

  const struct usher_connector *connector;
  struct usher_connector seen;   /* as much of it as its size covers */
  void *self;
  bool is_open;
  enum fake_op op;
  uint32_t section;
  uint32_t rows, lines;          /* of the operation */

  struct usher_fake_event *events;   /* owned */
  size_t n_events, cap_events;
  uint32_t calls[USHER_FAKE_HELPERS], calls_all;
  const char *broken;
};

/* fake.c */
void *fake_alloc (struct usher_fake *fake, size_t size);
void *fake_copy (struct usher_fake *fake, const void *p, size_t len);
char *fake_strdup (struct usher_fake *fake, const char *s);
struct usher_fake_event *fake_event (struct usher_fake *fake, uint32_t kind);
/* Remembers the first breach; answers USHER_E_MISUSE. */
int32_t fake_misuse (struct usher_fake *fake, const char *sentence);
/* Every helper begins with it: counts, and answers what was asked to go wrong, else 0. */
int32_t fake_enter (struct usher_fake *fake, uint32_t helper);

/* fake-http.c */
void fake_http_table (struct usher_host *host);
/* Closes what the operation left open. */
void fake_http_end (struct usher_fake *fake);
/* S with the values of secrets in place of their stand-ins. */
const void *fake_reveal (struct usher_fake *fake, const void *s, size_t len, size_t *ret_len);

/* fake-rows.c */
void fake_rows_table (struct usher_host *host);

/* fake-hub.c */
void fake_hub_table (struct usher_host *host);

#endif
