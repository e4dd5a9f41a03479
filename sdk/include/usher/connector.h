/* usher/connector.h: the connector ABI, version 1.  C99; needs nothing but the C library.

   A connector is a shared object that exports one function, usher_connector_v1.  The host loads
   it into a confined process of its own (no files, no sockets, no environment), calls its
   operations from one thread, and serves it through a table of helpers.  One process is one hub:
   one space of one app.  What the app is (fields, hosts, roles, abilities) is declared in an app
   file, usher-app(5); nothing of that is in the shared object.

   Ownership, in four sentences.  What you receive is borrowed until the function that received
   it returns.  What you pass is copied before the helper returns.  Request handles die when the
   operation that opened them returns.  Nobody frees memory of the other.

   Strings are UTF-8 that ends with NUL and NULL when not told.  Times are milliseconds since
   1970-01-01 UTC; 0 is not told.  Enumerations and flags are 32-bit integers; what is not known
   yet is passed by: an unknown flag is ignored, an unknown kind is skipped.  Fields called zero
   are 0.

   Growth.  A struct that crosses opens with its size, which the writer sets to the size of the
   struct as it knows it; the reader reads only what that covers, and what is not covered is 0
   or NULL.  Arrays of structs are arrays of pointers to sized structs, so their elements grow
   too; struct usher_kv is the one exception and never grows.  The two roots (struct usher_host,
   struct usher_connector) open with a struct usher_abi instead.  Within version 1 things are only
   appended; values and offsets never change.  sdk/ABI has the promise in full.

   Everything here is of 1.0 where it does not say otherwise.  */
#ifndef USHER_CONNECTOR_H
#define USHER_CONNECTOR_H 1
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#define USHER_MAGIC UINT32_C (0x72687375)  /* "ushr" */
#define USHER_MAJOR 1                      /* another one is another ABI, another entry function */
#define USHER_MINOR 0                      /* grows by one with every addition */

/* Head of the two roots. */
struct usher_abi
{
  uint32_t magic;      /* USHER_MAGIC */
  uint16_t major;      /* USHER_MAJOR; a host refuses another */
  uint16_t minor;      /* USHER_MINOR of the header it was built with */
  uint32_t size;       /* of the root struct, in bytes, as it was built */
  uint32_t min_minor;  /* connector: the oldest host minor that it runs on; a host that is older
                          refuses it.  Host: 0 */
};

/* A name and its value; neither is NULL.  Never grows. */
struct usher_kv
{
  const char *key;
  const char *value;
};

/* 1 when FIELD of the sized struct at P was told by whoever wrote it. */
#define USHER_HAS(type, p, field) \
  ((p)->size >= offsetof (struct type, field) + sizeof ((p)->field))

/* ---- Who ----

   One struct for a member and for an invitation.  The same struct is emitted by list, read and
   the writes, and handed back, as last seen, to every write: a connector never looks up what it
   has already told.  */

/* state */
#define USHER_ACTIVE     100u   /* a member */
#define USHER_DISABLED   200u   /* a member the app shows as switched off; holds no seat */
#define USHER_UNREADABLE 300u   /* exists, but could not be read this time: never counted as missing */
#define USHER_PENDING    400u   /* an invitation; its id lives in a name space of its own */
#define USHER_EXPIRED    500u   /* an invitation that can no longer be accepted */
#define USHER_DECLINED   600u   /* an invitation that was turned down */

/* flags */
#define USHER_F_SELF         1u /* the account this hub acts with */
#define USHER_F_NOT_A_PERSON 2u /* bot, system user, service account */

struct usher_access;

