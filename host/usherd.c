/* usherd: the order of start and stop, and nothing else. */
#include <config.h>

#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "host/api/api.h"
#include "host/apps/apps.h"
#include "host/common/log.h"
#include "host/common/text.h"
#include "host/conf/conf.h"
#include "host/engine/check-app.h"
#include "host/engine/engine.h"
#include "host/store/store.h"

#define DEFAULT_CONF SYSCONFDIR "/usher/usher.conf"
#define HEAPS_MAX 4
#define MMAP_FROM (128 * 1024)

static const char usage[]
  = "usage: usherd [--config FILE] [--state-dir DIR] [--runtime-dir DIR]\n"
    "              [--listen ADDR:PORT | --listen unix:PATH] [--connector-path DIR[:DIR...]]\n"
    "              [--app-path DIR[:DIR...]] [--log-level LEVEL] [--log-format text|json]\n"
    "              [--check-config] [--check-app FILE] [--version] [--help]\n"
    "See usherd(8) and usher.conf(5).\n";

struct options
{
  const char *config, *check_app;
  bool check_config;
};

enum { OPT_CONFIG = 256, OPT_CHECK_CONFIG, OPT_CHECK_APP, OPT_VERSION, OPT_HELP, OPT_CONF };

/* Flags that are keys of the configuration. */
static const struct
{
  const char *flag, *section, *key;
} conf_flags[] = {
  { "state-dir", "paths", "state-dir" },
  { "runtime-dir", "paths", "runtime-dir" },
  { "connector-path", "paths", "connector-path" },
  { "app-path", "paths", "app-path" },
  { "listen", "web", "listen" },
  { "log-level", "log", "level" },
  { "log-format", "log", "format" },
};

static void
complain (const char *text)
{
  (void) fprintf (stderr, "usherd: %s\n", text ? text : "out of memory");
}

static int
set_flag (struct conf *conf, size_t i, const char *value)
{
  _cleanup_ (freep) char *why = NULL, *absolute = NULL;
  _cleanup_ (freep) char *here = NULL;
  const char *given = value;
  int x;

  /* Folders on the command line are meant from where the command stands. */
  if (streq (conf_flags[i].section, "paths") && value[0] != '/' && !strchr (value, ':'))
    {
      here = getcwd (NULL, 0);
      if (!here || asprintf (&absolute, "%s/%s", here, value) < 0)
        return -ENOMEM;
      given = absolute;
    }
  x = conf_set (conf, conf_flags[i].section, conf_flags[i].key, given, &why);
  if (x < 0)
    (void) fprintf (stderr, "usherd: --%s: %s\n", conf_flags[i].flag, why ? why : strerror (-x));
  return x;
}

/* Two passes: the file first, then the flags over it.  0, 1 = done (exit 0), negative. */
static int
read_flags (int argc, char **argv, struct options *o, struct conf *conf)
{
  struct option longs[ARRAY_SIZE (conf_flags) + 6] = {
    { "config", required_argument, NULL, OPT_CONFIG },
    { "check-config", no_argument, NULL, OPT_CHECK_CONFIG },
    { "check-app", required_argument, NULL, OPT_CHECK_APP },
    { "version", no_argument, NULL, OPT_VERSION },
    { "help", no_argument, NULL, OPT_HELP },
  };
  size_t i;
  int c;

  for (i = 0; i < ARRAY_SIZE (conf_flags); i++)
    longs[5 + i] = (struct option) { conf_flags[i].flag, required_argument, NULL, OPT_CONF + (int) i };
  optind = 1;
  while ((c = getopt_long (argc, argv, "", longs, NULL)) != -1)
    switch (c)
      {
      case OPT_CONFIG:
        o->config = optarg;
        break;
      case OPT_CHECK_CONFIG:
        o->check_config = true;
        break;
      case OPT_CHECK_APP:
        o->check_app = optarg;
        break;
      case OPT_VERSION:
        (void) printf ("usherd %s\n", PACKAGE_VERSION);
        return 1;
      case OPT_HELP:
        (void) fputs (usage, stdout);
        return 1;
      case '?':
        (void) fputs (usage, stderr);
        return -EINVAL;
      default:
        if (conf && set_flag (conf, (size_t) (c - OPT_CONF), optarg) < 0)
          return -EINVAL;
      }
  if (optind < argc)
    {
      (void) fprintf (stderr, "usherd: %s is not a flag\n%s", argv[optind], usage);
      return -EINVAL;
    }
  return 0;
}

/* Where the tree is not installed, ./run says where its parts are. */
static int
environment (struct conf *conf)
{
  static const struct
  {
    const char *variable, *key;
  } paths[] = { { "USHER_CONNECTOR_PATH", "connector-path" }, { "USHER_APP_PATH", "app-path" } };
  size_t i;
  int x = 0;

  for (i = 0; i < ARRAY_SIZE (paths) && x == 0; i++)
    {
      const char *value = secure_getenv (paths[i].variable);
      _cleanup_ (freep) char *why = NULL;

      if (value)
        x = conf_set (conf, "paths", paths[i].key, value, &why);
      if (x < 0)
        (void) fprintf (stderr, "usherd: %s: %s\n", paths[i].variable, why ? why : strerror (-x));
    }
  return x;
}

