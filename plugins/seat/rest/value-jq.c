/* Owns the jq expressions of a descriptor.  All of them are one program, because libjq takes 30 ms
   to make one; its input says whose turn it is:

     [0, ITEM] -> the results of the first expression of reader 0, END, those of the second, END ...

   What an expression could reach besides its item is taken away by definitions in front of it that
   do not compile: libjq drops what nobody uses before it looks into it.  */
#include <config.h>

#include "plugins/seat/rest/value-private.h"

#include <jq.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#define EXPRESSION_MAX 8192u       /* bytes; libjq recurses into what is nested in it */
#define EXACT_MAX 9007199254740992  /* integers up to here are numbers of jq (2^53) */
#define EXACT_DIGITS "9007199254740992"
/* Processor time that one item may take. */
#define TICK_MS 250
#define TICKS_MAX 4

/* A name that nothing defines. */
#define UNDEFINED "not_for_descriptors"

static const char *const refused[] = {
  "input", "inputs", "debug", "debug(f)", "stderr", "input_filename", "input_line_number", "halt",
  "halt_error", "halt_error(f)", "env", "modulemeta", "get_search_list", "now", "localtime",
  "strflocaltime(f)",
};

/* Names between the dots of a path. */
#define KEYS_MAX 4u

/* An expression, or behind "through", the path of a member of what that gives. */
struct expression
{
  char *text, *place;   /* owned */
  jv keys[KEYS_MAX];
  uint32_t n_keys;
};

struct program
{
  struct expression through;   /* text NULL = none */
  struct expression *v;        /* owned */
  uint32_t n;
  struct rest_texts *texts;    /* owned; what each gave */
};

struct rest_jq
{
  struct program *programs;   /* owned */
  uint32_t n;
  jq_state *state;            /* NULL before it is compiled */
  jv end;                     /* stands behind the results of an expression */
  struct value_memory memory;
  struct value_list list;
};

/* ---- time ---- */

/* What the signal looks at. */
static struct
{
  jq_state *volatile state;        /* running, or NULL */
  volatile sig_atomic_t ticks;
} watch;

/* libjq looks before each step whether it was halted; nothing else of it can be touched here. */
static void
on_tick (int number)
{
  (void) number;
  if (watch.state && ++watch.ticks > TICKS_MAX && !jq_halted (watch.state))
    jq_halt (watch.state, jv_null (), jv_null ());
}

/* A host that does not let us have the timer has its own limit. */
static void
set_timer (int ms)
{
  const struct sigaction action = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
  const struct timeval tick = { .tv_usec = ms * 1000 };
  const struct itimerval timer = { tick, tick };

  if (ms == 0 || sigaction (SIGVTALRM, &action, NULL) == 0)
    (void) setitimer (ITIMER_VIRTUAL, &timer, NULL);
}

/* ---- making ---- */

int32_t
rest_jq_new (struct rest_jq **ret_jq)
{
  struct rest_jq *jq = calloc (1, sizeof *jq);

  if (!jq)
    return USHER_E_NOMEM;
  jq->end = jv_null ();
  *ret_jq = jq;
  return USHER_DONE;
}

static void
expression_done (struct expression *e)
{
  for (uint32_t i = 0; i < e->n_keys; i++)
    jv_free (e->keys[i]);
  free (e->text);
  free (e->place);
}

void
rest_jq_free (struct rest_jq *jq)
{
  if (!jq)
    return;
  if (jq->state)
    {
      set_timer (0);
      jq_teardown (&jq->state);
    }
  jv_free (jq->end);
  for (uint32_t i = 0; i < jq->n; i++)
    {
      struct program *p = &jq->programs[i];

      expression_done (&p->through);
      for (uint32_t k = 0; k < p->n; k++)
        expression_done (&p->v[k]);
      free (p->v);
      free (p->texts);
    }
  free (jq->programs);
  free (jq->list.v);
  value_memory_done (&jq->memory);
  free (jq);
}

static int32_t
set_expression (struct expression *e, const char *text, const char *place)
{
  e->text = strdup (text);
  e->place = strdup (place);
  return e->text && e->place ? USHER_DONE : USHER_E_NOMEM;
}

