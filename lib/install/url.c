/* Addresses taken apart; see url.h. */
#include "install/url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HTTPS_PORT 443
#define HTTP_PORT 80

static const char no_memory[] = "finds no memory";

static const char *reason_of(CURLUcode code)
{
    switch (code) {
    case CURLUE_OK:
        return NULL;
    case CURLUE_OUT_OF_MEMORY:
        return no_memory;
    case CURLUE_USER_NOT_ALLOWED:
        return "has a user name in it, which would be sent along";
    case CURLUE_UNSUPPORTED_SCHEME:
    case CURLUE_BAD_SCHEME:
        return "is neither https nor http";
    case CURLUE_BAD_PORT_NUMBER:
        return "has a wrong port";
    default:
        return "is no complete address such as https://example.org/file";
    }
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The shortest form of an IPv6 address in brackets: one address, one text. Zones are none of a package's business. */
static const char *normalise_ipv6(hl__url *url)
{
    unsigned char address[sizeof(struct in6_addr)];
    char text[INET6_ADDRSTRLEN];
    size_t len = strlen(url->host);

    if (url->host[len - 1] != ']')
        return "has a wrong IPv6 address";
    url->host[len - 1] = '\0';
    if (inet_pton(AF_INET6, url->host + 1, address) != 1 || !inet_ntop(AF_INET6, address, text, sizeof(text)))
        return "has a wrong IPv6 address";
    free(url->host);
    return asprintf(&url->host, "[%s]", text) < 0 ? (url->host = NULL, no_memory) : NULL;
}

/* A host whose last part begins with a digit is a number to some readers and a name to others; only the plain form of
 * an IPv4 address is the same to all. */
static bool is_unclear_number(const char *host)
{
    const char *last = strrchr(host, '.');
    struct in_addr address;

    last = last ? last + 1 : host;
    return last[0] >= '0' && last[0] <= '9' && inet_pton(AF_INET, host, &address) != 1;
}

static const char *normalise_host(hl__url *url)
{
    size_t len = strlen(url->host);

    if (url->host[0] == '[')
        return normalise_ipv6(url);
    if (strstr(url->host, ".."))
        return "has a wrong host";
    if (len > 1 && url->host[len - 1] == '.')
        url->host[--len] = '\0';
    for (size_t i = 0; i < len; i++) {
        url->host[i] = lower(url->host[i]);
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-._", url->host[i]))
            return "has a host with letters other than a-z, 0-9, '-', '.' and '_'; write international names as xn--";
    }
    return len > 0 && url->host[0] != '.' && !is_unclear_number(url->host) ? NULL : "has a wrong host";
}

/* A copy by malloc: what libcurl gives has to be freed by libcurl. */
static const char *part(const hl__url *url, CURLUPart what, unsigned flags, char **out)
{
    char *text = NULL;
    CURLUcode code = curl_url_get(url->parts, what, &text, flags);

    *out = text ? strdup(text) : NULL;
    curl_free(text);
    if (code != CURLUE_OK)
        return reason_of(code);
    return *out ? NULL : no_memory;
}

static const char *read_scheme(hl__url *url)
{
    char *scheme;
    const char *reason = part(url, CURLUPART_SCHEME, 0, &scheme);

    if (!reason) {
        url->http = strcasecmp(scheme, "http") == 0;
        if (!url->http && strcasecmp(scheme, "https") != 0)
            reason = reason_of(CURLUE_UNSUPPORTED_SCHEME);
    }
    free(scheme);
    return reason;
}

static const char *read_port(hl__url *url)
{
    char *port;
    const char *reason = part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, &port);
    unsigned long number = reason ? 0 : strtoul(port, NULL, 10);

    free(port);
    if (!reason && (number == 0 || number > UINT16_MAX))
        reason = reason_of(CURLUE_BAD_PORT_NUMBER);
    url->port = (uint16_t)number;
    return reason;
}

static bool has_part(const hl__url *url, CURLUPart what)
{
    char *text = NULL;
    CURLUcode code = curl_url_get(url->parts, what, &text, 0);

    curl_free(text);
    return code == CURLUE_OK;
}

