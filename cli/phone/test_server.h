/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a server, its log and a custodian in one process, behind a client; honest, or lying in
 * one way at a time. What the custodian does is as little as a phone can notice; the real one has
 * tests of its own. */
#pragma once

#include "forge/forge.h"
#include "phone/phone.h"

enum lie {
    LIE_NONE,
    /* evidence */
    LIE_PROGRAM, /* another program's */
    LIE_CONFIG,  /* another manifest's */
    LIE_DEBUG,   /* a debug enclave's */
    LIE_NONCE,   /* made for another nonce */
    LIE_TIME,    /* made for nobody, as of a time */
    LIE_OWNER,   /* of a custodian with another owner */
    LIE_PURPOSE, /* of an aggregator */
    LIE_KEY,     /* with the server's key in the place of the custodian's */
    LIE_CONTEXT, /* with a context */
    LIE_OLD,     /* what was true for the last nonce */
    LIE_GARBAGE, /* none */
    /* log */
    LIE_HEAD_OLD,     /* the first head again */
    LIE_HEAD_STRANGE, /* signed by another key */
    LIE_HEAD_FORK,    /* as many leaves, other ones */
    LIE_HEAD_GROWN,   /* more leaves, and other ones before */
    LIE_HEAD_SHRUNK,  /* fewer, and later */
    LIE_NOT_LOGGED,   /* a proof for another leaf */
    LIE_OTHER_LEAF,   /* another leaf, properly proved */
    LIE_NO_PROGRAM,   /* the custodian is in no list */
    /* answers */
    LIE_ANSWER_ID,    /* to another message */
    LIE_ANSWER_KEY,   /* sealed by another key */
    LIE_ANSWER_AGAIN, /* the last answer again */
    LIE_ANSWER_BASE,  /* from nobody */
    LIE_ANSWER_KIND,  /* of another kind */
    LIE_ANSWER_CUT,
    LIE_STATE_OLDER, /* acknowledges less than before */
    LIE_STATE_OTHER, /* acknowledges the same number with another root */
    LIE_COUNT,
};

#define SERVER_LEAVES_MAX 64u

struct test_server {
    struct client client; /* to be given to a phone; its close() does nothing */
    enum lie lie;
    /* custodian */
    struct hpke_private_key boot, thief;
    bool claimed, open, deleted;
    enum wire_code refuse; /* the next message */
    bool lose_answer;      /* does it, and the answer is lost */
    unsigned keep_answers; /* but for so many before */
    uint8_t secret[32], owner_key[65];
    struct hpke_public_key message_key;
    struct wire_policy policy;
    uint8_t policy_bytes[WIRE_POLICY_MAX];
    struct volume_state state, acks[LEDGER_ACKS_MAX]; /* the last ones that it acknowledged */
    struct lease lease;                               /* the newest that it took */
    uint64_t leases, uploads, orders, messages, attests, enrols;
    uint64_t upload_day, upload_size;
    uint64_t *granted; /* adds up what leases are about; NULL */
    /* identity */
    struct forge_spec spec;
    struct forge_output forged;
    struct query_peer peer;
    uint8_t manifest[1024];
    size_t manifest_size;
    uint8_t last_nonce[64];
    size_t last_nonce_size;
    /* log */
    struct query_secret_key log_key;
    size_t leaf_count;
    uint8_t leaves[SERVER_LEAVES_MAX][QUERY_LOG_LEAF_MAX];
    size_t leaf_sizes[SERVER_LEAVES_MAX];
    struct query_hash hashes[SERVER_LEAVES_MAX];
    size_t custodian_leaf;
    uint64_t log_time;
    uint8_t *last_answer; /* malloc */
    size_t last_answer_size;
};

void test_server_make(struct test_server *ret);
void test_server_done(struct test_server *s);
/* A new boot: new key, nothing open. */
void test_server_restart(struct test_server *s);
/* More leaves, and time passes. */
void test_server_grow(struct test_server *s, size_t leaves);
/* The policy file that trusts exactly this server. */
void test_server_policy(const struct test_server *s, char *ret, size_t size);
