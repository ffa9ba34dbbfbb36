/* SPDX-License-Identifier: Apache-2.0 */
/* The table of processes: the first of them. */
#include "table.h"

#include <errno.h>

int process_start_first(struct process **ret)
{
    struct process *p = (struct process *)rt_alloc(sizeof *p);
    struct fd_table *fds = fd_table_new();
    if (p == NULL || fds == NULL) {
        rt_free(p);
        rt_free(fds);
        return -ENOMEM;
    }
    p->pid = p->pgid = p->sid = FIRST_PID;
    p->fs = (struct fs_context){.fds = fds, .umask = 022};
    p->start_ns = rt_clock_ns(1);
    os_limits_start(p);
    *ret = p;
    return 0;
}
