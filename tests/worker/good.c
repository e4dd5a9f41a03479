/* A connector that does one thing an operation, as "run" names it: what the worker's
   tests drive.  It keeps the contract. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <usher/connector.h>

struct self
{
  char what[64];
};

#define H (ctx->host)

static void
tell (struct usher_ctx *ctx, const char *key, const char *value)
{
  (void) H->fact (ctx, key, value ? value : "(none)");
}

static void
tell_number (struct usher_ctx *ctx, const char *key, unsigned long long n)
{
  char text[32];

  (void) snprintf (text, sizeof text, "%llu", n);
  tell (ctx, key, text);
}

static int32_t
good_open (struct usher_ctx *ctx, const struct usher_hub *hub, void **ret_self)
{
  struct self *s = calloc (1, sizeof *s);

  if (!s)
    return USHER_E_NOMEM;
  (void) snprintf (s->what, sizeof s->what, "%.*s", (int) hub->spec_len, hub->spec);
  tell (ctx, "warn.app", hub->app);
  *ret_self = s;
  return USHER_DONE;
}

static void
good_close (struct usher_ctx *ctx, void *self)
{
  H->log (ctx, 6, "closed");
  free (self);
}

/* ---- list */

#define PAGES 3
#define PAGE_ROWS 1000

static int32_t
emit_page (struct usher_ctx *ctx, int page)
{
  int i;

  for (i = 0; i < PAGE_ROWS; i++)
    {
      char id[32], email[64];
      struct usher_member m = { sizeof m, USHER_ACTIVE, 0, 0, id, NULL, NULL, email, NULL, NULL,
                                NULL, NULL, 0, 0, 0, NULL, 0, NULL, 0, NULL, 0 };
      int32_t r;

      (void) snprintf (id, sizeof id, "%d", page * PAGE_ROWS + i);
      (void) snprintf (email, sizeof email, "user%s@example.com", id);
      r = H->emit_member (ctx, &m);
      if (r < 0)
        return r;
    }
  return USHER_DONE;
}

/* Three pages from the cursor on, with a checkpoint after each. */
static int32_t
list_pages (struct usher_ctx *ctx, const struct usher_list *want)
{
  int page = want->cursor ? atoi (want->cursor) : 0;
  int32_t r = H->section (ctx, USHER_S_MEMBERS, "active");

  for (; r >= 0 && page < PAGES; page++)
    {
      char cursor[16];

      r = emit_page (ctx, page);
      if (r < 0)
        return r;
      (void) snprintf (cursor, sizeof cursor, "%d", page + 1);
      r = H->checkpoint (ctx, cursor, strlen (cursor) + 1);
    }
  return r < 0 ? r : H->section_end (ctx, USHER_COMPLETE, (int64_t) PAGES * PAGE_ROWS, NULL);
}

static int32_t
list_edges (struct usher_ctx *ctx)
{
  struct usher_member who = { .size = sizeof who, .id = "7" };
  struct usher_access a = { .size = sizeof a, .asset = "act_1", .role = "analyst" };
  struct usher_role role = { .size = sizeof role, .id = "admin", .label = "Admin" };
  struct usher_object o = { .size = sizeof o, .kind = USHER_ASSET, .id = "act_1" };
  struct usher_kv kv = { "group", "g1" };

  (void) H->section (ctx, USHER_S_ROLES, NULL);
  (void) H->emit_role (ctx, &role);
  (void) H->section_end (ctx, USHER_COMPLETE, -1, NULL);
  (void) H->section (ctx, USHER_S_OBJECTS, "ad");
  (void) H->emit_object (ctx, &o);
  (void) H->section_end (ctx, USHER_COMPLETE, 1, NULL);
  (void) H->section (ctx, USHER_S_ROLE_OF, NULL);
  (void) H->emit_role_of (ctx, &who, &kv);
  (void) H->section_end (ctx, USHER_COMPLETE, -1, NULL);
  (void) H->section (ctx, USHER_S_ACCESS, "act_1");
  (void) H->emit_access (ctx, &who, &a);
  return H->section_end (ctx, USHER_PARTIAL, -1, "no right on act_2");
}

