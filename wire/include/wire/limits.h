/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds of what parties say to each other, each with its reason. */
#pragma once

#include "channel/limits.h"
#include "query/limits.h"
#include "query/record_limits.h"

#define WIRE_COUNT_MAX        INT64_MAX           /* versions, numbers, sizes that only rise */
#define WIRE_RHO_MAX          UINT64_C(100000000) /* DP_RHO_MAX: 100 in millionths */
#define WIRE_LIST_MAX         16          /* as QUERY_IDENTITIES_MAX: old and new releases */
#define WIRE_POLICY_MAX       (8u * 1024) /* all lists full: 16 times 272 bytes and keys */
#define WIRE_DAY_MAX          (15u * 1024 * 1024) /* a day as uploaded: real ones have 3 MB */
#define WIRE_SENTENCE_MAX     512                 /* DIAG_MAX */
#define WIRE_FAILURE_MAX      1024                /* the end of a traceback */
#define WIRE_PAGE_MAX         32                  /* items of one answer */
#define WIRE_ANSWER_BODY_MAX  (WIRE_DAY_MAX + 1024u)
#define WIRE_MANIFEST_MAX     65536u         /* MANIFEST_SIZE_MAX (abi/limits.h) */
#define WIRE_COLLATERAL_MAX   (256u * 1024)  /* real ones have 20 KB */
#define WIRE_EVIDENCE_MAX     (1024u * 1024) /* EVIDENCE_SIZE_MAX */
#define WIRE_MESSAGE_MAX      MESSAGE_SIZE_MAX
#define WIRE_CONTRIBUTION_MAX (257u * 1024) /* the kind's largest bucket, and its header */
#define WIRE_RECEIPT_MAX      (RECEIPT_MAX + QUERY_SIGNED_OVERHEAD)
#define WIRE_PROGRAMS_MAX     64
/* The largest record: a message in its frame's record. */
#define WIRE_RECORD_MAX (MESSAGE_SIZE_MAX + 4096u)
