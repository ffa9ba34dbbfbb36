/* SPDX-License-Identifier: Apache-2.0 */
/* Leases: what a person's queries may cost, granted by the person's phone to one boot of one
 * custodian; and the ledgers on both sides. docs/formats/lease.md has the CDDL.
 *
 * The operator can stop, restart, roll back and clone every custodian, and has none of the phones.
 * So the phone counts a lease as spent when it grants it, and a lease names the key that the
 * custodian made when it started: after a restart, on a clone, or from an older volume it is worth
 * nothing. What is lost is at most the unused part of a lease; nothing is ever spent twice.
 *
 * Time is the log's (the largest that its heads have shown): a clock that is stopped or wrong only
 * denies service.
 *
 * State machines over the caller's structs: no allocation, files, clock or lock; one thread at a
 * time. Integers only, in millionths of rho. Each comparison is written so that what is not in
 * order is refused. Refusals: -EACCES with the reason; the ledger is then as before. -EIO: the
 * crypto library failed. */
#pragma once

#include "query/budget.h"
#include "query/limits.h"
#include "query/log.h"

/* A state of a sealed volume: its root after so many commits. All zero: none. */
struct volume_state {
    uint64_t sequence;
    struct query_hash root;
};

struct lease {
    struct query_hash boot_key; /* SHA-256 of the key that the custodian made at this boot */
    struct volume_state volume; /* acknowledged to the phone; all zero: nothing was, yet */
    struct query_log_tree head; /* of the log, that the phone has seen */
    uint64_t number;            /* from 1, rising with each lease that the phone grants */
    uint64_t policy;            /* version of the owner's policy */
    uint64_t rho;               /* millionths; all of it counts as spent */
    uint64_t window;            /* week of the log's time: lease_window() */
    uint64_t not_after;         /* seconds since 1970, by the log's time */
};
static inline uint64_t lease_window(uint64_t time)
{
    return time / LEDGER_WINDOW_S;
}

/* Reads a lease that the owner signed. -EINVAL for the form, -EBADMSG for the signature. */
int lease_open(struct bytes signed_lease, const struct query_key *owner, struct lease *ret,
               struct diag *d) MUST_USE;
/* -EINVAL for what lease_open() would refuse; errors of query_signed_make(). */
int lease_sign(const struct lease *lease, const struct query_signer *owner, struct writer *out,
               struct diag *d) MUST_USE;

/* ---- The phone's side ------------------------------------------------------------------------ */

/* What the phone remembers, about all its custodians together. */
struct lease_book {
    struct budget_window budget;      /* cap in a week; what was granted counts as spent */
    uint64_t number;                  /* of the last lease */
    uint64_t policy;                  /* version */
    struct query_log_head head;       /* the newest that it has seen: query_log_advance() */
    struct volume_state acknowledged; /* the newest that the custodian acknowledged */
};
/* Grants rho for lifetime_s seconds: counts it, then signs. The caller stores the book before it
 * sends the lease. -EDQUOT beyond the week's cap; what signing failed with has been counted. */
int lease_grant(struct lease_book *book, const struct query_hash *boot_key, uint64_t rho,
                uint64_t lifetime_s, const struct query_signer *owner, struct writer *out,
                struct diag *d) MUST_USE;

/* ---- The custodian's side -------------------------------------------------------------------- */

enum ledger_reason {
    LEDGER_REASON_NONE = 0,
#define LEDGER_REASON(name, text, explanation) LEDGER_##name,
#include "query/ledger_reasons.def"
#undef LEDGER_REASON
    LEDGER_REASONS,
};
/* "rolled-back"; NULL for none and outside the enum. */
const char *ledger_reason_text(enum ledger_reason reason);
const char *ledger_reason_explain(enum ledger_reason reason);

struct ledger_answered {
    struct query_hash query;
    uint64_t deadline;
};
/* 47 KB. The lease is not part of what is stored: no file can bring one back. */
struct ledger {
    /* Stored in the sealed volume. */
    struct query_log_head head;
    uint64_t policy;             /* version of the owner's policy */
    struct budget_window budget; /* its cap is the policy's */
    uint64_t number;             /* of the last lease */
    uint32_t ack_count, answered_count;
    struct volume_state acks[LEDGER_ACKS_MAX];            /* oldest first */
    struct ledger_answered answered[LEDGER_ANSWERED_MAX]; /* sorted by query */
    /* Of this boot. */
    struct query_hash boot_key;
    bool has_lease;
    struct lease lease;
    uint64_t left;
};

/* Of a new custodian. log is the id of the log's key. */
void ledger_start(struct ledger *ret, const struct query_hash *boot_key,
                  const struct query_hash *log);
/* From the volume, without a lease. -EINVAL; *ret is then zero. Trust: the bytes are authentic, and
 * may be old. */
int ledger_decode(struct bytes cbor, const struct query_hash *boot_key, struct ledger *ret,
                  struct diag *d) MUST_USE;
int ledger_encode(const struct ledger *ledger, struct writer *out, struct diag *d) MUST_USE;

/* A new version of the owner's policy, as its signature was good; what is left of a lease is void.
 * -ESTALE unless it is newer, -EINVAL for a cap above DP_RHO_MAX. */
int ledger_policy(struct ledger *ledger, uint64_t version, uint64_t cap, struct diag *d) MUST_USE;
/* query_log_advance() for the head of the ledger. */
int ledger_advance(struct ledger *ledger, const struct query_key *log_key, struct bytes signed_head,
                   struct bytes proof, enum query_log_reason *ret_reason, struct diag *d) MUST_USE;
/* Remembers a state that is going to be acknowledged to the phone. The caller stores the ledger
 * before it sends the acknowledgement: then every volume that knows of the acknowledgement has the
 * state, and a volume from before cannot. -EINVAL unless the sequence rises. */
int ledger_acknowledge(struct ledger *ledger, const struct volume_state *state,
                       struct diag *d) MUST_USE;
/* Was this state acknowledged by this volume, or one that it comes from, as far as it remembers?
 * What is older than all of a full list may have been: its answers got lost since. A higher
 * sequence number alone says nothing, because a host makes it rise. */
bool ledger_knows(const struct ledger *ledger, const struct volume_state *state) MUST_USE;
/* Takes a lease, in the place of the last one. `proof` shows that the ledger's head extends the
 * head that the lease names. */
int ledger_grant(struct ledger *ledger, const struct query_key *owner, struct bytes signed_lease,
                 struct bytes proof, enum ledger_reason *ret_reason, struct diag *d) MUST_USE;
/* Pays for a query, once. The caller stores the ledger, then runs the query; nothing that happens
 * later gives anything back. Trust: query, deadline and cost are as a document says. */
int ledger_debit(struct ledger *ledger, const struct query_hash *query, uint64_t deadline,
                 uint64_t cost, enum ledger_reason *ret_reason, struct diag *d) MUST_USE;