/* ---- requests */

static int32_t
get (struct usher_ctx *ctx, const char *url, uint32_t *ret_h)
{
  const struct usher_kv header = { "X-Token", H->secret (ctx, "token") };
  const struct usher_request q = { .size = sizeof q, .url = url, /* by GET */
                                   .accept = "200,404", .headers = &header, .n_headers = 1 };

  return H->http_open (ctx, &q, ret_h);
}

/* Reads the body to its end; tells its length and the sum of its bytes. */
static int32_t
drain (struct usher_ctx *ctx, uint32_t h)
{
  unsigned long long total = 0, sum = 0;
  static unsigned char piece[10000];
  size_t n, i;
  int32_t r;

  while ((r = H->http_read (ctx, h, piece, sizeof piece, &n)) >= 0 && n)
    {
      total += n;
      for (i = 0; i < n; i++)
        sum += piece[i];
    }
  if (r < 0)
    return r;
  tell_number (ctx, "warn.bytes", total);
  tell_number (ctx, "warn.sum", sum);
  return USHER_DONE;
}

/* Two requests at once inside a section; the second is read first. */
static int32_t
fetch (struct usher_ctx *ctx)
{
  struct usher_response response = { .size = sizeof response };
  uint32_t one, two;
  int32_t r = H->section (ctx, USHER_S_MEMBERS, NULL);

  if (r >= 0)
    r = get (ctx, "https://app.example.com/1", &one);
  if (r >= 0)
    r = get (ctx, "https://app.example.com/2", &two);
  if (r >= 0)
    r = H->http_head (ctx, two, &response);
  if (r < 0)
    return r;
  tell_number (ctx, "warn.status", (unsigned long long) response.status);
  tell (ctx, "warn.header", response.n_headers ? response.headers[0].value : NULL);
  r = drain (ctx, two);
  if (r < 0)
    return r;
  H->http_close (ctx, two);
  r = drain (ctx, one);
  return r < 0 ? r : H->section_end (ctx, USHER_COMPLETE, 0, NULL);
}

/* Opens a request, gives it up, and makes another. */
static int32_t
abandon (struct usher_ctx *ctx)
{
  uint32_t one, two;
  int32_t r = get (ctx, "https://app.example.com/1", &one);

  if (r < 0)
    return r;
  H->http_close (ctx, one);
  r = get (ctx, "https://app.example.com/2", &two);
  return r < 0 ? r : drain (ctx, two);
}

/* ---- the rest */

static int32_t
remember (struct usher_ctx *ctx)
{
  const void *value;
  size_t len;
  char grown[64];
  int32_t r = H->state_get (ctx, "count", &value, &len);

  if (r < 0)
    return r;
  (void) snprintf (grown, sizeof grown, "%.*s!", (int) len, value ? (const char *) value : "");
  return H->state_put (ctx, "count", grown, strlen (grown));
}

static int32_t
chatter (struct usher_ctx *ctx)
{
  int i;

  for (i = 0; i < 250; i++)
    H->log (ctx, 4, i ? "line" : "caf\xe9");
  return USHER_DONE;
}

static volatile sig_atomic_t ticks;

static void
on_tick (int number)
{
  (void) number;
  ticks++;
}

/* Works until a timer of its own processor time has ended it twice; one of the clock is refused. */
static int32_t
work (struct usher_ctx *ctx)
{
  const struct itimerval timer = { { 0, 10000 }, { 0, 10000 } };
  const struct sigaction action = { .sa_handler = on_tick };
  int r;

  r = setitimer (ITIMER_REAL, &timer, NULL);
  tell (ctx, "warn.clock", r < 0 && errno == EACCES ? "refused" : "allowed");
  (void) sigaction (SIGVTALRM, &action, NULL);
  if (setitimer (ITIMER_VIRTUAL, &timer, NULL) < 0)
    return USHER_E_UNSUPPORTED;
  while (ticks < 2)
    ;
  tell (ctx, "warn.ticks", "two");
  return USHER_DONE;
}

