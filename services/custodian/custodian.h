/* SPDX-License-Identifier: Apache-2.0 */
/* The custodian: one person's enclave. It keeps the person's days and ledger in a sealed volume,
 * has scripts work on them in enclaves of their own, and answers queries that the person's policy
 * and a lease of the person's phone allow. docs/formats/parties.md is its protocol.
 *
 * A state machine over records: everything outside stands behind struct service_env and struct
 * custodian_volume, so that the same core runs in tests.
 *
 * Trust: records, clocks and the volume's age are the host's. What the owner says comes in sealed
 * messages from the owner's key; what others say is evidence. */
#pragma once

#include "channel/hpke.h"
#include "query/lease.h"
#include "services/kit.h"

#include "custodian_limits.h"

/* A file that a change writes: head, data, zeros up to size. size 0 removes it, if it is there. */
struct volume_change {
    const char *name;
    struct bytes head, data;
    size_t size;
};
#define VOLUME_NAME_MAX 24u

/* The sealed volume: a few files without folders, changed by whole batches. */
struct custodian_volume {
    void *context;
    /* With the owner's secret. All zero is no minimum. -EKEYREJECTED: another key's; -ESTALE: older
     * than the minimum; -EBADMSG: damaged; else the host would not. Another try is allowed. */
    int (*open)(void *context, const uint8_t secret[32], const struct volume_state *minimum,
                struct diag *d);
    /* The last acknowledged state; sequence 0: none yet. */
    int (*state)(void *context, struct volume_state *ret);
    int (*list)(void *context, void (*each)(void *to, const char *name), void *to);
    /* The first bytes of a file, at most capacity; -ENOENT. */
    int (*read)(void *context, const char *name, uint8_t *ret, size_t capacity, size_t *ret_size);
    /* All of it or nothing, and durable. -ENOSPC: nothing of it, and the volume is as before.
     * Anything else: it may have happened or not, and nothing more can be written. */
    int (*change)(void *context, const struct volume_change *changes, size_t count);
};

struct custodian;
/* Makes the boot key. NULL without memory or randomness. The two tables stay the caller's. */
struct custodian *custodian_new(const struct service_env *env,
                                const struct custodian_volume *volume);
/* Wipes what is secret. NULL is allowed. */
void custodian_free(struct custodian *c);
/* Answers one record of the host's, whatever it holds: serve() of struct service_program. */
int custodian_serve(void *custodian, struct bytes record, struct service_buffer *answer);
