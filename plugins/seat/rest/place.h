/* A place in the "run" of an app file: the value, how to walk on from it, and what is said about
   it.  Problems and notes name it by its path, "run.rest.list[0].page.style".  */
#ifndef SEAT_REST_PLACE_H
#define SEAT_REST_PLACE_H

#include <jansson.h>
#include <stdbool.h>

#include <usher/connector.h>

#define PLACE_PROBLEMS_MAX 50u    /* told about one file */
#define PLACE_PATH_MAX     1024u  /* bytes of a path */
#define PLACE_SENTENCE_MAX 1024u

/* Names that texts may use at a place, the inner ones first. */
struct names
{
  const struct names *up;
  const char *const *words;       /* ends with NULL; "role." stands for every name that begins so */
  json_t *keys;                   /* an object whose keys are names */
};

/* What the walk is about: each phase relies on what the ones before have found right. */
enum check_phase { CHECK_FORM, CHECK_NAMES, CHECK_SPEED };

/* One check of one file. */
struct check
{
  struct usher_ctx *ctx;
  json_t *run;                    /* borrowed */
  json_t *app;                    /* owned: the app file without "run"; NULL = not told */
  enum check_phase phase;
  bool xml;                       /* answers are XML */
  const struct names *names;      /* at the place being looked at */
  json_t *kept;                   /* what login keeps, where that is known already */
  struct { char *path, *text; } problem[PLACE_PROBLEMS_MAX];  /* owned */
  size_t n_problems;
};

struct place
{
  struct check *check;
  const struct place *up;         /* NULL: this is "run" */
  const char *key;                /* in an object; else NULL */
  size_t index;                   /* in an array */
  json_t *value;                  /* NULL behind the last */
  void *iter;
};

/* The children of an object or array in their order; of another value none. */
struct place place_first (const struct place *up);
void place_next (struct place *p);
#define PLACE_EACH(child, up) \
  for (*(child) = place_first (up); (child)->value; place_next (child))

/* The member KEY of the object at UP: its place, which has no value where there is none. */
struct place place_member (const struct place *up, const char *key);
/* The text of that member; NULL when it is none. */
const char *place_text (const struct place *up, const char *key);

/* Says what is wrong at P, and what would be right. */
void place_problem (const struct place *p, const char *format, ...)
  __attribute__ ((format (printf, 2, 3)));
/* Logs what is slow at P. */
void place_note (const struct place *p, const char *format, ...)
  __attribute__ ((format (printf, 2, 3)));

/* The one of N words that somebody may have meant who wrote WORD; NULL when none is near. */
const char *place_nearest (const char *word, const char *const *words, size_t n);

#endif
