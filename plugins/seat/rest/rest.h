/* The descriptor engine: what its files share.  A descriptor is the JSON under run.rest of an app
   file; it is carried out as it stands, without a compiled copy: a text is read where it is used.
   Only what reads answers (paths, jq) is compiled when a hub is opened.

   One struct rest is one open hub; it is used by one thread, and holds no page and no secret.  */
#ifndef SEAT_REST_H
#define SEAT_REST_H

#include <jansson.h>

#include <usher/connector.h>
#include <usher/pager.h>
#include <usher/rows.h>

#include "plugins/seat/fail.h"
#include "plugins/seat/rest/value.h"
#include "plugins/seat/text.h"

#define REST_ANSWER_MAX   1048576u /* bytes of an answer that is read whole */
#define REST_SENTENCE_MAX 640u     /* bytes of a sentence for people */
#define REST_WORDS_MAX    200u     /* bytes of it that are the app's own words */
#define REST_NAME_MAX     64u      /* bytes of the name of a value */
#define REST_PLACE_MAX    128u     /* bytes of a place in the descriptor */
#define REST_ROLES_MAX    256u     /* roles of one member */
#define REST_ATTRS_MAX    16u
#define REST_HEADERS_MAX  24u
#define REST_DEPTH_MAX    16u      /* values inside each other in a body */
#define REST_OPEN_MAX     3u       /* pages asked for at once, the one being read included */
#define REST_VALUES_MAX   63u      /* of one answer */
#define REST_STATE_MAX    16384u   /* bytes of a checkpoint */

struct rest_source;

/* ---- names.c: the values that texts name ---- */

/* Names and their values, the newest first; owns both. */
struct rest_names
{
  struct rest_name { char *name, *value; } *v;
  size_t n;
};
void rest_names_done (struct rest_names *names);
/* Sets NAME; a VALUE that is NULL or "" says that it is not there, and hides what the hub has by
   that name.  Copies both. */
int32_t rest_names_set (struct rest_names *names, const char *name, const char *value);
const char *rest_names_get (const struct rest_names *names, const char *name);

struct rest
{
  json_t *run;                  /* run.rest; owned */
  char *base;                   /* without a slash at the end; owned */
  size_t origin_len;            /* bytes of BASE that are scheme, host and port */
  bool xml;                     /* answers are XML */
  struct usher_kv *namespaces;  /* the array is owned, its texts are RUN's */
  size_t n_namespaces;
  struct rest_names session;    /* what login and look_up learned */
  unsigned int looking;         /* look_ups inside each other */
  struct rest_jq *jq;
  json_t *usual;                /* paths where apps put their own words; owned */
  struct rest_source **sources; /* one for each request of RUN; owned */
  size_t n_sources;
};

/* One operation under way. */
struct rest_op
{
  struct usher_ctx *ctx;
  struct rest *rest;
  const char *what;             /* "list", "invite" ...: for sentences */
  struct rest_names names;      /* of this operation; they hide those of the hub */
  const struct usher_change *change;  /* of a write, else NULL */
  char missing[REST_NAME_MAX];  /* the name that had no value, after USHER_ABSENT */
  bool lenient;                 /* a request that lacks a value is REST_LACKS, and nothing is told */
};
void rest_op_done (struct rest_op *op);

/* The value of NAME: of the operation, a secret's stand-in, a look-up, a field of the hub.  *RET is
   NULL when there is none; borrowed until a name is set.  Fails when a look-up does. */
int32_t rest_value (struct rest_op *op, const char *name, const char **ret);
/* What USHER_ABSENT means where a value is required: tells, and answers the status. */
int32_t rest_missing (struct rest_op *op);

/* ---- template.c: TEXT, a literal with {name} in it ---- */

enum rest_place { REST_RAW, REST_PERCENT, REST_PATH, REST_HEADER, REST_XML };

/* Appends TEXT with its values, escaped for the place.  PERCENT escapes the literal too, PATH does
   not.  USHER_ABSENT (op->missing) when a value is not there; an error that was told when one
   cannot stand in such a place. */
int32_t rest_text_put (struct rest_op *op, const char *text, enum rest_place place, struct text *out);
/* The text by itself, which the caller frees. */
int32_t rest_text (struct rest_op *op, const char *text, char **ret);

