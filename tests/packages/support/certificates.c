/* Certificates for the tests' server; see certificates.h. */
#include "tests/packages/support/certificates.h"

#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define DAY_S (24L * 3600)

static void need(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "https_server: %s failed\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static EVP_PKEY *make_key(void)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
    EVP_PKEY *key = NULL;

    need(context && EVP_PKEY_keygen_init(context) == 1 &&
             EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1) == 1 &&
             EVP_PKEY_keygen(context, &key) == 1,
         "making a key");
    EVP_PKEY_CTX_free(context);
    return key;
}

static void extend(X509 *certificate, X509 *issuer, int kind, const char *value)
{
    X509_EXTENSION *extension;
    X509V3_CTX context;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    need(extension && X509_add_ext(certificate, extension, -1) == 1, "adding to a certificate");
    X509_EXTENSION_free(extension);
}

static X509 *begin_certificate(EVP_PKEY *key, const char *name, long serial, long from_s, long until_s)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = certificate ? X509_get_subject_name(certificate) : NULL;

    need(subject && X509_set_version(certificate, 2) == 1 &&
             ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial) == 1 &&
             X509_gmtime_adj(X509_getm_notBefore(certificate), from_s) &&
             X509_gmtime_adj(X509_getm_notAfter(certificate), until_s) && X509_set_pubkey(certificate, key) == 1 &&
             X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) == 1,
         "making a certificate");
    return certificate;
}

void test_authority_make(test_authority *out)
{
    out->key = make_key();
    out->certificate = begin_certificate(out->key, "Hookline test authority", 1, -30 * DAY_S, 30 * DAY_S);
    need(X509_set_issuer_name(out->certificate, X509_get_subject_name(out->certificate)) == 1, "naming the authority");
    extend(out->certificate, out->certificate, NID_basic_constraints, "critical,CA:TRUE");
    extend(out->certificate, out->certificate, NID_key_usage, "critical,keyCertSign");
    extend(out->certificate, out->certificate, NID_subject_key_identifier, "hash");
    need(X509_sign(out->certificate, out->key, EVP_sha256()) > 0, "signing the authority's certificate");
}

/* Readable for all and writable for nobody else, whatever the umask: so a policy wants it. */
void test_authority_write(const test_authority *authority, const char *path)
{
    FILE *file = fopen(path, "we");

    need(file && fchmod(fileno(file), 0644) == 0 && PEM_write_X509(file, authority->certificate) == 1, path);
    need(fclose(file) == 0, path);
}

static X509 *make_server_certificate(const test_authority *authority, EVP_PKEY *key, test_certificate kind)
{
    long until_s = kind == TEST_CERTIFICATE_EXPIRED ? -DAY_S : 10 * DAY_S;
    X509 *certificate = begin_certificate(key, "server", 2 + (long)kind, -10 * DAY_S, until_s);

    need(X509_set_issuer_name(certificate, X509_get_subject_name(authority->certificate)) == 1, "naming the issuer");
    extend(certificate, authority->certificate, NID_basic_constraints, "critical,CA:FALSE");
    extend(certificate, authority->certificate, NID_ext_key_usage, "serverAuth");
    extend(certificate, authority->certificate, NID_subject_alt_name,
           kind == TEST_CERTIFICATE_OTHER ? "DNS:other.example" : "IP:127.0.0.1,IP:::1,DNS:localhost");
    need(X509_sign(certificate, authority->key, EVP_sha256()) > 0, "signing a certificate");
    return certificate;
}

SSL_CTX *test_server_context(const test_authority *authority, test_certificate kind)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = make_key();
    X509 *certificate = make_server_certificate(authority, key, kind);

    need(context && SSL_CTX_use_certificate(context, certificate) == 1 && SSL_CTX_use_PrivateKey(context, key) == 1,
         "using a certificate");
    X509_free(certificate);
    EVP_PKEY_free(key);
    return context;
}
