/* What the tests of stores that cannot be used as they are share: a folder for each, and that refusing changes
 * nothing. */
#ifndef HL_TEST_STORE_PLACE_H
#define HL_TEST_STORE_PLACE_H

#include "tests/store/support/fixture.h"

typedef struct place {
    char *folder;
    char url[URL_BYTES];
    char data[URL_BYTES]; /* path of data.mdb */
} place;

/* Setup and teardown: *state is a place. */
int place_begin(void **state);
int place_end(void **state);

#define HERE(test) cmocka_unit_test_setup_teardown(test, place_begin, place_end)

void fill_store(const char *url, int plugins);
/* Opening fails with this status and these words, and the file is as it was. */
void assert_refused_untouched(const place *here, hl_status expected, const char *hint);

#endif