static int
read_config (int argc, char **argv, struct options *o, struct conf *conf)
{
  _cleanup_ (freep) char *problem = NULL;
  int x = read_flags (argc, argv, o, NULL);

  if (x != 0)
    return x;
  x = environment (conf);
  if (x == 0)
    x = conf_load (o->config ? o->config : DEFAULT_CONF, conf, &problem);
  if (x == -ENOENT && !o->config)
    x = 0;
  else if (x < 0)
    {
      complain (problem);
      return x;
    }
  x = read_flags (argc, argv, o, conf);
  if (x == 0)
    {
      free (TAKE (problem));
      x = conf_check (conf, &problem);
      if (x == 0)
        x = conf_check_files (conf, &problem);
      if (x < 0)
        complain (problem);
    }
  return x;
}

static const char *
libexec_dir (void)
{
  const char *uninstalled = secure_getenv ("USHER_LIBEXEC_DIR");

  return uninstalled ? uninstalled : LIBEXECDIR;
}

static void
print_problem (void *arg, const struct app_problem *problem)
{
  _cleanup_ (freep) char *text = app_problem_format (problem);

  (void) arg;
  (void) fprintf (stderr, "%s\n", text ? text : "out of memory");
}

/* The same into the report that ARG is. */
static void
keep_problem (void *arg, const struct app_problem *p)
{
  json_t *list = json_object_get (arg, p->note ? "notes" : "problems");

  (void) json_array_append_new (list, json_pack ("{s:I, s:I, s:s, s:s}", "line", (json_int_t) p->line, "column",
                                                 (json_int_t) p->column, "path", p->path, "text", p->text));
}

/* What is wrong with an app file, for people or (log-format json) for programs: 1, or -EINVAL. */
static int
check_app (const struct conf *conf, const char *file)
{
  const struct engine_options options = { .libexec_dir = libexec_dir (),
                                          .connector_path = conf->paths.connector_path,
                                          .library_path = secure_getenv ("USHER_LIBRARY_PATH") };
  bool json = streq (conf->log.format, "json");
  json_t *report = json_pack ("{s:s, s:[], s:[]}", "file", file, "problems", "notes");
  int n = engine_check_app (&options, file, json ? keep_problem : print_problem, report);

  if (json)
    {
      (void) json_object_set_new (report, "right", json_boolean (n == 0));
      (void) json_dumpf (report, stdout, JSON_COMPACT);
      (void) putchar ('\n');
    }
  else if (n == 0)
    (void) printf ("%s is right\n", file);
  json_decref (report);
  return n ? -EINVAL : 1;
}

static int
make_folder (const char *path, mode_t mode)
{
  /* The mask of this process is tighter than what others need of the runtime folder. */
  if (mkdir (path, mode) == 0)
    return chmod (path, mode) < 0 ? -errno : 0;
  if (errno == EEXIST)
    return 0;
  (void) fprintf (stderr, "usherd: the folder %s cannot be made: %s; its parent must exist\n", path, strerror (errno));
  return -errno;
}

