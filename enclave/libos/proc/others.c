/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc tells of other processes than the one that reads it: what the table knows. Memory and
 * threads of a process in another enclave are that enclave's own affair, which is asked (look.h). */
#include "mm/mm.h"
#include "signals/signals.h"
#include "table.h"
#include "usage.h"

static char letter_of(const struct process *p)
{
    switch (p->state) {
    case PROCESS_STOPPED:
        return 'T';
    case PROCESS_ZOMBIE:
    case PROCESS_GONE:
        return 'Z';
    case PROCESS_RUNNING:
    default:
        return 'S';
    }
}

static struct process *known(int pid)
{
    struct process *own = os_current();
    return own != NULL && own->pid == pid ? own : process_by_pid(pid);
}

bool os_process_info_of(int pid, struct process_info *ret)
{
    const struct process *p = known(pid);
    if (p == NULL) {
        return false;
    }
    *ret = (struct process_info){.state = letter_of(p),
                                 .pid = p->pid,
                                 .tid = p->pid,
                                 .ppid = p->ppid,
                                 .pgid = p->pgid,
                                 .sid = p->sid,
                                 .thread_count = 1,
                                 .start_ns = p->start_ns,
                                 .cpu_ns = p->used.cpu_ns,
                                 .pending = p->pending};
    if (p == os.process) {
        const struct process_usage now = usage_now();
        const struct mm_usage u = mm_usage();
        ret->thread_count = os.thread_count;
        ret->cpu_ns = now.cpu_ns;
        ret->vm_peak = now.peak_kib * 1024;
        ret->vm_size = u.mapped;
        ret->rss = u.charged;
        ret->memory_limit = u.limit;
        ret->stack_start = os.stack_start;
        ret->start_code = os.code_start;
        ret->end_code = os.code_end;
    }
    signal_masks(p, &ret->ignored, &ret->caught);
    memcpy(ret->comm, p->comm, sizeof ret->comm);
    return true;
}

bool os_memory_is_here(int pid)
{
    return os.process != NULL && os.process->pid == pid;
}

const struct fs_context *os_fs_of(int pid)
{
    const struct process *p = known(pid);
    return p != NULL ? &p->fs : NULL;
}

int os_next_pid(int after)
{
    int next = 0;
    for (const struct process *p = process_first(); p != NULL; p = p->next) {
        if (p->pid > after && (next == 0 || p->pid < next)) {
            next = p->pid;
        }
    }
    return next;
}

void os_cmdline_of(int pid, struct fs_text *t)
{
    const struct process *p = known(pid);
    if (p != NULL && p->state < PROCESS_ZOMBIE && p->command_line != NULL) {
        fs_text_put(t, BYTES(p->command_line, p->command_line_size));
    }
}
