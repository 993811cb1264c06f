/* One request with libcurl; see exchange.h. */
#include "install/exchange.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "core/error.h"
#include "core/reclaim.h"
#include "install/url.h"

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)
#define BUFFER_BYTES 65536L
#define TEXT(number) TEXT_OF(number)
#define TEXT_OF(number) #number
#define USER_AGENT "hookline/" TEXT(HL_VERSION_MAJOR) "." TEXT(HL_VERSION_MINOR) "." TEXT(HL_VERSION_PATCH)

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode once_code;

static void begin_curl(void)
{
    once_code = curl_global_init(CURL_GLOBAL_DEFAULT);
}

hl_status hl__transfer_init(hl__transfer *transfer, const hl__fetch_request *request)
{
    *transfer = (hl__transfer){.request = request};
    transfer->deadline_ns = hl__now_ns() + request->policy->download_seconds * NS_PER_S;
    pthread_once(&once, begin_curl);
    if (once_code != CURLE_OK)
        return hl__fail(HL_ERR_SYSTEM, HL__FETCH_ACTION, "", "libcurl does not start: %s.",
                        curl_easy_strerror(once_code));
    transfer->easy = curl_easy_init();
    return transfer->easy ? HL_OK : hl__fail_memory(HL__FETCH_ACTION);
}

void hl__transfer_cleanup(hl__transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    transfer->easy = NULL;
    free(transfer->location);
    transfer->location = NULL;
}

/* ---- what libcurl calls ---- */

/* The value of a header line if it has this name, without the space around it; NULL otherwise. */
static const char *value_of(const char *line, size_t *len, const char *name)
{
    size_t begin = strlen(name);
    size_t end = *len;

    if (end <= begin || line[begin] != ':' || strncasecmp(line, name, begin) != 0)
        return NULL;
    begin++;
    while (begin < end && (line[begin] == ' ' || line[begin] == '\t'))
        begin++;
    while (begin < end && (unsigned char)line[end - 1] <= ' ')
        end--;
    *len = end - begin;
    return line + begin;
}

/* False when the line has another name. A value that is too long counts as absent. */
static bool take_header(const char *line, size_t len, const char *name, char out[HL__HEADER_TEXT])
{
    const char *value = value_of(line, &len, name);

    if (!value)
        return false;
    if (len >= HL__HEADER_TEXT || memchr(value, '\0', len))
        len = 0;
    memcpy(out, value, len);
    out[len] = '\0';
    return true;
}

static bool take_location(hl__transfer *transfer, const char *line, size_t len)
{
    const char *value = value_of(line, &len, "location");

    if (!value)
        return false;
    free(transfer->location);
    transfer->location = len > 0 && len <= HL__URL_BYTES_MAX ? strndup(value, len) : NULL;
    return true;
}

static void take_range(hl__answer *answer, const char *text)
{
    uint64_t begin, end;
    int read = 0;

    if (sscanf(text, "bytes %" SCNu64 "-%" SCNu64 "/%n", &begin, &end, &read) != 2 || read == 0 || end < begin)
        return;
    answer->has_range = true;
    answer->range_begin = begin;
    answer->range_total = text[read] == '*' ? 0 : strtoull(text + read, NULL, 10);
}

static void forget_answer(hl__transfer *transfer)
{
    transfer->answer = (hl__answer){.has_range = false};
    free(transfer->location);
    transfer->location = NULL;
}

static size_t on_header(char *line, size_t one, size_t len, void *user)
{
    hl__transfer *transfer = user;
    hl__answer *answer = &transfer->answer;
    char range[HL__HEADER_TEXT];

    (void)one;
    transfer->heard_ns = hl__now_ns();
    if (len > 5 && memcmp(line, "HTTP/", 5) == 0)
        forget_answer(transfer);
    else if (take_header(line, len, "content-range", range))
        take_range(answer, range);
    else if (!take_location(transfer, line, len) && !take_header(line, len, "etag", answer->etag) &&
             !take_header(line, len, "retry-after", answer->retry_after) &&
             !take_header(line, len, "x-ratelimit-remaining", answer->rate_left))
        take_header(line, len, "x-ratelimit-reset", answer->rate_reset);
    return len;
}

