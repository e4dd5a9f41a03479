/* Owns what the API adds to the engine's metrics: answers by status, open streams. */
#include <config.h>

#include "host/api/metrics.h"

#include "host/api/stream.h"

#define TEXT_MAX (256u * 1024)

char *
metrics_text (struct engine *e, const struct call *c, struct traffic *traffic, struct streams *streams,
              struct refusal *r)
{
  _cleanup_ (buf_done) struct buf out = BUF_INIT (TEXT_MAX);
  char *text;
  size_t i;

  if (engine_metrics (e, c, &out, r) < 0)
    return NULL;
  buf_puts (&out, "# TYPE usher_http_answers counter\n# HELP usher_http_answers Requests answered, by status.\n");
  for (i = 0; i < ARRAY_SIZE (traffic->answered); i++)
    {
      uint64_t n = atomic_load (&traffic->answered[i]);

      if (n)
        buf_printf (&out, "usher_http_answers_total{code=\"%zu\"} %llu\n", i + STATUS_MIN, (unsigned long long) n);
    }
  buf_printf (&out, "# TYPE usher_event_streams gauge\n# HELP usher_event_streams Event streams that are open.\n"
                    "usher_event_streams %zu\n# EOF\n", streams_open (streams));
  text = buf_steal (&out);
  if (!text)
    (void) refuse_errno (r, -ENOMEM);
  return text;
}
