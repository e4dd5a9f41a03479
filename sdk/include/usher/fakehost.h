/* usher/fakehost.h: a host for tests.  libusher-fakehost.a, since 1.0.

   Runs a connector inside the process of a test: answers its requests from a table or a function,
   keeps what it emits, counts its calls of each helper, makes any call fail, and holds it to the
   contract of connector.h.  It confines nothing and opens no socket.

     fake = usher_fake_new ();
     usher_fake_conf (fake, "base_url", "https://app.example.com");
     usher_fake_secret (fake, "token", "t0p");
     usher_fake_answer (fake, "GET", "https://app.example.com/members", 200, "application/json", "[]");
     r = usher_fake_open (fake, usher_connector_v1 (), "example", "{}");
     r = usher_fake_list (fake, USHER_FAKE_ALL, NULL, 0);
     ... usher_fake_event (fake, i) ...
     usher_fake_free (fake);

   All strings passed are copied.  Events are borrowed until the next operation, what they point to
   until usher_fake_free.  Out of memory ends the process.  */
#ifndef USHER_FAKEHOST_H
#define USHER_FAKEHOST_H 1

#include <usher/connector.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The number of a helper: its place in struct usher_host, from 0. */
#define USHER_FAKE_HELPER(name) \
  ((uint32_t) ((offsetof (struct usher_host, name) - offsetof (struct usher_host, log)) \
               / sizeof (void (*) (void))))
#define USHER_FAKE_HELPERS 22u

#define USHER_FAKE_ALL (~UINT64_C (0))   /* kinds: every section */

struct usher_fake;

struct usher_fake *usher_fake_new (void);
/* Closes the connector if it is open, and frees everything.  NULL is fine. */
void usher_fake_free (struct usher_fake *fake);
/* The context that helpers are called with; for tests of code that takes one. */
struct usher_ctx *usher_fake_ctx (struct usher_fake *fake);

/* ---- What the hub is ---- */

/* One more value of a field. */
void usher_fake_conf (struct usher_fake *fake, const char *name, const char *value);
/* A secret; the connector gets a stand-in, requests are answered with the value in its place. */
void usher_fake_secret (struct usher_fake *fake, const char *name, const char *value);
void usher_fake_now (struct usher_fake *fake, int64_t now_ms);

/* ---- What the app answers ---- */

struct usher_fake_answer
{
  uint32_t size;             /* sizeof (struct usher_fake_answer) */
  int32_t status;            /* of HTTP; a USHER_E_... makes http_head answer that */
  const char *content_type;  /* NULL = none */
  const struct usher_kv *headers;
  size_t n_headers;
  const void *body;          /* copied */
  size_t body_len;
  size_t cut;                /* not 0: http_read answers USHER_E_NETWORK after so many bytes */
};

/* Answers to this method and URL, the newest first; any number of times.  BODY is text. */
void usher_fake_answer (struct usher_fake *fake, const char *method, const char *url, int32_t status,
                        const char *content_type, const char *body);
/* Asked for every request that the table has no answer to.  REQUEST has the secrets' values in
   place.  RET is zeroed but for size; what it points to is copied when the function returns. */
typedef void usher_fake_http_fn (void *arg, const struct usher_request *request,
                                 struct usher_fake_answer *ret);
void usher_fake_http (struct usher_fake *fake, usher_fake_http_fn *fn, void *arg);
/* http_read gives at most BYTES at a time; 0 = as many as asked for. */
void usher_fake_chunk (struct usher_fake *fake, size_t bytes);

/* ---- What goes wrong ---- */

/* The N-th call (from 1) of HELPER answers STATUS (conf and secret: NULL) and does nothing. */
void usher_fake_fail (struct usher_fake *fake, uint32_t helper, uint32_t n, int32_t status);
/* From the N-th call of any helper on, all that answer a status (but fail, which answers its code)
   answer USHER_E_CANCELLED; 0 = never. */
void usher_fake_cancel (struct usher_fake *fake, uint32_t n);
/* The body of the answer to the N-th request (from 1) breaks off after its first AT bytes:
   http_read gives those, then answers USHER_E_NETWORK.  Nothing happens to a body that is not
   longer than AT.  N 0 = never. */
void usher_fake_cut (struct usher_fake *fake, uint32_t n, size_t at);
/* Pretends to be another host: the table claims SIZE bytes and MINOR.  A larger SIZE than this
   header's has helpers behind it that nobody knows. */