static bool fail_limit(hl__transfer *transfer)
{
    uint64_t most = transfer->request->most;
    bool configured = most == transfer->request->policy->download_bytes;

    transfer->status = hl__fail(HL_ERR_LIMIT, HL__FETCH_ACTION, configured ? "limits.download_bytes" : "location",
                                "The download is larger than the %llu bytes that it may have%s.",
                                (unsigned long long)most, configured ? "; the policy's \"limits\" can allow more" : "");
    return false;
}

static bool fail_write(hl__transfer *transfer, int error)
{
    bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;

    transfer->status = hl__fail_errno(full ? HL_ERR_STORE_FULL : HL_ERR_SYSTEM, error, HL__FETCH_ACTION, "",
                                      "The download cannot be written");
    return false;
}

static uint64_t length_of(CURL *easy)
{
    curl_off_t len = -1;

    curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &len);
    return len > 0 ? (uint64_t)len : 0;
}

/* A full answer: whatever the file had is gone. A weak ETag, W/"...", may stand for other bytes too. */
static bool begin_whole(hl__transfer *transfer)
{
    const char *etag = transfer->answer.etag;

    if (ftruncate(transfer->request->fd, 0) != 0)
        return fail_write(transfer, errno);
    transfer->done = 0;
    transfer->total = length_of(transfer->easy);
    snprintf(transfer->validator, sizeof(transfer->validator), "%s", etag[0] == '"' ? etag : "");
    return true;
}

/* An answer to a request for the rest: exactly the rest, of the same content, or nothing is believed. */
static bool begin_rest(hl__transfer *transfer)
{
    const hl__answer *answer = &transfer->answer;
    bool same = !transfer->total || !answer->range_total || answer->range_total == transfer->total;

    transfer->unwanted = !answer->has_range || transfer->done == 0 || answer->range_begin != transfer->done || !same;
    if (!transfer->unwanted && answer->range_total)
        transfer->total = answer->range_total;
    return !transfer->unwanted;
}

static bool begin_content(hl__transfer *transfer)
{
    long code = 0;

    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &code);
    if (code != 200 && code != 206) {
        transfer->unwanted = true;
        return false;
    }
    if (code == 200 ? !begin_whole(transfer) : !begin_rest(transfer))
        return false;
    transfer->begun = true;
    return transfer->total <= transfer->request->most ? true : fail_limit(transfer);
}

static bool write_all(hl__transfer *transfer, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t wrote = pwrite(transfer->request->fd, bytes, len, (off_t)transfer->done);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return fail_write(transfer, wrote < 0 ? errno : ENOSPC);
        transfer->done += (uint64_t)wrote;
        bytes += wrote;
        len -= (size_t)wrote;
    }
    return true;
}

static size_t on_content(char *bytes, size_t one, size_t len, void *user)
{
    hl__transfer *transfer = user;

    (void)one;
    if (!transfer->begun && !begin_content(transfer))
        return 0;
    if (len > transfer->request->most - transfer->done) {
        fail_limit(transfer);
        return 0;
    }
    if (!write_all(transfer, bytes, len))
        return 0;
    transfer->came += len;
    transfer->heard_ns = hl__now_ns();
    return len;
}

/* Called about once a second, also while nothing comes. */
static int on_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
    hl__transfer *transfer = user;
    const hl__fetch_request *request = transfer->request;
    uint64_t time_ns = hl__now_ns();

    (void)total, (void)now, (void)up_total, (void)up_now;
    if (request->progress && !request->progress(request->user, transfer->done, transfer->total))
        transfer->status = hl__fail(HL_ERR_CANCELLED, HL__FETCH_ACTION, "", "The download was cancelled.");
    else if (time_ns >= transfer->deadline_ns)
        transfer->status =
            hl__fail(HL_ERR_LIMIT, HL__FETCH_ACTION, "limits.download_seconds",
                     "The download takes longer than %u seconds; the policy's \"limits\" can allow more.",
                     request->policy->download_seconds);
    else if (time_ns - transfer->heard_ns >= request->policy->stall_seconds * NS_PER_S)
        transfer->stalled = true;
    return transfer->status != HL_OK || transfer->stalled;
}