const char *hl__url_parse(const char *text, hl__url *out)
{
    const char *reason;

    *out = (hl__url){NULL, NULL, 0, false};
    if (strlen(text) > HL__URL_BYTES_MAX)
        return "is longer than 8192 bytes";
    out->parts = curl_url();
    if (!out->parts)
        return no_memory;
    reason = reason_of(curl_url_set(out->parts, CURLUPART_URL, text, CURLU_DISALLOW_USER));
    if (!reason && (has_part(out, CURLUPART_USER) || has_part(out, CURLUPART_PASSWORD)))
        reason = reason_of(CURLUE_USER_NOT_ALLOWED);
    if (!reason)
        reason = read_scheme(out);
    if (!reason)
        reason = read_port(out);
    if (!reason && has_part(out, CURLUPART_ZONEID))
        reason = "has an IPv6 zone";
    if (!reason)
        reason = part(out, CURLUPART_HOST, 0, &out->host);
    return reason ? reason : normalise_host(out);
}

static const char *check_bare(const hl__url *url)
{
    char *path;
    const char *reason = part(url, CURLUPART_PATH, 0, &path);

    if (!reason && (strcmp(path, "/") != 0 || has_part(url, CURLUPART_QUERY) || has_part(url, CURLUPART_FRAGMENT)))
        reason = "has more than a host and a port";
    free(path);
    return reason;
}

const char *hl__url_parse_host(const char *text, hl__url *out)
{
    const char *reason;
    char *whole;

    *out = (hl__url){NULL, NULL, 0, false};
    if (asprintf(&whole, "%s%s", strstr(text, "://") ? "" : "https://", text) < 0)
        return no_memory;
    reason = hl__url_parse(whole, out);
    free(whole);
    return reason ? reason : check_bare(out);
}

void hl__url_cleanup(hl__url *url)
{
    curl_url_cleanup(url->parts);
    free(url->host);
    *url = (hl__url){NULL, NULL, 0, false};
}

/* Any scheme is taken here: the refusal that follows can then say what is wrong with it. */
char *hl__url_join(const char *base, const char *place)
{
    const unsigned lenient = CURLU_URLENCODE | CURLU_ALLOW_SPACE | CURLU_NON_SUPPORT_SCHEME;
    CURLU *parts = curl_url();
    char *text = NULL, *joined = NULL;

    if (parts && curl_url_set(parts, CURLUPART_URL, base, 0) == CURLUE_OK &&
        curl_url_set(parts, CURLUPART_URL, place, lenient) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_URL, &text, 0) == CURLUE_OK)
        joined = strdup(text);
    curl_free(text);
    curl_url_cleanup(parts);
    return joined;
}

bool hl__url_entry(const hl__url *url, char *out, size_t out_len)
{
    char port[8] = "";
    int len;

    if (url->port != (url->http ? HTTP_PORT : HTTPS_PORT))
        snprintf(port, sizeof(port), ":%u", (unsigned)url->port);
    len = snprintf(out, out_len, "%s%s%s", url->http ? "http://" : "", url->host, port);
    return len >= 0 && (size_t)len < out_len;
}

/* Of "user:password@" before a host. */
static size_t user_len(const char *host)
{
    size_t len = strcspn(host, "/\\?#");

    while (len > 0 && host[len - 1] != '@')
        len--;
    return len;
}

void hl__url_show(const char *text, char *out, size_t out_len)
{
    const char *host = strstr(text, "://") ? strstr(text, "://") + 3 : text;
    size_t before = (size_t)(host - text), user = user_len(host), len = strcspn(host + user, "?#");

    snprintf(out, out_len, "%.*s%.*s", (int)(before < HL__URL_BYTES_MAX ? before : HL__URL_BYTES_MAX), text,
             (int)(len < HL__URL_BYTES_MAX ? len : HL__URL_BYTES_MAX), host + user);
    for (char *at = out; *at; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    }
}

char *hl__url_shown(const char *text)
{
    size_t room = strlen(text) + 1;
    char *shown = calloc(1, room);
    hl__url parsed;
    bool understood = !hl__url_parse(text, &parsed);

    hl__url_cleanup(&parsed);
    if (shown && (understood || !strchr(text, '@')))
        hl__url_show(text, shown, room);
    return shown;
}
