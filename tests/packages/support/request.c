/* Reading requests; see request.h. */
#include "tests/packages/support/request.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

bool test_wire_send(const test_wire *wire, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t sent = wire->ssl ? SSL_write(wire->ssl, at, (int)len) : send(wire->fd, at, len, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        at += sent;
        len -= (size_t)sent;
    }
    return true;
}

void test_wire_wait(const test_wire *wire)
{
    struct pollfd watched = {wire->fd, POLLIN | POLLRDHUP, 0};

    poll(&watched, 1, 60000);
}

void test_wire_reset(const test_wire *wire)
{
    const struct linger at_once = {1, 0};

    setsockopt(wire->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    if (wire->ssl)
        SSL_set_quiet_shutdown(wire->ssl, 1);
}

static ssize_t receive(const test_wire *wire, char *bytes, size_t len)
{
    return wire->ssl ? SSL_read(wire->ssl, bytes, (int)len) : recv(wire->fd, bytes, len, 0);
}

static bool read_head(const test_wire *wire, char *head)
{
    size_t used = 0;

    while (used < TEST_HEAD_MAX - 1) {
        ssize_t got = receive(wire, head + used, TEST_HEAD_MAX - 1 - used);

        if (got <= 0)
            return false;
        used += (size_t)got;
        head[used] = '\0';
        if (strstr(head, "\r\n\r\n"))
            return true;
    }
    return false;
}

/* Undoes %XX in place or elsewhere; `out` may be `text`. */
static void decode(const char *text, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++) {
        char digits[3] = "";

        if (text[i] == '%' && i + 2 < len) {
            memcpy(digits, text + i + 1, 2);
            *out++ = (char)strtol(digits, NULL, 16);
            i += 2;
        } else {
            *out++ = text[i];
        }
    }
    *out = '\0';
}

static void take_field(test_request *out, char *line)
{
    static const char *const keys[] = {"range:", "if-range:", "authorization:", "user-agent:", "cookie:"};
    const char **places[] = {&out->range, &out->if_range, &out->authorization, &out->agent, &out->cookie};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strncasecmp(line, keys[i], strlen(keys[i])) == 0)
            *places[i] = line + strlen(keys[i]) + strspn(line + strlen(keys[i]), " ");
    }
}

static bool take_target(test_request *out, char *line)
{
    char *path = strchr(line, ' ');
    char *end = path ? strchr(path + 1, ' ') : NULL;

    if (!end || strncmp(line, "GET /", 5) != 0)
        return false;
    *end = '\0';
    path++;
    out->query = strchr(path, '?');
    if (out->query)
        *out->query++ = '\0';
    else
        out->query = end;
    decode(path, strlen(path), path);
    out->path = path;
    return true;
}

bool test_request_read(const test_wire *wire, test_request *out)
{
    char *place = NULL, *line;

    out->range = out->if_range = out->authorization = out->agent = out->cookie = "";
    if (!read_head(wire, out->head))
        return false;
    line = strtok_r(out->head, "\r\n", &place);
    if (!line || !take_target(out, line))
        return false;
    while ((line = strtok_r(NULL, "\r\n", &place)))
        take_field(out, line);
    return true;
}

bool test_query(const char *query, const char *key, char *out, size_t out_len)
{
    size_t key_len = strlen(key);

    for (const char *at = query; *at; at += strcspn(at, "&"), at += *at == '&') {
        size_t len = strcspn(at, "&");

        if (strncmp(at, key, key_len) != 0 || at[key_len] != '=' || len - key_len - 1 >= out_len)
            continue;
        decode(at + key_len + 1, len - key_len - 1, out);
        return true;
    }
    return false;
}

uint64_t test_query_number(const char *query, const char *key, uint64_t fallback)
{
    char text[32];

    return test_query(query, key, text, sizeof(text)) ? strtoull(text, NULL, 10) : fallback;
}

bool test_query_has(const char *query, const char *key)
{
    char value[2048];

    return test_query(query, key, value, sizeof(value));
}
