/* Inputs that others made up, for readers of them: a kept corpus, and what fixed numbers make of it. The same target
 * function runs under libFuzzer: clang -fsanitize=fuzzer,address -DHL_TEST_LIBFUZZER with the library's own sources. */
#ifndef HL_TEST_PACKAGES_FUZZ_H
#define HL_TEST_PACKAGES_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#define FUZZ_INPUT_MAX ((size_t)64 * 1024)

typedef int fuzz_fn(const uint8_t *bytes, size_t len);
/* Makes a damaged input right again where a mere checksum would end every try. May be NULL. */
typedef void fuzz_repair_fn(uint8_t *bytes, size_t len);

/* Runs the target over all files of tests/packages/corpus/NAME, in exact memory. How many there were. */
size_t fuzz_corpus(const char *name, fuzz_fn *target);
/* Runs it over as many damaged ones, the same in every run. `words` (NULL-terminated) are put in now and then. */
void fuzz_damage(const char *name, unsigned rounds, const char *const *words, fuzz_fn *target, fuzz_repair_fn *repair);

#endif