int32_t
jq_program (struct rest_jq *jq, const char *through, const char *place, uint32_t *ret_program)
{
  struct program *grown = reallocarray (jq->programs, jq->n + 1, sizeof *grown);

  if (!grown)
    return USHER_E_NOMEM;
  jq->programs = grown;
  grown[jq->n] = (struct program) { .n = 0 };
  *ret_program = jq->n++;
  return through ? set_expression (&grown[*ret_program].through, through, place) : USHER_DONE;
}

int32_t
jq_add (struct rest_jq *jq, uint32_t program, const char *text, const char *place,
        uint32_t *ret_expression)
{
  struct program *p = &jq->programs[program];
  struct expression *v = reallocarray (p->v, p->n + 1, sizeof *v);
  struct rest_texts *texts;

  if (!v)
    return USHER_E_NOMEM;
  p->v = v;
  texts = reallocarray (p->texts, p->n + 1, sizeof *texts);
  if (!texts)
    return USHER_E_NOMEM;
  p->texts = texts;
  v[p->n] = (struct expression) { .text = NULL };
  *ret_expression = p->n++;
  return set_expression (&v[*ret_expression], text, place);
}

int32_t
jq_add_member (struct rest_jq *jq, uint32_t program, const char *path, const char *place,
               uint32_t *ret_expression)
{
  int32_t r = jq_add (jq, program, path, place, ret_expression);
  struct expression *e;

  if (r < 0)
    return r;
  e = &jq->programs[program].v[*ret_expression];
  for (size_t len; *path; path += len + (path[len] == '.'))
    {
      len = strcspn (path, ".");
      if (e->n_keys == KEYS_MAX)
        return USHER_E_LIMIT;
      e->keys[e->n_keys++] = jv_string_sized (path, (int) len);
    }
  return USHER_DONE;
}

uint32_t
jq_count (const struct rest_jq *jq, uint32_t program)
{
  return jq ? jq->programs[program].n : 0;
}

/* ---- compiling ---- */

/* A program as text. */
struct source
{
  char *s;      /* owned */
  size_t len;
  FILE *out;
};

static int32_t
source_begin (struct source *src)
{
  src->out = open_memstream (&src->s, &src->len);
  if (!src->out)
    return USHER_E_NOMEM;
  for (size_t i = 0; i < ARRAY_SIZE (refused); i++)
    (void) fprintf (src->out, "def %s: " UNDEFINED ";\n", refused[i]);
  return USHER_DONE;
}

/* A comment at its end takes neither the bracket nor, with a backslash, the next line. */
static void
source_add (const struct source *src, const char *expression)
{
  (void) fprintf (src->out, "(%s\n\n)", expression);
}

static int32_t
source_end (struct source *src)
{
  bool bad = ferror (src->out) != 0;

  bad = fclose (src->out) != 0 || bad;
  return bad ? USHER_E_NOMEM : USHER_DONE;
}

/* The first thing that libjq said of a program. */
static void
on_error (void *arg, jv message)
{
  char *first = arg;

  if (!*first && jv_get_kind (message) == JV_KIND_STRING)
    (void) snprintf (first, ERROR_MAX, "%s", jv_string_value (message));
  jv_free (message);
}

/* Takes WHAT out of TEXT, and with TAIL all behind it. */
static void
cut (char *text, const char *what, bool tail)
{
  char *at = strstr (text, what);

  if (at && tail)
    *at = '\0';
  else if (at)
    memmove (at, at + strlen (what), strlen (at + strlen (what)) + 1);
}

/* The word whose definition the message is about, or NULL. */
static const char *
refused_word (const char *message)
{
  const char *line = strstr (message, ", line ");
  unsigned long number;

  if (!strstr (message, UNDEFINED "/0 ") || !line)
    return NULL;
  number = strtoul (line + strlen (", line "), NULL, 10);
  return number > 0 && number <= ARRAY_SIZE (refused) ? refused[number - 1] : NULL;
}

