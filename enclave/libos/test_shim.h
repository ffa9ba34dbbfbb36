/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime and the file system, as far as the memory code needs them, for tests that run as an
 * ordinary process. Pages are kept strictly: what the enclave would refuse ends the test. */
#pragma once

#include "process.h"

#define SHIM_FILE_SIZE (UINT64_C(40960) + 100)

/* A file whose byte at offset o is shim_file_byte(id, o). */
struct file {
    unsigned id;
    int references;
    bool measured;
    uint64_t size;
    uint64_t reads; /* bytes handed out by fs_read_into_app */
    const void *sites;
    size_t sites_size;
};
uint8_t shim_file_byte(unsigned id, uint64_t offset);

void shim_start(uint64_t memory);
/* Rights as accepted: SGX_SECINFO bits, or -1 when not committed. */
int shim_rights(uint64_t addr);
uint8_t *shim_at(uint64_t addr);
extern uint64_t shim_commits, shim_protects, shim_releases; /* calls */
extern void (*shim_before_protect)(uint64_t addr);          /* another thread of the workload */
extern struct file *shim_fd; /* what every descriptor and path is */
extern uint64_t shim_fsbase;
extern uint8_t shim_vector[512]; /* the vector state */
