/* What every unit test program shares: a main that runs one suite, forked. */
#ifndef USHER_TESTS_UNIT_H
#define USHER_TESTS_UNIT_H

#include <check.h>
#include <stdlib.h>

/* Defines main: runs the cases that FILL adds to a test case of SUITE. */
#define UNIT_MAIN(suite_name, fill)                                     \
  int main (void)                                                       \
  {                                                                     \
    Suite *suite = suite_create (suite_name);                           \
    TCase *tcase = tcase_create (suite_name);                           \
    SRunner *runner;                                                    \
    int failed;                                                         \
                                                                        \
    tcase_set_timeout (tcase, 60);                                      \
    fill (tcase);                                                       \
    suite_add_tcase (suite, tcase);                                     \
    runner = srunner_create (suite);                                    \
    srunner_run_all (runner, CK_NORMAL);                                \
    failed = srunner_ntests_failed (runner);                            \
    srunner_free (runner);                                              \
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;                        \
  }

#endif