struct usher_member
{
  uint32_t size;           /* sizeof (struct usher_member) */
  uint32_t state;          /* USHER_ACTIVE ... */
  uint32_t flags;          /* USHER_F_... */
  uint32_t zero;
  const char *id;          /* stable in the app, at most 1 KiB.  NULL only for an invitation that has
                              none; that one is known by its email */
  const char *handle;      /* the connector's own address of it, at most 1 KiB: a URL path, a second
                              id.  Stored, given back, never shown or compared */
  const char *username;    /* what the person signs in with, where that is not the email */
  const char *email;       /* the address as the app has it; matching is the host's affair */
  const char *first_name;
  const char *last_name;
  const char *name;        /* the whole name, when the app has only that */
  const char *partner;     /* id of the native partner this person belongs to */
  int64_t created_ms;      /* member since, or invited when */
  int64_t expires_ms;      /* of an invitation: when it stops being good */
  int64_t last_used_ms;    /* last sign-in or activity */
  const struct usher_kv *roles;  /* key = role group of the app file, value = role id */
  size_t n_roles;
  const struct usher_kv *attrs;  /* anything else worth showing */
  size_t n_attrs;
  const struct usher_access *const *access;  /* rights on assets, where the app lists them by member */
  size_t n_access;
};

/* flags of an access */
#define USHER_A_REVOKE 1u       /* in a change: take it away; never in a row */

/* One right on one asset. */
struct usher_access
{
  uint32_t size;                /* sizeof (struct usher_access) */
  uint32_t flags;               /* USHER_A_... */
  const char *asset;            /* id of the asset */
  const char *type;             /* its type, a key of asset_types of the app file */
  const char *role;             /* role id on that asset; NULL where the app has only actions */
  const char *const *actions;   /* ids of what is allowed, for apps that name them one by one */
  size_t n_actions;
};

/* ---- What there is ---- */

/* flags of a role */
#define USHER_R_ASSIGNABLE 1u   /* an administrator may give it */

struct usher_role
{
  uint32_t size;           /* sizeof (struct usher_role) */
  uint32_t flags;          /* USHER_R_... */
  int32_t rank;            /* a higher one includes more; 0 = not ranked */
  uint32_t zero;
  const char *id;          /* stable in the app */
  const char *label;       /* what people call it */
  const char *group;       /* role group of the app file */
  const char *asset_type;  /* not NULL: a role on assets of that type, found at run time */
};

/* kind of an object */
#define USHER_ASSET   100u      /* what rights are given on */
#define USHER_PARTNER 200u      /* another company with people or rights here */
#define USHER_LICENCE 300u      /* a kind of seat, with how many there are */

struct usher_object
{
  uint32_t size;           /* sizeof (struct usher_object) */
  uint32_t kind;           /* USHER_ASSET ... */
  const char *id;          /* stable in the app */
  const char *type;        /* asset: key of asset_types of the app file */
  const char *name;        /* what people call it */
  const char *parent;      /* id of the object that holds it */
  int64_t total;           /* licence: seats bought, -1 = without limit or not told */
  int64_t used;            /* licence: seats taken, -1 = not told */
};

/* ---- A listing ----

   A listing is made of sections, one after the other; each is proved, resumed and judged alone.
   A section that was never opened says nothing about what it would have listed.  The order of
   rows does not matter.  A row may come again in another scope of the same kind and is merged:
   lists unite, the later scalar that is not NULL or 0 wins.  The same id twice within one scope
   is drift and counts against the host's tolerance.  */

/* kind of a section */
#define USHER_S_MEMBERS  100u   /* scope: NULL, or the pass (role, status) that lists a part */
#define USHER_S_INVITES  200u   /* scope: NULL, or the pass */
#define USHER_S_ROLES    300u   /* scope: NULL */
#define USHER_S_ROLE_OF  400u   /* scope: a role or group id, or NULL = all of them */
#define USHER_S_OBJECTS  500u   /* scope: an object type */
#define USHER_S_ACCESS   600u   /* scope: an asset id, or NULL = all of them */

/* verdict of a section */
#define USHER_COMPLETE 1u       /* the app's own rule said that this was the end */
#define USHER_PARTIAL  2u       /* some could not be listed; the host adds and changes, never removes */

/* What list is asked for. */
struct usher_list
{
  uint32_t size;           /* sizeof (struct usher_list) */
  uint32_t zero;
  uint64_t kinds;          /* bit n = section kind n * 100; others may be left out */
  const void *cursor;      /* what the last checkpoint of this listing held, NULL = from the start */
  size_t cursor_len;
};

/* ---- A wanted change ----

   Phrased as an end state: "make it so".  A write first looks, or asks the app in a way that
   does no harm twice: it may be called again with the same key after any failure.  */
