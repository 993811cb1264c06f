/* See place.h. */
#include "tests/store/support/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int place_begin(void **state)
{
    place *here = calloc(1, sizeof(*here));
    assert_non_null(here);
    here->folder = folder_new();
    lmdb_url(here->folder, here->url);
    path_in(here->folder, "data.mdb", here->data);
    *state = here;
    return 0;
}

int place_end(void **state)
{
    place *here = *state;
    folder_remove(here->folder);
    free(here);
    return 0;
}

void fill_store(const char *url, int plugins)
{
    char name[32];
    hl__store *store = open_store(url);
    for (int i = 0; i < plugins; i++) {
        snprintf(name, sizeof(name), "plugin-%d", i);
        assert_int_equal(put_plugin(store, name, "some text"), HL_OK);
    }
    close_store(store);
}

void assert_refused_untouched(const place *here, hl_status expected, const char *hint)
{
    hl__store *store;
    size_t before_len, after_len;
    char *before = file_read(here->data, &before_len);

    hl_status status = hl__store_open(here->url, 0, 0, &store);
    if (status == HL_OK)
        close_store(store);
    assert_int_equal(status, expected);
    assert_string_equal(hl_last_error()->field, "store");
    assert_non_null(strstr(hl_last_error()->message, hint));
    char *after = file_read(here->data, &after_len);
    assert_int_equal(after_len, before_len);
    assert_memory_equal(after, before, before_len);
    free(before);
    free(after);
}