static int32_t
good_login (struct usher_ctx *ctx, void *self, const struct usher_login *login)
{
  (void) self;
  tell_number (ctx, "warn.why", login->why);
  tell (ctx, "warn.code", login->code);
  return H->secret_put (ctx, "token", "fresh", 1700000000123);
}

static int32_t
good_check (struct usher_ctx *ctx, void *self)
{
  const struct self *s = self;

  if (strcmp (s->what, "conf") == 0)
    {
      tell (ctx, "warn.first", H->conf (ctx, "roles", 0));
      tell (ctx, "warn.second", H->conf (ctx, "roles", 1));
      tell (ctx, "warn.third", H->conf (ctx, "roles", 2));
      tell (ctx, "warn.secret", H->secret (ctx, "token"));
      tell (ctx, "warn.none", H->secret (ctx, "totp"));
      tell (ctx, "warn.time", H->now_ms (ctx) > 1600000000000 ? "now" : "never");
    }
  if (strcmp (s->what, "state") == 0)
    return remember (ctx);
  if (strcmp (s->what, "chatter") == 0)
    return chatter (ctx);
  if (strcmp (s->what, "work") == 0)
    return work (ctx);
  if (strcmp (s->what, "abandon") == 0)
    return abandon (ctx);
  if (strcmp (s->what, "fail") == 0)
    {
      const struct usher_fault f = { sizeof f, USHER_E_FORBIDDEN, "a right is missing",
                                     "users:read", "https://app.example.com/rights", 5 };

      return H->fail (ctx, &f);
    }
  return USHER_DONE;
}

static int32_t
good_list (struct usher_ctx *ctx, void *self, const struct usher_list *want)
{
  const struct self *s = self;

  if (strcmp (s->what, "edges") == 0)
    return list_edges (ctx);
  if (strcmp (s->what, "fetch") == 0)
    return fetch (ctx);
  return list_pages (ctx, want);
}

static int32_t
good_read (struct usher_ctx *ctx, void *self, const struct usher_member *who)
{
  (void) self;
  return strcmp (who->id, "gone") == 0 ? USHER_ABSENT : H->emit_member (ctx, who);
}

/* Tells everything it was given, so that a test sees that it arrived. */
static int32_t
good_invite (struct usher_ctx *ctx, void *self, const struct usher_change *c)
{
  struct usher_member m = *c->member;

  (void) self;
  tell_number (ctx, "warn.attempt", c->attempt);
  tell (ctx, "warn.role", c->n_roles ? c->roles[0].value : NULL);
  tell (ctx, "warn.asset", c->n_access ? c->access[c->n_access - 1]->asset : NULL);
  tell (ctx, "warn.field", c->n_fields ? c->fields[0].value : NULL);
  tell (ctx, "warn.key", c->key);
  tell_number (ctx, "warn.resume", c->resume_len);
  if (H->checkpoint (ctx, "step 1", 6) < 0)
    return USHER_E_CANCELLED;
  m.state = USHER_PENDING;
  m.id = "inv1";
  (void) H->emit_member (ctx, &m);
  return USHER_INVITED;
}

const struct usher_connector *usher_connector_v1 (void);

__attribute__ ((visibility ("default"))) const struct usher_connector *
usher_connector_v1 (void)
{
  static const struct usher_connector c = {
    .abi = { USHER_MAGIC, USHER_MAJOR, USHER_MINOR, sizeof c, 0 },
    .name = "good", .version = "1.0",
    .open = good_open, .close = good_close, .login = good_login, .check = good_check,
    .list = good_list, .read = good_read, .invite = good_invite,
  };

  return &c;
}