struct usher_change
{
  uint32_t size;           /* sizeof (struct usher_change) */
  uint32_t attempt;        /* 1 = first */
  const struct usher_member *member;  /* as last seen; for invite, the invitee (no id) */
  const struct usher_kv *roles;       /* the whole wanted set, group and id */
  size_t n_roles;
  const struct usher_access *const *access;  /* differences only; USHER_A_REVOKE takes away */
  size_t n_access;
  const struct usher_kv *fields;      /* provisioning fields of the app file */
  size_t n_fields;
  const char *key;         /* same for every attempt of this intent; fit for an idempotency header */
  const void *resume;      /* what checkpoint kept in an earlier attempt, or NULL */
  size_t resume_len;
};

/* ---- Signing in ---- */

/* why login is called */
#define USHER_LOGIN_FIRST   100u  /* before the first operation of a session */
#define USHER_LOGIN_REFUSED 200u  /* an operation answered USHER_E_SESSION or USHER_E_TOKEN */
#define USHER_LOGIN_CODE    300u  /* the browser came back from the app's consent page */

struct usher_login
{
  uint32_t size;             /* sizeof (struct usher_login) */
  uint32_t why;              /* USHER_LOGIN_... */
  const char *code;          /* with CODE: what the app put into the address; else NULL */
  const char *redirect_uri;  /* with CODE: where the browser came back to */
  const char *verifier;      /* with CODE: the PKCE verifier, NULL where there was none */
};

/* What open is told. */
struct usher_hub
{
  uint32_t size;           /* sizeof (struct usher_hub) */
  uint32_t zero;
  const char *app;         /* id of the app file */
  const char *spec;        /* "run" of the app file: its JSON text as it stands there, not NULL */
  size_t spec_len;         /* bytes of spec, at most 1 MiB */
};

/* ---- HTTP ---- */

/* flags of a request */
#define USHER_H_SAFE       1u   /* changes nothing: the host may retry it (GET and HEAD are so) */
#define USHER_H_IDEMPOTENT 2u   /* may be sent twice with one effect; the host reads back before it does */
#define USHER_H_NO_FOLLOW  4u   /* a redirect is an answer; else it is followed within the allow-list */

struct usher_request
{
  uint32_t size;           /* sizeof (struct usher_request) */
  uint32_t flags;          /* USHER_H_... */
  const char *method;      /* NULL = "GET" */
  const char *url;         /* absolute, https unless the app file's field says otherwise; its host is
                              on the app file's list */
  const char *auth;        /* name of an auth rule of the app file; NULL = "default", "" = none */
  const char *accept;      /* statuses that are an answer, as "200,404"; "any"; NULL = any 2xx.  Another
                              one makes the host distrust the section: see http_open.  An answer that
                              limits requests (429, or by what its headers say) is the host's whatever
                              stands here: it waits, or the request ends with USHER_E_RATE */
  const struct usher_kv *headers;  /* none that the host sets itself: Host, Content-Length, Cookie,
                                      and what the auth rule gives */
  size_t n_headers;
  const void *body;        /* NULL = none */
  size_t body_len;         /* at most 1 MiB */
  int64_t timeout_ms;      /* for the whole answer; 0 = the host's default */
  uint64_t max_bytes;      /* of the answer's body after decoding; 0 = 64 MiB, which is the most */
};

struct usher_response
{
  uint32_t size;           /* set by the caller before http_head: sizeof (struct usher_response) */
  int32_t status;          /* of HTTP, 100..599 */
  const char *url;         /* after redirects */
  const struct usher_kv *headers;  /* names in lower case, in the order of the answer */
  size_t n_headers;
};

/* ---- What went wrong ---- */
struct usher_fault
{
  uint32_t size;           /* sizeof (struct usher_fault) */
  int32_t code;            /* USHER_E_... */
  const char *text;        /* one sentence for a person, without a secret; at most 1 KiB */
  const char *field;       /* the field, right or scope that it is about, where code says so */
  const char *url;         /* where a person goes on, with USHER_E_PERSON */
  int64_t until_ms;        /* with class 2: not before */
};

