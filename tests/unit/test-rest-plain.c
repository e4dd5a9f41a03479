/* Values of descriptors without jq, as starve.py runs them too: libjq ends the process that has no
   memory for it, everything else answers.  */
#include <config.h>

#include "unit.h"

#include "plugins/seat/rest/value.h"

#include <stdio.h>
#include <string.h>
#include <usher/fakehost.h>

static const char values_text[] =
  "[\"id\",{\"at\":\"name\",\"then\":[\"trim\",\"lower\"]},{\"at\":\"role\",\"map\":{\"1\":\"owner\",\"2\":null,\"*\":\"member\"}},"
  "{\"first\":[\"nick\",{\"const\":\"none\"}]},\"tags[]\"]";
#define N_VALUES 5

static int32_t
on_item (void *arg, const struct rest_texts *values)
{
  char *text = arg;
  size_t len = strlen (text);

  for (size_t i = 0; i < N_VALUES; i++)
    for (size_t k = 0; k < values[i].n; k++)
      len += (size_t) snprintf (text + len, 512 - len, "%s;", values[i].v[k]);
  return USHER_DONE;
}

/* Makes a reader of VALUES and page values PAGE, reads BODY twice, and frees it. */
static void
read_twice (bool xml, const char *items, const char *values, const char *page, const char *body,
            const char *want, const char *want_page)
{
  static const char *const places[] = { "a", "b", "c", "d", "e" };
  const struct usher_kv headers[] = { { "x-total", "7" } }, namespaces[] = { { "t", "urn:t" } };
  const struct usher_response head = { .size = sizeof head, .headers = headers, .n_headers = 1 };
  struct usher_fake *fake = usher_fake_new ();
  json_t *array = json_loads (values, 0, NULL), *pages = json_loads (page, 0, NULL), *v[5], *p[5];
  struct rest_reader_spec spec = { .items = items, .items_place = "at", .xml = xml, .values = v, .places = places,
                                   .page = p, .page_places = places, .namespaces = namespaces,
                                   .n_namespaces = 1 };
  struct rest_reader *reader = NULL;
  struct rest_jq *jq = NULL;
  char text[512];

  for (; spec.n_values < json_array_size (array); spec.n_values++)
    v[spec.n_values] = json_array_get (array, spec.n_values);
  for (; spec.n_page < json_array_size (pages); spec.n_page++)
    p[spec.n_page] = json_array_get (pages, spec.n_page);
  ck_assert_int_eq (rest_jq_new (&jq), USHER_DONE);
  spec.jq = jq;
  ck_assert_int_eq (rest_reader_new (usher_fake_ctx (fake), &spec, &reader), USHER_DONE);
  ck_assert_int_eq (rest_jq_compile (jq, usher_fake_ctx (fake)), USHER_DONE);
  for (int i = 0; i < 2; i++)
    {
      text[0] = '\0';
      ck_assert_int_eq (rest_reader_each_in (reader, &head, body, strlen (body), on_item, text), USHER_DONE);
      ck_assert_str_eq (text, want);
      for (size_t k = 0; k < spec.n_page; k++)
        ck_assert_str_eq (rest_reader_page (reader, k)->v[0], want_page);
    }
  rest_reader_free (reader);
  rest_jq_free (jq);
  json_decref (array);
  json_decref (pages);
  usher_fake_free (fake);
}

START_TEST (test_json_is_read_twice_alike)
{
  read_twice (false, "m[]", values_text, "[\"total\",{\"header\":\"X-Total\"}]",
              "{\"total\":7,\"m\":[{\"id\":1,\"name\":\" Ada \",\"role\":1,\"tags\":[\"x\",\"y\"]},{\"id\":2,\"role\":2}]}",
              "1;ada;owner;none;x;y;2;none;", "7");
}
END_TEST

START_TEST (test_xml_is_read_twice_alike)
{
  read_twice (true, "/m/t:row", "[\"@id\",{\"at\":\"name\",\"then\":\"trim\"},\"none\",\"none\",\"tag\"]", "[\"/m/@total\"]",
              "<m total=\"7\" xmlns:t=\"urn:t\"><t:row id=\"1\"><name> Ada</name><tag>x</tag><tag>y</tag></t:row></m>",
              "1;Ada;x;y;", "7");
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_test (t, test_json_is_read_twice_alike);
  tcase_add_test (t, test_xml_is_read_twice_alike);
}

UNIT_MAIN ("rest-plain", fill)
