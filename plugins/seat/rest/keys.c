/* Owns the table of the keys of "run".  What ties them together is cross.c.  */
#include <config.h>

#include "plugins/seat/rest/shape.h"

#define LONG_MAX_BYTES 65536
#define TEXT_BYTES 8192
#define SENTENCE_BYTES 1024

#define WORDS(...) .words = (const char *const[]) { __VA_ARGS__, NULL }
#define NAMES(...) .names = (const char *const[]) { __VA_ARGS__, NULL }
#define ROW(name, what) .key = name, .kind = SHAPE_##what
#define END { .key = NULL }

#define NAME .pattern = "[a-z][a-z0-9_]{0,31}", \
  .right = "a lower-case letter, then letters, digits and _, 32 at most"
#define HEADER_NAME .pattern = "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}", .right = "the name of an HTTP header"
#define PARAMETER .pattern = ".{1,128}", .right = "a name of 1 to 128 characters"

static const struct shape value = { .kind = SHAPE_VALUE };
static const struct shape kept_value = { .kind = SHAPE_VALUE, .flags = SHAPE_HEADER };
static const struct shape field = { .kind = SHAPE_FIELD, .max = TEXT_BYTES };
static const struct shape header = { .kind = SHAPE_TEMPLATE, .max = TEXT_BYTES };
static const struct shape any_text = { .kind = SHAPE_TEXT, .max = SENTENCE_BYTES, .flags = SHAPE_EMPTY };

/* ---- Answers ---- */

static const struct shape wait_keys[] = {
  { ROW ("seconds", VALUE), .one = 'w', .required = true, .flags = SHAPE_OR_NUMBER | SHAPE_HEADER, .max = 86400 },
  { ROW ("ms", VALUE), .one = 'w', .required = true, .flags = SHAPE_OR_NUMBER | SHAPE_HEADER, .max = 86400000 },
  { ROW ("minutes", VALUE), .one = 'w', .required = true, .flags = SHAPE_OR_NUMBER | SHAPE_HEADER, .max = 1440 },
  { ROW ("epoch", VALUE), .one = 'w', .required = true, .flags = SHAPE_HEADER },
  { ROW ("date", VALUE), .one = 'w', .required = true, .flags = SHAPE_HEADER },
  END
};

#define STATUSES .pattern = "[1-5]([0-9][0-9]|xx)(,[1-5]([0-9][0-9]|xx))*", \
  .right = "statuses or classes of them, with commas between (\"422\", \"400,5xx\")"
/* How what stands at "at" is judged; without any, it has to be there. */
#define TEST \
  { ROW ("is", TEXTS), .max = SENTENCE_BYTES, .one = 'i', .beside = "at", .flags = SHAPE_EMPTY }, \
  { ROW ("matches", ERE), .one = 'i', .beside = "at" }, \
  { ROW ("absent", BOOL), .one = 'i', .beside = "at" }
#define MEANINGS \
  "already", "invited", "absent", "ok", "session", "token", "password", "forbidden", "space", "config", "version", \
  "refused", "seats", "subscription", "last-owner", "field", "address", "role", "no-member", "not-joined", "rate", \
  "quota", "later", "app-down", "uncertain", "unsupported", "shape", "cursor", "locked", "person", "sso-only"

static const struct shape answer_keys[] = {
  { ROW ("status", TEXT), .flags = SHAPE_OR_NUMBER, .min = 100, .max = 599, STATUSES },
  { ROW ("at", VALUE), .flags = SHAPE_HEADER },
  TEST,
  { ROW ("means", TEXT), .required = true,
    WORDS (MEANINGS) },
  { ROW ("field", TEXT), .max = 255 },
  { ROW ("wait", OBJECT), .of = wait_keys },
  { ROW ("say", VALUE), .flags = SHAPE_HEADER },
  END
};
static const struct shape answer = { .kind = SHAPE_OBJECT, .of = answer_keys };

static const struct shape ok_keys[] = {
  { ROW ("at", VALUE), .required = true, .flags = SHAPE_HEADER },
  TEST,
  { ROW ("say", VALUE), .flags = SHAPE_HEADER },
  END
};

static const struct shape item_results_keys[] = {
  { ROW ("items", ITEMS), .required = true },
  { ROW ("id", VALUE) },
  { ROW ("ok", OBJECT), .of = ok_keys },
  { ROW ("answers", LIST), .of = &answer, .min = 1, .max = 50 },
  END
};

/* ---- A request ---- */

static const struct shape graphql_keys[] = {
  { ROW ("query", TEXT), .required = true, .max = LONG_MAX_BYTES, .flags = SHAPE_LINES },
  { ROW ("variables", JSON) },
  END
};

