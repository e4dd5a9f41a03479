/* Runs one operation of the program's connector on a fake host, in a session of its own, and holds
   it to what the fake host does not look at.  What it told is also to be had as lines of text:

     section 100 -            end complete 5 -         member active u1 ...
     role admin ...           role-of u1 g1            fact key value        */
#ifndef TESTS_CONTRACT_RUN_H
#define TESTS_CONTRACT_RUN_H

#include <usher/fakehost.h>

#include <stdbool.h>

#define RUN_LINE_MAX 4096u

/* A fake host with these fields and a secret called token.  CONF ends with a NULL key. */
struct usher_fake *run_new (const struct usher_kv *conf, usher_fake_http_fn *http, void *arg);

/* What the operation answered, or open when that failed. */
int32_t run_check (struct usher_fake *fake, const char *spec);
int32_t run_list (struct usher_fake *fake, const char *spec, const void *cursor, size_t len);
int32_t run_read (struct usher_fake *fake, const char *spec, const struct usher_member *who);
enum run_write { RUN_INVITE, RUN_SET_ROLE, RUN_REMOVE };
int32_t run_write (struct usher_fake *fake, const char *spec, enum run_write which,
                   const struct usher_change *change);

/* The line of one event in BUF; false for an event that is none: a request, a checkpoint, a log
   line, a fault. */
bool run_line_of (const struct usher_fake_event *event, char *buf, size_t cap);
/* How many lines begin with PREFIX. */
size_t run_count (const struct usher_fake *fake, const char *prefix);
/* The first line that begins with PREFIX, "" when none does, in BUF. */
const char *run_line (const struct usher_fake *fake, const char *prefix, char *buf, size_t cap);

#endif
