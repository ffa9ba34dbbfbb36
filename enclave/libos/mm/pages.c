/* SPDX-License-Identifier: Apache-2.0 */
/* One byte per page of the workload's range, in a two-level table.
 *
 * The adversary: the host may refuse memory, which becomes -ENOMEM; it cannot change what is
 * recorded here, because every change of a page was accepted by the processor before it is
 * recorded. A page is writable by the workload or PURE, never both: that is what makes text
 * trustworthy. */
#include "mm/pages.h"

#include <errno.h>

#define CHUNK_PAGES (PAGE_STEP / PAGE_SIZE)
#define CHUNKS      (APP_END / PAGE_STEP)

static uint8_t **chunks;

int pages_start(void)
{
    chunks = (uint8_t **)rt_alloc(CHUNKS * sizeof *chunks);
    return chunks == NULL ? -ENOMEM : 0;
}

int pages_reserve(uint64_t start, uint64_t end)
{
    for (uint64_t c = start / PAGE_STEP; c <= (end - 1) / PAGE_STEP; c++) {
        if (chunks[c] == NULL) {
            chunks[c] = (uint8_t *)rt_alloc(CHUNK_PAGES);
            if (chunks[c] == NULL) {
                return -ENOMEM;
            }
        }
    }
    return 0;
}

uint8_t pages_state(uint64_t addr)
{
    const uint8_t *chunk = addr < APP_END ? chunks[addr / PAGE_STEP] : NULL;
    return chunk == NULL ? 0 : chunk[addr / PAGE_SIZE % CHUNK_PAGES];
}

static void set_state(uint64_t start, uint64_t end, uint8_t state)
{
    for (uint64_t a = start; a < end; a += PAGE_SIZE) {
        chunks[a / PAGE_STEP][a / PAGE_SIZE % CHUNK_PAGES] = state;
    }
}

static void change_state(uint64_t start, uint64_t end, uint8_t clear, uint8_t set)
{
    for (uint64_t a = start; a < end; a += PAGE_SIZE) {
        uint8_t *s = &chunks[a / PAGE_STEP][a / PAGE_SIZE % CHUNK_PAGES];
        *s = (uint8_t)((*s & ~clear) | set);
    }
}

uint64_t pages_run(uint64_t start, uint64_t end, uint8_t mask, uint8_t *ret_value)
{
    uint8_t value = pages_state(start) & mask;
    uint64_t a = start + PAGE_SIZE;
    while (a < end) {
        if (a % PAGE_STEP == 0 && chunks[a / PAGE_STEP] == NULL) { /* a whole chunk of nothing */
            if (value != 0) {
                break;
            }
            a += PAGE_STEP;
            continue;
        }
        if ((pages_state(a) & mask) != value) {
            break;
        }
        a += PAGE_SIZE;
    }
    *ret_value = value;
    return a < end ? a : end;
}

bool pages_all(uint64_t start, uint64_t end, uint8_t flag)
{
    uint8_t value;
    return pages_run(start, end, flag, &value) == end && value == flag;
}

uint64_t pages_committed(uint64_t start, uint64_t end)
{
    uint64_t bytes = 0;
    for (uint64_t a = start; a < end;) {
        uint8_t committed;
        uint64_t next = pages_run(a, end, PAGE_COMMITTED, &committed);
        bytes += committed != 0 ? next - a : 0;
        a = next;
    }
    return bytes;
}

/* Commits the uncommitted pages; they are clean and writable then. */
static int commit(uint64_t start, uint64_t end)
{
    for (uint64_t a = start; a < end;) {
        uint8_t committed;
        uint64_t next = pages_run(a, end, PAGE_COMMITTED, &committed);
        if (committed == 0) {
            int r = pages_reserve(a, next);
            if (r == 0) {
                r = rt_mem_commit(app_at(a), next - a);
            }
            if (r != 0) {
                return r;
            }
            set_state(a, next, PAGE_COMMITTED | PAGE_RW);
        }
        a = next;
    }
    return 0;
}

int pages_protect(uint64_t start, uint64_t end, uint8_t rights)
{
    for (uint64_t a = start; a < end;) {
        uint8_t state;
        uint64_t next = pages_run(a, end, PAGE_COMMITTED | PAGE_RIGHTS, &state);
        if ((state & PAGE_COMMITTED) != 0 && (state & PAGE_RIGHTS) != rights) {
            int r = rt_mem_protect(app_at(a), next - a, state & PAGE_RIGHTS, rights);
            if (r != 0) {
                return r;
            }
            change_state(a, next, PAGE_RIGHTS, rights);
        }
        if ((state & PAGE_COMMITTED) != 0 && (rights & SGX_SECINFO_W) != 0) {
            change_state(a, next, PAGE_PURE | PAGE_FILE, PAGE_DIRTY);
        }
        a = next;
    }
    return 0;
}

void pages_adopt(uint64_t start, uint64_t end, uint8_t rights)
{
    bool writable = (rights & SGX_SECINFO_W) != 0;
    set_state(start, end,
              (uint8_t)(PAGE_COMMITTED | rights | (writable ? PAGE_DIRTY : PAGE_FILE | PAGE_PURE)));
}

int pages_take(uint64_t start, uint64_t end, bool zero, uint64_t ahead_start, uint64_t ahead_end)
{
    int r = commit(ahead_start < start ? ahead_start : start, ahead_end > end ? ahead_end : end);
    for (uint64_t a = start; r == 0 && a < end;) {
        uint8_t state;
        uint64_t next = pages_run(a, end, PAGE_RIGHTS | PAGE_DIRTY, &state);
        if ((state & PAGE_RIGHTS) != PAGE_RW) {
            r = rt_mem_protect(app_at(a), next - a, state & PAGE_RIGHTS, PAGE_RW);
            if (r != 0) {
                return r;
            }
        }
        if (zero && (state & PAGE_DIRTY) != 0) {
            memset(app_raw(app_at(a), next - a), 0, next - a);
        }
        set_state(a, next, PAGE_COMMITTED | PAGE_RW | PAGE_DIRTY);
        a = next;
    }
    return r;
}