/* What every request may say; NEEDED: whether there must be one. */
#define REQUEST(needed) \
  { ROW ("get", URL), .one = 'm', .required = needed, .max = TEXT_BYTES }, \
  { ROW ("post", URL), .one = 'm', .required = needed, .max = TEXT_BYTES }, \
  { ROW ("put", URL), .one = 'm', .required = needed, .max = TEXT_BYTES }, \
  { ROW ("patch", URL), .one = 'm', .required = needed, .max = TEXT_BYTES }, \
  { ROW ("delete", URL), .one = 'm', .required = needed, .max = TEXT_BYTES }, \
  { ROW ("query", MAP), .of = &field, PARAMETER }, \
  { ROW ("headers", MAP), .of = &header, HEADER_NAME }, \
  { ROW ("json", JSON), .one = 'b' }, \
  { ROW ("form", MAP), .one = 'b', .of = &field, PARAMETER }, \
  { ROW ("xml", TEMPLATE), .one = 'b', .max = LONG_MAX_BYTES, .flags = SHAPE_LINES }, \
  { ROW ("graphql", OBJECT), .one = 'b', .of = graphql_keys }, \
  { ROW ("accept", TEXT), STATUSES }, \
  { ROW ("auth", TEXT), .flags = SHAPE_EMPTY, .max = 32, .ref = REF_AUTH }, \
  { ROW ("idempotent", BOOL) }, \
  { ROW ("safe", BOOL) }, \
  { ROW ("ok", OBJECT), .of = ok_keys }, \
  { ROW ("answers", LIST), .of = &answer, .min = 1, .max = 50 }, \
  { ROW ("item_results", OBJECT), .of = item_results_keys }

static const struct shape where_keys[] = {
  { ROW ("at", VALUE), .required = true },
  { ROW ("is", TEMPLATE), .required = true, .max = SENTENCE_BYTES },
  END
};

static const struct shape check_keys[] = {
  REQUEST (true),
  { ROW ("facts", MAP), .of = &kept_value, PARAMETER },
  END
};

static const struct shape login_keys[] = {
  REQUEST (true),
  { ROW ("token", VALUE), .flags = SHAPE_HEADER },
  { ROW ("secret", TEXT), .beside = "token", NAME },
  { ROW ("expires_in", VALUE), .beside = "token", .flags = SHAPE_HEADER },
  { ROW ("keep", MAP), .of = &kept_value, .flags = SHAPE_NEW, NAME },
  END
};

static const struct shape look_up_keys[] = {
  REQUEST (true),
  { ROW ("at", ITEMS) },
  { ROW ("where", OBJECT), .beside = "at", .of = where_keys },
  { ROW ("value", VALUE), .required = true, .flags = SHAPE_HEADER },
  END
};
static const struct shape look_up = { .kind = SHAPE_OBJECT, .of = look_up_keys };

/* ---- Lists ---- */

static const struct shape page_parameter = { .kind = SHAPE_TEMPLATE, .max = SENTENCE_BYTES };
static const struct shape parameter_name = { .kind = SHAPE_TEXT, .max = 128 };
static const struct shape page_keys[] = {
  { ROW ("style", TEXT), .required = true, WORDS ("none", "number", "offset", "cursor", "link", "next") },
  { ROW ("size", NUMBER), .min = 1, .max = 10000 },
  { ROW ("first", TEXT), .flags = SHAPE_OR_NUMBER | SHAPE_EMPTY, .max = 1000000 },
  { ROW ("send", MAP), .of = &page_parameter, PARAMETER },
  { ROW ("in", TEXT), WORDS ("query", "form", "json") },
  { ROW ("total", VALUE), .flags = SHAPE_HEADER },
  { ROW ("pages", VALUE), .flags = SHAPE_HEADER },
  { ROW ("cursor", VALUE), .flags = SHAPE_HEADER },
  { ROW ("next", VALUE), .flags = SHAPE_HEADER },
  { ROW ("more", VALUE), .flags = SHAPE_HEADER },
  { ROW ("drop", LIST), .of = &parameter_name, .min = 1, .max = 20 },
  { ROW ("while", MAP), .of = &any_text, PARAMETER },
  { ROW ("short_ends", BOOL), .beside = "size" },
  { ROW ("max", NUMBER), .min = 1, .max = 131072 },
  END
};

static const struct shape member_keys[] = {
  { ROW ("jq", JQ) },
  { ROW ("id", VALUE) },
  { ROW ("handle", VALUE) },
  { ROW ("username", VALUE) },
  { ROW ("email", VALUE) },
  { ROW ("first_name", VALUE) },
  { ROW ("last_name", VALUE) },
  { ROW ("name", VALUE) },
  { ROW ("partner", VALUE) },
  { ROW ("created", VALUE) },
  { ROW ("expires", VALUE) },
  { ROW ("last_used", VALUE) },
  { ROW ("state", VALUE),
    WORDS ("active", "disabled", "pending", "expired", "declined", "unreadable") },
  { ROW ("roles", MAP), .of = &value, NAME, .ref = REF_GROUP },
  { ROW ("skip", VALUE) },
  { ROW ("not_a_person", VALUE) },
  { ROW ("self", VALUE) },
  { ROW ("attrs", MAP), .of = &value, PARAMETER },
  END
};

