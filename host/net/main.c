/* usher-net: the only process that holds a hub's secrets and speaks to its app.  Started
   by usherd with descriptor 3 to usherd and 4 to usher-worker; takes no arguments and no
   environment; ends when either goes away. */
#include <config.h>

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "host/common/log.h"
#include "host/net/confine.h"
#include "host/net/session.h"

static bool
is_channel (int fd)
{
  struct stat st;

  return fstat (fd, &st) == 0 && S_ISSOCK (st.st_mode);
}

/* Unprivileged from the first moment, confined as soon as the file of certificates is
   known, and only then does it hear of the network. */
static int
serve (struct net *net)
{
  _cleanup_ (buf_done) struct buf lost = BUF_INIT (1024);
  uint16_t ports[SESSION_PORTS_MAX];
  int r = session_start (net);
  size_t n;

  if (r == -EPIPE)
    return 0;
  if (r == 0)
    {
      n = session_ports (net, ports);
      r = confine_late (net->wire.ca_file, ports, n, &lost);
      if (r < 0)
        session_log (net, LOG_LEVEL_ERROR, "usher-net cannot be confined, so it does not run: %s.",
                     strerror (-r));
    }
  if (r < 0)
    {
      (void) wire_flush (&net->host, &net->to_host);
      return r;
    }
  if (lost.len)
    session_log (net, LOG_LEVEL_WARNING, "%s", lost.data);
  return session_serve (net);
}

int
main (int argc, char **argv)
{
  struct net net = { .to_host = BUF_INIT (4096) };
  int r;

  if (argc > 1 || !is_channel (WIRE_FD_HOST) || !is_channel (WIRE_FD_PEER))
    {
      (void) fprintf (stderr, "%s is started by usherd, not by hand; see usher-net(8).\n", argv[0]);
      return 2;
    }
  (void) sigaction (SIGPIPE, &(struct sigaction) { .sa_handler = SIG_IGN }, NULL);
  r = confine_early (WIRE_FD_PEER);
  if (r < 0)
    return EXIT_FAILURE;
  wire_channel_init (&net.host, WIRE_FD_HOST);
  wire_channel_init (&net.peer, WIRE_FD_PEER);
  r = serve (&net);
  session_done (&net);
  if (r < 0 && net.peer_broke_it)
    return WIRE_EXIT_PROTOCOL;
  return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