/* Memory of this process holds secrets: no core, no tracing by others. */
static void
harden (void)
{
  struct rlimit none = { 0, 0 };

  (void) umask (077);
  (void) setrlimit (RLIMIT_CORE, &none);
  (void) prctl (PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static void
tell_systemd (const char *state)
{
#ifdef HAVE_SYSTEMD
  (void) sd_notify (0, state);
#else
  (void) state;
#endif
}

static void
apply_log (const struct conf *conf)
{
  int level = log_level_parse (conf->log.level);

  log_set (level < 0 ? LOG_LEVEL_INFO : level, streq (conf->log.format, "json"));
}

/* SIGHUP: log settings, app files and connectors take effect; the rest at a restart. */
static void
reload (int argc, char **argv, struct engine *engine)
{
  struct options o = { 0 };
  struct conf fresh;

  tell_systemd ("RELOADING=1");
  if (conf_init (&fresh) == 0)
    {
      if (read_config (argc, argv, &o, &fresh) == 0)
        apply_log (&fresh);
      else
        log_error ("the configuration cannot be read again; the one read before stays");
      conf_done (&fresh);
    }
  engine_reload (engine);
  tell_systemd ("READY=1");
}

/* A restored backup takes the store's place at a start: this is one, of the same process. */
static void
begin_again (void *arg)
{
  (void) arg;
  (void) kill (getpid (), SIGUSR1);
}

/* True: to begin again. */
static bool
serve (int argc, char **argv, struct engine *engine, const sigset_t *signals)
{
  int sig = 0;

  for (;;)
    {
      if (sigwait (signals, &sig) != 0)
        continue;
      if (sig == SIGHUP)
        reload (argc, argv, engine);
      else
        return sig == SIGUSR1;
    }
}

static bool
is_for_this_machine (const char *listen)
{
  return has_prefix (listen, "unix:") || has_prefix (listen, "127.") || has_prefix (listen, "[::1]")
         || has_prefix (listen, "localhost:");
}

/* Port 0 asks for any: the log says which it became. */
static void
log_ready (const char *socket_path, const char *listen, bool tls, unsigned int port)
{
  if (!tls && !is_for_this_machine (listen))
    log_warning ("%s is listened on without TLS: tokens cross the network in clear, unless a proxy with TLS stands "
                 "before it; see tls-cert in usher.conf(5)", listen);
  if (port)
    log_info ("ready on %s and %.*s:%u", socket_path, (int) (strrchr (listen, ':') - listen), listen, port);
  else
    log_info ("ready on %s and %s", socket_path, listen);
}

/* From start to stop; 1 = to be called again. */
static int
run (int argc, char **argv, const struct conf *conf, const sigset_t *signals)
{
  _cleanup_ (freep) char *why = NULL, *socket_path = NULL;
  struct store_options store_options = { conf->paths.state_dir, conf->store.map_size };
  struct engine_options engine_options = { .conf = conf, .state_dir = conf->paths.state_dir,
                                           .libexec_dir = libexec_dir (),
                                           .connector_path = conf->paths.connector_path,
                                           .app_path = conf->paths.app_path,
                                           .library_path = secure_getenv ("USHER_LIBRARY_PATH"),
                                           .restart = begin_again };
  struct api_options api_options = { .listen = conf->web.listen, .tls_cert = conf->web.tls_cert,
                                     .tls_key = conf->web.tls_key };
  struct store *store = NULL;
  struct engine *engine = NULL;
  struct api *api = NULL;
  bool again = false;
  int x;

  if (asprintf (&socket_path, "%s/usher.sock", conf->paths.runtime_dir) < 0)
    return -ENOMEM;
  x = store_open (&store_options, &store, &why);
  if (x == 0)
    {
      engine_options.store = store;
      x = engine_start (&engine_options, &engine, &why);
    }
  if (x == 0)
    {
      api_options.engine = engine;
      api_options.socket_path = socket_path;
      x = api_start (&api_options, &api, &why);
    }
  if (x == 0)
    {
      log_ready (socket_path, conf->web.listen, conf->web.tls_cert != NULL, api_port (api));
      tell_systemd ("READY=1");
      again = serve (argc, argv, engine, signals);
      tell_systemd (again ? "RELOADING=1" : "STOPPING=1");
      log_info (again ? "beginning again" : "ending");
    }
  else
    complain (why);
  if (api)
    api_stop (api);
  if (engine)
    engine_stop (engine);
  if (store)
    store_close (store);
  return again ? 1 : x;
}

/* glibc would keep what a burst of syncs used: a heap a thread that never shrinks, and a
   threshold for mmap that grows to 32 MiB.  With a fixed threshold buffers go back to the
   system when they are freed. */
static void
bound_heaps (void)
{
  (void) mallopt (M_ARENA_MAX, HEAPS_MAX);
  (void) mallopt (M_MMAP_THRESHOLD, MMAP_FROM);
  (void) mallopt (M_TRIM_THRESHOLD, MMAP_FROM);
}

int
main (int argc, char **argv)
{
  struct options o = { 0 };
  sigset_t signals;
  struct conf conf;
  int x;

  harden ();
  bound_heaps ();
  log_open ("usherd", LOG_LEVEL_INFO, false);
  if (sodium_init () < 0 || conf_init (&conf) < 0)
    {
      complain ("the cryptographic library cannot be started");
      return EXIT_FAILURE;
    }
  x = read_config (argc, argv, &o, &conf);
  if (x == 0 && o.check_app)
    x = check_app (&conf, o.check_app);
  else if (x == 0 && o.check_config)
    {
      (void) printf ("the configuration is right\n");
      x = 1;
    }
  if (x == 0)
    {
      apply_log (&conf);
      /* Every thread inherits the mask; signals are taken in one place. */
      (void) sigemptyset (&signals);
      (void) sigaddset (&signals, SIGTERM);
      (void) sigaddset (&signals, SIGINT);
      (void) sigaddset (&signals, SIGHUP);
      (void) sigaddset (&signals, SIGUSR1);
      (void) pthread_sigmask (SIG_BLOCK, &signals, NULL);
      (void) sigaction (SIGPIPE, &(struct sigaction) { .sa_handler = SIG_IGN }, NULL);
      x = make_folder (conf.paths.state_dir, 0700);
      if (x == 0)
        x = make_folder (conf.paths.runtime_dir, 0755);
      if (x == 0)
        while ((x = run (argc, argv, &conf, &signals)) == 1)
          ;
    }
  conf_done (&conf);
  return x < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
