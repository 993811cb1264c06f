/* The driver of the fuzz targets of packages. */
#include "tests/packages/support/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX 256

typedef struct input {
    uint8_t *bytes;
    size_t len;
} input;

typedef struct corpus {
    input rows[FILES_MAX];
    size_t len;
} corpus;

static uint64_t random_state;

/* xorshift64*: the same numbers in every run. */
static size_t below(size_t end)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (size_t)(random_state * UINT64_C(2685821657736338717) >> 16) % end;
}

static void take_file(corpus *corpus, const char *path)
{
    FILE *file = fopen(path, "rb");
    input *row = &corpus->rows[corpus->len];

    if (!file)
        return;
    row->bytes = malloc(FUZZ_INPUT_MAX);
    if (!row->bytes)
        abort();
    row->len = fread(row->bytes, 1, FUZZ_INPUT_MAX, file);
    corpus->len++;
    fclose(file);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static corpus *read_corpus(const char *name)
{
    corpus *corpus = calloc(1, sizeof(*corpus));
    struct dirent **names = NULL;
    char path[1024];
    int len;

    snprintf(path, sizeof(path), "%s/packages/corpus/%s", HL_TEST_SOURCE, name);
    len = scandir(path, &names, NULL, by_name);
    for (int i = 0; i < len; i++) {
        snprintf(path, sizeof(path), "%s/packages/corpus/%s/%s", HL_TEST_SOURCE, name, names[i]->d_name);
        if (corpus && names[i]->d_name[0] != '.' && corpus->len < FILES_MAX)
            take_file(corpus, path);
        free(names[i]);
    }
    free(names);
    return corpus;
}

static void free_corpus(corpus *corpus)
{
    for (size_t i = 0; i < corpus->len; i++)
        free(corpus->rows[i].bytes);
    free(corpus);
}

/* In memory of exactly this length, so that a sanitizer sees every step beyond. */
static void run(fuzz_fn *target, const uint8_t *bytes, size_t len)
{
    uint8_t *exact = malloc(len ? len : 1);

    if (!exact)
        abort();
    memcpy(exact, bytes, len);
    target(exact, len);
    free(exact);
}

size_t fuzz_corpus(const char *name, fuzz_fn *target)
{
    corpus *corpus = read_corpus(name);
    size_t len = corpus->len;

    for (size_t i = 0; i < len; i++)
        run(target, corpus->rows[i].bytes, corpus->rows[i].len);
    free_corpus(corpus);
    return len;
}

/* ---- damaging ---- */

static void cut_out(input *at)
{
    size_t begin = below(at->len), len = 1 + below(at->len - begin);

    memmove(at->bytes + begin, at->bytes + begin + len, at->len - begin - len);
    at->len -= len;
}

static void put_in(input *at, const void *bytes, size_t len)
{
    size_t begin = below(at->len + 1);

    if (at->len + len > FUZZ_INPUT_MAX)
        return;
    memmove(at->bytes + begin + len, at->bytes + begin, at->len - begin);
    memcpy(at->bytes + begin, bytes, len);
    at->len += len;
}

static void put_piece(input *at, const input *from)
{
    uint8_t piece[1024];
    size_t begin = below(from->len), len = 1 + below(sizeof(piece));

    if (len > from->len - begin)
        len = from->len - begin;
    memcpy(piece, from->bytes + begin, len);
    put_in(at, piece, len);
}

static void damage_once(input *at, const corpus *corpus, const char *const *words, size_t words_len)
{
    static const uint8_t extremes[] = {0, 1, 0x7f, 0x80, 0xff, '0', '9', '/', '.', '"', '\\', '\n'};
    const input *other = &corpus->rows[below(corpus->len)];

    if (at->len == 0)
        return;
    switch (below(words_len ? 6 : 5)) {
    case 0:
        at->bytes[below(at->len)] = (uint8_t)below(256);
        return;
    case 1:
        at->bytes[below(at->len)] = extremes[below(sizeof(extremes))];
        return;
    case 2:
        at->bytes[below(at->len)] ^= (uint8_t)(1u << below(8));
        return;
    case 3:
        cut_out(at);
        return;
    case 4:
        if (other->len)
            put_piece(at, other);
        return;
    default:
        words += below(words_len);
        put_in(at, *words, strlen(*words));
    }
}

void fuzz_damage(const char *name, unsigned rounds, const char *const *words, fuzz_fn *target, fuzz_repair_fn *repair)
{
    corpus *corpus = read_corpus(name);
    input input = {malloc(FUZZ_INPUT_MAX), 0};
    size_t words_len = 0;

    while (words && words[words_len])
        words_len++;
    random_state = 20240229;
    for (unsigned i = 0; input.bytes && i < rounds; i++) {
        const struct input *from = &corpus->rows[below(corpus->len)];

        memcpy(input.bytes, from->bytes, from->len);
        input.len = from->len;
        for (size_t changes = 1 + below(4); changes > 0; changes--)
            damage_once(&input, corpus, words, words_len);
        if (repair)
            repair(input.bytes, input.len);
        run(target, input.bytes, input.len);
    }
    free(input.bytes);
    free_corpus(corpus);
}
