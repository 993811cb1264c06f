/* A certificate authority and certificates of servers, made anew each time. For programs/https_server.c. */
#ifndef HL_TEST_CERTIFICATES_H
#define HL_TEST_CERTIFICATES_H

#include <openssl/ssl.h>

typedef struct test_authority {
    EVP_PKEY *key;
    X509 *certificate;
} test_authority;

/* What a server shows. */
typedef enum test_certificate {
    TEST_CERTIFICATE_GOOD,    /* for 127.0.0.1, ::1 and localhost */
    TEST_CERTIFICATE_EXPIRED, /* was good until yesterday */
    TEST_CERTIFICATE_OTHER    /* for other.example only */
} test_certificate;

/* These end the process when OpenSSL fails. */
void test_authority_make(test_authority *out);
/* Writes the authority's certificate, which clients need as their ca_file. */
void test_authority_write(const test_authority *authority, const char *path);
SSL_CTX *test_server_context(const test_authority *authority, test_certificate kind);

#endif
