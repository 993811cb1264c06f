/* Damaged modules: whatever the bytes, reading hookline_module answers with a status, and what it copies out is whole.
 * The seeds are real modules that the build makes: see cmake/HooklineFuzz.cmake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "module/elf_entry.h"
#include "tests/fuzz/support/fuzz.h"

/* What is kept of a module can be written into the store and read back. */
static void require_whole(hl__code_document *document)
{
    hl__code_document again;
    char *text = NULL;

    memset(document->sha256, 'a', sizeof(document->sha256) - 1);
    document->file = (char *)malloc(strlen(document->name) + sizeof(document->sha256) + sizeof("/.so"));
    fuzz_require(document->file != NULL);
    strcat(strcat(strcat(strcpy(document->file, document->name), "/"), document->sha256), ".so");
    fuzz_require(hl__code_encode(document, &text) == HL_OK);
    fuzz_require(hl__code_decode(document->name, text, &again) == HL_OK);
    fuzz_require(again.functions_len == document->functions_len && strcmp(again.version, document->version) == 0);
    for (size_t i = 0; i < again.functions_len; i++)
        fuzz_require(strcmp(again.functions[i].name, document->functions[i].name) == 0);
    hl__code_document_cleanup(&again);
    free(text);
}

static void require_documented(hl_status status)
{
    static const hl_status documented[] = {HL_ERR_NOT_ELF, HL_ERR_TRUNCATED, HL_ERR_ARCHITECTURE, HL_ERR_NO_ENTRY,
                                           HL_ERR_ABI,     HL_ERR_INVALID,   HL_ERR_LIMIT};
    bool found = false;

    for (size_t i = 0; i < sizeof(documented) / sizeof(documented[0]); i++)
        found = found || status == documented[i];
    fuzz_require(found && hl_last_error()->message[0]);
}

/* In memory of exactly this length, so that a sanitizer sees every step beyond. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *exact = (uint8_t *)malloc(size ? size : 1);
    hl__code_document document;
    hl_status status;

    fuzz_require(exact != NULL);
    memcpy(exact, data, size);
    status = hl__module_entry_read("input", exact, size, &document);
    free(exact);
    if (status == HL_OK)
        require_whole(&document);
    else
        require_documented(status);
    hl__code_document_cleanup(&document);
    return 0;
}

#ifndef HL_TEST_LIBFUZZER

static void kept_modules_get_a_documented_answer(void **state)
{
    (void)state;
    assert_true(fuzz_corpus("module_entry") >= 5);
}

static void damaged_modules_get_a_documented_answer(void **state)
{
    static const char *const words[] = {"hookline_module", "math", "../math", "add", "\n", NULL};

    (void)state;
    assert_true(fuzz_damage("module_entry", words, NULL) >= 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_modules_get_a_documented_answer),
        cmocka_unit_test(damaged_modules_get_a_documented_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
