/* Signatures in the files of minisign: what fits is taken, and everything that was changed, mixed up or badly
 * written is refused with the reason. Keys are made here with OpenSSL, and in one test by the minisign command
 * itself. */
#include <unistd.h>

#include <openssl/evp.h>

#include "install/minisign.h"
#include "tests/packages/support/place.h"

#define ROWS(array) (sizeof(array) / sizeof((array)[0]))
#define CONTENT "the package's content\n"

typedef struct pair {
    EVP_PKEY *secret;
    hl__public_key public;
    char text[80]; /* the public key's line */
} pair;

static const uint8_t id[8] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};

static void encode(const void *bytes, size_t len, char *out)
{
    EVP_EncodeBlock((unsigned char *)out, bytes, (int)len);
}

static pair make_pair(void)
{
    pair made = {NULL, {{0}, {0}}, ""};
    uint8_t bytes[42] = {'E', 'd'};
    size_t len = 32;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, NULL);

    assert_int_equal(EVP_PKEY_keygen_init(context), 1);
    assert_int_equal(EVP_PKEY_keygen(context, &made.secret), 1);
    EVP_PKEY_CTX_free(context);
    memcpy(bytes + 2, id, sizeof(id));
    assert_int_equal(EVP_PKEY_get_raw_public_key(made.secret, bytes + 10, &len), 1);
    encode(bytes, sizeof(bytes), made.text);
    assert_int_equal(hl__public_key_parse("keys[0]", made.text, &made.public), HL_OK);
    return made;
}

static void sign(const pair *by, const void *message, size_t len, uint8_t out[64])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t out_len = 64;

    assert_int_equal(EVP_DigestSignInit(context, NULL, NULL, NULL, by->secret), 1);
    assert_int_equal(EVP_DigestSign(context, out, &out_len, message, len), 1);
    EVP_MD_CTX_free(context);
}

/* A signature file over the content, of the kind 'd' or 'D'. Owned by the caller. */
static char *make_signature(const pair *by, char kind, const void *content, size_t len, const char *comment)
{
    uint8_t hash[64], bytes[74] = {'E', (uint8_t)kind}, global[64];
    uint8_t *message = malloc(64 + strlen(comment));
    char main[112], last[112];
    char *text;

    EVP_Digest(content, len, hash, NULL, EVP_blake2b512(), NULL);
    memcpy(bytes + 2, id, sizeof(id));
    sign(by, kind == 'D' ? hash : content, kind == 'D' ? sizeof(hash) : len, bytes + 10);
    memcpy(message, bytes + 10, 64);
    memcpy(message + 64, comment, strlen(comment));
    sign(by, message, 64 + strlen(comment), global);
    encode(bytes, sizeof(bytes), main);
    encode(global, sizeof(global), last);
    free(message);
    assert_true(
        asprintf(&text, "untrusted comment: made by a test\n%s\ntrusted comment: %s\n%s\n", main, comment, last) > 0);
    return text;
}

static hl_status verify(const char *text, const char *content, const hl__public_key *keys, size_t keys_len)
{
    char key_id[HL__KEY_ID_TEXT];
    const char *path = place_path("content");
    hl_status status;
    int fd;

    place_write(path, content, strlen(content));
    fd = place_open(path);
    status = hl__signature_verify(text, strlen(text), fd, keys, keys_len, key_id);
    close(fd);
    assert_string_equal(key_id, status == HL_OK ? "EFCDAB8967452301" : "");
    return status;
}

static void refused(const char *text, const char *content, const pair *by, const char *reason)
{
    if (verify(text, content, &by->public, 1) != HL_ERR_SIGNATURE)
        fail_msg("taken: %s", text);
    assert_string_equal(hl_last_error()->field, "signature");
    if (!strstr(hl_last_error()->message, reason))
        fail_msg("\"%s\" does not say \"%s\"", hl_last_error()->message, reason);
}

/* ---- what fits ---- */

static void signatures_of_both_kinds_fit(void **state)
{
    pair by = make_pair();

    (void)state;
    for (const char *kind = "dD"; *kind; kind++) {
        char *text = make_signature(&by, *kind, CONTENT, strlen(CONTENT), "timestamp:1\tfile:x");

        assert_int_equal(verify(text, CONTENT, &by.public, 1), HL_OK);
        refused(text, CONTENT " ", &by, "not one of this file");
        refused(text, "", &by, "not one of this file");
        free(text);
    }
    EVP_PKEY_free(by.secret);
}

