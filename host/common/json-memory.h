/* Whether jansson ran out of memory: its parser then says that the text is not JSON, and most
   of its callers leave away what they could not set.  Who judges a text by whether it could be
   parsed, or keeps a document, asks here. */
#ifndef USHER_COMMON_JSON_MEMORY_H
#define USHER_COMMON_JSON_MEMORY_H

#include "host/common/base.h"

/* Whether an allocation of jansson failed in this thread since it last asked. */
bool json_memory_failed (void);

#endif
