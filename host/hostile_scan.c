/* SPDX-License-Identifier: Apache-2.0 */
/* The workload plants eight-byte canaries wherever it keeps something: seven bytes that no file
 * holds, because the workload multiplies to get them, and a letter that says where it was planted.
 * Nothing here holds the plain bytes either, or a scan would find itself. */
#include "hostile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

/* tests/hostile/canary.h: HOSTILE_CANARY is this product without its last byte. */
#define CANARY_A UINT64_C(0x9e3779b97f4a7c15)
#define CANARY_B UINT64_C(0xc2b2ae3d27d4eb4f)

static const volatile uint64_t veil = UINT64_C(0xa5a5c3c35a5a3c00);
#define VEILED (((CANARY_A * CANARY_B) & ~UINT64_C(0xff)) ^ UINT64_C(0xa5a5c3c35a5a3c00))

static int find(const void *data, size_t size, size_t *ret_offset)
{
    const uint8_t *p = data;
    uint64_t v = veil;
    for (size_t i = 0; i + 8 <= size; i++) {
        uint64_t word;
        memcpy(&word, p + i, sizeof word);
        if (((word ^ v) & ~UINT64_C(0xff)) == VEILED) {
            *ret_offset = i;
            return (int)(word & 0xff);
        }
    }
    return 0;
}

int hostile_canary_in(const void *data, size_t size)
{
    size_t offset;
    return find(data, size, &offset);
}

enum { CHUNK = 1 << 20 };

static bool scan_range(int pid, uint64_t from, uint64_t to, char where[TEXT_SIZE], const char *line)
{
    static uint8_t buffer[CHUNK + 8];
    for (uint64_t at = from; at < to; at += CHUNK) {
        size_t want =
            to - at < CHUNK + 8 ? to - at : CHUNK + 8; /* one that lies across two chunks too */
        struct iovec local = {buffer, want}, remote = {(void *)(uintptr_t)at, want};
        ssize_t n = process_vm_readv(pid, &local, 1, &remote, 1, 0);
        size_t offset = 0;
        int place = n > 0 ? find(buffer, (size_t)n, &offset) : 0;
        if (place != 0) {
            snprintf(where, TEXT_SIZE, "canary '%c' in host memory, 0x%" PRIx64 ": %.*s", place,
                     at + offset, (int)strcspn(line, "\n"), line);
            explicit_bzero(buffer, sizeof buffer);
            return true;
        }
    }
    return false;
}

static bool machines_own(const struct hostile_run *r, uint64_t from)
{
    for (size_t i = 0; i < THREADS_MAX; i++) {
        if (from >= r->machine[i].from && from < r->machine[i].to) {
            return true;
        }
    }
    return false;
}

bool hostile_scan(int pid, const struct hostile_run *shared, char where[TEXT_SIZE])
{
    char path[64], line[512];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *maps = fopen(path, "r");
    while (maps != NULL && !found && fgets(line, sizeof line, maps) != NULL) {
        uint64_t from, to;
        char rights[5];
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &from, &to, rights) != 3 ||
            rights[0] != 'r' || rights[1] != 'w' || from < ELRANGE_BASE + ELRANGE_SIZE ||
            machines_own(shared, from)) {
            continue; /* what nobody can write holds what it held before the enclave was there */
        }
        found = scan_range(pid, from, to, where, line);
    }
    if (maps != NULL) {
        fclose(maps);
    }
    return found;
}