static void the_descriptors_offset_does_not_matter(void **state)
{
    pair by = make_pair();
    char *text = make_signature(&by, 'D', CONTENT, strlen(CONTENT), "x");
    char key_id[HL__KEY_ID_TEXT];
    int fd;

    (void)state;
    place_write(place_path("content"), CONTENT, strlen(CONTENT));
    fd = place_open(place_path("content"));
    assert_int_equal(lseek(fd, 5, SEEK_SET), 5);
    assert_int_equal(hl__signature_verify(text, strlen(text), fd, &by.public, 1, key_id), HL_OK);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 5);
    close(fd);
    free(text);
    EVP_PKEY_free(by.secret);
}

static void a_key_is_found_among_others_with_its_id(void **state)
{
    pair by = make_pair(), other = make_pair();
    hl__public_key keys[3] = {other.public, other.public, by.public};
    char *text = make_signature(&by, 'D', CONTENT, strlen(CONTENT), "x");

    (void)state;
    keys[0].id[0] ^= 1;
    assert_int_equal(verify(text, CONTENT, keys, 3), HL_OK);
    assert_int_equal(verify(text, CONTENT, keys, 2), HL_ERR_SIGNATURE);
    assert_non_null(strstr(hl_last_error()->message, "not one of this file"));
    assert_int_equal(verify(text, CONTENT, keys, 1), HL_ERR_SIGNATURE);
    assert_non_null(strstr(hl_last_error()->message, "EFCDAB8967452301"));
    assert_non_null(strstr(hl_last_error()->message, "\"keys\""));
    assert_int_equal(verify(text, CONTENT, keys, 0), HL_ERR_SIGNATURE);
    free(text);
    EVP_PKEY_free(by.secret);
    EVP_PKEY_free(other.secret);
}

static void lines_may_end_as_on_windows(void **state)
{
    pair by = make_pair();
    char *text = make_signature(&by, 'D', CONTENT, strlen(CONTENT), "x");
    char windows[1024], *to = windows;

    (void)state;
    for (const char *at = text; *at; at++) {
        if (*at == '\n')
            *to++ = '\r';
        *to++ = *at;
    }
    *to = '\0';
    assert_int_equal(verify(windows, CONTENT, &by.public, 1), HL_OK);
    to[-2] = '\0';
    assert_int_equal(verify(windows, CONTENT, &by.public, 1), HL_OK);
    free(text);
    EVP_PKEY_free(by.secret);
}

/* ---- what was changed ---- */

static void a_changed_trusted_comment_is_refused(void **state)
{
    pair by = make_pair();
    char *text = make_signature(&by, 'D', CONTENT, strlen(CONTENT), "version 1.0.0");

    (void)state;
    strstr(text, "1.0.0")[0] = '2';
    refused(text, CONTENT, &by, "trusted comment was changed");
    free(text);
    EVP_PKEY_free(by.secret);
}

static void a_signature_of_the_hash_is_none_of_the_content(void **state)
{
    pair by = make_pair();
    char *text = make_signature(&by, 'd', CONTENT, strlen(CONTENT), "x");
    char *prehashed = make_signature(&by, 'D', CONTENT, strlen(CONTENT), "x");

    (void)state;
    memcpy(strchr(text, '\n') + 1, "RUQ", 3);
    refused(text, CONTENT, &by, "not one of this file");
    memcpy(strchr(prehashed, '\n') + 1, "RWQ", 3);
    refused(prehashed, CONTENT, &by, "not one of this file");
    free(text);
    free(prehashed);
    EVP_PKEY_free(by.secret);
}

/* Every character of the two signatures, changed to another one of the same alphabet. */
static void every_changed_character_is_noticed(void **state)
{
    pair by = make_pair();
    char *text = make_signature(&by, 'D', CONTENT, strlen(CONTENT), "x");
    char *begin = strchr(text, '\n') + 1;

    (void)state;
    for (char *at = begin; *at; at++) {
        char before = *at;

        if (before == '\n')
            continue;
        *at = before == 'A' ? 'B' : 'A';
        assert_int_equal(verify(text, CONTENT, &by.public, 1), HL_ERR_SIGNATURE);
        *at = before;
    }
    assert_int_equal(verify(text, CONTENT, &by.public, 1), HL_OK);
    free(text);
    EVP_PKEY_free(by.secret);
}

static void every_shortened_file_is_refused(void **state)
{
    pair by = make_pair();
    char *text = make_signature(&by, 'D', CONTENT, strlen(CONTENT), "x");

    (void)state;
    for (size_t len = strlen(text) - 1; len > 0; len--) {
        text[len - 1] = '\0';
        assert_int_equal(verify(text, CONTENT, &by.public, 1), HL_ERR_SIGNATURE);
    }
    free(text);
    EVP_PKEY_free(by.secret);
}

