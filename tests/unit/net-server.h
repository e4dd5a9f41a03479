/* A small HTTP server on loopback that misbehaves on demand: its paths say how.  Threads
   and raw sockets, so that every byte is the test's own. */
#ifndef USHER_TESTS_NET_SERVER_H
#define USHER_TESTS_NET_SERVER_H

#include <pthread.h>

#include "host/common/base.h"

#define SERVER_PATHS_MAX 64u

struct server
{
  int fd, port;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  /* Guarded by lock. */
  unsigned int connections, requests;
  unsigned int gate;             /* requests that wait at /gate */
  struct { char path[64]; unsigned int n; } seen[SERVER_PATHS_MAX];
  char last[65536];              /* the last request, as it came */
};

/* Starts it on a free port of 127.0.0.1; it ends with the test's process. */
void server_start (struct server *s);
unsigned int server_connections (struct server *s);
unsigned int server_requests (struct server *s);
/* Answers all who wait at /gate, and who come there later. */
void server_open_gate (struct server *s);
/* How often PATH was asked for. */
unsigned int server_seen (struct server *s, const char *path);
/* Whether the last request held TEXT. */
bool server_last_has (struct server *s, const char *text);

#endif
