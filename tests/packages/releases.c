/* Releases on GitHub: which asset is the package, and what the API can answer. The API is played by the tests' HTTPS
 * server. */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/error.h"
#include "install/fetch.h"
#include "tests/support/https_server.h"
#include "tests/support/support.h"

#define MINE "@" /* stands for this machine's processor in the names of assets below */

/* ---- the choice ---- */

static const char *own_processor(void)
{
    static struct utsname machine;

    assert_int_equal(uname(&machine), 0);
    return machine.machine;
}

static const char *foreign_processor(void)
{
    return strcmp(own_processor(), "aarch64") == 0 ? "x86_64" : "aarch64";
}

/* The name with this machine's processor in place of MINE, and another one in place of '#'. */
static const char *real_name(const char *name)
{
    static char names[16][256];
    static unsigned next;
    char *out = names[next++ % 16];
    size_t len = 0;

    out[0] = '\0';
    for (const char *at = name; *at; at++) {
        const char *part = *at == '@' ? own_processor() : *at == '#' ? foreign_processor() : NULL;

        len += (size_t)snprintf(out + len, 256 - len, "%.*s", part ? 64 : 1, part ? part : at);
    }
    return out;
}

/* Chooses among assets with these names, separated by spaces. */
static hl_status choose(const char *names, const char *wished, hl__asset *out)
{
    char text[8192], copy[1024], *place = NULL;
    size_t len = (size_t)snprintf(text, sizeof(text), "{\"tag_name\": \"v1\", \"assets\": [");

    snprintf(copy, sizeof(copy), "%s", real_name(names));
    for (char *name = strtok_r(copy, " ", &place); name; name = strtok_r(NULL, " ", &place))
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "%s{\"name\": \"%s\", \"browser_download_url\": \"https://a.example/%s\", \"x\": 1}",
                                text[len - 1] == '[' ? "" : ", ", name, name);
    len += (size_t)snprintf(text + len, sizeof(text) - len, "], \"other\": {}}");
    return hl__github_choose(text, len, wished, out);
}

static void chooses(const char *names, const char *wished, const char *name)
{
    hl__asset asset;
    char url[300];

    if (choose(names, wished, &asset) != HL_OK)
        fail_msg("%s: %s", names, hl_last_error()->message);
    assert_string_equal(asset.name, real_name(name));
    assert_string_equal(asset.tag, "v1");
    snprintf(url, sizeof(url), "https://a.example/%s", real_name(name));
    assert_string_equal(asset.url, url);
    hl__asset_cleanup(&asset);
}

/* DL-04 */
static void asset_is_taken_by_its_exact_name(void **state)
{
    hl__asset asset;

    (void)state;
    chooses("a.tar.gz b.tar.gz", "b.tar.gz", "b.tar.gz");
    chooses("readme.txt b.tar.gz", "readme.txt", "readme.txt");
    refused(choose("a.tar.gz b.tar.gz", "B.tar.gz", &asset), HL_ERR_ASSET, "asset");
    assert_non_null(strstr(hl_last_error()->message, "a.tar.gz, b.tar.gz"));
    refused(choose("a.tar.gz", "a.tar", &asset), HL_ERR_ASSET, "asset");
}

/* DL-04, X-031 */
static void asset_is_taken_by_processor_and_c_library(void **state)
{
    (void)state;
    chooses("shop-1-" MINE ".tar.gz shop-1-#.tar.gz", NULL, "shop-1-" MINE ".tar.gz");
    chooses("shop-1-#.tar.gz shop-1-" MINE ".tar.gz notes.txt", NULL, "shop-1-" MINE ".tar.gz");
    chooses("shop_" MINE "_linux.tar.zst shop_" MINE "_darwin.tar.zst", NULL, "shop_" MINE "_linux.tar.zst");
    chooses("shop-1.tar.gz", NULL, "shop-1.tar.gz");
    chooses("shop-1.zip shop-1.zip.minisig SHA256SUMS", NULL, "shop-1.zip");
    chooses("shop-1-" MINE ".tar.gz shop-src.tar.gz", NULL, "shop-1-" MINE ".tar.gz");
#ifdef __GLIBC__
    chooses("a-" MINE "-musl.tgz a-" MINE "-gnu.tgz a-#-gnu.tgz", NULL, "a-" MINE "-gnu.tgz");
    chooses("a-" MINE "-unknown-linux-glibc.tar.xz a-" MINE "-unknown-linux-musl.tar.xz", NULL,
            "a-" MINE "-unknown-linux-glibc.tar.xz");
    chooses("a-" MINE "-musl.tgz a-" MINE ".tgz", NULL, "a-" MINE ".tgz");
#endif
    if (strcmp(own_processor(), "x86_64") == 0)
        chooses("a-Linux-AMD64.tar.gz a-linux-arm64.tar.gz", NULL, "a-Linux-AMD64.tar.gz");
}