static const struct shape pass_keys[] = {
  REQUEST (true),
  { ROW ("kind", TEXT), WORDS ("members", "invites", "role-of") },
  { ROW ("scope", TEXT), .max = 255 },
  { ROW ("at", ITEMS), .required = true },
  { ROW ("absent_is_empty", BOOL) },
  { ROW ("page", OBJECT), .of = page_keys },
  { ROW ("member", OBJECT), .required = true, .of = member_keys },
  { ROW ("const", MAP), .of = &any_text, .flags = SHAPE_NEW, NAME },
  END
};
#define PAGE_NAMES "cursor", "page", "offset", "size"
static const struct shape pass = { .kind = SHAPE_OBJECT, .of = pass_keys, .names_of = "const" };

static const struct shape when_keys[] = {
  { ROW ("state", TEXTS), WORDS ("pending", "member", "disabled") },
  { ROW ("role", TEXTS), .max = 255 },
  { ROW ("old_role", TEXTS), .max = 255 },
  END
};

static const struct shape read_keys[] = {
  REQUEST (true),
  { ROW ("kind", TEXT), WORDS ("members", "invites") },
  { ROW ("when", OBJECT), .of = when_keys, .pattern = "[a-z][A-Za-z0-9_.-]{0,62}" },
  { ROW ("at", ITEMS) },
  { ROW ("where", OBJECT), .beside = "at", .of = where_keys },
  { ROW ("absent_if", BOOL) },
  { ROW ("member", OBJECT), .required = true, .of = member_keys },
  END
};

static const struct shape role_keys[] = {
  REQUEST (true),
  { ROW ("from", TEXT), .one = 'm', .required = true, WORDS ("file") },
  { ROW ("group", TEXT), .required = true, NAME, .ref = REF_GROUP },
  { ROW ("at", ITEMS) },
  { ROW ("page", OBJECT), .beside = "at", .of = page_keys },
  { ROW ("id", VALUE), .beside = "at" },
  { ROW ("label", VALUE), .beside = "at" },
  { ROW ("rank", VALUE), .beside = "at" },
  { ROW ("assignable", VALUE), .beside = "at" },
  END
};
static const struct shape role = { .kind = SHAPE_OBJECT, .of = role_keys };

static const struct shape object_keys[] = {
  REQUEST (true),
  { ROW ("type", TEXT), .required = true, .max = 64 },
  { ROW ("kind", TEXT), WORDS ("asset", "partner", "licence") },
  { ROW ("at", ITEMS), .required = true },
  { ROW ("absent_is_empty", BOOL) },
  { ROW ("page", OBJECT), .of = page_keys },
  { ROW ("id", VALUE), .required = true },
  { ROW ("name", VALUE) },
  { ROW ("parent", VALUE) },
  { ROW ("total", VALUE) },
  { ROW ("used", VALUE) },
  END
};
static const struct shape object = { .kind = SHAPE_OBJECT, .of = object_keys };

static const struct shape access_keys[] = {
  REQUEST (true),
  { ROW ("type", TEXT), .required = true, .max = 64, .ref = REF_TYPE },
  { ROW ("at", ITEMS), .required = true },
  { ROW ("absent_is_empty", BOOL) },
  { ROW ("page", OBJECT), .of = page_keys },
  { ROW ("member", OBJECT), .required = true, .of = member_keys },
  { ROW ("role", VALUE), .one = 'r', .required = true },
  { ROW ("actions", VALUE), .one = 'r', .required = true },
  END
};
static const struct shape access_pass = { .kind = SHAPE_OBJECT, .of = access_keys };

/* ---- Changes ---- */

static const struct shape role_word = { .kind = SHAPE_TEXT, .max = 255 };
static const struct shape group_words = { .kind = SHAPE_MAP, .of = &role_word, PARAMETER };

static const struct shape step_keys[] = {
  REQUEST (true),
  { ROW ("when", OBJECT), .of = when_keys, .pattern = "[a-z][A-Za-z0-9_.-]{0,62}" },
  { ROW ("find", BOOL) },
  { ROW ("at", ITEMS), .beside = "find" },
  { ROW ("where", OBJECT), .beside = "find", .of = where_keys },
  { ROW ("page", OBJECT), .beside = "find", .of = page_keys },
  { ROW ("found", TEXT), .beside = "find", WORDS ("continue", MEANINGS) },
  { ROW ("none", TEXT), .beside = "find", WORDS ("continue", MEANINGS) },
  { ROW ("keep", MAP), .of = &kept_value, .flags = SHAPE_NEW, NAME },
  { ROW ("member", OBJECT), .of = member_keys },
  { ROW ("for", TEXT), WORDS ("old_roles", "new_roles", "added_roles", "removed_roles") },
  END
};

