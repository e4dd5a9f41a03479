/* Owns what a session of a hub is made of: app file, fields, account, secrets; and the
   policy of signing in. */
#include <config.h>

#include <stdio.h>

#include "host/common/log.h"
#include "host/common/secret.h"
#include "host/engine/connectors.h"
#include "host/engine/credential.h"
#include "host/engine/internal.h"

#define SECRETS_MAX 64u
#define CONF_MAX 1024u
#define NO_PROXY_MAX 65536u

/* Everything a spec borrows, until session_open returned. */
struct material
{
  struct session_spec spec;
  struct usher_kv conf[CONF_MAX];
  struct session_secret secrets[SECRETS_MAX];
  struct secret values[SECRETS_MAX];
  const char **origins_of[SECRETS_MAX];
  struct app_list lists[SECRETS_MAX + 1];   /* what the arrays of origins borrow */
  size_t n_lists;
  char *names[SECRETS_MAX];
  size_t n_values;
  const char **origins, **private_ok;
  struct buf no_proxy;
  json_t *account;
  char *rate, *path, *oauth;
};

static void
material_done (struct material *m)
{
  size_t i;

  for (i = 0; i < m->n_values; i++)
    {
      secret_done (&m->values[i]);
      free (m->origins_of[i]);
      free (m->names[i]);
    }
  for (i = 0; i < m->n_lists; i++)
    app_list_done (&m->lists[i]);
  free (m->origins);
  free (m->private_ok);
  buf_done (&m->no_proxy);
  json_decref (m->account);
  free (m->rate);
  free (m->path);
  free (m->oauth);
}

static void
add_conf (struct material *m, const char *key, const char *value)
{
  if (value && m->spec.n_conf < CONF_MAX)
    m->conf[m->spec.n_conf++] = (struct usher_kv) { key, value };
}

static void
add_fields (struct material *m, json_t *fields)
{
  const char *key;
  json_t *value, *one;
  size_t i;

  json_object_foreach (fields, key, value)
    if (json_is_array (value))
      json_array_foreach (value, i, one)
        add_conf (m, key, json_string_value (one));
    else
      add_conf (m, key, json_string_value (value));
}

/* The texts of a list, borrowed, and a NULL behind them; NULL = no memory. */
static const char **
terminated (char *const *v, size_t n)
{
  const char **list = calloc (n + 1, sizeof *list);
  size_t i;

  for (i = 0; list && i < n; i++)
    list[i] = v[i];
  return list;
}

struct secret_walk
{
  struct run *r;
  struct material *m;
  struct txn *t;
  struct id account;
  int error;
};

/* The value that stands at the end of m->values, as NAME, and where it may go, at the end of
   m->lists; both are freed with the rest when this fails. */
static int
add_value (struct material *m, const char *name)
{
  const struct app_list *list = &m->lists[m->n_lists++];
  size_t n = m->n_values++;

  m->names[n] = strdup (name);
  m->origins_of[n] = terminated (list->v, list->n);
  if (!m->names[n] || !m->origins_of[n])
    return -ENOMEM;
  m->secrets[n] = (struct session_secret) { m->names[n], m->values[n].data, m->origins_of[n] };
  return 0;
}

/* The value of the secret NAME; of an access token there is none before Usher, or the connector's
   sign-in, got one. */
static int
get_value (struct secret_walk *w, const char *name, struct secret *ret)
{
  const void *sealed;
  size_t len;

  if (w->m->oauth && streq (name, "access_token"))
    return secret_set (ret, "", 0);
  if (txn_secret_get (w->t, &w->account, name, &sealed, &len) != 1)
    return streq (name, "access_token") ? secret_set (ret, "", 0) : -ENOENT;
  return vault_unseal (w->r->e->vault, json_text (w->m->account, "id"), name, sealed, len, ret);
}

static bool
add_secret (void *arg, const char *name)
{
  struct secret_walk *w = arg;
  struct material *m = w->m;
  json_t *fields = json_object_get (w->r->hub, "fields");
  const char *kind = json_text (m->account, "kind");

  if (m->n_values == SECRETS_MAX || app_secret_is_inner (w->r->app, kind, name, fields))
    return true;
  w->error = get_value (w, name, &m->values[m->n_values]);
  if (w->error == 0)
    w->error = app_secret_origins (w->r->app, kind, name, fields, &m->lists[m->n_lists]);
  if (w->error < 0)
    {
      m->n_values++; /* what there is of it is freed with the rest */
      return false;
    }
  w->error = add_value (m, name);
  return w->error == 0;
}

/* What is no secret, where a rule of auth may name it. */
static int
add_open (struct run *r, struct material *m, const char *name, const char *value)
{
  int x;

  if (!value || !*value || m->n_values == SECRETS_MAX)
    return 0;
  x = secret_set (&m->values[m->n_values], value, strlen (value));
  if (x == 0)
    x = app_origins (r->app, json_object_get (r->hub, "fields"), &m->lists[m->n_lists]);
  if (x == 0)
    return add_value (m, name);
  m->n_values++;
  return x;
}