/* X-031: more than one that fits, or none, is never decided by chance. */
static void what_is_not_clear_is_refused_with_the_list(void **state)
{
    static const char *const rows[] = {
        "a.tar.gz b.tar.gz",
        "a-" MINE ".tar.gz b-" MINE ".tar.gz",
        "a-" MINE "-gnu.tar.gz a-" MINE "-gnu.zip",
        "a-#.tar.gz b-#.tar.gz",
        "xx86_64x.tar.gz y.tar.gz",
        "notes.txt SHA256SUMS",
        "",
    };
    hl__asset asset;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        refused(choose(rows[i], NULL, &asset), HL_ERR_ASSET, "asset");
        assert_non_null(strstr(hl_last_error()->message, i == 6 ? "none" : strtok(strdupa(real_name(rows[i])), " ")));
    }
}

static void signature_is_the_asset_named_like_it(void **state)
{
    hl__asset asset;

    (void)state;
    ok(choose("a.tar.gz a.tar.gz.minisig b.txt.minisig", NULL, &asset));
    assert_string_equal(asset.signature_url, "https://a.example/a.tar.gz.minisig");
    hl__asset_cleanup(&asset);
    ok(choose("a.tar.gz b.tar.gz.minisig", NULL, &asset));
    assert_null(asset.signature_url);
    hl__asset_cleanup(&asset);
}

static void answer_that_is_no_release_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"message\": \"Not Found\"}",
        "{\"tag_name\": \"v1\"}",
        "{\"tag_name\": \"v1\", \"assets\": {}}",
        "{\"tag_name\": 1, \"assets\": []}",
        "{\"tag_name\": \"v1\", \"assets\": [1]}",
        "{\"tag_name\": \"v1\", \"assets\": [{}]}",
        "{\"tag_name\": \"v1\", \"assets\": [{\"name\": \"a.zip\"}]}",
        "{\"tag_name\": \"v1\", \"assets\": [{\"name\": \"a.zip\", \"browser_download_url\": 5}]}",
        "{\"tag_name\": \"v1\", \"assets\": [{\"name\": \"\", \"browser_download_url\": \"https://a.example/\"}]}",
        "{\"tag_name\": \"v1\", \"assets\": [{\"name\": \"../a.zip\", \"browser_download_url\": \"https://a.example/\"}]}",
        "{\"tag_name\": \"v1\", \"assets\": [{\"name\": \"a\\n.zip\", \"browser_download_url\": \"https://a.example/\"}]}",
        "{\"tag_name\": \"v1\", \"assets\": [], \"tag_name\": \"v2\"}",
        "{\"tag_name\": \"v1\", \"assets\": []",
        "<html>",
    };
    hl__asset asset;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        refused(hl__github_choose(texts[i], strlen(texts[i]), NULL, &asset), HL_ERR_DOWNLOAD, "github_api");
}

/* ---- the API ---- */

static struct {
    const char *folder;
    test_server server;
    unsigned repositories;
} shared;

/* A repository of its own for each case, and a policy that allows it and nothing else. */
typedef struct place {
    hl__policy policy;
    hl__policy_host hosts[1];
    char name[64];    /* "owner/shopN" */
    char *repository; /* the same, as the policy keeps it */
    char folder[512]; /* what the server knows of it */
} place;

static void put(const place *place, const char *name, const char *text)
{
    char path[800];
    FILE *file;

    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(path, sizeof(path), "%s/%.*s", place->folder, (int)(slash - name), name);
        mkdir(path, 0755);
    }
    snprintf(path, sizeof(path), "%s/%s", place->folder, name);
    file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int setup_all(void **state)
{
    char path[600], own[600];

    (void)state;
    shared.folder = test_folder();
    snprintf(path, sizeof(path), "%s/releases", shared.folder);
    assert_int_equal(mkdir(path, 0755), 0);
    strcat(path, "/owner");
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(own, sizeof(own), "%s/state", shared.folder);
    test_server_start(&shared.server, shared.folder, own);
    return 0;
}

static int teardown_all(void **state)
{
    (void)state;
    test_server_stop(&shared.server);
    test_folder_remove(shared.folder);
    return 0;
}