int pages_take_copies(uint64_t start, const void *const *pages, size_t count, uint8_t rights)
{
    uint64_t end = start + count * PAGE_SIZE;
    REQUIRE(pages_next(start, end) == end);
    int r = pages_reserve(start, end);
    r = r != 0 ? r : rt_mem_commit_copies(app_at(start), pages, count, rights);
    if (r == 0) {
        set_state(start, end, PAGE_COMMITTED | PAGE_DIRTY | rights);
    }
    return r;
}

uint64_t pages_next(uint64_t start, uint64_t end)
{
    uint8_t committed = 0;
    uint64_t next = start < end ? pages_run(start, end, PAGE_COMMITTED, &committed) : end;
    return committed != 0 ? start : next;
}

int pages_take_missing(uint64_t start, uint64_t end, uint64_t *ret_start, uint64_t *ret_end)
{
    *ret_start = *ret_end = end;
    for (uint64_t a = start; a < end;) {
        uint8_t committed;
        uint64_t next = pages_run(a, end, PAGE_COMMITTED, &committed);
        if (committed == 0) {
            int r = pages_take(a, next, false, a, next);
            if (r == 0) {
                *ret_start = a;
                *ret_end = next;
            }
            return r;
        }
        a = next;
    }
    return 0;
}

void pages_mark(uint64_t start, uint64_t end, uint8_t flags)
{
    change_state(start, end, 0, flags);
}

int pages_release(uint64_t start, uint64_t end)
{
    for (uint64_t a = start; a < end;) {
        uint8_t state;
        uint64_t next = pages_run(a, end, PAGE_COMMITTED | PAGE_RIGHTS, &state);
        if ((state & PAGE_COMMITTED) != 0) {
            int r = rt_mem_release(app_at(a), next - a, state & PAGE_RIGHTS);
            if (r != 0) {
                return r;
            }
            set_state(a, next, 0);
        }
        a = next;
    }
    return 0;
}

/* Above this it is cheaper to give pages back and take fresh ones than to write zeros, and the host
 * gets its memory. */
#define ZERO_BY_RELEASE (UINT64_C(4) << 20)

int pages_zero(uint64_t start, uint64_t end)
{
    for (uint64_t a = start; a < end;) {
        uint8_t state;
        uint64_t next = pages_run(a, end, PAGE_COMMITTED | PAGE_RIGHTS, &state);
        uint8_t rights = state & PAGE_RIGHTS;
        int r = 0;
        if ((state & PAGE_COMMITTED) != 0 && next - a >= ZERO_BY_RELEASE) {
            r = pages_release(a, next);
            if (r == 0) {
                r = commit(a, next);
            }
            if (r == 0) {
                r = pages_protect(a, next, rights);
            }
        } else if ((state & PAGE_COMMITTED) != 0) {
            r = pages_take(a, next, true, a, next);
            if (r == 0) {
                r = pages_protect(a, next, rights);
            }
        }
        if (r != 0) {
            return r;
        }
        a = next;
    }
    return 0;
}

bool pages_is_zero(uint64_t addr)
{
    const uint64_t *w = (const uint64_t *)app_raw(app_at(addr), PAGE_SIZE);
    for (size_t i = 0; i < PAGE_SIZE / sizeof *w; i += 8) {
        if ((w[i] | w[i + 1] | w[i + 2] | w[i + 3] | w[i + 4] | w[i + 5] | w[i + 6] | w[i + 7]) !=
            0) {
            return false;
        }
    }
    return true;
}

/* Most of a stack, or of an arena, was never written to: reading that is cheaper than writing, and
 * the host has no memory for it as long as nobody writes. */
static int take_zeros(uint64_t start, uint64_t end)
{
    int r = pages_take(start, end, false, start, end);
    for (uint64_t a = start; r == 0 && a < end; a += PAGE_SIZE) {
        if (!pages_is_zero(a)) {
            memset(app_raw(app_at(a), PAGE_SIZE), 0, PAGE_SIZE);
        }
    }
    return r;
}

/* One run of the same state; what is beyond `keep` bytes of it is given back. Returns what is still
 * committed. Zeros are cheaper than new memory: a host's page costs more than writing to one. */
static uint64_t wipe_run(uint64_t start, uint64_t end, uint8_t state, uint64_t keep)
{
    bool clean = (state & PAGE_RIGHTS) == PAGE_RW && (state & PAGE_DIRTY) == 0;
    uint64_t size = end - start < keep ? end - start : keep;
    if ((state & PAGE_COMMITTED) == 0) {
        return 0;
    }
    if (start + size < end && pages_release(start + size, end) != 0) {
        rt_fatal("the host did not take back memory of a program that is gone");
    }
    if (!clean && size != 0) {
        if (take_zeros(start, start + size) != 0) {
            rt_fatal("the host did not change the rights of memory of a program that is gone");
        }
        set_state(start, start + size, PAGE_COMMITTED | PAGE_RW);
    }
    return size;
}

uint64_t pages_wipe(uint64_t start, uint64_t end, uint64_t keep)
{
    uint64_t kept = 0;
    for (uint64_t a = start; a < end;) {
        uint8_t state;
        uint64_t next = pages_run(a, end, PAGE_COMMITTED | PAGE_RIGHTS | PAGE_DIRTY, &state);
        kept += wipe_run(a, next, state, keep - kept);
        a = next;
    }
    return kept;
}
