/* usher.conf(5): what the daemon is told by file and flags.  One table says which keys
   there are; parsing, defaults, the manual page and its test follow it. */
#ifndef USHER_CONF_CONF_H
#define USHER_CONF_CONF_H

#include "host/common/base.h"

#define CONF_FILE_MAX 1048576u
#define CONF_TEXT_MAX 4096u
#define CONF_LIST_MAX 256u

struct conf_list
{
  char **v;                /* owned, as are its texts */
  size_t n;
};

/* Texts are owned; NULL = not set. */
struct conf
{
  struct
  {
    char *state_dir, *runtime_dir, *connector_path, *app_path;
  } paths;
  struct
  {
    char *listen;          /* "ADDRESS:PORT", "[ADDRESS]:PORT", "localhost:PORT", "unix:/PATH" */
    char *public_url;      /* without a slash at the end */
    char *tls_cert, *tls_key;          /* both or none */
    struct conf_list trusted_proxies;  /* networks */
  } web;
  struct
  {
    char *proxy;
    struct conf_list no_proxy;         /* host names and networks */
    char *ca_file;
    struct conf_list allow_private;    /* networks */
  } http;
  struct
  {
    char *url, *from, *user, *password_file;
  } mail;
  struct
  {
    uint64_t map_size;     /* bytes */
  } store;
  struct
  {
    uint64_t workers;
    uint64_t retry_wait;   /* ms */
  } tasks;
  struct
  {
    char *level, *format;  /* as log_level_parse takes it; "text" or "json" */
  } log;
  struct
  {
    uint64_t events, tasks;            /* ms */
  } retention;
};

enum conf_type
{
  CONF_PATH,               /* absolute */
  CONF_PATHS,              /* absolute, joined by colons */
  CONF_LISTEN,
  CONF_URL,                /* begins with one of `words` */
  CONF_MAIL,               /* one e-mail address */
  CONF_WORD,               /* one of `words` */
  CONF_TEXT,
  CONF_NUMBER,             /* min to max */
  CONF_SIZE,               /* 64M, 64G: bytes, min to max */
  CONF_DURATION,           /* 30s, 5m, 24h, 400d: ms, min to max */
  CONF_NETWORKS,           /* addresses, maybe with /BITS */
  CONF_NAMES,              /* host names, maybe with a leading dot, and networks */
};

struct conf_key
{
  const char *section, *key;
  enum conf_type type;
  const char *def;         /* as it would stand in the file; NULL = not set */
  uint64_t min, max;
  const char *words;       /* "error warning info debug" */
  size_t offset;           /* in struct conf */
};

/* The table, in the order of the manual page. */
extern const struct conf_key conf_keys[];
extern const size_t conf_n_keys;

/* Everything at its default; 0 or -ENOMEM (then CONF needs no conf_done). */
int conf_init (struct conf *conf);
void conf_done (struct conf *conf);

/* Sets one key from text, as a flag does.  -ENOENT for a section or key that there is
   not, -EINVAL for a value that is not right, both with a sentence in *WHY (caller frees);
   -ENOMEM.  An empty VALUE takes the default back. */
int conf_set (struct conf *conf, const char *section, const char *key, const char *value,
              char **why);

/* Reads PATH into CONF, over what it holds.  -EINVAL and *PROBLEM, "FILE:LINE: KEY: what
   is wrong" (caller frees); -ENOENT when there is no such file, or another negative errno
   of reading it, then also with a sentence. */
int conf_load (const char *path, struct conf *conf, char **problem);
/* The same for text that is in memory. */
int conf_load_text (const char *path, const char *text, size_t len, struct conf *conf,
                    char **problem);
/* What ties keys together, once file and flags are in: -EINVAL and a sentence in *WHY. */
int conf_check (const struct conf *conf, char **why);
/* Whether the files that are named can be read by now: a negative errno and a sentence in
   *WHY (caller frees). */
int conf_check_files (const struct conf *conf, char **why);

/* "64M" (K M G T, powers of 1024; no letter = bytes) and "30s" (ms s m h d). -EINVAL,
   -ERANGE. */
int parse_size (const char *s, uint64_t *ret);
int parse_duration_ms (const char *s, uint64_t *ret);

#endif