/* libjq's words without what is about its command. */
static void
tell (struct value_maker *m, const char *place, char *message)
{
  const char *word = refused_word (message);

  if (word)
    {
      value_wrong (m, place, "The expression uses \"%.*s\", which is not for descriptors: an expression "
                   "knows its item and nothing else", (int) strcspn (word, "("), word);
      return;
    }
  cut (message, "\n", /* tail */ true);
  cut (message, " at <top-level>", /* tail */ true);
  cut (message, "jq: error: ", /* tail */ false);
  cut (message, " (Unix shell quoting issues?)", /* tail */ false);
  value_wrong (m, place, "The jq expression cannot be compiled: %.300s",
               *message ? message : "libjq does not say why");
}

/* *RET_STATE, or NULL and why in MESSAGE. */
static int32_t
compile_text (struct rest_jq *jq, const char *text, char *message, jq_state **ret_state)
{
  jq_state *state = jq_init ();

  *message = '\0';
  if (!state)
    return USHER_E_NOMEM;
  jq_set_error_cb (state, on_error, message);
  jq_set_attr (state, jv_string ("JQ_LIBRARY_PATH"), jv_array ());
  if (!jq_compile_args (state, text, jv_object_set (jv_object (), jv_string ("__end"),
                                                    jv_copy (jq->end))))
    jq_teardown (&state);
  *ret_state = state;
  return USHER_DONE;
}

/* Compiles E alone, and tells what is wrong with it. */
static int32_t
try_alone (struct value_maker *m, const struct expression *e)
{
  struct source src = { .s = NULL };
  char message[ERROR_MAX];
  jq_state *state = NULL;
  int32_t r = source_begin (&src);

  if (r < 0)
    return r;
  source_add (&src, e->text);
  r = source_end (&src);
  if (r >= 0)
    r = compile_text (m->jq, src.s, message, &state);
  if (r >= 0 && !state)
    tell (m, e->place, message);
  if (state)
    jq_teardown (&state);
  free (src.s);
  return r;
}

/* The whole does not compile, with MESSAGE: finds out why. */
static int32_t
blame (struct value_maker *m, char *message)
{
  const struct expression *first = NULL;
  int32_t r = USHER_DONE;

  for (uint32_t i = 0; i < m->jq->n; i++)
    {
      const struct program *p = &m->jq->programs[i];

      if (p->through.text && r >= 0)
        r = try_alone (m, &p->through);
      for (uint32_t k = 0; k < p->n && r >= 0; k++)
        {
          first = first ? first : &p->v[k];
          /* Those behind "through" are ours. */
          r = p->through.text ? USHER_DONE : try_alone (m, &p->v[k]);
        }
    }
  if (r >= 0 && !m->wrong)
    tell (m, first->place, message);
  return r < 0 ? r : USHER_E_CONFIG;
}

static void
add_program (const struct source *src, const struct program *p, uint32_t number)
{
  (void) fprintf (src->out, "if $__program == %u then ", number);
  if (p->through.text)
    source_add (src, p->through.text);
  for (uint32_t i = 0; i < p->n && !p->through.text; i++)
    {
      (void) fputs (i > 0 ? ", " : "", src->out);
      source_add (src, p->v[i].text);
      (void) fputs (", $__end", src->out);
    }
  (void) fputs (" else ", src->out);
}

/* The program of all; *RET_N is how many expressions are in it. */
static int32_t
write_all (const struct rest_jq *jq, struct source *src, uint32_t *ret_n)
{
  uint32_t open = 0;
  int32_t r = source_begin (src);

  if (r < 0)
    return r;
  *ret_n = 0;
  (void) fputs (".[0] as $__program | .[1] | ", src->out);
  for (uint32_t i = 0; i < jq->n; i++)
    if (jq->programs[i].n > 0)
      {
        add_program (src, &jq->programs[i], i);
        *ret_n += jq->programs[i].n;
        open++;
      }
  (void) fputs ("empty", src->out);
  for (; open > 0; open--)
    (void) fputs (" end", src->out);
  return source_end (src);
}

/* Expressions that are too long are not shown to libjq. */
static bool
check_lengths (struct value_maker *m)
{
  for (uint32_t i = 0; i < m->jq->n; i++)
    {
      const struct program *p = &m->jq->programs[i];

      if (p->through.text && strlen (p->through.text) > EXPRESSION_MAX)
        value_wrong (m, p->through.place, "The jq expression is longer than %u bytes", EXPRESSION_MAX);
      for (uint32_t k = 0; k < p->n; k++)
        if (strlen (p->v[k].text) > EXPRESSION_MAX)
          value_wrong (m, p->v[k].place, "The jq expression is longer than %u bytes", EXPRESSION_MAX);
    }
  return !m->wrong;
}

