/* SPDX-License-Identifier: Apache-2.0 */
/* A TLS 1.3 server and a client that trusts only the server's key, in one program: a thread each,
 * and a socket pair between them. (There is no network in an enclave yet; what travels through the
 * pair never leaves it.) Then the speed of the cryptography under it.
 *
 * Or it serves one client outside, over its standard input and output: that is where its host must
 * carry records that it cannot read.
 *
 * Make:  alcove cc -O2 tls.c -o tls -lssl -lcrypto
 * Usage: tls [MIB] [speed]      sends MIB mebibytes through the connection, 16 unless told
 *        tls serve              writes its certificate to standard error, then serves */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#define CHUNK_SIZE (64u * 1024)

static void must(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "tls: %s failed\n", what);
        ERR_print_errors_fp(stderr);
        exit(1);
    }
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- who the server is ----------------------------------------------------------------------- */

static EVP_PKEY *new_key(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    must(key != NULL, "making a key");
    return key;
}

static X509 *self_signed(EVP_PKEY *key)
{
    X509 *x = X509_new();
    must(x != NULL && X509_set_version(x, 2) == 1 && X509_set_pubkey(x, key) == 1, "a certificate");
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_NAME *name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"enclave", -1, -1,
                               0);
    X509_set_issuer_name(x, name);
    must(X509_sign(x, key, EVP_sha256()) > 0, "signing the certificate");
    return x;
}

/* ---- the connection -------------------------------------------------------------------------- */

struct server {
    int in, out;
    EVP_PKEY *key;
    X509 *certificate;
};

/* A request is a number of mebibytes, 8 bytes; the answer is that much of a counter stream. */
static void fill(uint8_t *chunk, uint64_t index)
{
    for (size_t i = 0; i < CHUNK_SIZE; i += 8) {
        uint64_t word = (index * CHUNK_SIZE + i) * UINT64_C(0x9e3779b97f4a7c15);
        memcpy(chunk + i, &word, sizeof word);
    }
}

static void serve(const struct server *s)
{
    static uint8_t chunk[CHUNK_SIZE];
    uint64_t mebibytes = 0;
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    must(context != NULL && SSL_CTX_use_certificate(context, s->certificate) == 1 &&
             SSL_CTX_use_PrivateKey(context, s->key) == 1 &&
             SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1,
         "the server's context");
    SSL *ssl = SSL_new(context);
    must(ssl != NULL && SSL_set_rfd(ssl, s->in) == 1 && SSL_set_wfd(ssl, s->out) == 1 &&
             SSL_accept(ssl) == 1,
         "SSL_accept");
    must(SSL_read(ssl, &mebibytes, sizeof mebibytes) == sizeof mebibytes, "the server's SSL_read");
    for (uint64_t i = 0; i < mebibytes * 1024 * 1024 / CHUNK_SIZE; i++) {
        fill(chunk, i);
        must(SSL_write(ssl, chunk, CHUNK_SIZE) == CHUNK_SIZE, "the server's SSL_write");
    }
    SSL_shutdown(ssl);
    SSL_free(ssl);
    SSL_CTX_free(context);
}

static void *serve_pair(void *argument)
{
    serve(argument);
    return NULL;
}

/* Whoever reads the certificate believes it for nothing but this example: what binds a key to an
 * enclave is a quote. */
static void serve_outside(void)
{
    struct server server = {.in = 0, .out = 1, .key = new_key()};
    server.certificate = self_signed(server.key);
    must(PEM_write_X509(stderr, server.certificate) == 1, "writing the certificate");
    serve(&server);
    X509_free(server.certificate);
    EVP_PKEY_free(server.key);
}

static SSL *connect_to(int socket, X509 *trusted, SSL_CTX *context)
{
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    must(X509_STORE_add_cert(store, trusted) == 1, "trusting the certificate");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL *ssl = SSL_new(context);
    must(ssl != NULL && SSL_set_fd(ssl, socket) == 1, "the client");
    return ssl;
}

static void receive(SSL *ssl, uint64_t mebibytes)
{
    static uint8_t chunk[CHUNK_SIZE], expected[CHUNK_SIZE];
    must(SSL_write(ssl, &mebibytes, sizeof mebibytes) == sizeof mebibytes, "the request");
    for (uint64_t i = 0; i < mebibytes * 1024 * 1024 / CHUNK_SIZE; i++) {
        for (size_t got = 0; got < CHUNK_SIZE;) {
            int n = SSL_read(ssl, chunk + got, (int)(CHUNK_SIZE - got));
            must(n > 0, "the client's SSL_read");
            got += (size_t)n;
        }
        fill(expected, i);
        must(memcmp(chunk, expected, CHUNK_SIZE) == 0, "comparing what arrived");
    }
}

