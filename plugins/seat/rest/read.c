/* Reading one member: the entries of "read" in their order, until one shows it.  Absent only when
   each of those that fit the member said so.  */
#include <config.h>

#include "plugins/seat/rest/steps.h"

#include <string.h>

struct reading
{
  struct rest_op *op;
  const struct usher_member *who;
  const struct rest_source *source;
  bool found;
};

/* Whether ROW is the one that is read.  Without a test of the descriptor it is so by its id, and
   where there is none yet, by its address. */
static bool
is_who (const struct reading *rd, const struct usher_member *row)
{
  const struct usher_member *who = rd->who;

  if (who->id && who->state < USHER_PENDING)
    return row->state < USHER_PENDING && row->id && strcmp (row->id, who->id) == 0;
  if (json_object_get (rd->source->spec, "where"))
    return true;
  if (who->id && row->state >= USHER_PENDING && row->id)
    return strcmp (row->id, who->id) == 0;
  return !who->email || !row->email || text_same (row->email, who->email);
}

static int32_t
on_item (void *arg, const struct rest_texts *values)
{
  struct reading *rd = arg;
  struct rest_row row;
  bool fits;
  int32_t r = rest_source_fits (rd->op, rd->source, values, &fits);

  if (r == USHER_ABSENT)
    return rest_missing (rd->op);
  if (r < 0 || !fits || rd->found)
    return r;
  r = rest_row (rd->op, &rd->source->plan, values, &row);
  if (r < 0 || row.skip || !(row.row.id || row.row.state >= USHER_PENDING) || !is_who (rd, &row.row))
    return r;
  rd->found = true;
  return usher_emit_member (rd->op->ctx, &row.row);
}

/* One entry: USHER_DONE, USHER_ABSENT, REST_LACKS when it is not for this member, or an error. */
static int32_t
read_by (struct reading *rd, const json_t *spec)
{
  struct rest_op *op = rd->op;
  struct rest_answer a;
  bool fits;
  int32_t r = rest_when (op, spec, &fits);

  if (r < 0 || !fits)
    return r < 0 ? r : REST_LACKS;
  rd->source = rest_source_of (op->rest, spec);
  r = rest_ask (op, spec, REST_TO_READ, /* key */ NULL, &a);
  if (r == USHER_DONE)
    {
      r = rest_source_each (op, rd->source, &a, on_item, rd);
      if (r >= 0 && !rd->found)
        r = USHER_ABSENT;
      if (r == USHER_ABSENT && rd->source->items && !rest_reader_present (rd->source->reader)
          && !json_is_true (json_object_get (spec, "absent_is_empty")))
        r = seat_fail (op->ctx, USHER_E_SHAPE, NULL, "Asked to %s, the app answered without %s", op->what,
                       json_string_value (json_object_get (spec, "at")));
      if (r == USHER_ABSENT && !rd->source->items)
        r = seat_fail (op->ctx, USHER_E_SHAPE, NULL, "Asked to %s, the app showed somebody else", op->what);
    }
  rest_answer_done (&a);
  return r;
}

int32_t
rest_read_one (struct rest_op *op, const struct usher_member *who)
{
  const json_t *read = json_object_get (op->rest->run, "read");
  struct reading rd = { .op = op, .who = who };
  size_t n = json_is_array (read) ? json_array_size (read) : read != NULL;
  bool lenient = op->lenient;
  int32_t answer = USHER_E_UNSUPPORTED;

  op->lenient = true;
  for (size_t i = 0; i < n; i++)
    {
      int32_t r = read_by (&rd, json_is_array (read) ? json_array_get (read, i) : read);

      if (r != REST_LACKS)
        answer = r;
      if (r < 0 || rd.found)
        break;
    }
  op->lenient = lenient;
  return answer;
}

int32_t
rest_read (struct usher_ctx *ctx, struct rest *rest, const struct usher_member *who)
{
  struct rest_op op = { .ctx = ctx, .rest = rest, .what = "read a member" };
  int32_t r = rest_name_member (&op, who);

  if (r >= 0)
    r = rest_read_one (&op, who);
  if (r == USHER_E_UNSUPPORTED)
    r = seat_fail (ctx, r, NULL, "The app file has no way to read this member");
  rest_op_done (&op);
  return r;
}
