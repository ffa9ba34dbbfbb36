/* SPDX-License-Identifier: Apache-2.0 */
/* Rewriting of `syscall` and `cpuid` in mapped text, so that they cost a jump instead of a trap. */
#pragma once

#include "abi/stubs.h"
#include "process.h"

/* Before the first program is mapped. measured: bytes of the stubs that are part of the image and
 * begin with the restart stub; 0: none are, and the restart stub is made now. */
int rewrite_start(uint64_t measured) MUST_USE;
/* Another program: the stubs of the one before go, but the measured ones. No text that jumps to them
 * is left. */
void rewrite_reset(void);
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
/* The stubs that were made since the start: what a forked process needs at the same addresses. Whole
 * pages. */
void rewrite_made(uint64_t *ret_start, uint64_t *ret_end);
/* Puts size bytes (whole pages) of them behind those that are there. -ENOMEM. */
int rewrite_restore(const uint8_t *code, uint64_t size) MUST_USE;
/* Where a call that is to be restarted goes on: RAX number, RCX the address after the call. */
uint64_t rewrite_restart_address(void);
/* Is that in finished stubs? They can be read and executed, and belong to no mapping. */
bool rewrite_is_stub(uint64_t addr);