/* ---- what is badly written ---- */

/* Puts `to` in the place of the first `from`. */
static char *with(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    char *out;

    assert_non_null(at);
    assert_true(asprintf(&out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) > 0);
    return out;
}

static void malformed_files_are_refused_line_by_line(void **state)
{
    pair by = make_pair();
    char *text = make_signature(&by, 'D', CONTENT, strlen(CONTENT), "x");
    const char *const changes[][3] = {{"untrusted comment: ", "comment: ", "first line"},
                                      {"untrusted comment: ", "\nuntrusted comment: ", "first line"},
                                      {"\nRU", "\n\nRU", "second line"},
                                      {"\nRU", "\n RU", "second line"},
                                      {"\nRU", "\nRX", "second line"},
                                      {"\nRU", "\n!U", "second line"},
                                      {"\nRU", "\nRUAA", "second line"},
                                      {"=\ntrusted", "==\ntrusted", "second line"},
                                      {"=\ntrusted", "\ntrusted", "second line"},
                                      {"\ntrusted comment: ", "\ntrusted: ", "third line"},
                                      {"\ntrusted comment: ", "\nuntrusted comment: ", "third line"},
                                      {"==\n", "=\n", "fourth line"},
                                      {"==\n", "AA\n", "fourth line"},
                                      {"==\n", "==\nmore", "behind the fourth line"},
                                      {"==\n", "==\n\n", "behind the fourth line"}};

    (void)state;
    for (size_t i = 0; i < ROWS(changes); i++) {
        char *changed = with(text, changes[i][0], changes[i][1]);

        refused(changed, CONTENT, &by, changes[i][2]);
        free(changed);
    }
    free(text);
    refused("", CONTENT, &by, "first line");
    refused("untrusted comment: x", CONTENT, &by, "second line");
    EVP_PKEY_free(by.secret);
}

/* One content has one base64 text: bits that say nothing have to be 0. */
static void unused_bits_of_base64_have_to_be_zero(void **state)
{
    pair by = make_pair();
    char *text = make_signature(&by, 'D', CONTENT, strlen(CONTENT), "x");
    char *last = strstr(text, "==\n") - 1;

    (void)state;
    (*last)++;
    refused(text, CONTENT, &by, "fourth line");
    free(text);
    EVP_PKEY_free(by.secret);
}

static void over_long_files_are_refused(void **state)
{
    static char comment[HL__SIGNATURE_BYTES_MAX];
    pair by = make_pair();
    size_t len = sizeof(comment) - 1;
    char *text;

    (void)state;
    memset(comment, 'x', len);
    text = make_signature(&by, 'D', CONTENT, strlen(CONTENT), comment);
    refused(text, CONTENT, &by, "8192");
    comment[len - (strlen(text) - HL__SIGNATURE_BYTES_MAX)] = '\0';
    free(text);
    text = make_signature(&by, 'D', CONTENT, strlen(CONTENT), comment);
    assert_int_equal(strlen(text), HL__SIGNATURE_BYTES_MAX);
    assert_int_equal(verify(text, CONTENT, &by.public, 1), HL_OK);
    free(text);
    EVP_PKEY_free(by.secret);
}

static void an_old_signature_of_a_huge_file_is_beyond_a_limit(void **state)
{
    pair by = make_pair();
    char *text = make_signature(&by, 'd', CONTENT, strlen(CONTENT), "x");
    char key_id[HL__KEY_ID_TEXT];
    int fd;

    (void)state;
    place_write(place_path("huge"), "", 0);
    fd = place_open(place_path("huge"));
    assert_int_equal(ftruncate(fd, (off_t)HL__LEGACY_BYTES_MAX + 1), 0);
    assert_int_equal(hl__signature_verify(text, strlen(text), fd, &by.public, 1, key_id), HL_ERR_LIMIT);
    assert_int_equal(ftruncate(fd, (off_t)HL__LEGACY_BYTES_MAX), 0);
    assert_int_equal(hl__signature_verify(text, strlen(text), fd, &by.public, 1, key_id), HL_ERR_SIGNATURE);
    close(fd);
    free(text);
    EVP_PKEY_free(by.secret);
}

/* ---- keys ---- */

