/* SPDX-License-Identifier: Apache-2.0 */
/* The four kinds of address that trusted code meets. They are different types, so the compiler
 * rejects mixing them; only enclave/runtime turns one into another. */
#pragma once

#include "base/bytes.h"

typedef struct {
    uint64_t addr;
} host_ptr; /* somewhere in the untrusted process; cannot be dereferenced */

typedef struct {
    uint64_t addr;
    uint64_t size;
} host_span; /* checked once: no overflow and wholly outside ELRANGE. Contents change at any time */

typedef struct {
    uint64_t addr;
} app_ptr; /* the workload's memory: may be anything; faults become -EFAULT */

static inline app_ptr app_at(uint64_t addr)
{
    return (app_ptr){addr};
}
static inline app_ptr app_add(app_ptr p, uint64_t n)
{
    return (app_ptr){p.addr + n};
}
/* A secret: wiped by SECRET(name) at scope end. */
struct secret32 {
    uint8_t bytes[32];
};
static inline void secret32_wipe(struct secret32 *s)
{
    secure_zero(s, sizeof *s);
}
#define SECRET32 __attribute__((cleanup(secret32_wipe))) struct secret32
