/* What becomes of the values that paths meet: kept until the item is whole, or in the page. */
#ifndef USHER_LIB_ROWS_VALUE_H
#define USHER_LIB_ROWS_VALUE_H

#include "rows-private.h"
#include "rows-token.h"

/* A new item: no values yet. */
void rows_item_begin (struct usher_rows *rows);
/* One more value of ITEM; AT is for whoever sets its text before the item is handed over. */
int32_t rows_item_add (struct usher_item *item, uint32_t field, uint32_t type, uint32_t index,
                       uint32_t at, size_t len);
/* The scalar of NODE, as it stands in the buffer. */
int32_t rows_capture (struct usher_rows *rows, const struct rows_node *node, uint32_t type,
                      const struct token_text *text);
/* The array or object F, LEN bytes at TEXT; F is closed already. */
int32_t rows_capture_raw (struct usher_rows *rows, const struct rows_frame *f,
                          const unsigned char *text, size_t len);
/* Hands the item of LEN bytes at START to the caller's function; its answer. */
int32_t rows_deliver (struct usher_rows *rows, unsigned char *start, size_t len);
/* Forgets the page's values. */
void rows_page_clear (struct usher_rows *rows);

#endif
