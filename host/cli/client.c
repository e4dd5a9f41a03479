/* Owns the connection, the patience with a daemon that is just starting, and what a
   refusal becomes. */
#include <config.h>

#include "host/cli/client.h"

#include <curl/curl.h>

#include "host/cli/ask.h"
#include "host/cli/interrupt.h"
#include "host/cli/say.h"
#include "host/common/buf.h"
#include "host/common/clock.h"
#include "host/common/id.h"
#include "host/common/io.h"
#include "host/common/text.h"

#define BASE "/api/v1"
#define URL_MAX (64u * 1024)
#define TRANSFER_TYPE "application/octet-stream"
#define EVENT_MAX (128u * 1024)  /* a line of a stream */
#define ANSWER_FLAGS (JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL)

struct client
{
  CURL *curl;           /* owned */
  char *socket;         /* owned; NULL with a URL */
  char *base;           /* owned; "http://localhost/api/v1" */
  const char *where;    /* for messages: socket, or the URL; points into the two above */
  struct secret token;
  int64_t reach_ms;     /* how long it is tried */
};

/* A request while it is on its way. */
struct request
{
  const char *method, *url, *type; /* type: NULL = no body */
  const void *body;
  size_t len;
  int in, out;                     /* a body read from, an answer written to; -1 = none */
  uint64_t in_size;
  int out_error;
  CURL *curl;                      /* borrowed, while it is on its way */
  struct curl_slist *headers;      /* owned */
  struct buf answer;
  char why[CURL_ERROR_SIZE];       /* curl's own words for a failure */
};

DEFINE_CLEANUP (struct curl_slist *, curl_slist_free_all)

static int
read_token (const char *path, struct secret *ret)
{
  _cleanup_ (buf_wipe) struct buf text = BUF_INIT (4096);
  int r = ask_file (path, &text);

  if (r == -EINTR)
    return interrupt_status ();
  if (r < 0)
    return say_error (STATUS_USAGE, "--token-file: %s cannot be read: %s.", path, strerror (-r));
  if (text.len && text.data[text.len - 1] == '\n')
    text.len--;
  if (!text.len || memchr (text.data, '\n', text.len) || memchr (text.data, '\r', text.len)
      || memchr (text.data, '\0', text.len))
    return say_error (STATUS_USAGE, "--token-file: %s must hold one line with the token.", path);
  return secret_set (ret, text.data, text.len) < 0 ? say_no_memory () : STATUS_DONE;
}

static int
set_base (struct client *c, const struct client_address *a)
{
  _cleanup_ (buf_done) struct buf base = BUF_INIT (URL_MAX);
  size_t len;

  if (a->socket)
    {
      c->socket = strdup (a->socket);
      buf_puts (&base, "http://localhost" BASE);
    }
  else
    {
      len = strlen (a->url);
      while (len && a->url[len - 1] == '/')
        len--;
      if (!(has_prefix (a->url, "http://") || has_prefix (a->url, "https://"))
          || strpbrk (a->url, "?# "))
        return say_error (STATUS_USAGE,
                          "--url takes the address of usherd, as in https://usher.example.com, "
                          "not %s.", a->url);
      buf_put (&base, a->url, len);
      buf_puts (&base, BASE);
    }
  c->base = buf_steal (&base);
  c->where = c->socket ? c->socket : c->base;
  return c->base && (c->socket || !a->socket) ? STATUS_DONE : say_no_memory ();
}

int
client_open (const struct client_address *address, struct client **ret)
{
  _cleanup_ (client_freep) struct client *c = calloc (1, sizeof *c);
  int status;

  if (!c || !(c->curl = curl_easy_init ()))
    return say_no_memory ();
  c->reach_ms = address->once ? 0 : REACH_MS;
  status = set_base (c, address);
  if (!status && address->token_file)
    status = read_token (address->token_file, &c->token);
  if (!status)
    *ret = TAKE (c);
  return status;
}

void
client_be_patient (struct client *c, int64_t ms)
{
  c->reach_ms = ms;
}

struct client *
client_free (struct client *c)
{
  if (!c)
    return NULL;
  curl_easy_cleanup (c->curl);
  free (c->socket);
  free (c->base);
  secret_done (&c->token);
  free (c);
  return NULL;
}

