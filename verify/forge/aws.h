/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: makes Nitro documents as AWS's hypervisor would, from a description in which
 * everything can be wrong. Made with OpenSSL, apart from the library. */
#pragma once

#include "base/bytes.h"
#include "verify/verify.h"

#define FORGE_NITRO_NOW INT64_C(1790000000) /* the default document is a minute old then */

/* Encoded CBOR, or contents of strings. */
struct forge_blob {
    uint8_t data[10240];
    size_t size;
};
void forge_blob_set(struct forge_blob *b, const void *data, size_t size);
#define FORGE_BLOB_LIT(b, lit) forge_blob_set((b), (lit), sizeof(lit) - 1)

enum forge_nitro_key {
    NITRO_KEY_LEAF,
    NITRO_KEY_INSTANCE,
    NITRO_KEY_ZONE,
    NITRO_KEY_REGION,
    NITRO_KEY_ROOT,
    NITRO_KEY_STRANGER,
    NITRO_KEYS,
};
struct forge_nitro_cert {
    const char *subject, *issuer;
    enum forge_nitro_key key, issuer_key;
    int64_t from, until;
    bool is_ca, no_constraints;
    int path_length;   /* -1: none */
    const char *usage; /* "critical,keyCertSign"; NULL: none */
    bool unknown_critical, usage_twice, version1;
    bool sha256;  /* signed with another hash */
    bool p256;    /* the subject's key is on another curve */
    bool damaged; /* cannot be read */
};

#define FORGE_NITRO_CERTS   12 /* more than a bundle may hold */
#define FORGE_NITRO_MEMBERS 12
struct forge_nitro_member {
    struct forge_blob key, value; /* encoded */
};
/* The payload before it is signed. */
struct forge_nitro_payload {
    bool indefinite;
    size_t count;
    struct forge_nitro_member members[FORGE_NITRO_MEMBERS];
    struct forge_blob tail; /* after the map */
};
/* Members of the default payload, in NSM's order. */
enum {
    NITRO_MODULE_ID,
    NITRO_DIGEST,
    NITRO_TIMESTAMP,
    NITRO_PCRS,
    NITRO_CERTIFICATE,
    NITRO_CABUNDLE,
    NITRO_PUBLIC_KEY,
    NITRO_USER_DATA,
    NITRO_NONCE,
    NITRO_MEMBERS,
};
/* The document before its parts are put together. */
struct forge_nitro_cose {
    struct forge_blob head;             /* 0x84 */
    struct forge_blob protected_header; /* contents */
    struct forge_blob unprotected;      /* encoded */
    struct forge_blob payload;          /* contents */
    struct forge_blob signature;        /* contents */
    struct forge_blob tail;
};

struct forge_nitro {
    struct forge_nitro_cert certs[FORGE_NITRO_CERTS]; /* leaf first, root last */
    size_t cert_count;
    uint64_t timestamp_ms;
    uint32_t pcrs; /* bits: which there are */
    size_t pcr_size;
    bool debug;      /* 0 to 2 are zero */
    bool indefinite; /* maps and arrays of indefinite length */
    enum forge_nitro_key signer;
    void (*edit)(struct forge_nitro_payload *p); /* before signing; may be NULL */
    void (*protect)(struct forge_nitro_cose *c); /* before signing; may be NULL */
    void (*wrap)(struct forge_nitro_cose *c);    /* after it; may be NULL */
};

/* A good document: five certificates, registers 0 to 15, where register i is filled with 0xa0 + i;
 * public key "key", user data "user", nonce "nonce". */
void forge_nitro_defaults(struct forge_nitro *ret);
/* Aborts the test program when the crypto library fails. Also the hash of the root's key. */
void forge_nitro_build(const struct forge_nitro *f, struct forge_blob *ret,
                       struct alcove_root *ret_root);
/* Expects exactly what the defaults describe, as of FORGE_NITRO_NOW, and names the root. */
struct alcove_policy forge_nitro_policy(const struct alcove_root *root);
