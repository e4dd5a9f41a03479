/* What usher asks the person at the terminal, and where secrets come from: a file,
   standard input or a prompt without echo; never the command line. */
#ifndef USHER_CLI_ASK_H
#define USHER_CLI_ASK_H

#include "host/common/base.h"
#include "host/common/buf.h"
#include "host/common/secret.h"

#define ANSWER_MAX 1024u
#define SECRET_MAX (64u * 1024)

/* Somebody can be asked: standard input and error are terminals. */
bool ask_possible (void);
/* Puts QUESTION (escaped) and reads a yes or no; an end of input is a no.  0 and *ret,
   or the status of an interrupt. */
int ask_yes (const char *question, bool *ret);
/* Puts QUESTION and reads one line into ANSWER, without its newline. */
int ask_line (const char *question, char answer[ANSWER_MAX]);
/* Puts "WHAT: " and reads a secret with the terminal's echo off. */
int ask_secret (const char *what, struct secret *ret);

/* Appends the file PATH, or standard input for "-", to OUT; -EINTR when a signal came,
   another negative errno, -E2BIG over OUT's maximum. */
int ask_file (const char *path, struct buf *out);

/* Reads the secret that SPEC names: "@FILE", or "-" for standard input (a prompt when
   that is a terminal).  One newline at its end is dropped.  OPTION names it in
   messages, which never hold the value; anything but these two forms is refused. */
int ask_source (const char *option, const char *spec, struct secret *ret);

#endif
