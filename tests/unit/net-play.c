/* Owns both ends that usher-net talks to. */
#include <config.h>

#include "net-play.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "host/common/clock.h"

#define PATIENCE_MS 20000
#define BODY_MAX (8u * 1024 * 1024)

static void
die (const char *what)
{
  perror (what);
  abort ();
}

static void
make_pair (int *ret_ours, int *ret_theirs)
{
  int fds[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
    die ("socketpair");
  *ret_ours = fds[0];
  /* Above 3 and 4, so that neither dup2 lands on the other. */
  *ret_theirs = fcntl (fds[1], F_DUPFD_CLOEXEC, 20);
  close (fds[1]);
}

void
play_start (struct play *p, const struct wire_net_start *s, const char *env)
{
  char *argv[] = { (char[]) { "usher-net" }, NULL }, *envp[] = { (char *) (uintptr_t) env, NULL };
  posix_spawn_file_actions_t actions;
  int host, peer, host_theirs, peer_theirs;
  size_t i;

  memset (p, 0, sizeof *p);
  p->grant = true;
  p->window = 65536;
  for (i = 0; i < PLAY_STREAMS; i++)
    p->a[i].body = (struct buf) BUF_INIT (BODY_MAX);
  p->evidence = (struct buf) BUF_INIT (1u << 20);
  p->cookies = (struct buf) BUF_INIT (1u << 20);
  p->log = (struct buf) BUF_INIT (1u << 20);
  make_pair (&host, &host_theirs);
  make_pair (&peer, &peer_theirs);
  posix_spawn_file_actions_init (&actions);
  posix_spawn_file_actions_adddup2 (&actions, host_theirs, WIRE_FD_HOST);
  posix_spawn_file_actions_adddup2 (&actions, peer_theirs, WIRE_FD_PEER);
  if (posix_spawn (&p->pid, "host/usher-net", &actions, NULL, argv, envp) != 0)
    die ("host/usher-net");
  posix_spawn_file_actions_destroy (&actions);
  close (host_theirs);
  close (peer_theirs);
  wire_channel_init (&p->host, host);
  wire_channel_init (&p->peer, peer);
  if (s)
    play_to_host (p, WIRE_NET_START, s);
}

int
play_wait (struct play *p)
{
  int status;

  if (waitpid (p->pid, &status, 0) != p->pid)
    die ("waitpid");
  return WIFEXITED (status) ? WEXITSTATUS (status) : -WTERMSIG (status);
}

int
play_end (struct play *p)
{
  size_t i;

  wire_channel_done (&p->host);
  wire_channel_done (&p->peer);
  for (i = 0; i < PLAY_STREAMS; i++)
    buf_done (&p->a[i].body);
  buf_done (&p->evidence);
  buf_done (&p->cookies);
  buf_done (&p->log);
  return play_wait (p);
}

void
play_to_peer (struct play *p, uint16_t type, uint32_t id, const void *msg)
{
  if (wire_send (&p->peer, type, id, msg) < 0)
    perror (wire_name (type));
}

void
play_to_host (struct play *p, uint16_t type, const void *msg)
{
  if (wire_send (&p->host, type, 0, msg) < 0)
    perror (wire_name (type));
}

void
play_open (struct play *p, uint32_t id, const struct wire_open *o)
{
  struct play_answer *a = &p->a[id];

  buf_done (&a->body);
  *a = (struct play_answer) { .body = BUF_INIT (BODY_MAX) };
  p->owed[id] = 0;
  play_to_peer (p, WIRE_OPEN, id, o);
}

void
play_get (struct play *p, uint32_t id, const char *url)
{
  struct wire_open o = { .ordinal = 1, .method = "GET", .url = url };

  play_open (p, id, &o);
}

static void
note_head (struct play_answer *a, const struct wire_head *h)
{
  size_t i, len = 0;

  a->headed = true;
  a->status = h->status;
  (void) snprintf (a->url, sizeof a->url, "%s", h->url);
  for (i = 0; i < h->headers.n && len < sizeof a->headers - 1; i++)
    len += (size_t) snprintf (a->headers + len, sizeof a->headers - len, "%s: %s\n",
                              h->headers.v[i].key, h->headers.v[i].value);
}

static void
note_body (struct play *p, uint32_t id, const struct wire_frame *f)
{
  struct wire_credit credit;

  buf_put (&p->a[id].body, f->payload, f->len);
  p->owed[id] += (uint32_t) f->len;
  if (!p->window || p->owed[id] < p->window)
    return;
  credit.bytes = p->owed[id];
  p->owed[id] = 0;
  play_to_peer (p, WIRE_CREDIT, id, &credit);
}

static void
from_peer (struct play *p, const struct wire_frame *f)
{
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (WIRE_ARENA_MAX);
  struct play_answer *a = &p->a[f->stream % PLAY_STREAMS];
  union wire_message m;

  if (f->type == WIRE_BODY)
    {
      note_body (p, f->stream % PLAY_STREAMS, f);
      return;
    }
  if (wire_decode (f->type, f->payload, f->len, &arena, &m) < 0)
    die ("decode");
  if (f->type == WIRE_HEAD)
    note_head (a, &m.head);
  else if (f->type == WIRE_DONE)
    {
      a->done = true;
      a->result = m.done.status;
      a->until_ms = m.done.until_ms;
      (void) snprintf (a->text, sizeof a->text, "%s", m.done.text ? m.done.text : "");
    }
}

static void
note_tally (struct play *p, const struct wire_tally *t)
{
  p->tallied = true;
  p->tally = *t;
  (void) snprintf (p->tally_why, sizeof p->tally_why, "%s", t->why ? t->why : "");
  p->tally.why = t->why ? p->tally_why : NULL;
}

static void
from_host (struct play *p, const struct wire_frame *f)
{
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (WIRE_ARENA_MAX);
  union wire_message m;

  if (wire_decode (f->type, f->payload, f->len, &arena, &m) < 0)
    die ("decode");
  switch (f->type)
    {
    case WIRE_ASK:
      p->asks++;
      if (p->grant)
        play_to_host (p, WIRE_PERMIT, &(struct wire_permit) { .rate = m.ask.rate, .n = m.ask.n });
      return;
    case WIRE_SEEN:
      p->seens++;
      p->seen = m.seen;
      return;
    case WIRE_DOUBT:
      p->doubt = m.doubt.ordinal;
      return;
    case WIRE_TALLY:
      note_tally (p, &m.tally);
      return;
    case WIRE_COOKIES:
      p->cookies_told = true;
      buf_put (&p->cookies, m.cookies.jar.data, m.cookies.jar.len);
      return;
    case WIRE_TOKEN_ASK:
      p->token_asked = true;
      return;
    case WIRE_TOKEN_GOT:
      p->token_got = true;
      return;
    case WIRE_EVIDENCE:
      p->evidences++;
      buf_put (&p->evidence, m.evidence.body.data, m.evidence.body.len);
      return;
    case WIRE_LOG:
      p->logged = true;
      buf_puts (&p->log, m.log.text);
      buf_putc (&p->log, '\n');
      return;
    default:
      die ("frame");
    }
}

/* Serves frames of one round; false when the process is gone. */
static bool
serve (struct play *p, int wait_ms)
{
  struct pollfd fds[2] = { { p->host.fd, POLLIN, 0 }, { p->peer.fd, POLLIN, 0 } };
  struct wire_channel *c[2] = { &p->host, &p->peer };
  struct wire_frame f;
  size_t i;
  int r = poll (fds, 2, wait_ms);

  for (i = 0; r > 0 && i < 2; i++)
    {
      if (fds[i].revents == 0)
        continue;
      if (wire_fill (c[i]) <= 0)
        return false;
      while ((r = wire_next (c[i], &f)) > 0)
        if (i == 0)
          from_host (p, &f);
        else
          from_peer (p, &f);
      if (r < 0)
        die ("wire_next");
      r = 1;
    }
  return true;
}

bool
play_until (struct play *p, const bool *flag)
{
  int64_t by = clock_mono_ms () + PATIENCE_MS;

  while (!*flag && clock_mono_ms () < by && serve (p, 100))
    continue;
  return *flag;
}

void
play_for (struct play *p, int ms)
{
  int64_t by = clock_mono_ms () + ms;

  while (clock_mono_ms () < by && serve (p, (int) (by - clock_mono_ms ())))
    continue;
}

struct play_answer *
play_fetch (struct play *p, uint32_t id, const char *url)
{
  play_get (p, id, url);
  (void) play_until (p, &p->a[id].done);
  return &p->a[id];
}

const struct wire_tally *
play_tally (struct play *p, uint32_t ordinal)
{
  p->tallied = false;
  play_to_host (p, WIRE_TALLY_ASK, &(struct wire_tally_ask) { ordinal });
  (void) play_until (p, &p->tallied);
  return &p->tally;
}
