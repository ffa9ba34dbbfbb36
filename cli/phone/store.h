/* SPDX-License-Identifier: Apache-2.0 */
/* The phone's folder: secret, policy, what it remembers, evidence against the log's operator.
 * Folder 0700, files 0600; each file is replaced as a whole (written beside, flushed, renamed, the
 * folder flushed), so that a crash at any moment leaves the old content or the new. One process at
 * a time.
 *
 * Trust: the folder is the person's own; who can write to it has the keys. */
#pragma once

#include "base/diag.h"
#include "query/lease.h"
#include "phone/phrase.h"

#define PHONE_FILE_MAX (64u * 1024) /* policies are below 20 KB */

enum phone_stage {
    PHONE_NEW = 0,  /* nothing was ever claimed */
    PHONE_CLAIMING, /* a claim was sent; whether it arrived is not known */
    PHONE_CLAIMED,
    PHONE_STAGES,
};

/* What the phone remembers. All zero, with an id of the log, is a new phone's. */
struct phone_state {
    enum phone_stage stage;
    /* Made from the phrase and no head seen yet: what its forerunner granted this week is not
     * known, so the week of the first head will count as spent, see phone_state_settle(). */
    bool restored;
    /* The custodian's policy is not known to be this phone's: after a restore, and once the policy
     * file has changed. */
    bool push;
    struct lease_book book; /* its cap is not stored: it is the policy's */
    uint64_t unknown_until; /* end of the week that a restore spent, seconds since 1970; 0: none */
    uint64_t forks;         /* heads that were kept as evidence against the log's operator */
    size_t head_size;       /* the newest head as it was signed; 0: none */
    uint8_t signed_head[QUERY_LOG_HEAD_MAX];
};
int phone_state_encode(const struct phone_state *state, struct writer *out) MUST_USE;
/* Strict. -EINVAL; *ret untouched then. */
int phone_state_decode(struct bytes cbor, struct phone_state *ret) MUST_USE;
/* After the first head of a restored phone: the week of the log's time or of this device's clock,
 * whichever is later, counts as spent, and leases are numbered from the log's time on, which is
 * above what a forerunner granted one by one. Nothing when the phone is not restored. */
void phone_state_settle(struct phone_state *state, int64_t now);

struct phone_store {
    int folder, lock; /* file descriptors; -1 */
    char path[4096];
};
#define PHONE_STORE_NONE ((struct phone_store){.folder = -1, .lock = -1})

/* Opens the folder, makes it when `create` (with those above it), and locks it. -EBUSY: another
 * process has it; -EACCES: others may read it. */
int phone_store_open(struct phone_store *ret, const char *path, bool create,
                     struct diag *d) MUST_USE;
void phone_store_close(struct phone_store *store);

/* name is one of "key", "state", "policy.yaml" or evidence. */
bool phone_store_has(const struct phone_store *store, const char *name);
/* Appends the file to out. -ENOENT, -EFBIG: it does not fit. */
int phone_store_get(const struct phone_store *store, const char *name, struct writer *out,
                    struct diag *d) MUST_USE;
/* Durable when it returns 0. Else the old content is still there, or the new one is (when only
 * flushing the folder failed). */
int phone_store_put(const struct phone_store *store, const char *name, struct bytes content,
                    struct diag *d) MUST_USE;
int phone_store_remove(const struct phone_store *store, const char *name, struct diag *d) MUST_USE;

/* The seed, in the file "key". */
int phone_store_get_seed(const struct phone_store *store, uint8_t ret[PHONE_SEED_SIZE],
                         struct diag *d) MUST_USE;
int phone_store_put_seed(const struct phone_store *store, const uint8_t seed[PHONE_SEED_SIZE],
                         struct diag *d) MUST_USE;
int phone_store_get_state(const struct phone_store *store, struct phone_state *ret,
                          struct diag *d) MUST_USE;
int phone_store_put_state(const struct phone_store *store, const struct phone_state *state,
                          struct diag *d) MUST_USE;

/* For tests: is called with the number of each step of phone_store_put(), which it may end the
 * process at. */
extern void (*phone_store_step)(unsigned step);
#define PHONE_STORE_STEPS 6u
