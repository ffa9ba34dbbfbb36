/* SPDX-License-Identifier: Apache-2.0 */
/* See call_memory.h. */
#include "proc/call_memory.h"

#include <errno.h>

static struct call_memory *of(struct app_memory *m)
{
    return (struct call_memory *)(void *)m;
}

static int missing(struct call_memory *m, uint64_t addr, size_t n)
{
    size_t some = n < CALL_DATA_MAX ? n : CALL_DATA_MAX;
    ignore_result(call_ranges_add(&m->need, RANGE_NEED, addr, NULL, some),
                  "then the caller sees the fault");
    return -EFAULT;
}

static int memory_read(struct app_memory *memory, void *to, uint64_t from, size_t n)
{
    struct call_memory *m = of(memory);
    uint8_t *p = (uint8_t *)to;
    while (n > 0) {
        struct bytes b = call_ranges_find(&m->out, RANGE_DATA, from);
        b = b.size > 0 ? b : call_ranges_find(&m->in, RANGE_DATA, from);
        if (b.size == 0) {
            return call_ranges_holds(&m->in, RANGE_BAD, from, 1) ? -EFAULT : missing(m, from, n);
        }
        size_t some = b.size < n ? b.size : n;
        memcpy(p, b.data, some);
        p += some;
        from += some;
        n -= some;
    }
    return 0;
}

static int memory_write(struct app_memory *memory, uint64_t to, const void *from, size_t n)
{
    struct call_memory *m = of(memory);
    if (call_ranges_holds(&m->in, RANGE_BAD, to, n)) {
        return -EFAULT;
    }
    call_ranges_patch(&m->in, RANGE_DATA, to, from, n);
    call_ranges_patch(&m->out, RANGE_DATA, to, from, n);
    if (call_ranges_find(&m->out, RANGE_DATA, to).size >= n) {
        return 0; /* in its place already */
    }
    return call_ranges_add(&m->out, RANGE_DATA, to, from, n) != 0 ? -EFAULT : 0;
}

void call_memory_start(struct call_memory *m)
{
    m->operations = (struct app_memory){.read = memory_read, .write = memory_write};
    call_ranges_clear(&m->in);
    call_ranges_clear(&m->out);
    call_ranges_clear(&m->need);
}

void call_memory_free(struct call_memory *m)
{
    call_ranges_free(&m->in);
    call_ranges_free(&m->out);
    call_ranges_free(&m->need);
}