/* ---- Answers that are not errors ---- */
#define USHER_DONE    0
#define USHER_ALREADY 1         /* it was so before */
#define USHER_INVITED 2         /* an invitation is out; the emitted row says until when */
#define USHER_ABSENT  3         /* read: the app itself said that there is no such member or
                                   invitation.  A 404 that any wrong path would give is no such word */

/* ---- Errors ----

   -(class * 100 + detail).  The class decides what the host does, so a host that does not know a
   detail uses its class: 1 transient, 2 throttled, 3 credential, 4 permission, 5 configuration,
   6 refused, 7 contract, 8 uncertain, 9 limit, 10 host, 11 bug.  */
#define USHER_E_NETWORK     (-101)  /* no connection, TLS, or a short answer */
#define USHER_E_TIMEOUT     (-102)  /* no answer in time */
#define USHER_E_APP_DOWN    (-103)  /* the app says that it is out of order (5xx) */
#define USHER_E_CURSOR      (-104)  /* the cursor is no longer good: the host begins again, once */
#define USHER_E_RATE        (-201)  /* too many requests; until_ms where known */
#define USHER_E_QUOTA       (-202)  /* a quota of the day or month is used up; until_ms where known */
#define USHER_E_LATER       (-203)  /* the app is working on it: no failure.  The host calls again at
                                       until_ms with what checkpoint held */
#define USHER_E_SESSION     (-301)  /* signed out: host calls login once, then the operation again */
#define USHER_E_PASSWORD    (-302)  /* user name or password refused */
#define USHER_E_TOKEN       (-303)  /* token refused: as SESSION, else the account needs a new one */
#define USHER_E_2FA_MISSING (-304)  /* asks for a code, and there is no seed */
#define USHER_E_2FA_OTHER   (-305)  /* asks for a kind of second factor that a program cannot give */
#define USHER_E_PERSON      (-306)  /* CAPTCHA, consent: url */
#define USHER_E_LOCKED      (-307)  /* the account is locked */
#define USHER_E_SSO_ONLY    (-308)  /* the account may only sign in through single sign-on */
#define USHER_E_FORBIDDEN   (-401)  /* field: the right or scope that is missing */
#define USHER_E_SPACE       (-501)  /* the space named in the hub's fields does not exist or is another */
#define USHER_E_CONFIG      (-502)  /* field: a hub field that cannot be right */
#define USHER_E_VERSION     (-503)  /* API version no longer served */
#define USHER_E_REFUSED     (-601)  /* a rule of the app's own; text tells it */
#define USHER_E_SEATS       (-602)  /* no seat left */
#define USHER_E_SUBSCRIPTION (-603) /* the app's subscription has ended */
#define USHER_E_LAST_OWNER  (-604)  /* somebody must stay owner */
#define USHER_E_FIELD       (-605)  /* field: value refused by the app */
#define USHER_E_ADDRESS     (-606)  /* e-mail address refused */
#define USHER_E_ROLE        (-607)  /* no such role, or not for this member */
#define USHER_E_NO_MEMBER   (-608)  /* no such member; for remove that is USHER_ALREADY */
#define USHER_E_NOT_JOINED  (-609)  /* not before the invitation is accepted; the change stays wanted */
#define USHER_E_SHAPE       (-701)  /* the app answered in a shape nobody expected */
#define USHER_E_DRIFT       (-702)  /* a required selector is gone: nothing was written */
#define USHER_E_UNCERTAIN   (-801)  /* the write may have been applied: the host reads back first */
#define USHER_E_LIMIT       (-901)  /* bigger than a stated maximum */
#define USHER_E_LOOP        (-902)  /* a page or cursor came twice */
#define USHER_E_UNSUPPORTED (-1001) /* no such operation or helper */
#define USHER_E_CANCELLED   (-1002) /* the host wants the operation to end */
#define USHER_E_NOMEM       (-1003) /* out of memory */
#define USHER_E_MISUSE      (-1101) /* the contract was broken by the one who called */

/* level of log, as in syslog */
#define USHER_LOG_ERROR   3u
#define USHER_LOG_WARNING 4u
#define USHER_LOG_INFO    6u
#define USHER_LOG_DEBUG   7u

