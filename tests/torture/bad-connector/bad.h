/* What the files of the bad connector share. */
#ifndef USHER_TESTS_BAD_H
#define USHER_TESTS_BAD_H

#include <usher/connector.h>

#define H (ctx->host)

/* forge.c: bytes of its own making on the channels, past the helpers. */
int32_t forge_noise (struct usher_ctx *ctx);
int32_t forge_long (struct usher_ctx *ctx);
int32_t forge_order (struct usher_ctx *ctx);
int32_t forge_sender (struct usher_ctx *ctx);
int32_t forge_rows (struct usher_ctx *ctx);
int32_t forge_count (struct usher_ctx *ctx);
int32_t forge_result (struct usher_ctx *ctx);
int32_t forge_logs (struct usher_ctx *ctx);
int32_t forge_faults (struct usher_ctx *ctx);
int32_t forge_questions (struct usher_ctx *ctx);
int32_t forge_to_net (struct usher_ctx *ctx);
int32_t forge_request (struct usher_ctx *ctx);

#endif