#define WHO "id", "handle", "username", "email", "first_name", "last_name", "name", "state", "partner"
#define INVITEE "email", "username", "first_name", "last_name", "name", "partner", "role", "role.", "field.", "invite_key"
#define LEAVER WHO, "old_role", "old_role.", "field.", "invite_key"
#define WANTED LEAVER, "role", "role."

static const struct shape set_access_keys[] = {
  { ROW ("grant", STEPS), .of = step_keys, .max = 20 },
  { ROW ("revoke", STEPS), .of = step_keys, .max = 20 },
  END
};
static const struct shape set_access = { .kind = SHAPE_OBJECT, .of = set_access_keys };

static const struct shape rest_keys[] = {
  { ROW ("base", URL), .required = true, .max = TEXT_BYTES, .flags = SHAPE_BASE | SHAPE_FIRST },
  { ROW ("format", TEXT), WORDS ("json", "xml") },
  { ROW ("namespaces", MAP), .of = &role_word, .pattern = "[A-Za-z_][A-Za-z0-9_.-]{0,31}",
    .right = "a prefix: a letter or _, then letters, digits, _ . and -" },
  { ROW ("headers", MAP), .of = &header, HEADER_NAME, .flags = SHAPE_FIRST },
  { ROW ("auth", TEXT), .flags = SHAPE_EMPTY, .max = 32, .ref = REF_AUTH },
  { ROW ("ok", OBJECT), .of = ok_keys },
  { ROW ("answers", LIST), .of = &answer, .min = 1, .max = 50 },
  { ROW ("role_words", MAP), .of = &group_words, NAME, .ref = REF_GROUP },
  { ROW ("check", OBJECT), .of = check_keys },
  { ROW ("login", OBJECT), .of = login_keys, .flags = SHAPE_FIRST },
  { ROW ("look_up", MAP), .of = &look_up, .flags = SHAPE_NEW, NAME },
  { ROW ("list", LIST), .of = &pass, .min = 1, .max = 20, NAMES (PAGE_NAMES) },
  { ROW ("read", EITHER), .of = read_keys, .max = 20, NAMES (WHO) },
  { ROW ("roles", LIST), .of = &role, .min = 1, .max = 20, NAMES (PAGE_NAMES) },
  { ROW ("objects", LIST), .of = &object, .min = 1, .max = 50, NAMES (PAGE_NAMES) },
  { ROW ("access", LIST), .of = &access_pass, .min = 1, .max = 50, NAMES ("asset", PAGE_NAMES) },
  { ROW ("invite", STEPS), .of = step_keys, .max = 20, NAMES (INVITEE) },
  { ROW ("set_role", STEPS), .of = step_keys, .max = 20, NAMES (WANTED) },
  { ROW ("set_access", MAP), .of = &set_access, PARAMETER, .ref = REF_TYPE,
    NAMES (WANTED, "asset", "asset_role") },
  { ROW ("remove", STEPS), .of = step_keys, .max = 20, NAMES (LEAVER) },
  { ROW ("resend", STEPS), .of = step_keys, .max = 20, NAMES (LEAVER) },
  END
};

const char *const shape_filled[] = { WANTED, "asset", "asset_role", PAGE_NAMES, NULL };

/* ---- SCIM ---- */

static const struct shape scim_keys[] = {
  { ROW ("page", NUMBER), .min = 1, .max = 10000 },
  { ROW ("paging", TEXT), WORDS ("index", "cursor") },
  { ROW ("patch", TEXT), WORDS ("path", "value"), .flags = SHAPE_OR_FALSE },
  { ROW ("put", BOOL) },
  { ROW ("find", TEXT), .pattern = "[A-Za-z$_:][A-Za-z0-9$_:.-]{0,254}", .right = "the name of a SCIM attribute" },
  { ROW ("content_type", TEXT), .pattern = "[!#$&^_.+A-Za-z0-9-]+/[!#$&^_.+A-Za-z0-9-]+(; ?[!-~]+)?",
    .right = "a media type, as application/scim+json" },
  END
};

const struct shape shape_run[] = {
  { ROW ("rest", OBJECT), .of = rest_keys, .one = 'p', .required = true, .names_of = "look_up" },
  { ROW ("scim", OBJECT), .of = scim_keys, .one = 'p', .required = true },
  END
};