/* ---- Helpers ----

   Append-only.  Called through the inline functions below, which hide the table.  Any helper that
   answers a status may answer USHER_E_CANCELLED; return it.  A helper called out of place or with
   arguments out of range answers USHER_E_MISUSE and has done nothing.  All may be called only
   from inside an operation, from the thread of that operation.  */
struct usher_ctx;

struct usher_host
{
  struct usher_abi abi;
  /* A line for the operator, at most 1 KiB, 200 of them in an operation; the rest is dropped. */
  void    (*log) (struct usher_ctx *, uint32_t level, const char *text);
  /* Tells why the operation is about to fail; the last one counts.  Answers fault->code, so that
     "return usher_fail (...)" reads well.  An operation may fail without; then the host has only
     its status. */
  int32_t (*fail) (struct usher_ctx *, const struct usher_fault *);
  /* 0, or USHER_E_CANCELLED.  For long work between other helpers. */
  int32_t (*poll) (struct usher_ctx *);
  /* The time.  A recorded session replays it, so connectors use no clock of their own. */
  int64_t (*now_ms) (struct usher_ctx *);
  /* A hub field of the app file by its key, INDEX the n-th value of a field that has many; also
     account.username, account.email, account.phone.  In usher app check, which only opens the
     connector to learn what it makes of "run", app.file is the app file without it, as JSON text.
     NULL when it does not exist.  Borrowed until close returns. */
  const char *(*conf) (struct usher_ctx *, const char *name, size_t index);
  /* A stand-in for a secret field of the account, or for "username" or "totp"; NULL when it does not
     exist.  It is "uS" and 30 letters and digits, other ones in every session; wherever it stands in
     a URL, header value or body of a request, the host puts the value there, escaped for the place,
     and only towards hosts that the app file lists for that secret; elsewhere the request is
     USHER_E_MISUSE.  "totp" is a code computed when the request is sent, never the same step twice.
     What must be computed from a secret (Basic, HMAC) is an auth rule of the app file.  A secret
     that the app file reveals is the value itself.  Borrowed until close returns. */
  const char *(*secret) (struct usher_ctx *, const char *name);
  /* Stores a value that login has obtained, as a secret field of the account; durable when it
     returns.  expires_ms 0 = does not.  From then on secret (NAME) is a stand-in for it.  Where the
     host gets the account's access tokens, access_token, client_id, client_secret and refresh_token
     are its own: USHER_E_MISUSE. */
  int32_t (*secret_put) (struct usher_ctx *, const char *name, const char *value,
                         int64_t expires_ms);
  /* What state_put kept for this hub under KEY; borrowed until the next state_get.  *RET is NULL and
     *RET_LEN 0 when there is nothing.  A cache: the host may forget it. */
  int32_t (*state_get) (struct usher_ctx *, const char *key, const void **ret, size_t *ret_len);
  /* Keeps LEN bytes, at most 16 KiB, under KEY; 0 bytes forget it.  No secrets. */
  int32_t (*state_put) (struct usher_ctx *, const char *key, const void *, size_t);
  /* Starts a request and does not wait: *RET_H is its handle.  At most 8 are open at a time; one more
     is USHER_E_MISUSE.  Cookies, conditional requests, retries of safe requests, rate limits, token
     refresh and decompression are the host's affair.

     The host is the witness of a listing.  A request belongs to the section that is open, or to
     none.  Any answer in a section with a status that accept does not name, a short body, a refused
     redirect, or another content type than the first answer of the section, that was not followed
     by a good one for the same request, makes that section unproved, whatever verdict it is given. */
  int32_t (*http_open) (struct usher_ctx *, const struct usher_request *, uint32_t *ret_h);
  /* Waits for status and headers.  RET->size is set by the caller.  What RET points to is borrowed
     until http_close.  USHER_DONE whatever the status is: the connector judges it. */
  int32_t (*http_head) (struct usher_ctx *, uint32_t h, struct usher_response *ret);
  /* Waits for more of the body and writes 1..CAP bytes of it; *RET_LEN 0 is its end.  A body cut
     short is USHER_E_NETWORK, one over max_bytes USHER_E_LIMIT.  http_head may be left out. */
  int32_t (*http_read) (struct usher_ctx *, uint32_t h, void *buf, size_t cap, size_t *ret_len);
  /* Gives the handle back, whatever state it is in; a handle that is not open is ignored. */
  void    (*http_close) (struct usher_ctx *, uint32_t h);
  /* Opens a section of KIND and SCOPE (at most 1 KiB).  In list only, none being open. */
  int32_t (*section) (struct usher_ctx *, uint32_t kind, const char *scope);
  /* Closes it.  TOTAL is how many rows the app says there are, -1 = not told; WHY a sentence for
     USHER_PARTIAL, else NULL. */
  int32_t (*section_end) (struct usher_ctx *, uint32_t verdict, int64_t total, const char *why);
  /* In list: ties the rows emitted so far to a cursor of at most 16 KiB; list may be called again
     with it in the same or in another process, and then opens its section again.  In a write: keeps
     the blob before the next step, or before USHER_E_LATER, and hands it to the next attempt as
     resume.  Durable when it returns.  A blob that holds a secret's value is USHER_E_MISUSE. */
  int32_t (*checkpoint) (struct usher_ctx *, const void *, size_t);
  /* A row; at most 48 KiB in all.  In list only inside a section of kind MEMBERS or INVITES; in read
     and in the writes the one member, as the app shows it now; in check it is only counted. */
  int32_t (*emit_member) (struct usher_ctx *, const struct usher_member *);
  /* A role; in list inside ROLES, or in check. */
  int32_t (*emit_role) (struct usher_ctx *, const struct usher_role *);
  /* An object; in list inside OBJECTS, or in check. */
  int32_t (*emit_object) (struct usher_ctx *, const struct usher_object *);
  /* An edge, inside ACCESS: WHO (state and id, or email of an invitation without id, or partner) has
     this right.  So rights that are listed by asset need no call for each member. */
  int32_t (*emit_access) (struct usher_ctx *, const struct usher_member *who,
                          const struct usher_access *);
  /* An edge, inside ROLE_OF: WHO has the role.  For groups that list their members. */
  int32_t (*emit_role_of) (struct usher_ctx *, const struct usher_member *who,
                           const struct usher_kv *role);
  /* Tells something about the hub.  Keys of 1.0: space.id, space.name, self.id, self.login,
     missing.<right>, cannot.<ability> (value: the sentence why), warn.<topic>.  The host keeps
     space.id and refuses a listing of another space. */
  int32_t (*fact) (struct usher_ctx *, const char *key, const char *value);
};