void usher_fake_pretend (struct usher_fake *fake, uint32_t minor, uint32_t size);

/* ---- Operations ----

   As usherd would call them: USHER_E_UNSUPPORTED where the connector has none, USHER_E_MISUSE when
   the contract was broken, whatever the connector answered; usher_fake_broken has the sentence.  */

/* Refuses a connector as the host does: wrong magic, major, newer min_minor, no open, close, check
   or list. */
int32_t usher_fake_open (struct usher_fake *fake, const struct usher_connector *connector,
                         const char *app, const char *spec);
int32_t usher_fake_login (struct usher_fake *fake, uint32_t why, const char *code);
int32_t usher_fake_check (struct usher_fake *fake);
int32_t usher_fake_list (struct usher_fake *fake, uint64_t kinds, const void *cursor,
                         size_t cursor_len);
int32_t usher_fake_read (struct usher_fake *fake, const struct usher_member *who);
/* WRITE is one of the connector's own: fake's connector->invite and so on. */
int32_t usher_fake_write (struct usher_fake *fake, usher_write *write,
                          const struct usher_change *change);
void usher_fake_close (struct usher_fake *fake);
const struct usher_connector *usher_fake_connector (struct usher_fake *fake);

/* ---- What was seen ---- */

#define USHER_FAKE_SECTION     100u  /* number = kind, text = scope */
#define USHER_FAKE_SECTION_END 200u  /* number = verdict, total, text = why */
#define USHER_FAKE_MEMBER      300u  /* member */
#define USHER_FAKE_ROLE        400u  /* role */
#define USHER_FAKE_OBJECT      500u  /* object */
#define USHER_FAKE_ACCESS      600u  /* member = who, access */
#define USHER_FAKE_ROLE_OF     700u  /* member = who, key, text = value */
#define USHER_FAKE_CHECKPOINT  800u  /* text, len: the blob, with a NUL behind it */
#define USHER_FAKE_FACT        900u  /* key, text = value */
#define USHER_FAKE_LOG        1000u  /* number = level, text */
#define USHER_FAKE_FAULT      1100u  /* number = -code, text, key = field, total = until_ms */
#define USHER_FAKE_SECRET_PUT 1200u  /* key, text = value, total = expires_ms */
#define USHER_FAKE_REQUEST    1300u  /* key = method, text = URL with values, number = handle */

struct usher_fake_event
{
  uint32_t kind;      /* USHER_FAKE_... */
  uint32_t number;
  uint32_t section;   /* kind of the section that was open, 0 = none */
  uint32_t call;      /* the helper call that told it, counted from 1 as usher_fake_cancel does */
  int64_t total;
  const char *key, *text;
  size_t len;
  const struct usher_member *member;
  const struct usher_role *role;
  const struct usher_object *object;
  const struct usher_access *access;
};

/* Everything since the last usher_fake_clear, in order. */
size_t usher_fake_events (const struct usher_fake *fake);
const struct usher_fake_event *usher_fake_event (const struct usher_fake *fake, size_t i);
/* The last event of KIND, or NULL; how many there are of it. */
const struct usher_fake_event *usher_fake_last (const struct usher_fake *fake, uint32_t kind);
size_t usher_fake_count (const struct usher_fake *fake, uint32_t kind);
/* The last row of the member ID, or NULL. */
const struct usher_member *usher_fake_member (const struct usher_fake *fake, const char *id);
/* Forgets events, counts, and what was to fail. */
void usher_fake_clear (struct usher_fake *fake);

/* Calls of one helper, and of all. */
uint32_t usher_fake_calls (const struct usher_fake *fake, uint32_t helper);
uint32_t usher_fake_calls_all (const struct usher_fake *fake);
/* The most requests that were open at once, and those that operations left for the host to
   close, which it does when they end. */
uint32_t usher_fake_open_max (const struct usher_fake *fake);
uint32_t usher_fake_open_left (const struct usher_fake *fake);
/* 1 when the failure, the cancel or the cut that was asked for has happened: a helper answered so. */
int usher_fake_fired (const struct usher_fake *fake);
/* The first breach of the contract in a sentence, NULL when there was none. */
const char *usher_fake_broken (const struct usher_fake *fake);

#ifdef __cplusplus
}
#endif
#endif