/* ---- body.c: JSON and the values of parameters ---- */

/* SPEC with its texts filled in; a new reference. */
int32_t rest_json (struct rest_op *op, const json_t *spec, json_t **ret);
/* A parameter: text, number, boolean, {"optional"}, {"json"}.  Appended to OUT for PLACE; *RET_SKIP
   when it is optional and not there. */
int32_t rest_param (struct rest_op *op, const json_t *spec, enum rest_place place, struct text *out,
                    bool *ret_skip);

/* ---- request.c: a request and its answer ---- */

/* What a request is for; up to REST_TO_READ it changes nothing. */
enum rest_aim { REST_TO_CHECK, REST_TO_LOGIN, REST_TO_LIST, REST_TO_READ, REST_TO_INVITE, REST_TO_CHANGE,
                REST_TO_REMOVE };

/* What a page adds to the request of a list. */
struct rest_extra
{
  const json_t *send;           /* parameters, by their names; NULL = none */
  const char *in;               /* "query", "form", "json"; NULL = where the method has them */
  bool first;                   /* the first page: a parameter whose cursor is not there is left out */
  const char *url;              /* not NULL: asked instead of path and query, from "/" on */
  const json_t *drop;           /* names of parameters that URL lost with its secrets */
};

struct rest_answer
{
  struct usher_ctx *ctx;
  uint32_t h;                   /* 0 = none open */
  struct usher_response head;   /* borrowed until rest_answer_done */
  char *body;                   /* owned; NULL until it is read */
  size_t len;
};
void rest_answer_done (struct rest_answer *a);

bool rest_is_request (const json_t *spec);
/* Changes nothing in the app: by what it is asked for, by its method, or by "safe". */
bool rest_is_read (const json_t *spec, enum rest_aim aim);
/* Starts SPEC.  EXTRA may be NULL; KEY: the idempotency key to send along, or NULL. */
int32_t rest_open (struct rest_op *op, const json_t *spec, enum rest_aim aim, const struct rest_extra *extra,
                   const char *key, uint32_t *ret_h);
/* Of rest_open and rest_ask when op->lenient: a value that the request needs is not there. */
#define REST_LACKS 100
/* What the function of an item answers to stop: it has found what it wanted. */
#define REST_STOP (-100000)
/* Waits for the head of H, which RET owns from then on, also on failure. */
int32_t rest_head (struct rest_op *op, uint32_t h, struct rest_answer *ret);
/* Reads the body whole. */
int32_t rest_body (struct rest_op *op, struct rest_answer *a);
/* All of these, and what the answer means (rest_judge_body).  An answer to a change that was lost is
   USHER_E_UNCERTAIN.  rest_answer_done frees *RET, also on failure. */
int32_t rest_ask (struct rest_op *op, const json_t *spec, enum rest_aim aim, const char *key,
                  struct rest_answer *ret);
/* The header NAME (in any case) of an answer; NULL when it has none. */
const char *rest_header (const struct rest_answer *a, const char *name);

/* ---- pick.c: values of an answer as a whole ---- */

/* VALUEs wanted of an answer, each once, in its body or in its headers. */
struct rest_pick
{
  const json_t *values[REST_VALUES_MAX];   /* borrowed */
  int place[REST_VALUES_MAX];              /* which value of the body; -1 = a header */
  json_t *body[REST_VALUES_MAX];           /* those of the body, in their order; borrowed */
  char *stand[REST_VALUES_MAX];            /* where those stand in the descriptor; owned */
  size_t n, n_body;
};
void rest_pick_done (struct rest_pick *pick);
/* The number of VALUE (NULL: -1, which has no text), which stands at KEY of PLACE; -1 too when there
   are too many. */
int rest_pick_add (struct rest_pick *pick, const json_t *value, const char *place, const char *key);
/* The number of a VALUE that was added; -1 when it was not. */
int rest_pick_find (const struct rest_pick *pick, const json_t *value);
/* Where the texts of a pick come from: TEXT answers those of the I-th value of the body. */
struct rest_picked
{
  const struct rest_pick *pick;
  const struct rest_answer *answer;
  const struct rest_texts *(*text) (void *arg, size_t i);
  void *arg;
};
size_t rest_picked_n (const struct rest_picked *p, int number);
const char *rest_picked_text (const struct rest_picked *p, int number, size_t i);