static void keys_are_read_with_and_without_their_comment(void **state)
{
    pair by = make_pair();
    char text[256], shown[HL__KEY_ID_TEXT];
    hl__public_key key;
    static const char *const ends[] = {"", "\n", "\r\n"};

    (void)state;
    for (size_t i = 0; i < ROWS(ends); i++) {
        snprintf(text, sizeof(text), "%s%s", by.text, ends[i]);
        assert_int_equal(hl__public_key_parse("keys[0]", text, &key), HL_OK);
        assert_memory_equal(&key, &by.public, sizeof(key));
        snprintf(text, sizeof(text), "untrusted comment: minisign public key%s%s%s", i ? ends[i] : "\n", by.text,
                 ends[i]);
        assert_int_equal(hl__public_key_parse("keys[0]", text, &key), HL_OK);
        assert_memory_equal(&key, &by.public, sizeof(key));
    }
    hl__public_key_id(&key, shown);
    assert_string_equal(shown, "EFCDAB8967452301");
    EVP_PKEY_free(by.secret);
}

static void what_is_no_key_is_refused_naming_the_field(void **state)
{
    pair by = make_pair();
    char text[128];
    hl__public_key key;
    const char *const bad[] = {NULL, "", "\n", "RWQ", "untrusted comment: x", "untrusted comment: x\n", text};

    (void)state;
    snprintf(text, sizeof(text), "%s\nmore", by.text);
    for (size_t i = 0; i < ROWS(bad); i++) {
        assert_int_equal(hl__public_key_parse("keys[2]", bad[i], &key), HL_ERR_INVALID);
        assert_string_equal(hl_last_error()->field, "keys[2]");
    }
    for (size_t i = 0; i < 56; i++) {
        snprintf(text, sizeof(text), "%s", by.text);
        text[i] = i < 3 ? 'B' : '-';
        assert_int_equal(hl__public_key_parse("keys[2]", text, &key), HL_ERR_INVALID);
    }
    EVP_PKEY_free(by.secret);
}

/* ---- the real minisign ---- */

static char *read_all(const char *path)
{
    static char texts[4][9000];
    static unsigned next;
    char *text = texts[next++ % 4];
    FILE *file = fopen(path, "rb");
    size_t len;

    assert_non_null(file);
    len = fread(text, 1, sizeof(texts[0]) - 1, file);
    text[len] = '\0';
    fclose(file);
    return text;
}

static void check_minisign(const char *flags)
{
    char key_id[HL__KEY_ID_TEXT], shown[HL__KEY_ID_TEXT];
    hl__public_key key;
    const char *text;
    int fd;

    place_run("rm -f package.minisig; minisign -S %s -W -s key.sec -m package -t 'shop 1.2.0' >out 2>&1 </dev/null",
              flags);
    assert_int_equal(hl__public_key_parse("keys[0]", read_all(place_path("key.pub")), &key), HL_OK);
    hl__public_key_id(&key, shown);
    text = read_all(place_path("package.minisig"));
    fd = place_open(place_path("package"));
    assert_int_equal(hl__signature_verify(text, strlen(text), fd, &key, 1, key_id), HL_OK);
    assert_string_equal(key_id, shown);
    /* minisign shows no zeros at the begin. */
    assert_non_null(strstr(read_all(place_path("key.pub")), shown + strspn(shown, "0")));
    assert_int_equal(pwrite(fd, "X", 1, 100), 1);
    assert_int_equal(hl__signature_verify(text, strlen(text), fd, &key, 1, key_id), HL_ERR_SIGNATURE);
    assert_int_equal(pwrite(fd, "p", 1, 100), 1);
    close(fd);
}

static void what_minisign_itself_signs_is_taken(void **state)
{
    (void)state;
    if (system("command -v minisign >/dev/null") != 0)
        skip();
    place_run("yes p | tr -d '\\n' | head -c 300000 >package");
    place_run("minisign -G -W -p key.pub -s key.sec >out 2>&1 </dev/null");
    check_minisign("");
    check_minisign("-l");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, place_begin, place_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(signatures_of_both_kinds_fit),
        CASE(the_descriptors_offset_does_not_matter),
        CASE(a_key_is_found_among_others_with_its_id),
        CASE(lines_may_end_as_on_windows),
        CASE(a_changed_trusted_comment_is_refused),
        CASE(a_signature_of_the_hash_is_none_of_the_content),
        CASE(every_changed_character_is_noticed),
        CASE(every_shortened_file_is_refused),
        CASE(malformed_files_are_refused_line_by_line),
        CASE(unused_bits_of_base64_have_to_be_zero),
        CASE(over_long_files_are_refused),
        CASE(an_old_signature_of_a_huge_file_is_beyond_a_limit),
        CASE(keys_are_read_with_and_without_their_comment),
        CASE(what_is_no_key_is_refused_naming_the_field),
        CASE(what_minisign_itself_signs_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
