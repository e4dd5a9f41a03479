/* The look at a shared object before its code runs. */
#include <config.h>

#include "unit.h"

#include "host/common/buf.h"
#include "host/common/io.h"
#include "host/worker/elf.h"

static void
read_object (const char *path, struct buf *file)
{
  ck_assert_int_eq (io_read_file (path, file), 0);
}

START_TEST (test_an_exported_function_is_found)
{
  _cleanup_ (buf_done) struct buf file = BUF_INIT (16u << 20);
  struct elf_object object;
  size_t i;
  bool libc = false;

  read_object (GOOD, &file);
  ck_assert_int_eq (elf_read (file.data, file.len, "usher_connector_v1", &object), 0);
  ck_assert (object.exports);
  for (i = 0; i < object.n_needed; i++)
    libc |= strncmp (object.needed[i], "libc.so", 7) == 0;
  ck_assert (libc);
  ck_assert_int_eq (elf_read (file.data, file.len, "usher_connector_v9", &object), 0);
  ck_assert (!object.exports);
  /* A function that it calls is not one that it defines. */
  ck_assert_int_eq (elf_read (file.data, file.len, "snprintf", &object), 0);
  ck_assert (!object.exports);
}
END_TEST

START_TEST (test_what_is_no_shared_object_is_refused)
{
  _cleanup_ (buf_done) struct buf file = BUF_INIT (16u << 20);
  struct elf_object object;

  ck_assert_int_eq (elf_read ("", 0, "x", &object), -ENOEXEC);
  ck_assert_int_eq (elf_read ("#!/bin/sh\n", 10, "x", &object), -ENOEXEC);
  read_object (GOOD, &file);
  file.data[18] ^= 0x55;   /* e_machine */
  ck_assert_int_eq (elf_read (file.data, file.len, "x", &object), -ENOEXEC);
}
END_TEST

START_TEST (test_a_file_cut_anywhere_never_leads_out_of_it)
{
  _cleanup_ (buf_done) struct buf file = BUF_INIT (16u << 20);
  struct elf_object object;
  size_t n;
  int r;

  read_object (GOOD, &file);
  for (n = 0; n < file.len; n++)
    {
      r = elf_read (file.data, n, "usher_connector_v1", &object);
      ck_assert (r == -ENOEXEC || r == -EBADMSG);
    }
}
END_TEST

/* Each byte of the tables changed, one at a time: an answer, never a crash. */
START_TEST (test_damaged_tables_are_survived)
{
  _cleanup_ (buf_done) struct buf file = BUF_INIT (16u << 20);
  struct elf_object object;
  size_t n;

  read_object (GOOD, &file);
  for (n = 0; n < file.len; n += n < 4096 ? 1 : 7)
    {
      file.data[n] = (char) ~file.data[n];
      (void) elf_read (file.data, file.len, "usher_connector_v1", &object);
      file.data[n] = (char) ~file.data[n];
    }
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_test (t, test_an_exported_function_is_found);
  tcase_add_test (t, test_what_is_no_shared_object_is_refused);
  tcase_add_test (t, test_a_file_cut_anywhere_never_leads_out_of_it);
  tcase_add_test (t, test_damaged_tables_are_survived);
}

UNIT_MAIN ("elf", fill)