/* One operation.  Only the first field is seen from here. */
struct usher_ctx
{
  const struct usher_host *host;
};

/* ---- Operations ----

   SELF is what open gave.  Each answers USHER_DONE, another answer that its text names, or an
   error.  Operations other than open, close, check and list may be NULL: unsupported.  */

/* A write: makes it so, emits the member as the app shows it afterwards (remove: nothing), and
   answers USHER_DONE, USHER_ALREADY, or USHER_INVITED.  When the answer of a request that
   changes something is lost: USHER_E_UNCERTAIN.  The host reads back in any case. */
typedef int32_t usher_write (struct usher_ctx *, void *self, const struct usher_change *);

struct usher_connector
{
  struct usher_abi abi;
  const char *name;        /* the file's name without ".so" */
  const char *version;     /* the connector's own, for people */
  /* Once, first: reads hub->spec and conf, makes *RET_SELF.  Opens no request. */
  int32_t (*open) (struct usher_ctx *, const struct usher_hub *hub, void **ret_self);
  /* Once, last, when open was USHER_DONE: frees self.  Not called when the process is killed. */
  void    (*close) (struct usher_ctx *, void *self);
  /* Signs in.  Called before the first operation (FIRST), once when an operation answered SESSION or
     TOKEN (REFUSED; then the operation again, a listing from its last cursor), and with an OAuth
     code (CODE).  NULL where requests need nothing but an auth rule. */
  int32_t (*login) (struct usher_ctx *, void *self, const struct usher_login *);
  /* Looks whether the hub works: a cheap request with the rights that are needed, facts, roles.  A
     404 of the base address is USHER_E_SPACE, 401 USHER_E_TOKEN, 403 USHER_E_FORBIDDEN. */
  int32_t (*check) (struct usher_ctx *, void *self);
  /* Lists.  From the cursor where there is one. */
  int32_t (*list) (struct usher_ctx *, void *self, const struct usher_list *);
  /* Reads one member or invitation, emits it and answers USHER_DONE, or answers USHER_ABSENT only on
     the app's own word.  No row and USHER_DONE is USHER_E_MISUSE.  NULL: the host lists again. */
  int32_t (*read) (struct usher_ctx *, void *self, const struct usher_member *who);
  usher_write *invite;      /* change->member is to be a member or invited, with change->roles */
  usher_write *set_role;    /* change->member is to have exactly change->roles */
  usher_write *set_access;  /* change->access is to be given and taken */
  usher_write *remove;      /* change->member, or the invitation, is to be gone */
  usher_write *resend;      /* the invitation is to be sent again */
};

