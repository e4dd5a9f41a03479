/* Owns the terminal while a question is open, and the reading of secrets. */
#include <config.h>

#include "host/cli/ask.h"

#include <fcntl.h>
#include <stdio.h>
#include <strings.h>
#include <termios.h>

#include "host/cli/interrupt.h"
#include "host/cli/say.h"

bool
ask_possible (void)
{
  return isatty (STDIN_FILENO) && isatty (STDERR_FILENO);
}

static void
put_question (const char *question, const char *tail)
{
  _cleanup_ (buf_done) struct buf line = BUF_INIT (SENTENCE_MAX);

  escape_text (&line, question);
  (void) fprintf (stderr, "%s%s", line.data ? line.data : "", tail);
  (void) fflush (stderr);
}

/* A terminal hands over whole lines.  At most MAX bytes are kept. */
static int
read_line (char *line, size_t max)
{
  ssize_t n;

  line[0] = '\0';
  if (!interrupt_wait_input (STDIN_FILENO))
    return interrupt_status ();
  n = read (STDIN_FILENO, line, max - 1);
  if (n < 0)
    return say_error (STATUS_FAILED, "The terminal cannot be read: %s.", strerror (errno));
  if (n > 0 && line[n - 1] == '\n')
    n--;
  line[n] = '\0';
  return STATUS_DONE;
}

int
ask_line (const char *question, char answer[ANSWER_MAX])
{
  put_question (question, " ");
  return read_line (answer, ANSWER_MAX);
}

int
ask_yes (const char *question, bool *ret)
{
  char answer[ANSWER_MAX];
  int status;

  put_question (question, " [y/N] ");
  status = read_line (answer, sizeof answer);
  if (status)
    return status;
  *ret = strcasecmp (answer, "y") == 0 || strcasecmp (answer, "yes") == 0;
  return STATUS_DONE;
}

int
ask_secret (const char *what, struct secret *ret)
{
  char line[ANSWER_MAX * 4];
  struct termios before, silent;
  int status;

  if (tcgetattr (STDIN_FILENO, &before) < 0)
    return say_error (STATUS_USAGE, "%s cannot be asked for without a terminal; name a file.",
                      what);
  silent = before;
  silent.c_lflag &= ~(tcflag_t) ECHO;
  (void) tcsetattr (STDIN_FILENO, TCSAFLUSH, &silent);
  put_question (what, ": ");
  status = read_line (line, sizeof line);
  (void) tcsetattr (STDIN_FILENO, TCSAFLUSH, &before);
  (void) fputc ('\n', stderr);
  if (!status && secret_set (ret, line, strlen (line)) < 0)
    status = say_no_memory ();
  explicit_bzero (line, sizeof line);
  return status;
}

/* Unlike io_read_fd this ends at a signal: a pipe may never say anything. */
int
ask_file (const char *path, struct buf *out)
{
  bool input = streq (path, "-");
  _cleanup_ (closep) int opened = input ? -1 : open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  int fd = input ? STDIN_FILENO : opened;

  if (fd < 0)
    return -errno;
  for (;;)
    {
      char chunk[16384];
      ssize_t n;

      if (!interrupt_wait_input (fd))
        return -EINTR;
      n = read (fd, chunk, sizeof chunk);
      if (n < 0)
        return -errno;
      if (n == 0)
        return buf_error (out);
      buf_put (out, chunk, (size_t) n);
      explicit_bzero (chunk, (size_t) n);
      if (buf_error (out))
        return buf_error (out);
    }
}

/* What SPEC names, as it is. */
static int
read_source (const char *option, const char *spec, struct buf *text)
{
  int r = ask_file (spec[0] == '@' ? spec + 1 : spec, text);

  if (r == -EINTR)
    return interrupt_status ();
  if (r == -E2BIG)
    return say_error (STATUS_USAGE, "%s: %s is longer than %u bytes.", option,
                      spec[0] == '@' ? spec + 1 : "standard input", SECRET_MAX);
  if (r < 0)
    return say_error (STATUS_USAGE, "%s: %s cannot be read: %s.", option,
                      spec[0] == '@' ? spec + 1 : "standard input", strerror (-r));
  return STATUS_DONE;
}

int
ask_source (const char *option, const char *spec, struct secret *ret)
{
  _cleanup_ (buf_wipe) struct buf text = BUF_INIT (SECRET_MAX);
  int status;

  if (streq (spec, "-") && isatty (STDIN_FILENO))
    return ask_secret (option, ret);
  if (!streq (spec, "-") && (spec[0] != '@' || !spec[1]))
    return say_error (STATUS_USAGE,
                      "%s takes @FILE or - (standard input), never the value itself: a command "
                      "line can be read by others.", option);
  status = read_source (option, spec, &text);
  if (status)
    return status;
  if (text.len && text.data[text.len - 1] == '\n')
    text.len--;
  if (text.len && memchr (text.data, '\0', text.len))
    return say_error (STATUS_USAGE, "%s: what was read is not text.", option);
  return secret_set (ret, text.len ? text.data : "", text.len) < 0 ? say_no_memory () : STATUS_DONE;
}
