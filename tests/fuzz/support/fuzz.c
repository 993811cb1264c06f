/* The driver of fuzz targets as tests; see fuzz.h. */
#include "tests/fuzz/support/fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILES_MAX 512
#define ROUNDS_LEAST 1000
#define SECONDS 3

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

static void take_folder(corpus *corpus, const char *folder)
{
    struct dirent **names = NULL;
    int len = scandir(folder, &names, NULL, by_name);

    for (int i = 0; i < len; i++) {
        char path[1024];

        snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && corpus->len < FILES_MAX)
            take_file(corpus, path);
        free(names[i]);
    }
    free(names);
}

static corpus *read_corpus(const char *name)
{
    corpus *corpus = calloc(1, sizeof(*corpus));
    char folder[512];

    if (!corpus)
        abort();
    snprintf(folder, sizeof(folder), "%s/fuzz/corpus/%s", HL_TEST_SOURCE, name);
    take_folder(corpus, folder);
    snprintf(folder, sizeof(folder), "%s/seeds/%s", HL_TEST_PLUGINS, name);
    take_folder(corpus, folder);
    return corpus;
}

static void free_corpus(corpus *corpus)
{
    for (size_t i = 0; i < corpus->len; i++)
        free(corpus->rows[i].bytes);
    free(corpus);
}

/* ---- an input that ends the process ---- */

static struct {
    const char *name;
    const uint8_t *bytes;
    size_t len;
} running;

static void write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, text, len);

        if (written <= 0)
            return;
        text += written;
        len -= (size_t)written;
    }
}

/* Called in a process that is about to die: only with calls that are safe there. */
static void keep_input(void)
{
    char path[256] = "fuzz-found/", digits[17];
    uint64_t hash = 0xcbf29ce484222325u;
    int fd;

    for (size_t i = 0; i < running.len; i++)
        hash = (hash ^ running.bytes[i]) * 0x100000001b3u;
    for (int i = 0; i < 16; i++)
        digits[i] = "0123456789abcdef"[hash >> (60 - 4 * i) & 15];
    digits[16] = '\0';
    strncat(path, running.name, 128);
    strcat(path, "-");
    strcat(path, digits);
    mkdir("fuzz-found", 0755);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    write_all(fd, (const char *)running.bytes, running.len);
    close(fd);
    write_all(STDERR_FILENO, "\nthe input is kept in ", 23);
    write_all(STDERR_FILENO, path, strlen(path));
    write_all(STDERR_FILENO, "\n", 1);
}

static void die(int number)
{
    if (running.bytes)
        keep_input();
    signal(number, SIG_DFL);
    raise(number);
}

/* Of the sanitizers, where there is one: they end the process without a signal. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void on_death(void)
{
    if (running.bytes)
        keep_input();
}

static void watch_for_death(const char *name)
{
    static const int numbers[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGALRM};

    running.name = name;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        signal(numbers[i], die);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(on_death);
}

/* In memory of exactly this length, so that a sanitizer sees every step beyond. Thirty seconds are too many. */
static void run(const uint8_t *bytes, size_t len)
{
    uint8_t *exact = malloc(len ? len : 1);

    if (!exact)
        abort();
    memcpy(exact, bytes, len);
    running.bytes = exact;
    running.len = len;
    alarm(30);
    LLVMFuzzerTestOneInput(exact, len);
    alarm(0);
    running.bytes = NULL;
    free(exact);
}

size_t fuzz_corpus(const char *name)
{
    corpus *corpus = read_corpus(name);
    size_t len = corpus->len;

    watch_for_death(name);
    for (size_t i = 0; i < len; i++)
        run(corpus->rows[i].bytes, corpus->rows[i].len);
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

/* ---- the time ---- */

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void damage(input *to, const corpus *corpus, const char *const *words, size_t words_len)
{
    const input *from = &corpus->rows[below(corpus->len)];

    memcpy(to->bytes, from->bytes, from->len);
    to->len = from->len;
    for (size_t changes = 1 + below(4); changes > 0; changes--)
        damage_once(to, corpus, words, words_len);
}

size_t fuzz_damage(const char *name, const char *const *words, fuzz_repair_fn *repair)
{
    uint64_t end_ms = now_ms() + number_of("HOOKLINE_FUZZ_SECONDS", SECONDS) * 1000;
    corpus *corpus = read_corpus(name);
    input input = {malloc(FUZZ_INPUT_MAX), 0};
    size_t words_len = 0, rounds = 0;

    fuzz_require(input.bytes && corpus->len);
    watch_for_death(name);
    while (words && words[words_len])
        words_len++;
    random_state = number_of("HOOKLINE_FUZZ_SEED", 20240229) | 1;
    for (; rounds < ROUNDS_LEAST || now_ms() < end_ms; rounds++) {
        damage(&input, corpus, words, words_len);
        if (repair && rounds % 4)
            repair(input.bytes, input.len);
        run(input.bytes, input.len);
    }
    free(input.bytes);
    free_corpus(corpus);
    return rounds;
}