/* The one symbol that a connector exports.  The answer lives as long as the process. */
const struct usher_connector *usher_connector_v1 (void);

/* Defines the entry so that it is seen when all else is hidden (-fvisibility=hidden):
     USHER_CONNECTOR_ENTRY (&connector)  */
#if defined __GNUC__
#define USHER_EXPORT __attribute__ ((visibility ("default")))
#else
#define USHER_EXPORT
#endif
#define USHER_CONNECTOR_ENTRY(connector) \
  USHER_EXPORT const struct usher_connector *usher_connector_v1 (void) { return (connector); }

/* The first field of a struct usher_connector. */
#define USHER_CONNECTOR_ABI(min_minor) \
  { USHER_MAGIC, USHER_MAJOR, USHER_MINOR, sizeof (struct usher_connector), (min_minor) }

/* ---- The helpers, as they are called ----

   One inline function for each, with the contract of the field of its name above.  A host that is
   older than the helper: USHER_E_UNSUPPORTED, NULL, or nothing done.  The brackets around the
   fields keep macros of their names (some headers have a log or a fail) out of the calls.  */
#define USHER_HOST_HAS(ctx, helper) \
  (offsetof (struct usher_host, helper) < (ctx)->host->abi.size)

static inline void
usher_log (struct usher_ctx *ctx, uint32_t level, const char *text)
{
  if (USHER_HOST_HAS (ctx, log))
    (ctx->host->log) (ctx, level, text);
}

static inline int32_t
usher_fail (struct usher_ctx *ctx, const struct usher_fault *fault)
{
  return USHER_HOST_HAS (ctx, fail) ? (ctx->host->fail) (ctx, fault) : fault->code;
}

static inline int32_t
usher_poll (struct usher_ctx *ctx)
{
  return USHER_HOST_HAS (ctx, poll) ? (ctx->host->poll) (ctx) : USHER_E_UNSUPPORTED;
}

static inline int64_t
usher_now_ms (struct usher_ctx *ctx)
{
  return USHER_HOST_HAS (ctx, now_ms) ? (ctx->host->now_ms) (ctx) : 0;
}

static inline const char *
usher_conf (struct usher_ctx *ctx, const char *name, size_t index)
{
  return USHER_HOST_HAS (ctx, conf) ? (ctx->host->conf) (ctx, name, index) : NULL;
}

static inline const char *
usher_secret (struct usher_ctx *ctx, const char *name)
{
  return USHER_HOST_HAS (ctx, secret) ? (ctx->host->secret) (ctx, name) : NULL;
}

static inline int32_t
usher_secret_put (struct usher_ctx *ctx, const char *name, const char *value, int64_t expires_ms)
{
  return USHER_HOST_HAS (ctx, secret_put)
         ? (ctx->host->secret_put) (ctx, name, value, expires_ms)
         : USHER_E_UNSUPPORTED;
}

static inline int32_t
usher_state_get (struct usher_ctx *ctx, const char *key, const void **ret, size_t *ret_len)
{
  return USHER_HOST_HAS (ctx, state_get)
         ? (ctx->host->state_get) (ctx, key, ret, ret_len)
         : USHER_E_UNSUPPORTED;
}