/* ---- asking ---- */

static bool add_header(struct curl_slist **list, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool add_header(struct curl_slist **list, const char *format, ...)
{
    char line[HL__HEADER_TEXT + 1100];
    struct curl_slist *longer;
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    longer = len >= 0 && (size_t)len < sizeof(line) ? curl_slist_append(*list, line) : NULL;
    if (longer)
        *list = longer;
    return longer != NULL;
}

/* The token goes to the API and nowhere else: the API's answers never lead elsewhere. */
static bool make_headers(const hl__transfer *transfer, struct curl_slist **list)
{
    const hl__fetch_request *request = transfer->request;
    bool good = add_header(list, "Accept-Encoding: identity");

    if (good && transfer->done > 0)
        good = add_header(list, "Range: bytes=%llu-", (unsigned long long)transfer->done) &&
               add_header(list, "If-Range: %s", transfer->validator);
    if (good && request->api)
        good = add_header(list, "Accept: application/vnd.github+json") &&
               add_header(list, "X-GitHub-Api-Version: 2022-11-28");
    if (good && request->api && request->policy->token)
        good = add_header(list, "Authorization: Bearer %s", request->policy->token);
    return good;
}

#if LIBCURL_VERSION_NUM >= 0x075500
static void set_protocols(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
}
#else
static void set_protocols(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
}
#endif

static void set_times(CURL *easy, const hl__transfer *transfer)
{
    uint64_t now_ns = hl__now_ns();
    uint64_t left_ns = transfer->deadline_ns > now_ns ? transfer->deadline_ns - now_ns : 0;

    /* The progress function keeps the time; these hold should it not be called. */
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(left_ns / NS_PER_MS + 2000));
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)transfer->request->policy->stall_seconds);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, transfer);
}

static void set_trust(CURL *easy, const hl__policy *policy)
{
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (!policy->ca_file)
        return;
    curl_easy_setopt(easy, CURLOPT_CAINFO, policy->ca_file);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* the system's authorities do not count beside the policy's */
}

/* The address goes to libcurl in parts: it is not read a second time, perhaps otherwise. */
static void set_options(hl__transfer *transfer, const hl__url *url, struct curl_slist *headers)
{
    CURL *easy = transfer->easy;

    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_CURLU, url->parts);
    set_protocols(easy);
    set_times(easy, transfer);
    set_trust(easy, transfer->request->policy);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_content);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->reason);
}

/* A server that closes in the middle may raise SIGPIPE, which would end this process; libcurl's own defence changes the
 * whole process. The signal is for the thread that wrote, so blocking it here and taking it afterwards is enough. */
