/* SPDX-License-Identifier: Apache-2.0 */
/* The code that takes the place of a `syscall` or `cpuid` instruction: a jump to a stub, and the
 * stub. One generator for both doors that run programs: the library OS uses it when it maps text,
 * `alcove build` before it measures a program of the shim door. */
#pragma once

#include "abi/sites.h"
#include "base/bytes.h"

/* A table, checked as far as it can be without the text. */
struct site_table {
    const struct site *sites;
    uint32_t count;
};

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
/* Where a call that is to be restarted goes on: RAX number, RCX the address after the call. Does
 * not depend on where it stands. Returns its size. */
size_t stub_restart(const struct stub_targets *targets, uint8_t ret_code[STUB_MAX]);
/* The five bytes that go over the site; false when the distance is too great. */
bool site_patch(uint64_t site_at, uint64_t stub_at, uint8_t ret_patch[5]);