static int setup(void **state)
{
    place *place = calloc(1, sizeof(*place));

    assert_non_null(place);
    assert_int_equal(hl__policy_load(NULL, &place->policy), HL_OK);
    snprintf(place->name, sizeof(place->name), "owner/shop%u", shared.repositories++);
    snprintf(place->folder, sizeof(place->folder), "%s/releases/%s", shared.folder, place->name);
    assert_int_equal(mkdir(place->folder, 0755), 0);
    place->repository = place->name;
    place->policy.repositories = &place->repository;
    place->policy.repositories_len = 1;
    place->policy.ca_file = shared.server.ca;
    place->policy.stall_seconds = 2;
    free(place->policy.github_api);
    place->policy.github_api = strdup(test_server_url(&shared.server, "%s", ""));
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    place *place = *state;

    place->policy.repositories = NULL;
    place->policy.repositories_len = 0;
    place->policy.hosts = NULL;
    place->policy.hosts_len = 0;
    place->policy.ca_file = NULL;
    hl__policy_cleanup(&place->policy);
    free(place);
    return 0;
}

static hl_status resolve(place *place, const char *tag, hl__asset *out)
{
    hl_install_spec spec = HL_INSTALL_INIT(tag ? HL_SOURCE_GITHUB_TAG : HL_SOURCE_GITHUB_LATEST, place->name);

    spec.tag = tag;
    return hl__github_resolve(&place->policy, &spec, out);
}

static void message_says(const char *text)
{
    if (!strstr(hl_last_error()->message, text))
        fail_msg("\"%s\" is not in: %s", text, hl_last_error()->message);
}

/* DL-02, DL-03: the API's host needs no entry among the hosts; the assets' host does. */
static void release_is_found_by_tag_and_as_the_latest(void **state)
{
    place *place = *state;
    hl__asset asset;
    char *final_url = NULL;
    int fd = memfd_create("asset", MFD_CLOEXEC);

    put(place, "v1.9.0/shop.tar.gz", "old");
    put(place, "v1.10.0/shop.tar.gz", "new");
    put(place, "v1.10.0/shop.tar.gz.minisig", "signature");
    ok(resolve(place, "v1.9.0", &asset));
    assert_string_equal(asset.tag, "v1.9.0");
    assert_null(asset.signature_url);
    hl__asset_cleanup(&asset);
    ok(resolve(place, NULL, &asset));
    assert_string_equal(asset.tag, "v1.10.0");
    assert_string_equal(asset.name, "shop.tar.gz");
    assert_non_null(asset.signature_url);
    refused(hl__fetch(&place->policy, asset.url, fd, 100, NULL, NULL, &final_url), HL_ERR_POLICY, "hosts");
    place->hosts[0] = (hl__policy_host){"127.0.0.1", (uint16_t)shared.server.https, false};
    place->policy.hosts = place->hosts;
    place->policy.hosts_len = 1;
    ok(hl__fetch(&place->policy, asset.url, fd, 100, NULL, NULL, &final_url));
    assert_int_equal(lseek(fd, 0, SEEK_END), 3);
    free(final_url);
    hl__asset_cleanup(&asset);
    close(fd);
}

/* DL-05 */
static void what_makes_no_sense_is_refused_before_anything_is_sent(void **state)
{
    place *place = *state;
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_GITHUB_TAG, place->name);
    hl__asset asset;

    refused(hl__github_resolve(&place->policy, &spec, &asset), HL_ERR_INVALID, "tag");
    spec.tag = "";
    refused(hl__github_resolve(&place->policy, &spec, &asset), HL_ERR_INVALID, "tag");
    spec.type = HL_SOURCE_URL;
    refused(hl__github_resolve(&place->policy, &spec, &asset), HL_ERR_INVALID, "type");
    spec = (hl_install_spec)HL_INSTALL_INIT(HL_SOURCE_GITHUB_LATEST, NULL);
    refused(hl__github_resolve(&place->policy, &spec, &asset), HL_ERR_INVALID, "location");
    assert_int_equal(test_server_count(&shared.server, place->name), 0);
}

/* SE-04 */
static void repository_that_is_not_listed_is_never_asked_for(void **state)
{
    static const char *const names[] = {"owner/other", "owner/other/../shop", "owner", "owner/shop?x=", "../x/y"};
    place *place = *state;
    hl__asset asset;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_GITHUB_LATEST, names[i]);

        assert_int_equal(hl__github_resolve(&place->policy, &spec, &asset), HL_ERR_POLICY);
    }
    assert_int_equal(test_server_count(&shared.server, "/repos/owner/other"), 0);
}

static void tag_cannot_become_another_address(void **state)
{
    place *place = *state;
    hl__asset asset;

    put(place, "v1/shop.tar.gz", "x");
    refused(resolve(place, "../../../../other", &asset), HL_ERR_DOWNLOAD, "location");
    refused(resolve(place, "v1?x=/v2", &asset), HL_ERR_DOWNLOAD, "location");
    refused(resolve(place, "v1 HTTP/1.1\r\nX: y", &asset), HL_ERR_DOWNLOAD, "location");
    ok(resolve(place, "v1", &asset));
    hl__asset_cleanup(&asset);
}

