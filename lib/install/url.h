/* Addresses, taken apart by libcurl: what is checked against the policy is the very thing that libcurl connects to. */
#ifndef HL_INSTALL_URL_H
#define HL_INSTALL_URL_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#define HL__URL_BYTES_MAX 8192

typedef struct hl__url {
    CURLU *parts;
    char *host; /* lowercase, without a dot at the end; IPv6 in brackets, in its shortest form */
    uint16_t port;
    bool http; /* not https */
} hl__url;

/* NULL, or what is wrong with the text, as the end of a sentence: "has a user name in it". Only http and https, only
 * ASCII hosts. *out is freed with hl__url_cleanup, also after a failure. */
const char *hl__url_parse(const char *text, hl__url *out);
/* The same for an entry of a list of hosts: HOST or HOST:PORT, with or without http:// or https:// before it. */
const char *hl__url_parse_host(const char *text, hl__url *out);
void hl__url_cleanup(hl__url *url);

/* Where an address leads that a server named at `base`, perhaps relative to it. NULL when it is none, or without
 * memory; owned by the caller, and not checked yet. */
char *hl__url_join(const char *base, const char *place);

/* The entry for a list of hosts that stands for this address: "example.org", "http://localhost:8080". False where it
 * finds no room. */
bool hl__url_entry(const hl__url *url, char *out, size_t out_len);
/* The address for messages and records: without user, password, query and fragment, where secrets may be, and without
 * control characters. Cut where it finds no room. */
void hl__url_show(const char *text, char *out, size_t out_len);
/* The same for records, as long as it is; "" for what is no address and may hold secrets anywhere. Owned by the caller,
 * NULL without memory. */
char *hl__url_shown(const char *text);

#endif
