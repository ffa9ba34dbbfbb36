/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds of a custodian, each with its reason. */
#pragma once

#include "wire/limits.h"

#define DAYS_MAX 4096u /* eleven years */
/* What days may take of the volume's 256 MiB; the rest is for the ledger and events, so that a
 * volume that is full of days still serves. */
#define DAYS_SIZE_MAX  (240u * 1024 * 1024)
#define PROCESSED_MAX  (240u * 1024) /* of one day; a reply has 256 KiB */
#define FILE_HEAD      8u            /* kind and size of a day's file */
#define FILE_LEAST     (64u * 1024)  /* days of people who stay at home look like others */
#define EVENTS_MAX     1000u
#define EVENT_SIZE     2048u /* with all texts full 1.6 KiB */
#define EVENT_PER_FILE 8u    /* what one event costs to write: four blocks */
#define EVENT_FILES    (EVENTS_MAX / EVENT_PER_FILE)
#define EVENT_FILE     (EVENT_SIZE * EVENT_PER_FILE)
#define ANALYSTS_MAX   256u          /* who may be answered in one week */
#define STATE_MAX      (128u * 1024) /* ledger 64 KiB, policy 8, analysts 12 */
#define STATE_STEP     (16u * 1024)
#define QUERIES_MAX    16u    /* under way at once: each keeps up to 1 MiB */
#define SEEN_MAX       16384u /* messages of one boot: a day's upload each for 40 years */
/* One day's processing on a slow machine; a script that hangs is ended then. */
#define PROCESS_RUN_MS 300000u
/* Evidence goes with a contribution of at most 256 KiB, 32 of which are the vector. */
#define SELF_MAX     (200u * 1024)
#define SELF_FRESH_S 3600 /* made anew then: relying parties take it for a week */
