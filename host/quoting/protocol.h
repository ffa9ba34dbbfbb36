/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between a program that wants quotes and alcove-quoting: a SOCK_SEQPACKET socket pair,
 * one question and one answer at a time. */
#pragma once

#include "abi/evidence.h"
#include "abi/sgx.h"
#include "base/diag.h"

#define QUOTING_FD       3 /* the socket's number in alcove-quoting */
#define QUOTING_PARTS    8u
#define QUOTING_DATA_MAX (QUOTE_SIZE_MAX + 8u * 6144)

enum quoting_kind { QUOTING_TARGET = 1, QUOTING_QUOTE = 2, QUOTING_COLLATERAL = 3 };

struct quoting_question {
    uint32_t kind, reserved[3];
    struct sgx_report report; /* QUOTING_QUOTE */
};
struct quoting_answer {
    int32_t error; /* 0 or -errno */
    uint32_t reserved;
    struct diag diag;
    struct sgx_targetinfo target; /* QUOTING_TARGET */
    /* QUOTING_QUOTE: the quote, then the collateral's parts in the order of the struct.
     * QUOTING_COLLATERAL: no quote, and the parts. */
    uint32_t size[QUOTING_PARTS];
    uint8_t data[QUOTING_DATA_MAX];
};

/* The collateral's parts in that order. */
static inline struct bytes *quoting_part(struct evidence_collateral *c, size_t i)
{
    struct bytes *const parts[QUOTING_PARTS - 1] = {&c->tcb_info, &c->tcb_chain, &c->qe_identity,
                                                    &c->qe_chain, &c->pck_crl,   &c->pck_crl_chain,
                                                    &c->root_crl};
    return parts[i];
}
