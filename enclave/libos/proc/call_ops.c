/* SPDX-License-Identifier: Apache-2.0 */
/* From the number of an operation to its body. */
#include "proc/call_ops.h"

#include <errno.h>

#include "proc/call_server.h"
#include "proc/table.h"

struct process *call_serve_as(struct call_server *s, int pid)
{
    if (pid == s->process->pid) {
        return s->process;
    }
    os_lock();
    struct process *p = process_by_pid(pid);
    const struct process *host = p;
    while (host != NULL && host->vforked_by != NULL) {
        host = host->vforked_by;
    }
    if (host != s->process || p->state >= PROCESS_ZOMBIE) {
        p = NULL;
    }
    os_unlock();
    return p;
}

int64_t call_serve_op(struct call_server *s, struct bytes in, struct writer *out)
{
    switch (s->head.number) {
#define OP(number, name)                                                                           \
    case number:                                                                                   \
        return remote_serve_##name(s, in, out);
#include "proc/call_ops.def"
    default:
        return -ENOSYS;
    }
}