int32_t
rest_jq_compile (struct rest_jq *jq, struct usher_ctx *ctx)
{
  struct value_maker m = { .ctx = ctx, .jq = jq };
  struct source src = { .s = NULL };
  char message[ERROR_MAX];
  uint32_t n = 0;
  int32_t r;

  if (!check_lengths (&m))
    return USHER_E_CONFIG;
  r = write_all (jq, &src, &n);
  if (r >= 0 && n > 0)
    {
      jq->end = JV_ARRAY (jv_string ("the end of an expression"));
      r = compile_text (jq, src.s, message, &jq->state);
    }
  free (src.s);
  if (r < 0 || n == 0)
    return r;
  if (!jq->state)
    return blame (&m, message);
  set_timer (TICK_MS);
  return USHER_DONE;
}

/* ---- running ---- */

/* What stands in the way of a run. */
struct run
{
  struct rest_jq *jq;
  struct program *program;
  uint32_t at;              /* expression whose results come */
  size_t from;              /* its first text in the list */
  bool whole;               /* all have been handed over */
  jq_fn *fn;
  void *arg;
  const char *place;
  char *error;              /* ERROR_MAX bytes */
};

static int32_t __attribute__ ((format (printf, 3, 4), cold))
failed (struct run *run, int32_t r, const char *fmt, ...)
{
  const struct program *p = run->program;
  int n;
  va_list ap;

  run->place = p->through.place ? p->through.place : p->v[run->at].place;
  n = snprintf (run->error, ERROR_MAX, "%s ", run->place);
  va_start (ap, fmt);
  if (n > 0 && (size_t) n < ERROR_MAX)
    (void) vsnprintf (run->error + n, ERROR_MAX - (size_t) n, fmt, ap);
  va_end (ap);
  return r;
}

static bool
is_digit (char c)
{
  return c >= '0' && c <= '9';
}

/* Whether LEN digits at P are an integer that jq would round. */
static bool
too_long (const char *p, size_t len)
{
  const size_t exact = strlen (EXACT_DIGITS);

  return len > exact || (len == exact && memcmp (p, EXACT_DIGITS, exact) > 0);
}

/* Whether there may be such an integer: its digits cannot step over every 16th byte. */
static bool
may_be_rounded (const char *text, size_t len)
{
  for (size_t i = 15; i < len; i += 16)
    if (is_digit (text[i]))
      {
        size_t from = i, to = i;

        while (from > 0 && is_digit (text[from - 1]))
          from--;
        while (to < len && is_digit (text[to]))
          to++;
        if (to - from >= 16)
          return true;
      }
  return false;
}

/* The bytes of the string at P, with its quotes. */
static size_t
string_length (const char *p, const char *end)
{
  const char *s = p + 1;

  while (s < end && *s != '"')
    s += *s == '\\' && s + 1 < end ? 2 : 1;
  return (size_t) (s - p) + (s < end);
}

/* The bytes of the number at P; how many of them are the digits of an integer. */
static size_t
number_length (const char *p, const char *end, size_t *ret_digits)
{
  const char *s = p;
  bool whole = true;

  for (; s < end && (is_digit (*s) || *s == '-' || *s == '+' || *s == '.' || *s == 'e' || *s == 'E'); s++)
    whole = whole && (is_digit (*s) || s == p);
  *ret_digits = whole ? (size_t) (s - p) - (*p == '-') : 0;
  return (size_t) (s - p);
}

/* JSON in which each integer that jq would round is a string: an id has to stay what it is. */
static char *
quote_integers (struct value_memory *memory, const char *text, size_t len, size_t *ret_len)
{
  const char *p = text, *end = text + len;
  char *copy = value_room (memory, len + len / 8 + 2);   /* two quotes for each 16 digits */
  size_t n = 0, digits, whole;
  bool quote;

  for (; copy && p < end; p += whole)
    {
      digits = 0;
      whole = *p == '"' ? string_length (p, end)
              : is_digit (*p) || *p == '-' ? number_length (p, end, &digits) : 1;
      quote = too_long (p + whole - digits, digits);
      if (quote)
        copy[n++] = '"';
      memcpy (copy + n, p, whole);
      n += whole;
      if (quote)
        copy[n++] = '"';
    }
  *ret_len = n;
  return copy;
}

