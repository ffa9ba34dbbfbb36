/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a request of a member: refused, or served with an answer that decodes. The call
 * behind it reads and writes the caller's memory where the request says, as calls do. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dispatch.h"
#include "fs/vfs.h"
#include "proc/call_server.h"
#include "proc/shares.h"

static struct app_memory *memory;
static struct process process = {.pid = 1};

void rt_set_app_memory(struct app_memory *m)
{
    memory = m;
}

void *rt_alloc(size_t n)
{
    return calloc(1, n);
}

void *rt_realloc(void *p, size_t n)
{
    return realloc(p, n);
}

void rt_free(void *p)
{
    free(p);
}

void os_lock(void)
{
}

void os_unlock(void)
{
}

int share_bring(void)
{
    return 0; /* all memory is here */
}

struct file *fd_get(int fd)
{
    (void)fd;
    return NULL;
}

struct process *call_serve_as(struct call_server *s, int pid)
{
    (void)s;
    return pid == process.pid ? &process : NULL;
}

int64_t call_serve_op(struct call_server *s, struct bytes in, struct writer *out)
{
    (void)s;
    writer_put(out, in);
    return (int64_t)in.size;
}

/* rdi: from, rsi: to, rdx: bytes of each. What was written is what is read then. */
int64_t dispatch_serve(const struct rt_frame *f, uint64_t number)
{
    uint8_t bytes[256], again[256];
    size_t n = (size_t)(f->rdx % sizeof bytes) + 1;
    if (f->rdi > UINT64_MAX - n || f->rsi > UINT64_MAX - n) {
        return -EFAULT;
    }
    int err = memory->read(memory, bytes, f->rdi, n);
    for (uint64_t i = 0; err == 0 && i < number % 8; i++) {
        uint64_t to = f->rsi + i * f->r10 % 1024;
        if (to > UINT64_MAX - n) {
            return -EFAULT;
        }
        err = memory->write(memory, to, i % 3 == 2 ? NULL : bytes, n);
        if (err == 0) {
            REQUIRE(memory->read(memory, again, to, n) == 0);
            for (size_t k = 0; k < n; k++) {
                REQUIRE(again[k] == (i % 3 == 2 ? 0 : bytes[k]));
            }
        }
    }
    return err != 0 ? err : (int64_t)n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct call_server s;
    struct call_message m;
    s.process = &process;
    if (call_serve(&s, BYTES(data, size)) == 0 && s.answer.size > 0) {
        REQUIRE(call_decode(BYTES(s.answer.data, s.answer.size), &m) == 0);
        REQUIRE(m.head.sequence == s.head.sequence);
        REQUIRE(m.head.kind == CALL_RESULT || m.head.kind == CALL_NEED);
    }
    return 0;
}
