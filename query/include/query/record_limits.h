/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds of documents, leases, receipts and the log, each with its reason. */
#pragma once

/* 4096 entries with long names (a matrix of 64 x 64 zones) come to 400 KB. */
#define QUERY_DOCUMENT_MAX (512u * 1024)
/* Releases of custodian, aggregator and runtime that one query admits: old and new, some builds. */
#define QUERY_IDENTITIES_MAX 16
/* Roots of evidence: makers' and a few machines' own. */
#define QUERY_ROOTS_MAX 16
/* What people read on a phone: an entry's name, a unit, a function's name, the question itself. */
#define QUERY_LABEL_MAX    48
#define QUERY_UNIT_MAX     16
#define QUERY_FUNCTION_MAX 64
#define QUERY_QUESTION_MAX 280
#define QUERY_NONCE_SIZE   16u
/* Fewer than two people are no statistic. */
#define QUERY_USERS_LEAST 2
/* Days since 1970: 2000-01-01 to 2199-12-31. Nobody has traces from before or after. */
#define QUERY_DAY_FIRST 10957
#define QUERY_DAY_LAST  84005
/* A query about more than a year is several queries. */
#define QUERY_DAYS_MAX 366
/* Seconds since 1970 in everything signed: until 2199-12-31. Sums of two never overflow. */
#define QUERY_TIME_MAX UINT64_C(7258118399)
/* How long a script may run for one person. */
#define QUERY_RUN_MS_MAX 600000

/* Leaves of the log: 2^40 is a query each second for 30,000 years. */
#define QUERY_LOG_SIZE_MAX (UINT64_C(1) << 40)
/* Longest path of a proof: one hash a level, and one for where a consistency proof starts. */
#define QUERY_LOG_PATH_MAX 41
/* An encoded proof: each hash takes 34 bytes, the head of the array 3. */
#define QUERY_LOG_PROOF_SIZE_MAX (QUERY_LOG_PATH_MAX * 34 + 3)
#define QUERY_LOG_LEAF_MAX       512
#define QUERY_LOG_HEAD_MAX       256

/* Everything small that is signed: body, signature, and what CBOR puts around them. */
#define QUERY_SIGNED_OVERHEAD 96
#define LEASE_MAX             512
/* A receipt has at most 4096 numbers of 9 bytes, and some hundred bytes besides. */
#define RECEIPT_MAX (40u * 1024)

/* Queries whose deadline is still to come and which this custodian has answered: a person is asked
 * some queries a week. When it is full, queries wait until others are over. */
#define LEDGER_ANSWERED_MAX 1024
/* Acknowledgements to the phone that may be under way at the same time. */
#define LEDGER_ACKS_MAX 8
/* The ledger's bytes: answered ids take 45 each, acknowledgements 45. */
#define LEDGER_SIZE_MAX (64u * 1024)
/* Budgets are counted by weeks of the log's time. */
#define LEDGER_WINDOW_S UINT64_C(604800)
