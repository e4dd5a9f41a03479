/* Connectors that cannot be loaded, one a build: BROKEN says which. */
#include <stddef.h>

#include <usher/connector.h>

#define CONSTRUCTOR 1  /* crashes in a constructor */
#define SYMBOL 2       /* exports nothing, and would crash if its constructor ran */
#define NO_TABLE 3     /* answers NULL */
#define MAGIC 4
#define MAJOR 5
#define MINOR 6        /* asks for a newer host */
#define SIZE 7         /* a table too small to hold what is required */
#define OPERATION 8    /* no list */
#define NAME 9
#define LIBRARY 10     /* needs a function that no library has */
#define SHORT 11       /* not broken: a table of an older minor, which ends after read */

#if BROKEN == CONSTRUCTOR || BROKEN == SYMBOL
static void __attribute__ ((constructor))
harm (void)
{
  volatile int *volatile nowhere = NULL;

  *nowhere = 1;
}
#endif

#if BROKEN != SYMBOL
static int32_t
none_open (struct usher_ctx *ctx, const struct usher_hub *hub, void **ret_self)
{
  (void) ctx;
  (void) hub;
  (void) ret_self;
  return USHER_DONE;
}

static void
none_close (struct usher_ctx *ctx, void *self)
{
  (void) ctx;
  (void) self;
}

#if BROKEN == LIBRARY
int32_t no_library_has_this (void);
#endif

static int32_t
none_check (struct usher_ctx *ctx, void *self)
{
  (void) ctx;
  (void) self;
#if BROKEN == LIBRARY
  return no_library_has_this ();
#else
  return USHER_DONE;
#endif
}

#if BROKEN != OPERATION
static int32_t
none_list (struct usher_ctx *ctx, void *self, const struct usher_list *want)
{
  (void) ctx;
  (void) self;
  (void) want;
  return USHER_DONE;
}
#endif

const struct usher_connector *usher_connector_v1 (void);

__attribute__ ((visibility ("default"))) const struct usher_connector *
usher_connector_v1 (void)
{
  static const struct usher_connector c = {
    .abi = {
      .magic = BROKEN == MAGIC ? 0x12345678 : USHER_MAGIC,
      .major = BROKEN == MAJOR ? 2 : USHER_MAJOR,
      .minor = USHER_MINOR,
      .size = BROKEN == SIZE ? 40
              : BROKEN == SHORT ? offsetof (struct usher_connector, invite) : sizeof c,
      .min_minor = BROKEN == MINOR ? 7 : 0,
    },
#if BROKEN != NAME
    .name = "broken",
#endif
    .version = "1",
    .open = none_open,
    .close = none_close,
    .check = none_check,
#if BROKEN != OPERATION
    .list = none_list,
#endif
#if BROKEN == SHORT
    /* What the size does not cover is not there. */
    .resend = (usher_write *) 1,
#endif
  };

  return BROKEN == NO_TABLE ? NULL : &c;
}
#endif
