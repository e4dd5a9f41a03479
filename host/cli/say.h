/* What usher says to people: sentences on standard error, lines on standard output,
   and the escaping that keeps text from outside from steering a terminal.  Also the
   exit statuses, because a sentence and a status go together. */
#ifndef USHER_CLI_SAY_H
#define USHER_CLI_SAY_H

#include "host/common/base.h"
#include "host/common/buf.h"

/* The exit statuses of usher(1).  Functions of host/cli that return `int` return one
   of these unless their comment says otherwise; what is not STATUS_DONE has already
   been explained on standard error. */
#define STATUS_DONE 0
#define STATUS_FAILED 1
#define STATUS_USAGE 2
#define STATUS_NOT_FOUND 3
#define STATUS_NOT_ALLOWED 4
#define STATUS_NEEDS_PERSON 5
#define STATUS_UNREACHABLE 6
#define STATUS_SIGNAL 128 /* plus the number of the signal */

/* The longest sentence; what is longer is cut. */
#define SENTENCE_MAX 8192u

/* Appends S with everything that could move a cursor, change a colour, forge a line or
   reverse the reading direction shown as \u{HEX} (libsmartcols would escape a \x once
   more).  S is UTF-8. */
void escape_text (struct buf *out, const char *s);
/* The same for a whole JSON text, as \uHHHH, so that it stays the same JSON. */
void escape_json (struct buf *out, const char *s);

/* "usher: SENTENCE" on standard error, escaped.  Returns STATUS. */
int say_error (int status, const char *fmt, ...) _printf_ (2, 3);
/* A line of information on standard error, escaped, without the prefix. */
void say_note (const char *fmt, ...) _printf_ (1, 2);
/* A line on standard output, escaped, written at once. */
void say_line (const char *fmt, ...) _printf_ (1, 2);
/* For no memory, and for what is as unlikely. */
int say_no_memory (void);

#endif