static bool
add_kept_secret (void *arg, const char *name)
{
  struct secret_walk *w = arg;

  return (w->m->oauth && streq (name, "access_token")) || add_secret (arg, name);
}

/* Where the access token of an account that has one will stand, when none was kept. */
static void
add_token (struct secret_walk *w)
{
  const char *kind = json_text (w->m->account, "kind");
  size_t i;

  for (i = 0; i < w->m->n_values; i++)
    if (streq (w->m->names[i], "access_token"))
      return;
  if (streq (kind, "oauth") || streq (kind, "app-install"))
    (void) add_secret (w, "access_token");
}

/* How the account's access tokens are got. */
static int
add_oauth (const struct run *r, struct material *m)
{
  return app_oauth_json (r->app, json_text (m->account, "kind"), json_object_get (r->hub, "fields"),
                         json_object_get (m->account, "fields"), &m->oauth);
}

/* Values of the account: its texts are configuration, its secrets stand-ins. */
static int
add_account (struct run *r, struct material *m)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (r->e->store);
  struct secret_walk w = { .r = r, .m = m, .t = t };
  const char *username, *key;
  json_t *fields, *value;

  if (!json_id (r->hub, "account", &w.account) || !(m->account = txn_doc_get (t, STORE_ACCOUNT, &w.account)))
    return -ENOENT;
  username = json_text (m->account, "username");
  fields = json_object_get (m->account, "fields");
  add_conf (m, "account.username", username);
  add_conf (m, "account.email", json_text (m->account, "email"));
  add_conf (m, "account.phone", json_text (m->account, "phone"));
  add_fields (m, fields);
  w.error = add_oauth (r, m);
  if (w.error == 0)
    txn_secret_names (t, &w.account, add_kept_secret, &w);
  if (w.error == 0)
    add_token (&w);
  if (w.error == 0)
    w.error = add_open (r, m, "username", username);
  json_object_foreach (fields, key, value)
    if (w.error == 0 && json_is_string (value))
      w.error = add_open (r, m, key, json_string_value (value));
  return w.error;
}

static int
add_origins (struct run *r, struct material *m, json_t *fields)
{
  struct app_list *list = &m->lists[m->n_lists];
  int x = app_origins (r->app, fields, list);

  if (x < 0)
    return x;
  m->n_lists++;
  m->origins = terminated (list->v, list->n);
  return m->origins ? 0 : -ENOMEM;
}

/* Lists of the configuration in the forms that a spec wants. */
static int
add_network (struct material *m, const struct conf *conf)
{
  size_t i;

  m->private_ok = terminated (conf->http.allow_private.v, conf->http.allow_private.n);
  if (!m->private_ok)
    return -ENOMEM;
  m->no_proxy = (struct buf) BUF_INIT (NO_PROXY_MAX);
  for (i = 0; i < conf->http.no_proxy.n; i++)
    buf_printf (&m->no_proxy, "%s%s", i ? "," : "", conf->http.no_proxy.v[i]);
  return buf_error (&m->no_proxy);
}

static int
gather (struct run *r, struct material *m)
{
  const struct conf *conf = r->e->conf;
  json_t *fields = json_object_get (r->hub, "fields");
  struct session_spec *s = &m->spec;
  _cleanup_ (freep) char *why = NULL;
  struct id account;
  int x;

  m->path = connectors_path (r->e, app_connector (r->app), app_id (r->app), &why);
  if (!m->path)
    {
      if (connectors_paused (r->e, app_connector (r->app), app_id (r->app)))
        run_fail (r, "connector-quarantined", "%s", why);
      else
        run_park (r, "connector-missing");
      return -ENOENT;
    }
  add_fields (m, fields);
  add_conf (m, "add.how", app_get_text (r->app, "add.how", NULL));
  add_conf (m, "add.idempotency", app_get_text (r->app, "add.idempotency", NULL));
  x = add_account (r, m);
  if (x == 0)
    x = add_origins (r, m, fields);
  if (x == 0)
    x = add_network (m, conf);
  if (x < 0)
    {
      run_fail (r, x == -ENOENT ? "bad-credentials" : x == -EINVAL ? "bad-setting" : "store-error",
                x == -ENOENT ? "The hub has no automation account."
                : x == -EINVAL ? "The hub's fields do not make an address."
                : "The secrets of the automation account cannot be read.");
      return x;
    }
  m->rate = app_rate_json (r->app, fields, json_object_get (m->account, "fields"));
  *s = (struct session_spec) {
    .name = json_text (r->hub, "label"),
    .connector_path = m->path,
    .app = app_id (r->app),
    .conf = m->conf,
    .n_conf = s->n_conf,
    .secrets = m->secrets,
    .n_secrets = m->n_values,
    .origins = m->origins,
    .private_ok = m->private_ok,
    .auth = app_auth_json (r->app),
    .rate = m->rate,
    .keep_cookies = app_get_bool (r->app, "session.cookies", false),
    .proxy = conf->http.proxy,
    .no_proxy = m->no_proxy.data,
    .ca_file = conf->http.ca_file,
    .rates = r->e->rates,
    .oauth = m->oauth,
  };
  app_run (r->app, &s->run, &s->run_len);
  if (m->oauth && json_id (m->account, "id", &account))
    s->tokens_arg = credential_new (r->e, &account);
  if (s->tokens_arg)
    s->tokens = &credential_tokens;
  if (m->rate && (!m->oauth || s->tokens))
    return 0;
  if (s->tokens)
    s->tokens->done (s->tokens_arg);
  run_fail (r, "store-error", "There is no memory for a session.");
  return -ENOMEM;
}

