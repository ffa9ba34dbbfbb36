/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the `syscall` and `cpuid` instructions of an ELF file and decides how each is rewritten
 * (format and rules: abi/sites.h). What cannot be rewritten with certainty is left out: it works by
 * trap inside the enclave. */
#pragma once

#include "abi/sites.h"
#include "stage.h"

struct sites_stats {
    uint64_t files;
    uint64_t mov;       /* `mov $nr,%eax; syscall`: the mov is overwritten, the syscall stays */
    uint64_t relocated; /* other syscalls, with neighbours moved into the stub */
    uint64_t trapped;   /* syscalls left alone */
    uint64_t cpuid, cpuid_trapped;
};

/* Where instructions are that were left to trap: addresses of the first of them. */
#define SITES_NAMED_MAX 64u
struct sites_trapped {
    size_t count; /* of all */
    uint64_t at[SITES_NAMED_MAX];
};

/* Scans a file of any kind: what is not an x86-64 ELF program or library has no sites. *ret_table
 * (malloc()ed; NULL when there is nothing to list) is the content of the table's file. Trust: the
 * file may be malformed; then as much as is certain is listed. */
int sites_scan(struct bytes file, uint8_t **ret_table, size_t *ret_size, struct sites_stats *stats,
               struct diag *d) MUST_USE;
/* The same, and names what will trap; ret_trapped may be NULL. */
int sites_scan_named(struct bytes file, uint8_t **ret_table, size_t *ret_size,
                     struct sites_stats *stats, struct sites_trapped *ret_trapped,
                     struct diag *d) MUST_USE;
/* Scans all files of a staged tree and adds their tables to it, on all processors. */
int sites_stage(struct stage *s, struct sites_stats *ret_stats, struct diag *d) MUST_USE;