/* ITEM as jq's, invalid when it cannot be that or there is no memory. */
static jv
item_of (struct rest_jq *jq, const struct usher_value *item)
{
  const char *text = item->text;
  size_t len = item->len;

  if (item->type == USHER_V_STRING)
    return jv_string_sized (text, (int) len);
  if (may_be_rounded (text, len))
    text = quote_integers (&jq->memory, text, len, &len);
  return text ? jv_parse_sized (text, (int) len) : jv_invalid ();
}

/* ---- results ---- */

/* A NUL is U+FFFD, as it is in plain paths. */
static int32_t
add_text (struct run *run, const char *s, size_t len)
{
  static const char instead[] = "\xef\xbf\xbd";
  const size_t width = sizeof instead - 1;
  bool plain = !memchr (s, '\0', len);
  char *copy = value_room (&run->jq->memory, plain ? len : len * width);
  size_t n = 0;

  if (!copy)
    return USHER_E_NOMEM;
  if (plain)
    {
      memcpy (copy, s, len);
      n = len;
    }
  else
    for (size_t i = 0; i < len; i++)
      {
        memcpy (copy + n, s[i] ? s + i : instead, s[i] ? 1 : width);
        n += s[i] ? 1 : width;
      }
  copy[n] = '\0';
  return value_list_add (&run->jq->list, copy);
}

static int32_t
add_number (struct run *run, jv number)
{
  double d = jv_number_value (number);
  char text[32];
  jv dumped;
  int32_t r;

  if (fabs (d) <= (double) EXACT_MAX && d == trunc (d))
    {
      int len = snprintf (text, sizeof text, "%lld", (long long) d);

      return add_text (run, text, (size_t) len);
    }
  dumped = jv_dump_string (jv_copy (number), 0);
  r = add_text (run, jv_string_value (dumped), strlen (jv_string_value (dumped)));
  jv_free (dumped);
  return r;
}

/* A result that is not an array. */
static int32_t
add_scalar (struct run *run, jv x)
{
  switch (jv_get_kind (x))
    {
    case JV_KIND_NULL:
      return USHER_DONE;
    case JV_KIND_TRUE:
      return value_list_add (&run->jq->list, "true");
    case JV_KIND_FALSE:
      return value_list_add (&run->jq->list, "false");
    case JV_KIND_NUMBER:
      return add_number (run, x);
    case JV_KIND_STRING:
      return add_text (run, jv_string_value (x), (size_t) jv_string_length_bytes (jv_copy (x)));
    case JV_KIND_INVALID:
    case JV_KIND_ARRAY:
    case JV_KIND_OBJECT:
      break;
    }
  return failed (run, USHER_E_SHAPE, "gives an array or an object where a text was expected");
}

static int32_t
add_result (struct run *run, jv x)
{
  int32_t r = USHER_DONE;

  if (jv_get_kind (x) != JV_KIND_ARRAY)
    return add_scalar (run, x);
  for (int i = 0; i < jv_array_length (jv_copy (x)) && r >= 0; i++)
    {
      jv element = jv_array_get (jv_copy (x), i);

      r = add_scalar (run, element);
      jv_free (element);
    }
  return r;
}

/* The expression AT is through; behind the last one all are handed over. */
static int32_t
next_expression (struct run *run)
{
  struct program *p = run->program;
  size_t at = 0;

  p->texts[run->at].n = run->jq->list.n - run->from;
  run->from = run->jq->list.n;
  if (++run->at < p->n)
    return USHER_DONE;
  for (uint32_t i = 0; i < p->n; at += p->texts[i++].n)
    p->texts[i].v = p->texts[i].n ? run->jq->list.v + at : NULL;
  run->at = 0;
  run->from = run->jq->list.n = 0;
  run->whole = true;
  return run->fn (run->arg, p->texts);
}

