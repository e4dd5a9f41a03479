/* The log of each process: one line an entry on standard error, as text or as JSON.
   Text begins with a systemd priority prefix where standard error is no terminal.  Only
   code that stops passing an error on logs it; parsers and common/ never log above debug. */
#ifndef USHER_COMMON_LOG_H
#define USHER_COMMON_LOG_H

#include "host/common/base.h"

#define LOG_LEVEL_ERROR 3
#define LOG_LEVEL_WARNING 4
#define LOG_LEVEL_INFO 6
#define LOG_LEVEL_DEBUG 7

/* Says who speaks (borrowed for ever) and how: entries above LEVEL are dropped. */
void log_open (const char *name, int level, bool json);
/* Changes the level and format while running. */
void log_set (int level, bool json);
/* "error", "warning", "info", "debug" to a level; -EINVAL for anything else. */
int log_level_parse (const char *s);

/* One entry.  FMT makes one sentence without a newline; control characters in it
   are shown escaped, so that text from an app cannot forge a line. */
void log_write (int level, const char *fmt, ...) _printf_ (2, 3);

#define log_error(...) log_write (LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write (LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write (LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write (LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
