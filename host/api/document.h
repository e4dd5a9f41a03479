/* The OpenAPI document: what the table of routes says, with the schemas written by hand. */
#ifndef USHER_API_DOCUMENT_H
#define USHER_API_DOCUMENT_H

/* host/api/schemas.json. */
extern const char schemas_json[];

/* The whole, to be read by people too; caller frees, NULL = no memory. */
char *document_text (void);

#endif
