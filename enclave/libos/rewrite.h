/* SPDX-License-Identifier: Apache-2.0 */
/* Rewriting of `syscall` and `cpuid` in mapped text, so that they cost a jump instead of a trap. */
#pragma once

#include "abi/sites.h"
#include "process.h"

/* A table, checked as far as it can be without the text. */
struct site_table {
    const struct site *sites;
    uint32_t count;
};

/* Generates the restart stub. Before the first program is mapped. */
int rewrite_start(void) MUST_USE;
/* The sites of a file's text [offset, offset+size). begin: job->table.count is 0 when there is
 * nothing to rewrite (a missing or bad table is no error: its sites trap); -errno when memory runs
 * out. apply: makes stubs and patches `text`, writable bytes that are or will be mapped at `at`.
 * end: always, even after errors. */
struct rewrite_job {
    void *data;
    struct site_table table;
};
int rewrite_begin(struct rewrite_job *job, struct file *f, uint64_t size, uint64_t offset) MUST_USE;
int rewrite_apply(const struct rewrite_job *job, uint8_t *text, uint64_t at,
                  uint64_t offset) MUST_USE;
void rewrite_end(struct rewrite_job *job);
/* Where a call that is to be restarted goes on: RAX number, RCX the address after the call. */
uint64_t rewrite_restart_address(void);

/* ---- pure parts, tested on the host
 * -------------------------------------------------------------- */

/* -EINVAL: malformed, unsorted or overlapping. Trust: any bytes. */
int site_table_parse(const void *data, size_t size, uint64_t file_size,
                     struct site_table *ret) MUST_USE;

#define STUB_MAX 160u
struct stub_targets {
    uint64_t syscall_entry, cpuid_entry;
};
/* Writes the stub of a site for execution at stub_at, with the site's text at site_at. Returns its
 * size, or 0 when the distance is too great. */
size_t stub_generate(const struct site *s, uint64_t site_at, uint64_t stub_at,
                     const struct stub_targets *targets, uint8_t ret_code[STUB_MAX]);
/* The five bytes that go over the site; false when the distance is too great. */
bool site_patch(uint64_t site_at, uint64_t stub_at, uint8_t ret_patch[5]);