static inline int32_t
usher_state_put (struct usher_ctx *ctx, const char *key, const void *data, size_t len)
{
  return USHER_HOST_HAS (ctx, state_put)
         ? (ctx->host->state_put) (ctx, key, data, len)
         : USHER_E_UNSUPPORTED;
}

static inline int32_t
usher_http_open (struct usher_ctx *ctx, const struct usher_request *request, uint32_t *ret_h)
{
  return USHER_HOST_HAS (ctx, http_open)
         ? (ctx->host->http_open) (ctx, request, ret_h)
         : USHER_E_UNSUPPORTED;
}

static inline int32_t
usher_http_head (struct usher_ctx *ctx, uint32_t h, struct usher_response *ret)
{
  return USHER_HOST_HAS (ctx, http_head)
         ? (ctx->host->http_head) (ctx, h, ret)
         : USHER_E_UNSUPPORTED;
}

static inline int32_t
usher_http_read (struct usher_ctx *ctx, uint32_t h, void *buf, size_t cap, size_t *ret_len)
{
  return USHER_HOST_HAS (ctx, http_read)
         ? (ctx->host->http_read) (ctx, h, buf, cap, ret_len)
         : USHER_E_UNSUPPORTED;
}

static inline void
usher_http_close (struct usher_ctx *ctx, uint32_t h)
{
  if (USHER_HOST_HAS (ctx, http_close))
    (ctx->host->http_close) (ctx, h);
}

static inline int32_t
usher_section (struct usher_ctx *ctx, uint32_t kind, const char *scope)
{
  return USHER_HOST_HAS (ctx, section)
         ? (ctx->host->section) (ctx, kind, scope)
         : USHER_E_UNSUPPORTED;
}

static inline int32_t
usher_section_end (struct usher_ctx *ctx, uint32_t verdict, int64_t total, const char *why)
{
  return USHER_HOST_HAS (ctx, section_end)
         ? (ctx->host->section_end) (ctx, verdict, total, why)
         : USHER_E_UNSUPPORTED;
}

static inline int32_t
usher_checkpoint (struct usher_ctx *ctx, const void *data, size_t len)
{
  return USHER_HOST_HAS (ctx, checkpoint)
         ? (ctx->host->checkpoint) (ctx, data, len)
         : USHER_E_UNSUPPORTED;
}

static inline int32_t
usher_emit_member (struct usher_ctx *ctx, const struct usher_member *member)
{
  return USHER_HOST_HAS (ctx, emit_member)
         ? (ctx->host->emit_member) (ctx, member)
         : USHER_E_UNSUPPORTED;
}

static inline int32_t
usher_emit_role (struct usher_ctx *ctx, const struct usher_role *role)
{
  return USHER_HOST_HAS (ctx, emit_role) ? (ctx->host->emit_role) (ctx, role) : USHER_E_UNSUPPORTED;
}

static inline int32_t
usher_emit_object (struct usher_ctx *ctx, const struct usher_object *object)
{
  return USHER_HOST_HAS (ctx, emit_object)
         ? (ctx->host->emit_object) (ctx, object)
         : USHER_E_UNSUPPORTED;
}

static inline int32_t
usher_emit_access (struct usher_ctx *ctx, const struct usher_member *who,
                   const struct usher_access *access)
{
  return USHER_HOST_HAS (ctx, emit_access)
         ? (ctx->host->emit_access) (ctx, who, access)
         : USHER_E_UNSUPPORTED;
}

static inline int32_t
usher_emit_role_of (struct usher_ctx *ctx, const struct usher_member *who,
                    const struct usher_kv *role)
{
  return USHER_HOST_HAS (ctx, emit_role_of)
         ? (ctx->host->emit_role_of) (ctx, who, role)
         : USHER_E_UNSUPPORTED;
}

static inline int32_t
usher_fact (struct usher_ctx *ctx, const char *key, const char *value)
{
  return USHER_HOST_HAS (ctx, fact) ? (ctx->host->fact) (ctx, key, value) : USHER_E_UNSUPPORTED;
}

#ifdef __cplusplus
}
#endif
#endif