static void
pool_key (const struct run *r, char ret[96])
{
  (void) snprintf (ret, 96, "%s:%lld", json_text (r->hub, "id"),
                   (long long) json_number (r->hub, "generation", 0));
}

/* A sign-in keeps the token that it got; nothing that it shows is a row. */
static const struct session_events sign_in_events = { RUN_EVENTS };

/* Signing in is the connector's affair; one that has no login answers UNSUPPORTED. */
static int32_t
sign_in (struct run *r, struct session *s, uint32_t why, struct session_outcome *ret)
{
  struct wire_call call = { .op = WIRE_OP_LOGIN, .why = why };
  struct session_limits limits = { .time_max_ms = RUN_TIME_MAX_MS,
                                   .probes = streq (json_text (r->task, "kind"), "validate") };
  int32_t x = session_call (s, &call, &limits, &sign_in_events, &r, r->stop, ret);

  return x == USHER_E_UNSUPPORTED && !ret->crashed ? USHER_DONE : x;
}

struct session *
run_session (struct run *r)
{
  struct material *m = calloc (1, sizeof *m);
  struct session_outcome o = { 0 };
  struct session *s;
  char key[96];
  int x;

  pool_key (r, key);
  s = session_pool_take (r->e->pool, key);
  if (!s && !m)
    run_fail (r, "store-error", "There is no memory for a session.");
  if (s || !m)
    {
      free (m);
      run_watch (r, s);
      return s;
    }
  x = gather (r, m);
  if (x == 0)
    {
      x = session_open (r->e->supervisor, &m->spec, &s, &o);
      if (x < 0)
        run_fail_outcome (r, &o);
    }
  material_done (m);
  free (m);
  if (x == 0)
    {
      run_watch (r, s);
      session_outcome_done (&o);
      if (sign_in (r, s, USHER_LOGIN_FIRST, &o) < 0)
        {
          run_fail_outcome (r, &o);
          run_watch (r, NULL);
          session_close (TAKE (s));
        }
    }
  session_outcome_done (&o);
  return s;
}

void
run_session_done (struct run *r, struct session *s)
{
  char key[96];

  run_watch (r, NULL);
  if (!s)
    return;
  pool_key (r, key);
  session_pool_give (r->e->pool, key, s);
}

static int32_t
call_once (struct run *r, struct session *s, const struct wire_call *call, const struct session_limits *limits,
           const struct session_events *ev, void *arg, struct session_outcome *ret)
{
  int32_t x = session_call (s, call, limits, ev, arg, r->stop, ret);

  r->requests += ret->requests;
  r->bytes += ret->bytes;
  return x;
}

int32_t
run_call (struct run *r, struct session *s, struct wire_call *call, const struct session_limits *limits,
          const struct session_events *ev, void *arg, void (*again) (void *, struct wire_call *),
          struct session_outcome *ret)
{
  int32_t x = call_once (r, s, call, limits, ev, arg, ret);
  struct session_outcome login = { 0 };
  int32_t signed_in;

  if ((x != USHER_E_SESSION && x != USHER_E_TOKEN) || ret->crashed)
    return x;
  signed_in = session_call (s, &(struct wire_call) { .op = WIRE_OP_LOGIN, .why = USHER_LOGIN_REFUSED },
                            limits, &sign_in_events, &r, r->stop, &login);
  if (signed_in == USHER_DONE)
    {
      session_outcome_done (ret);
      if (again)
        again (arg, call);
      x = call_once (r, s, call, limits, ev, arg, ret);
    }
  else if (signed_in != USHER_E_UNSUPPORTED)
    {
      /* What the sign-in said is nearer to the cause. */
      session_outcome_done (ret);
      *ret = login;
      return signed_in;
    }
  session_outcome_done (&login);
  return x;
}
