/* SPDX-License-Identifier: Apache-2.0 */
/* The workload plants eight-byte canaries wherever it keeps something: seven bytes that no file
 * holds, because the workload multiplies to get them, and a letter that says where it was planted.
 * Nothing here holds the plain bytes either, or a scan would find itself. */
#include "hostile.h"

#include <dirent.h>
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

static volatile uint64_t planted;

void hostile_plant(volatile uint64_t *at)
{
    *(at != NULL ? at : &planted) = (VEILED ^ veil) | 'x';
}

enum { CHUNK = 1 << 20, AROUND = 16, PAGE = 4096 };

/* One mapping of the stopped process. */
struct mapping {
    int pid;
    uint64_t from, to;
    const char *line; /* of its maps file */
};

/* What stands around a canary, and whose stack it may be: without that a finding cannot be told
 * from another. The canary itself is not printed, nor kept: the next process is a copy of this one.
 */
static void print_around(const struct mapping *m, uint64_t at, const uint8_t *buffer, size_t offset,
                         size_t size)
{
    size_t from = offset > AROUND * 8 ? offset - AROUND * 8 : offset % 8;
    for (size_t i = from; i + 8 <= size && i <= offset + AROUND * 8; i += 8) {
        uint64_t word = 0;
        bool canary = hostile_canary_in(buffer + i, 8) != 0;
        if (!canary) {
            memcpy(&word, buffer + i, sizeof word);
        }
        printf(canary ? "# %" PRIx64 ": CANARY\n" : "# %" PRIx64 ": %016" PRIx64 "\n",
               at + i - offset, word);
    }
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", m->pid);
    DIR *tasks = opendir(path);
    for (struct dirent *d; tasks != NULL && (d = readdir(tasks)) != NULL;) {
        char name[400], text[256] = "";
        snprintf(name, sizeof name, "%s/%s/syscall", path, d->d_name);
        FILE *f = d->d_name[0] != '.' ? fopen(name, "r") : NULL;
        if (f != NULL && fgets(text, sizeof text, f) != NULL) {
            /* Number, six arguments, stack pointer, instruction pointer; without a call only -1 and
             * the pointers. */
            uint64_t sp = 0;
            bool known = sscanf(text, "-1 %" SCNx64, &sp) == 1 ||
                         sscanf(text, "%*s %*s %*s %*s %*s %*s %*s %" SCNx64, &sp) == 1;
            printf("# thread %s%s: %s", d->d_name,
                   known && sp >= m->from && sp < m->to ? ", whose stack this is" : "", text);
        }
        if (f != NULL) {
            fclose(f);
        }
    }
    if (tasks != NULL) {
        closedir(tasks);
    }
}

static bool scan_range(const struct mapping *m, char where[TEXT_SIZE])
{
    static uint8_t buffer[CHUNK + 8];
    for (uint64_t at = m->from; at < m->to;) {
        size_t want = m->to - at < sizeof buffer ? m->to - at : sizeof buffer;
        struct iovec local = {buffer, want}, remote = {(void *)(uintptr_t)at, want};
        ssize_t n = process_vm_readv(m->pid, &local, 1, &remote, 1, 0);
        if (n <= 0) {
            at += PAGE - at % PAGE; /* a page that cannot be read: behind it others may */
            continue;
        }
        size_t offset = 0;
        int place = find(buffer, (size_t)n, &offset);
        if (place != 0) {
            snprintf(where, TEXT_SIZE, "canary '%c' in host memory, 0x%" PRIx64 ": %.*s", place,
                     at + offset, (int)strcspn(m->line, "\n"), m->line);
            print_around(m, at + offset, buffer, offset, (size_t)n);
            explicit_bzero(buffer, sizeof buffer);
            return true;
        }
        at += n == CHUNK + 8 ? CHUNK : (uint64_t)n; /* one that lies across two chunks, too */
    }
    return false;
}

bool hostile_scan(int pid, const struct hostile_run *shared, unsigned slot, char where[TEXT_SIZE])
{
    char path[64], line[512];
    const uint64_t *machine = shared->at[slot].machine, yard = (uintptr_t)shared->yard;
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *maps = fopen(path, "r");
    while (maps != NULL && !found && fgets(line, sizeof line, maps) != NULL) {
        struct mapping m = {.pid = pid, .line = line};
        char rights[5];
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &m.from, &m.to, rights) != 3 ||
            rights[0] != 'r' || rights[1] != 'w' || m.from < ELRANGE_BASE + ELRANGE_SIZE ||
            (m.from >= machine[0] && m.from < machine[1]) ||
            (m.from >= yard && m.from < yard + sizeof(struct yard))) {
            continue; /* what nobody can write holds what it held before the enclave was there */
        }
        found = scan_range(&m, where);
    }
    if (maps != NULL) {
        fclose(maps);
    }
    return found;
}