static CURLcode perform(CURL *easy)
{
    const struct timespec at_once = {0, 0};
    sigset_t pipe_signal, before, pending;
    bool was_pending;
    CURLcode code;

    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    sigpending(&pending);
    was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    code = curl_easy_perform(easy);
    if (!was_pending) {
        while (sigtimedwait(&pipe_signal, NULL, &at_once) < 0 && errno == EINTR)
            continue;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

/* ---- understanding what came ---- */

static bool is_broken(CURLcode code)
{
    switch (code) {
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return true;
    default:
        return false;
    }
}

static hl__outcome fail(hl__transfer *transfer, const char *url, CURLcode code)
{
    const char *reason = transfer->reason[0] ? transfer->reason : curl_easy_strerror(code);
    const char *remedy = "";
    char shown[300];

    hl__url_show(url, shown, sizeof(shown));
    if (code == CURLE_OUT_OF_MEMORY) {
        transfer->status = hl__fail_memory(HL__FETCH_ACTION);
        return HL__EXCHANGE_FAILED;
    }
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        remedy = "; if its authority is one of your own, name its file as \"ca_file\" in the policy";
    transfer->status = hl__fail(HL_ERR_DOWNLOAD, HL__FETCH_ACTION, "location", "%s: %s%s.", shown, reason, remedy);
    return HL__EXCHANGE_FAILED;
}

static hl__outcome broken(hl__transfer *transfer, CURLcode code)
{
    if (transfer->stalled)
        snprintf(transfer->reason, sizeof(transfer->reason), "nothing came for %u seconds",
                 transfer->request->policy->stall_seconds);
    else if (!transfer->reason[0])
        snprintf(transfer->reason, sizeof(transfer->reason), "%s", curl_easy_strerror(code));
    return HL__EXCHANGE_BROKEN;
}

static bool is_redirect(long code)
{
    return code == 301 || code == 302 || code == 303 || code == 307 || code == 308;
}

static hl__outcome redirect(hl__transfer *transfer, const char *url, char **next)
{
    *next = transfer->location ? hl__url_join(url, transfer->location) : NULL;
    if (*next)
        return HL__EXCHANGE_REDIRECT;
    transfer->status = hl__answer_refuse(transfer, url, 0);
    return HL__EXCHANGE_FAILED;
}

/* An answer that is no content: somewhere else, a part that does not fit what the file has, or a refusal. */
static hl__outcome take_unwanted(hl__transfer *transfer, const char *url, char **next)
{
    long code = 0;

    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &code);
    if (is_redirect(code))
        return redirect(transfer, url, next);
    if (transfer->done > 0 && (code == 206 || code == 416)) {
        transfer->done = 0;
        snprintf(transfer->reason, sizeof(transfer->reason), "the server does not resume where it stopped");
        return HL__EXCHANGE_BROKEN;
    }
    transfer->status = hl__answer_refuse(transfer, url, code);
    return HL__EXCHANGE_FAILED;
}

static hl__outcome take_answer(hl__transfer *transfer, const char *url, CURLcode code, char **next)
{
    if (transfer->status != HL_OK)
        return HL__EXCHANGE_FAILED;
    if (code == CURLE_OK && !transfer->begun)
        begin_content(transfer);
    if (transfer->status != HL_OK)
        return HL__EXCHANGE_FAILED;
    if (transfer->unwanted)
        return take_unwanted(transfer, url, next);
    if (transfer->stalled || is_broken(code))
        return broken(transfer, code);
    if (code != CURLE_OK)
        return fail(transfer, url, code);
    return transfer->total && transfer->done != transfer->total ? broken(transfer, CURLE_PARTIAL_FILE)
                                                                : HL__EXCHANGE_DONE;
}

static void begin_exchange(hl__transfer *transfer)
{
    if (!transfer->validator[0])
        transfer->done = 0;
    forget_answer(transfer);
    transfer->begun = transfer->unwanted = transfer->stalled = false;
    transfer->came = 0;
    transfer->heard_ns = hl__now_ns();
    transfer->reason[0] = '\0';
}

hl__outcome hl__exchange(hl__transfer *transfer, const char *url, char **next)
{
    struct curl_slist *headers = NULL;
    hl__outcome outcome = HL__EXCHANGE_FAILED;
    hl__url parsed = {NULL, NULL, 0, false};

    begin_exchange(transfer);
    if (!hl__url_parse(url, &parsed) && make_headers(transfer, &headers)) {
        set_options(transfer, &parsed, headers);
        outcome = take_answer(transfer, url, perform(transfer->easy), next);
    } else {
        transfer->status = hl__fail_memory(HL__FETCH_ACTION);
    }
    curl_easy_reset(transfer->easy);
    curl_slist_free_all(headers);
    hl__url_cleanup(&parsed);
    return outcome;
}