static void release_that_is_not_there_is_told_so(void **state)
{
    hl__asset asset;

    refused(resolve(*state, "v1", &asset), HL_ERR_DOWNLOAD, "location");
    message_says("no such repository or release");
    message_says("token_file");
    refused(resolve(*state, NULL, &asset), HL_ERR_DOWNLOAD, "location");
}

/* X-031 */
static void rate_limit_is_told_with_its_end_and_a_remedy(void **state)
{
    place *place = *state;
    hl__asset asset;

    put(place, "v1/shop.tar.gz", "x");
    put(place, "api-query", "code=403&rate=1");
    refused(resolve(place, NULL, &asset), HL_ERR_DOWNLOAD, "location");
    message_says("too many requests");
    message_says("until 2030-03-17 17:46 UTC");
    message_says("token_file");
    put(place, "api-query", "code=429");
    refused(resolve(place, NULL, &asset), HL_ERR_DOWNLOAD, "location");
    message_says("too many requests");
    put(place, "api-query", "code=403");
    refused(resolve(place, NULL, &asset), HL_ERR_DOWNLOAD, "location");
    message_says("token");
}

/* X-031 */
static void token_opens_a_private_repository_and_goes_to_the_api_only(void **state)
{
    place *place = *state;
    hl__asset asset;
    char *final_url = NULL;
    int fd = memfd_create("asset", MFD_CLOEXEC);

    put(place, "v1/shop.tar.gz", "x");
    put(place, "token", "letters-of-the-token");
    refused(resolve(place, "v1", &asset), HL_ERR_DOWNLOAD, "location");
    place->policy.token = strdup("letters-of-the-token");
    ok(resolve(place, "v1", &asset));
    place->hosts[0] = (hl__policy_host){"127.0.0.1", (uint16_t)shared.server.https, false};
    place->policy.hosts = place->hosts;
    place->policy.hosts_len = 1;
    ok(hl__fetch(&place->policy, asset.url, fd, 100, NULL, NULL, &final_url));
    assert_int_equal(test_server_count(&shared.server, "letters-of-the-token"), 1);
    free(final_url);
    hl__asset_cleanup(&asset);
    close(fd);
}

/* SE-04, SE-14: a repository that has been given another name is another repository. */
static void api_that_leads_elsewhere_is_not_followed(void **state)
{
    place *place = *state;
    hl__asset asset;

    put(place, "v1/shop.tar.gz", "x");
    put(place, "api-query", "code=301&redirect=/repos/owner/elsewhere/releases/latest");
    place->policy.token = strdup("token");
    refused(resolve(place, NULL, &asset), HL_ERR_DOWNLOAD, "location");
    message_says("has moved");
    assert_int_equal(test_server_count(&shared.server, "elsewhere/releases/latest range"), 0);
}

/* X-021 */
static void api_that_misbehaves_is_an_error(void **state)
{
    place *place = *state;
    hl__asset asset;

    put(place, "v1/shop.tar.gz", "x");
    place->policy.stall_seconds = 1;
    put(place, "api-query", "silent=1");
    refused(resolve(place, NULL, &asset), HL_ERR_DOWNLOAD, "location");
    put(place, "api-query", "length=20");
    refused(resolve(place, NULL, &asset), HL_ERR_DOWNLOAD, "github_api");
    put(place, "api-query", "code=500");
    refused(resolve(place, NULL, &asset), HL_ERR_DOWNLOAD, "location");
    put(place, "api-query", "chunked=1");
    ok(resolve(place, NULL, &asset));
    hl__asset_cleanup(&asset);
    place->policy.ca_file = NULL;
    refused(resolve(place, NULL, &asset), HL_ERR_DOWNLOAD, "location");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asset_is_taken_by_its_exact_name),
        cmocka_unit_test(asset_is_taken_by_processor_and_c_library),
        cmocka_unit_test(what_is_not_clear_is_refused_with_the_list),
        cmocka_unit_test(signature_is_the_asset_named_like_it),
        cmocka_unit_test(answer_that_is_no_release_is_refused),
        CASE(release_is_found_by_tag_and_as_the_latest),
        CASE(what_makes_no_sense_is_refused_before_anything_is_sent),
        CASE(repository_that_is_not_listed_is_never_asked_for),
        CASE(tag_cannot_become_another_address),
        CASE(release_that_is_not_there_is_told_so),
        CASE(rate_limit_is_told_with_its_end_and_a_remedy),
        CASE(token_opens_a_private_repository_and_goes_to_the_api_only),
        CASE(api_that_leads_elsewhere_is_not_followed),
        CASE(api_that_misbehaves_is_an_error),
    };

    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