/* ---- answer.c: what an answer means ---- */

/* The tests of one request: "ok", its own answers, those of the descriptor. */
struct rest_rules
{
  const json_t *ok;
  const json_t *own, *shared;   /* arrays or NULL */
};
struct rest_rules rest_rules_of (const struct rest *rest, const json_t *request);
/* Adds the VALUEs that the tests of a request at PLACE look at. */
void rest_rules_pick (const struct rest_rules *rules, const char *place, struct rest_pick *pick);
/* Adds the places where apps put their own words. */
void rest_words_pick (const struct rest *rest, struct rest_pick *pick);
/* USHER_DONE, USHER_ALREADY, USHER_INVITED, USHER_ABSENT, or an error that was told. */
int32_t rest_judge (struct rest_op *op, const json_t *request, enum rest_aim aim,
                    const struct rest_picked *picked);
/* The same, with the values read from the body, which is read if it was not. */
int32_t rest_judge_body (struct rest_op *op, const struct rest_source *source, enum rest_aim aim,
                         struct rest_answer *a);
/* The answer that WORD stands for; told when it is an error. */
int32_t rest_word (struct rest_op *op, const char *word, const char *field, const char *words);
bool rest_is_word (const char *word);

/* ---- member.c: rows ---- */

enum rest_slot
{
  REST_ID, REST_HANDLE, REST_USERNAME, REST_EMAIL, REST_FIRST_NAME, REST_LAST_NAME, REST_NAME,
  REST_PARTNER, REST_CREATED, REST_EXPIRES, REST_LAST_USED, REST_STATE, REST_SKIP,
  REST_NOT_A_PERSON, REST_SELF, REST_SLOTS
};

/* Where the parts of a row stand among the values of an item; -1 = nowhere. */
struct rest_row_plan
{
  int slot[REST_SLOTS];
  struct rest_row_list { const char *key; int value; } *roles, *attrs;  /* owned */
  size_t n_roles, n_attrs;
  bool invites;                 /* of a list of invitations */
};
void rest_row_plan_done (struct rest_row_plan *plan);

/* A row as it is emitted: borrows from the texts of the item. */
struct rest_row
{
  struct usher_member row;      /* its roles and attrs lie below */
  struct usher_kv roles[REST_ROLES_MAX];
  struct usher_kv attrs[REST_ATTRS_MAX];
  bool skip;
};
/* USHER_E_SHAPE, told, for a word of state that nobody knows; USHER_E_LIMIT for too many roles. */
int32_t rest_row (struct rest_op *op, const struct rest_row_plan *plan, const struct rest_texts *values,
                  struct rest_row *ret);

/* ---- source.c: where items come from: the reader of an answer ---- */

/* A VALUE of an item that is no part of a row, by the key of the descriptor under which it stands. */
struct rest_extra_value
{
  const char *name;
  const char *header;           /* it is a header of the answer; else NULL */
  int value;                    /* its number among those of the item */
  bool keep;                    /* of "keep": a name for the steps behind */
};

struct rest_source
{
  const json_t *spec;           /* borrowed from the descriptor */
  struct rest_reader *reader;   /* NULL when nothing is wanted of the answer */
  struct rest_reader *whole;    /* of the answer as a whole, for its tests */
  struct rest_pick tests;       /* what it reads */
  struct rest_reader *results;  /* of "item_results": what the answer says of each item; NULL = nothing */
  struct rest_pick result_tests;
  int result_id;                /* in RESULT_TESTS: whom an item is about; -1 = not told */
  struct rest_row_plan plan;    /* of "member" */
  bool rows, items;             /* it has "member"; it has "at" */
  int where;                    /* number of where.at, -1 = no test */
  struct rest_extra_value *extras;  /* owned */
  size_t n_extras;
  struct rest_pick page;        /* values of the page: tests, then those below */
  int total, pages, cursor, next, more;   /* in PAGE; -1 = none */
  uint32_t style;               /* USHER_PAGER_..., 0 = one page */
};