/* The texts of the member that E leads to in X. */
static int32_t
add_member (struct run *run, const struct expression *e, jv x)
{
  jv at = jv_copy (x);
  int32_t r = USHER_DONE;

  for (uint32_t i = 0; i < e->n_keys && jv_get_kind (at) == JV_KIND_OBJECT; i++)
    {
      at = jv_object_get (at, jv_copy (e->keys[i]));
      if (i + 1 < e->n_keys && jv_is_valid (at) && jv_get_kind (at) != JV_KIND_NULL
          && jv_get_kind (at) != JV_KIND_OBJECT)
        r = failed (run, USHER_E_SHAPE, "gives no object at \"%.80s\"", e->text);
    }
  if (r >= 0 && jv_is_valid (at))
    r = add_result (run, at);
  jv_free (at);
  return r;
}

/* The members of what "through" gave. */
static int32_t
take_object (struct run *run, jv x)
{
  const struct program *p = run->program;
  int32_t r = USHER_DONE;

  if (jv_get_kind (x) != JV_KIND_OBJECT)
    return failed (run, USHER_E_SHAPE, "gives %s %s where an object was expected",
                   jv_get_kind (x) == JV_KIND_ARRAY ? "an" : "a", jv_kind_name (jv_get_kind (x)));
  for (uint32_t i = 0; i < p->n && r >= 0; i++)
    {
      r = add_member (run, &p->v[i], x);
      if (r >= 0)
        r = next_expression (run);
    }
  return r;
}

/* One result of the program; X is taken. */
static int32_t
take (struct run *run, jv x)
{
  int32_t r;

  if (run->program->through.text)
    r = take_object (run, x);
  else if (jv_identical (jv_copy (x), jv_copy (run->jq->end)))
    r = next_expression (run);
  else
    r = add_result (run, x);
  jv_free (x);
  return r == USHER_E_LIMIT && !run->error[0]
         ? failed (run, r, "gives more than %u texts for one item", REST_TEXTS_MAX) : r;
}

/* libjq stopped: X is what it gave last, and is taken. */
static int32_t
stopped (struct run *run, jv x)
{
  jv message;
  int32_t r;

  if (jq_halted (run->jq->state))
    {
      jv_free (x);
      return failed (run, USHER_E_LIMIT, "takes more than a second for one item");
    }
  if (!jv_invalid_has_msg (jv_copy (x)))
    {
      jv_free (x);
      /* A row that is missing must not be taken for one that is not there. */
      if (run->at > 0 || !(run->whole || run->program->through.text))
        return failed (run, USHER_E_SHAPE, "fails on an item without saying why");
      return USHER_DONE;
    }
  message = jv_invalid_get_msg (x);
  if (jv_get_kind (message) != JV_KIND_STRING)
    message = jv_dump_string (message, 0);
  r = failed (run, USHER_E_SHAPE, "fails on an item: %.300s", jv_string_value (message));
  jv_free (message);
  return r;
}

/* Runs until there is no more. */
static int32_t
drain (struct run *run)
{
  jv x;
  int32_t r = USHER_DONE;

  for (;;)
    {
      x = jq_next (run->jq->state);
      if (!jv_is_valid (x))
        return stopped (run, x);
      r = take (run, x);
      if (r < 0)
        return r;
    }
}

int32_t
jq_run (struct rest_jq *jq, uint32_t program, const struct usher_value *item, jq_fn *fn, void *arg,
        const char **ret_place, char *error)
{
  struct run run = { .jq = jq, .program = &jq->programs[program], .fn = fn, .arg = arg,
                     .error = error };
  jv input;
  int32_t r;

  if (!jq->state)
    return USHER_E_MISUSE;
  value_memory_reset (&jq->memory);
  jq->list.n = 0;
  input = item_of (jq, item);
  if (!jv_is_valid (input))
    {
      jv_free (input);
      return failed (&run, USHER_E_SHAPE, "is of an item that jq cannot read");
    }
  jq_start (jq->state, JV_ARRAY (jv_number (program), input), 0);
  watch.ticks = 0;
  watch.state = jq->state;
  r = drain (&run);
  watch.state = NULL;
  if (run.place)
    *ret_place = run.place;
  return r;
}
