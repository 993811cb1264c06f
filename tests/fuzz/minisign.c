/* Keys and signature files that others made up: whatever the bytes, the answer is a documented status, and only the one
 * right signature is taken. The input is a key, an empty line, and a signature file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "install/minisign.h"
#include "tests/fuzz/support/fuzz.h"

/* The file that is signed: the word "signed", as the corpus expects. */
static int signed_file(void)
{
    static int fd = -1;

    if (fd < 0) {
        fd = memfd_create("signed", MFD_CLOEXEC);
        fuzz_require(fd >= 0 && write(fd, "signed", 6) == 6);
    }
    return fd;
}

static void verify(const hl__public_key *key, const char *text, size_t len)
{
    char *exact = malloc(len ? len : 1);
    char key_id[HL__KEY_ID_TEXT], expected[HL__KEY_ID_TEXT];
    hl_status status;

    fuzz_require(exact != NULL);
    memcpy(exact, text, len);
    status = hl__signature_verify(exact, len, signed_file(), key, 1, key_id);
    hl__public_key_id(key, expected);
    fuzz_require(status == HL_OK || status == HL_ERR_SIGNATURE || status == HL_ERR_LIMIT);
    fuzz_require(strcmp(key_id, status == HL_OK ? expected : "") == 0);
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = calloc(1, size + 1);
    char *rest;
    hl__public_key key;

    fuzz_require(text != NULL);
    memcpy(text, data, size);
    rest = strstr(text, "\n\n");
    if (rest)
        *rest = '\0';
    if (hl__public_key_parse("keys[0]", text, &key) != HL_OK)
        memset(&key, 7, sizeof(key));
    if (rest)
        verify(&key, rest + 2, size - (size_t)(rest + 2 - text));
    free(text);
    return 0;
}

#ifndef HL_TEST_LIBFUZZER

static void kept_signatures_are_answered(void **state)
{
    (void)state;
    assert_true(fuzz_corpus("minisign") > 3);
}

static void damaged_signatures_are_answered(void **state)
{
    static const char *const words[] =
        {"untrusted comment: ", "trusted comment: ", "\r\n", "\n", "==", "RW", "RU", NULL};

    (void)state;
    assert_true(fuzz_damage("minisign", words, NULL) >= 1000);
    close(signed_file());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_signatures_are_answered),
        cmocka_unit_test(damaged_signatures_are_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