/* Compiles SPEC, which stands at PLACE in run.rest, and keeps it in REST. */
int32_t rest_source_add (struct usher_ctx *ctx, struct rest *rest, const json_t *spec, const char *place);
/* The source of SPEC, which was added. */
const struct rest_source *rest_source_of (const struct rest *rest, const json_t *spec);
void rest_source_free (struct rest_source *s);
/* The text of the extra value NAME of an item, NULL when it is not there.  A may be NULL. */
const char *rest_source_text (const struct rest_source *s, const struct rest_texts *values,
                              const struct rest_answer *a, const char *name);
/* All its texts; NULL when it is not asked for. */
const struct rest_texts *rest_source_texts (const struct rest_source *s, const struct rest_texts *values,
                                            const char *name);
/* Sets the names of "keep". */
int32_t rest_source_keep (const struct rest_source *s, const struct rest_texts *values,
                          const struct rest_answer *a, struct rest_names *ret);
/* Whether the item passes "where" of its source. */
int32_t rest_source_fits (struct rest_op *op, const struct rest_source *s, const struct rest_texts *values,
                          bool *ret);
/* Calls FN for the items of an answer, reading its body whole. */
int32_t rest_source_each (struct rest_op *op, const struct rest_source *s, struct rest_answer *a,
                          rest_item_fn *fn, void *arg);
/* The first text of value I; NULL when there is none or it is empty. */
static inline const char *
rest_first (const struct rest_texts *values, int i)
{
  return i >= 0 && values[i].n > 0 && *values[i].v[0] ? values[i].v[0] : NULL;
}

/* ---- walk.c: page after page of a source ---- */

struct rest_walk
{
  struct rest_op *op;
  const struct rest_source *source;
  enum rest_aim aim;
  rest_item_fn *item;           /* has to tell rest_walk_id */
  int32_t (*page) (void *arg, struct rest_walk *w);  /* behind each page; may be NULL */
  void *arg;
  bool one;                     /* stop behind the first page */
  /* private */
  struct usher_pager *pager;
  uint64_t size;                /* asked for in a page; 0 = the app decides */
  uint32_t unread;              /* items without an id */
  int64_t total;
  bool full;
  struct rest_ahead { uint32_t h; uint64_t position; } ahead[REST_OPEN_MAX];
  size_t n_ahead;
};
int32_t rest_walk_begin (struct rest_walk *w);
/* USHER_ABSENT: the app's own word that there is no such list. */
int32_t rest_walk_run (struct rest_walk *w);
void rest_walk_done (struct rest_walk *w);
/* The id of the item at hand; NULL: it has none and is not counted. */
void rest_walk_id (struct rest_walk *w, const char *id);
int32_t rest_walk_save (const struct rest_walk *w, void *blob, size_t cap);
int32_t rest_walk_restore (struct rest_walk *w, const void *blob, size_t len);
uint32_t rest_walk_verdict (const struct rest_walk *w, int64_t *ret_total, const char **ret_why);

/* ---- the operations ---- */

/* Sets the constants of a pass as names. */
int32_t rest_name_constants (struct rest_op *op, const json_t *pass);

int32_t rest_new (struct usher_ctx *ctx, json_t *run, struct rest **ret);
void rest_free (struct rest *rest);
int32_t rest_login (struct usher_ctx *ctx, struct rest *rest, const struct usher_login *login);
int32_t rest_check (struct usher_ctx *ctx, struct rest *rest);
int32_t rest_list (struct usher_ctx *ctx, struct rest *rest, const struct usher_list *want);
int32_t rest_read (struct usher_ctx *ctx, struct rest *rest, const struct usher_member *who);
int32_t rest_invite (struct usher_ctx *ctx, struct rest *rest, const struct usher_change *change);
int32_t rest_set_role (struct usher_ctx *ctx, struct rest *rest, const struct usher_change *change);
int32_t rest_remove (struct usher_ctx *ctx, struct rest *rest, const struct usher_change *change);
int32_t rest_resend (struct usher_ctx *ctx, struct rest *rest, const struct usher_change *change);

#endif