static size_t
take_bytes (char *data, size_t size, size_t n, void *request)
{
  struct request *r = request;
  long http = 0;

  (void) curl_easy_getinfo (r->curl, CURLINFO_RESPONSE_CODE, &http);
  if (r->out >= 0 && http >= 200 && http < 300)
    {
      r->out_error = io_write_all (r->out, data, size * n);
      return r->out_error < 0 ? 0 : size * n;
    }
  buf_put (&r->answer, data, size * n);
  return buf_error (&r->answer) ? 0 : size * n;
}

static size_t
give_bytes (char *to, size_t size, size_t n, void *request)
{
  struct request *r = request;
  ssize_t got;

  do
    got = read (r->in, to, size * n);
  while (got < 0 && errno == EINTR);
  return got < 0 ? CURL_READFUNC_ABORT : (size_t) got;
}

static int
look_for_interrupt (void *unused _unused_, curl_off_t a _unused_, curl_off_t b _unused_,
                    curl_off_t d _unused_, curl_off_t e _unused_)
{
  return interrupt_pending () != 0;
}

static void
set_options (struct client *c, struct request *r)
{
  CURL *curl = r->curl;

  curl_easy_reset (curl); /* connections stay open */
  r->why[0] = '\0';
  curl_easy_setopt (curl, CURLOPT_ERRORBUFFER, r->why);
  curl_easy_setopt (curl, CURLOPT_URL, r->url);
  curl_easy_setopt (curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt (curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt (curl, CURLOPT_USERAGENT, "usher/" PACKAGE_VERSION);
  curl_easy_setopt (curl, CURLOPT_HTTPHEADER, r->headers);
  curl_easy_setopt (curl, CURLOPT_CONNECTTIMEOUT_MS, (long) REACH_MS);
  curl_easy_setopt (curl, CURLOPT_TIMEOUT_MS, (long) REQUEST_TIMEOUT_MS);
  curl_easy_setopt (curl, CURLOPT_WRITEFUNCTION, take_bytes);
  curl_easy_setopt (curl, CURLOPT_WRITEDATA, r);
  curl_easy_setopt (curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt (curl, CURLOPT_XFERINFOFUNCTION, look_for_interrupt);
  if (c->socket)
    {
      curl_easy_setopt (curl, CURLOPT_UNIX_SOCKET_PATH, c->socket);
      curl_easy_setopt (curl, CURLOPT_PROXY, "");
    }
  if (c->token.data)
    {
      curl_easy_setopt (curl, CURLOPT_HTTPAUTH, (long) CURLAUTH_BEARER);
      curl_easy_setopt (curl, CURLOPT_XOAUTH2_BEARER, c->token.data);
    }
  if (r->in >= 0 || r->out >= 0)
    {
      curl_easy_setopt (curl, CURLOPT_TIMEOUT_MS, 0L);
      curl_easy_setopt (curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
      curl_easy_setopt (curl, CURLOPT_LOW_SPEED_TIME, (long) TRANSFER_QUIET_S);
    }
  if (r->in >= 0)
    {
      curl_easy_setopt (curl, CURLOPT_POST, 1L);
      curl_easy_setopt (curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) r->in_size);
      curl_easy_setopt (curl, CURLOPT_READFUNCTION, give_bytes);
      curl_easy_setopt (curl, CURLOPT_READDATA, r);
    }
  else if (r->type)
    {
      curl_easy_setopt (curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) r->len);
      curl_easy_setopt (curl, CURLOPT_POSTFIELDS, r->body);
    }
  curl_easy_setopt (curl, CURLOPT_CUSTOMREQUEST, r->method);
}

static int
explain (const struct client *c, const struct request *r, CURLcode code, long os_error)
{
  if (interrupt_pending ())
    return interrupt_status ();
  if (os_error == EACCES && c->socket)
    return say_error (STATUS_NOT_ALLOWED,
                      "You may not use %s; ask for a place in the group that may, or use --url "
                      "with a token.", c->where);
  if (r->out_error)
    return say_error (STATUS_FAILED, "What usherd sends cannot be written: %s.", strerror (-r->out_error));
  if (code == CURLE_WRITE_ERROR)
    return say_error (STATUS_FAILED, "usherd answered more than %u MiB; ask for less.",
                      ANSWER_BYTES_MAX / (1024 * 1024));
  return say_error (STATUS_UNREACHABLE,
                    "usherd cannot be reached at %s (%s); is it running, and is this its address?",
                    c->where, os_error ? strerror ((int) os_error)
                              : *r->why ? r->why : curl_easy_strerror (code));
}

/* A daemon that is starting, or was restarted under an open connection.  An answer that
   is lost does no harm: reads change nothing, and writes carry their key. */
static bool
passes (const struct request *r, CURLcode code, long os_error)
{
  if (code == CURLE_COULDNT_CONNECT)
    return os_error != EACCES;
  return r->in < 0 && r->out < 0
         && (code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR);
}

/* The request whose answer was lost goes on at the daemon, which says so to its second. */
static bool
under_way (const struct request *r, long http)
{
  return http == 409 && r->answer.data && strstr (r->answer.data, "\"idempotency-pending\"");
}

static int
perform (struct client *c, struct request *r, struct answer *ret)
{
  int64_t deadline = clock_mono_ms () + c->reach_ms;
  json_error_t error;
  CURLcode code;
  long os_error, http = 0;
  json_t *json;

  for (;;)
    {
      buf_reset (&r->answer);
      set_options (c, r);
      code = curl_easy_perform (c->curl);
      os_error = 0;
      (void) curl_easy_getinfo (c->curl, CURLINFO_OS_ERRNO, &os_error);
      (void) curl_easy_getinfo (c->curl, CURLINFO_RESPONSE_CODE, &http);
      if (code == CURLE_OK && (!under_way (r, http) || interrupt_pending () || clock_mono_ms () >= deadline))
        break;
      if (code != CURLE_OK
          && (interrupt_pending () || !passes (r, code, os_error) || clock_mono_ms () >= deadline))
        return explain (c, r, code, os_error);
      interrupt_sleep (REACH_EVERY_MS);
    }
  json = r->answer.len ? json_loadb (r->answer.data, r->answer.len, ANSWER_FLAGS, &error) : NULL;
  if (r->answer.len && !json && http < 300)
    return say_error (STATUS_FAILED, "The answer of %s is no JSON (%s); is this usherd's address?",
                      c->where, error.text);
  *ret = (struct answer) { http, json };
  return STATUS_DONE;
}

static bool
add_header (struct curl_slist **headers, const char *name, const char *value)
{
  _cleanup_ (buf_done) struct buf line = BUF_INIT (4096);
  struct curl_slist *longer;

  buf_printf (&line, "%s: %s", name, value);
  longer = line.data ? curl_slist_append (*headers, line.data) : NULL;
  if (longer)
    *headers = longer;
  return longer != NULL;
}

int
client_send (struct client *c, const char *method, const char *path, const char *type,
             const void *body, size_t len, struct answer *ret)
{
  _cleanup_ (buf_done) struct buf url = BUF_INIT (URL_MAX);
  _cleanup_ (curl_slist_free_allp) struct curl_slist *headers = NULL;
  struct request r = { .method = method, .type = type, .body = body, .len = len, .in = -1, .out = -1,
                       .curl = c->curl, .answer = BUF_INIT (ANSWER_BYTES_MAX) };
  bool write = !streq (method, "GET");
  char key[ID_TEXT_SIZE];
  struct id id = id_new ();
  int status;

  id_format (&id, key);
  buf_printf (&url, "%s%s", c->base, path);
  if (buf_error (&url))
    return say_error (STATUS_USAGE, "The request is too long; shorten its names.");
  if (!add_header (&headers, "Accept", "application/json, application/problem+json")
      || (write && !add_header (&headers, "Idempotency-Key", key))
      || (type && (!add_header (&headers, "Content-Type", type)
                   || !add_header (&headers, "Expect", ""))))
    return say_no_memory ();
  r.url = url.data;
  r.headers = headers;
  status = perform (c, &r, ret);
  buf_wipe (&r.answer); /* it may hold a new token */
  return status;
}

/* A request without a key, which is sent once: R has what is special about it. */
static int
transfer (struct client *c, struct request *r, const char *path, struct answer *ret)
{
  _cleanup_ (buf_done) struct buf url = BUF_INIT (URL_MAX);
  _cleanup_ (curl_slist_free_allp) struct curl_slist *headers = NULL;
  int status;

  buf_printf (&url, "%s%s", c->base, path);
  if (buf_error (&url) || !add_header (&headers, "Accept", TRANSFER_TYPE ", application/json, application/problem+json")
      || (r->in >= 0 && (!add_header (&headers, "Content-Type", TRANSFER_TYPE)
                         /* A refusal need not wait for the body. */
                         || !add_header (&headers, "Expect", "100-continue"))))
    return say_no_memory ();
  r->method = "POST";
  r->url = url.data;
  r->headers = headers;
  r->curl = c->curl;
  r->answer = (struct buf) BUF_INIT (ANSWER_BYTES_MAX);
  status = perform (c, r, ret);
  buf_done (&r->answer);
  return status;
}

int
client_receive (struct client *c, const char *path, int fd, struct answer *ret)
{
  struct request r = { .in = -1, .out = fd };

  return transfer (c, &r, path, ret);
}

int
client_upload (struct client *c, const char *path, int fd, uint64_t size, struct answer *ret)
{
  struct request r = { .in = fd, .in_size = size, .out = -1 };

  return transfer (c, &r, path, ret);
}

/* A stream while it is followed. */
struct follow
{
  struct request request;
  client_follow_fn *fn;
  void *arg;
  bool begun;
  int answer;                      /* of FN; -1 = go on */
  struct buf line;                 /* the one that is coming in */
};

static void
end_line (struct follow *f)
{
  static const char data[] = "data: ";

  buf_putc (&f->line, '\0');
  if (!buf_error (&f->line) && has_prefix (f->line.data, data))
    f->answer = f->fn (f->arg, f->begun, f->line.data + sizeof data - 1);
  buf_reset (&f->line);
}

static size_t
take_lines (char *bytes, size_t size, size_t n, void *follow)
{
  struct follow *f = follow;
  long http = 0;
  size_t i;

  (void) curl_easy_getinfo (f->request.curl, CURLINFO_RESPONSE_CODE, &http);
  if (http != 200)
    return 0;
  if (!f->begun)
    {
      f->begun = true;
      f->answer = f->fn (f->arg, /* begun= */ true, /* data= */ NULL);
    }
  for (i = 0; i < size * n && f->answer < 0; i++)
    if (bytes[i] == '\n')
      end_line (f);
    else
      buf_putc (&f->line, bytes[i]);
  return f->answer < 0 ? size * n : 0;
}

static int
tell_the_time (void *follow, curl_off_t a _unused_, curl_off_t b _unused_, curl_off_t d _unused_, curl_off_t e _unused_)
{
  struct follow *f = follow;

  if (!interrupt_pending () && f->answer < 0)
    f->answer = f->fn (f->arg, f->begun, /* data= */ NULL);
  return interrupt_pending () || f->answer >= 0;
}

int
client_follow (struct client *c, const char *path, client_follow_fn *fn, void *arg)
{
  _cleanup_ (buf_done) struct buf url = BUF_INIT (URL_MAX);
  _cleanup_ (curl_slist_free_allp) struct curl_slist *headers = NULL;
  /* A connection of its own: FN uses the other one. */
  CURL *curl = curl_easy_init ();
  struct follow f = { .request = { .method = "GET", .in = -1, .out = -1, .curl = curl }, .fn = fn, .arg = arg,
                      .answer = -1, .line = BUF_INIT (EVENT_MAX) };

  buf_printf (&url, "%s%s", c->base, path);
  if (curl && !buf_error (&url) && add_header (&headers, "Accept", "text/event-stream"))
    {
      f.request.url = url.data;
      f.request.headers = headers;
      set_options (c, &f.request);
      curl_easy_setopt (curl, CURLOPT_TIMEOUT_MS, 0L);
      curl_easy_setopt (curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
      curl_easy_setopt (curl, CURLOPT_LOW_SPEED_TIME, (long) FOLLOW_QUIET_S);
      curl_easy_setopt (curl, CURLOPT_WRITEFUNCTION, take_lines);
      curl_easy_setopt (curl, CURLOPT_WRITEDATA, &f);
      curl_easy_setopt (curl, CURLOPT_XFERINFOFUNCTION, tell_the_time);
      curl_easy_setopt (curl, CURLOPT_XFERINFODATA, &f);
      (void) curl_easy_perform (curl);
    }
  curl_easy_cleanup (curl);
  buf_done (&f.line);
  return f.answer;
}

int
client_call (struct client *c, const char *method, const char *path, const json_t *body,
             struct answer *ret)
{
  char *text = body ? json_dumps (body, JSON_COMPACT) : NULL;
  int status;

  if (body && !text)
    return say_no_memory ();
  status = client_send (c, method, path, body ? "application/json" : NULL, text,
                        text ? strlen (text) : 0, ret);
  if (text)
    explicit_bzero (text, strlen (text));
  free (text);
  return status;
}

int
client_get (struct client *c, const char *path, struct answer *ret)
{
  struct answer a = { 0, NULL };
  int status = client_call (c, "GET", path, NULL, &a);

  if (!status)
    status = answer_check (&a);
  if (status)
    answer_done (&a);
  else
    *ret = a;
  return status;
}

const char *
json_text (const json_t *json, const char *key)
{
  const char *text = json_string_value (json_object_get (json, key));

  return text ? text : "";
}

const char *
answer_code (const struct answer *a)
{
  return json_text (a->json, "code");
}

static int
status_of (long http)
{
  switch (http)
    {
    case 400:
    case 413:
    case 415:
    case 422:
    case 428:
      return STATUS_USAGE;
    case 404:
    case 410:
      return STATUS_NOT_FOUND;
    case 401:
    case 403:
      return STATUS_NOT_ALLOWED;
    default:
      return STATUS_FAILED;
    }
}

void
answer_say_errors (const json_t *json, const char *source)
{
  json_int_t more = json_integer_value (json_object_get (json, "more_errors"));
  const json_t *error;
  size_t i;

  json_array_foreach (json_object_get (json, "errors"), i, error)
    {
      const json_t *line = json_object_get (error, "line");
      const char *field = json_text (error, "field"), *text = json_text (error, "message");
      _cleanup_ (buf_done) struct buf place = BUF_INIT (SENTENCE_MAX);

      if (json_is_integer (line))
        buf_printf (&place, "%s:%" JSON_INTEGER_FORMAT ": ", source, json_integer_value (line));
      if (*field)
        buf_printf (&place, "%s: ", field);
      say_note ("%s%s", place.data ? place.data : "", text);
    }
  if (more > 0)
    say_note ("and %" JSON_INTEGER_FORMAT " more", more);
}

int
answer_check (const struct answer *a)
{
  return answer_check_option (a, /* option= */ NULL);
}

int
answer_check_option (const struct answer *a, const char *option)
{
  const char *detail = json_text (a->json, "detail"), *field = json_text (a->json, "field");
  const char *action = json_text (a->json, "action"), *code = answer_code (a);
  const char *name = option ? option : field, *stop;
  bool named;

  if (a->status >= 200 && a->status < 300)
    return STATUS_DONE;
  if (!*detail)
    detail = json_text (a->json, "title");
  if (!*detail)
    return say_error (status_of (a->status),
                      "The answer was status %ld without a reason; is this usherd's address?",
                      a->status);
  named = !*name || strstr (detail, name);
  stop = !*action ? "" : strchr (".!?:;", detail[strlen (detail) - 1]) ? " " : ". ";
  return say_error (status_of (a->status), "%s%s%s%s%s%s%s%s", named ? "" : name,
                    named ? "" : ": ", detail, stop, action, *code ? " [" : "", code,
                    *code ? "]" : "");
}

/* PATH with the page's size and cursor added to its query, into URL. */
static void
page_path (const char *path, const char *cursor, struct buf *url)
{
  char *encoded;

  buf_printf (url, "%s%climit=" PAGE_ITEMS, path, strchr (path, '?') ? '&' : '?');
  if (!*cursor)
    return;
  encoded = curl_easy_escape (NULL, cursor, 0);
  buf_printf (url, "&cursor=%s", encoded ? encoded : "");
  if (!encoded)
    url->error = -ENOMEM;
  curl_free (encoded);
}

static int
list_page (const json_t *page, int (*each) (const json_t *item, void *data), void *data)
{
  const json_t *items = json_object_get (page, "items"), *item;
  size_t i;
  int status;

  if (!json_is_array (items))
    return say_error (STATUS_FAILED, "The answer is no list; is this usherd's address?");
  json_array_foreach (items, i, item)
    {
      status = each (item, data);
      if (status)
        return status;
    }
  return STATUS_DONE;
}

int
client_list (struct client *c, const char *path,
             int (*each) (const json_t *item, void *data), void *data)
{
  _cleanup_ (freep) char *cursor = strdup ("");
  int status = STATUS_DONE;

  while (cursor && !status)
    {
      _cleanup_ (buf_done) struct buf url = BUF_INIT (URL_MAX);
      _cleanup_ (answer_done) struct answer page = { 0, NULL };
      const char *next;

      page_path (path, cursor, &url);
      if (buf_error (&url))
        return say_no_memory ();
      status = client_get (c, url.data, &page);
      if (!status)
        status = list_page (page.json, each, data);
      next = json_text (page.json, "next");
      if (status || !*next)
        return status;
      if (streq (next, cursor))
        return say_error (STATUS_FAILED,
                          "usherd gave the same page of a list twice; the list is not whole.");
      free (cursor);
      cursor = strdup (next);
    }
  return cursor ? status : say_no_memory ();
}
