/* Plays usherd and usher-worker to a real usher-net. */
#ifndef USHER_TESTS_NET_PLAY_H
#define USHER_TESTS_NET_PLAY_H

#include <sys/types.h>

#include "host/common/base.h"
#include "host/common/buf.h"
#include "host/common/wire.h"

#define PLAY_STREAMS 16u
#define PLAY_TOKEN "uSabcdefghijklmnopqrstuvwxyz0123"
#define PLAY_VALUE "tok/en\"1"

/* What is known of the request with that handle. */
struct play_answer
{
  bool headed, done;
  int32_t status, result;
  int64_t until_ms;
  char url[1024], text[2048];
  char headers[65536];   /* "name: value\n" */
  struct buf body;
};

struct play
{
  pid_t pid;
  struct wire_channel host, peer;
  struct play_answer a[PLAY_STREAMS];  /* by handle */
  /* From usher-net to usherd */
  bool tallied;
  struct wire_tally tally;
  uint32_t doubt;            /* the section that net doubts now */
  char tally_why[1024];
  unsigned int asks, seens, evidences;
  struct wire_seen seen;               /* the last */
  struct buf evidence, cookies, log;
  bool cookies_told;
  bool logged, token_asked, token_got;
  bool grant;                          /* answer ASK with permits */
  uint32_t window;                     /* credit goes back once this much was read; 0 = never */
  uint32_t owed[PLAY_STREAMS];
};

/* Starts usher-net with ENV ("NAME=value" or NULL) and this start. */
void play_start (struct play *p, const struct wire_net_start *s, const char *env);
/* Closes both channels; the exit status, or -signal. */
int play_end (struct play *p);
/* Waits for the process alone. */
int play_wait (struct play *p);

/* Sends an OPEN with handle ID. */
void play_open (struct play *p, uint32_t id, const struct wire_open *o);
void play_get (struct play *p, uint32_t id, const char *url);
void play_to_peer (struct play *p, uint16_t type, uint32_t id, const void *msg);
void play_to_host (struct play *p, uint16_t type, const void *msg);

/* Serves frames until *FLAG, or until the process is gone, or 20 s have passed; whether
   the flag came. */
bool play_until (struct play *p, const bool *flag);
/* Serves what there is for MS. */
void play_for (struct play *p, int ms);
/* Opens a GET, waits for its end. */
struct play_answer *play_fetch (struct play *p, uint32_t id, const char *url);
/* Asks for the tally of a section and waits for it. */
const struct wire_tally *play_tally (struct play *p, uint32_t ordinal);

#endif
