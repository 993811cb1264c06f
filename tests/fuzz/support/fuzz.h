/* Inputs that others made up, for readers of them: a kept corpus, and what is made of it by damaging, for a bounded
 * time.
 *
 * A target is tests/fuzz/NAME.c with the function LLVMFuzzerTestOneInput, which ends the process (abort) when a promise
 * is broken. As a test, its main answers the corpus and damaged inputs; with HL_TEST_LIBFUZZER it has no main and is a
 * libFuzzer program: scripts/fuzz builds and runs those. Its corpus is tests/fuzz/corpus/NAME, and the seeds that the
 * build makes of real files, where there are any. */
#ifndef HL_TEST_FUZZ_H
#define HL_TEST_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FUZZ_INPUT_MAX ((size_t)64 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Makes a damaged input right again where a mere checksum would end every try. May be NULL. */
typedef void fuzz_repair_fn(uint8_t *bytes, size_t len);

/* Ends the process unless the promise holds. */
void fuzz_require(bool holds);

/* Runs the target over the whole corpus, in exact memory. How many inputs there were. */
size_t fuzz_corpus(const char *name);
/* Runs it over damaged inputs for HOOKLINE_FUZZ_SECONDS (3 when it is not set), at least 1,000 of them; the same ones
 * in every run, as many as there is time for, or others with another HOOKLINE_FUZZ_SEED. `words` (NULL-terminated) are
 * put in now and then. One that ends the process is written to fuzz-found/NAME-HASH in the working folder: mend what it
 * shows, and add it to the corpus. How many there were. */
size_t fuzz_damage(const char *name, const char *const *words, fuzz_repair_fn *repair);

#endif
