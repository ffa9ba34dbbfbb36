/* SPDX-License-Identifier: Apache-2.0 */
/* The connection with the microcode helper, shared by its host half and its leaf half. */
#pragma once

#include "soft/internal.h"
#include "soft/protocol.h"

#include <sys/types.h>

#define STAGING_PAGES 16u

struct soft_client {
    int socket, staging;
    pid_t pid;
    uint32_t lock; /* one question at a time after EINIT */
    uint32_t slot_count;
    uint32_t page_count; /* in the buffer, not yet in the staging file */
    uint8_t *pages;
    struct mc_create create;
    struct mc_record *records; /* what is to be measured, in order */
    size_t record_count, record_capacity;
    union {
        struct mc_report report;
        struct mc_report_reply report_reply;
        struct mc_getkey getkey;
        struct mc_getkey_reply getkey_reply;
    } message;
};