static void converse(uint64_t mebibytes)
{
    int pair[2];
    pthread_t thread;
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
    struct server server = {.in = pair[0], .out = pair[0], .key = new_key()};
    server.certificate = self_signed(server.key);
    must(pthread_create(&thread, NULL, serve_pair, &server) == 0, "starting the server");

    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    must(context != NULL, "the client's context");
    SSL *ssl = connect_to(pair[1], server.certificate, context);
    must(SSL_connect(ssl) == 1 && SSL_get_verify_result(ssl) == X509_V_OK, "SSL_connect");
    printf("handshake: %s %s\n", SSL_get_version(ssl), SSL_get_cipher(ssl));
    double start = now();
    receive(ssl, mebibytes);
    double seconds = now() - start;
    printf("received: %llu MiB, every byte as sent\n", (unsigned long long)mebibytes);
    fprintf(stderr, "connection: %.0f MB/s\n", (double)mebibytes * 1.048576 / seconds);
    pthread_join(thread, NULL);
    SSL_free(ssl);
    SSL_CTX_free(context);
    X509_free(server.certificate);
    EVP_PKEY_free(server.key);
    close(pair[0]);
    close(pair[1]);
}

/* ---- speed ----------------------------------------------------------------------------------- */

/* Of many short slices the fastest counts: whoever else runs on the machine slows down some. The
 * clock is read once a batch, because that costs as much as a small operation. */
#define SLICES 40u
#define SLICE  0.02
#define BATCH  32u

typedef void operation(void *context);

static void measure(const char *name, double unit, operation *run, void *context)
{
    double best = 0;
    for (unsigned i = 0; i < SLICES; i++) {
        double start = now(), end;
        unsigned long count = 0;
        do {
            for (unsigned k = 0; k < BATCH; k++) {
                run(context);
            }
            count += BATCH;
            end = now();
        } while (end - start < SLICE);
        double rate = (double)count * unit / (end - start);
        best = rate > best ? rate : best;
    }
    printf("speed %s %.1f\n", name, best);
}

struct cipher {
    EVP_CIPHER_CTX *context;
    int size;
    uint8_t data[65536];
};

static void seal(void *context)
{
    struct cipher *c = context;
    static const uint8_t nonce[12];
    uint8_t tag[16];
    int n;
    must(EVP_EncryptInit_ex(c->context, NULL, NULL, NULL, nonce) == 1 &&
             EVP_EncryptUpdate(c->context, c->data, &n, c->data, c->size) == 1 &&
             EVP_EncryptFinal_ex(c->context, c->data, &n) == 1 &&
             EVP_CIPHER_CTX_ctrl(c->context, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1,
         "AES-GCM");
}

struct signer {
    EVP_MD_CTX *context;
    EVP_PKEY *key;
    uint8_t signature[128];
    size_t size;
};

static void sign(void *context)
{
    struct signer *s = context;
    s->size = sizeof s->signature;
    must(EVP_DigestSignInit(s->context, NULL, EVP_sha256(), NULL, s->key) == 1 &&
             EVP_DigestSign(s->context, s->signature, &s->size, s->signature, 32) == 1,
         "signing");
}

static void hash(void *context)
{
    const struct cipher *c = context;
    uint8_t digest[32];
    must(EVP_Digest(c->data, (size_t)c->size, digest, NULL, EVP_sha256(), NULL) == 1, "hashing");
}

static void speed(void)
{
    static struct cipher c;
    static const uint8_t key[32] = {1};
    struct signer s = {.context = EVP_MD_CTX_new(), .key = new_key()};
    c.context = EVP_CIPHER_CTX_new();
    must(EVP_EncryptInit_ex(c.context, EVP_aes_256_gcm(), NULL, key, NULL) == 1, "a cipher");
    c.size = 16384;
    measure("aes-256-gcm-16k-MB/s", 16384e-6, seal, &c);
    c.size = 1024;
    measure("aes-256-gcm-1k-MB/s", 1024e-6, seal, &c);
    c.size = 65536;
    measure("sha-256-MB/s", 65536e-6, hash, &c);
    measure("ecdsa-p256-sign/s", 1, sign, &s);
    EVP_CIPHER_CTX_free(c.context);
    EVP_MD_CTX_free(s.context);
    EVP_PKEY_free(s.key);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "serve") == 0) {
        serve_outside();
        return 0;
    }
    converse(argc > 1 ? strtoull(argv[1], NULL, 10) : 16);
    if (argc > 2 && strcmp(argv[2], "speed") == 0) {
        speed();
    }
    return 0;
}
