/* A small application with a plain REST API, in memory, in the process of the test: members in pages
   of every style, one at a time, and changed.  It counts what it does, and what it was asked that
   it does not know.  */
#ifndef TESTS_CONTRACT_REST_APP_H
#define TESTS_CONTRACT_REST_APP_H

#include <jansson.h>

#include <usher/fakehost.h>

#include <stdbool.h>

#define REST_APP_BASE "https://app.example.com/api"

/* How it misbehaves; all 0 = not at all. */
struct rest_traps
{
  unsigned int short_page;      /* this page (from 1) lacks its last row */
  bool stuck;                   /* every page is the first */
  unsigned int changed_page;    /* this page has its rows under another name */
  unsigned int refusing_page;   /* this page is a 200 that says {"ok": false} */
  bool elsewhere;               /* the next page is on another host */
  bool leaky;                   /* addresses of next pages carry the token */
  unsigned int lost;            /* the answer to this change (from 1) does not arrive */
  unsigned int later;           /* so many times a job is not done yet */
  bool lost_silently;           /* changes are answered and not carried out */
};

struct rest_app
{
  json_t *members, *invites;    /* arrays */
  struct rest_traps traps;
  unsigned int made;            /* for new ids */
  uint64_t effects;             /* changes that were carried out */
  uint64_t strange;             /* requests that it does not know */
  unsigned int changes;         /* requests that change something */
  char *last;                   /* the last of those: method, address and body */
  /* of the answer under way */
  char *body, *link;
};

void rest_app_init (struct rest_app *app);
void rest_app_done (struct rest_app *app);
/* N members, the first an admin. */
void rest_app_fill (struct rest_app *app, unsigned int n);
void rest_app_http (void *app, const struct usher_request *request, struct usher_fake_answer *ret);

#endif
