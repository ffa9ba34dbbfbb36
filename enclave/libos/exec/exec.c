/* SPDX-License-Identifier: Apache-2.0 */
/* Starts programs: the manifest's, and what execve names after that. Both go the same way: a plan,
 * then an empty process that is given the plan's program. Everything the first one is given, from
 * argv to the last environment variable, comes from the measured manifest; nothing from the host.
 *
 * The adversary: a host that refuses memory, which ends the start with a sentence and a process
 * that is past its execve's point of no return with SIGKILL; and the workload (exec_resolve.c). */
#include "exec/exec.h"

#include <errno.h>

#include "exec/exec_stack.h"
#include "fs/vfs.h"
#include "threads/futex.h"
#include "mm/mm.h"
#include "proc/blank.h"
#include "proc/call_client.h"
#include "proc/exec_call.h"
#include "proc/fork.h"
#include "proc/table.h"
#include "exec/rewrite.h"
#include "signals/signals.h"
#include "threads/robust.h"
#include "threads/threads.h"
#include "time/timers.h"
#include "worker.h"

/* ---- loading --------------------------------------------------------------------------------- */

static const char *last_part(const char *path)
{
    const char *last = path;
    for (const char *c = path; *c != '\0'; c++) {
        last = *c == '/' ? c + 1 : last;
    }
    return last;
}

static void set_comm(const char *name)
{
    char comm[COMM_SIZE] = "";
    size_t n = strlen(name);
    memcpy(comm, name, n < COMM_SIZE - 1 ? n : COMM_SIZE - 1);
    os_set_comm(comm);
}

/* Into memory that is empty. */
static int load(const struct exec_plan *plan, struct rt_frame *frame, struct diag *d)
{
    struct program program = {.start = 0};
    uint64_t rsp;
    int r = program_load(&plan->source, &program, d);
    if (r != 0) {
        return r;
    }
    mm_set_brk(program.end);
    os.code_start = program.code_start;
    os.code_end = program.code_end;
    r = exec_make_stack(plan, &program, &rsp);
    if (r != 0) {
        return diag_fail(d, r, "no room for the first stack: %s", dispatch_errno_name(-r));
    }
    *frame = (struct rt_frame){
        .rip = program.start, .rsp = rsp, .rflags = 0x202, .flags = RT_FRAME_FULL};
    return 0;
}

/* ---- the first start ------------------------------------------------------------------------- */

static int start_program(const struct manifest *m, struct rt_frame *frame, struct diag *d)
{
    struct exec_plan plan = {.name = ""};
    if (m->entry.size >= FS_PATH_MAX) {
        return diag_fail(d, -ENAMETOOLONG, "the entry's path is longer than %u bytes",
                         FS_PATH_MAX - 1);
    }
    memcpy(plan.path, m->entry.data, m->entry.size);
    memcpy(plan.name, m->entry.data, m->entry.size);
    int r = exec_strings_make(m->argv, m->argv_count, &plan.argv);
    r = r != 0 ? r : exec_strings_make(m->env, m->env_count, &plan.env);
    if (r != 0) {
        return diag_fail(d, r, "no memory to start: the host refused it");
    }
    r = program_open(plan.path, &plan.source, d);
    if (r == 0) {
        fs_set_exe(plan.source.file);
        set_comm(last_part(plan.name));
        process_set_command_line(os.process, BYTES(plan.argv.data, plan.argv.size));
        r = load(&plan, frame, d);
    }
    exec_plan_free(&plan);
    return r;
}

void door_start(const struct manifest *manifest, struct rt_frame *frame)
{
    struct diag d = {.text = ""};
    os.manifest = manifest;
    os.start_ns = rt_clock_ns(1);
    os.next_tid = FIRST_PID;
    dispatch_start();
    os_lock();
    struct os_thread *t = process_start_first(&os.process) == 0 ? os_thread_new() : NULL;
    if (t == NULL || mm_start(manifest->memory) != 0 || rewrite_start(program_stubs()) != 0) {
        rt_refuse("no memory to start: the host refused it");
    }
    rt_set_self_data(t);
    t->number = rt_thread_number(rt_self());
    t->tid = os.process->pid;
    t->frame = frame;
    if (blank_is_one()) {
        if (fs_start_member(manifest, &d) != 0) {
            rt_refuse("%s", d.text);
        }
        blank_run();
    }
    if (fs_start(manifest, &d) != 0) {
        rt_refuse("%s", d.text);
    }
    if (start_program(manifest, frame, &d) != 0) {
        rt_refuse("%s", d.text);
    }
    if (manifest->stdin_task) {
        worker_start(manifest);
    }
    os_unlock();
}

/* ---- execve ---------------------------------------------------------------------------------- */

int exec_commit(const struct exec_plan *plan)
{
    struct bytes command_line = BYTES(plan->argv.data, plan->argv.size);
    const char *comm = last_part(plan->name);
    int r = os_is_member() ? exec_commit_remote(plan) : 0;
    r = r != 0 ? r : process_exec(os_current(), comm, plan->source.file, command_line);
    if (r == 0) {
        set_comm(comm);
    }
    return r;
}

/* Handlers lie in memory that is gone; what was ignored stays ignored, what is pending or blocked
 * stays so (signal(7)). */
static void reset_signals(struct process *p)
{
    for (size_t i = 0; i < SIGNALS; i++) {
        uint64_t handler = p->actions[i].handler == OS_SIG_IGN ? OS_SIG_IGN : OS_SIG_DFL;
        p->actions[i] = (struct signal_action){.handler = handler};
    }
}

/* What a thread keeps addresses of. */
static void reset_thread(struct os_thread *t)
{
    t->alt_stack = t->alt_stack_size = 0;
    t->alt_stack_flags = 0;
    t->clear_child_tid = 0; /* nobody shares the memory who could look there */
    t->robust_list = 0;
    rt_set_fsbase(0);
    rt_xstate_reset();
}

static void reset_memory(void)
{
    mm_reset();
    rewrite_reset();
    os.stack_start = os.code_start = os.code_end = 0;
    os.args_start = os.args_size = os.env_start = os.env_size = 0;
    os.auxv_start = os.auxv_size = 0;
}

void exec_reset(void)
{
    posix_timers_end();
    itimers_end();
    reset_thread(os_self());
    reset_memory();
}

void exec_replace_image(struct exec_plan *plan, struct rt_frame *frame)
{
    struct diag d = {.text = ""};
    reset_signals(os_current());
    posix_timers_end(); /* alarm and its kin go on */
    reset_thread(os_self());
    reset_memory();
    int r = load(plan, frame, &d);
    exec_plan_free(plan);
    if (r != 0) {
        if (os.manifest->debug) {
            rt_trace("execve: past the point of no return: %s", d.text);
        }
        os_exit_process(EXIT_SIGNAL, OS_SIGKILL);
    }
}

int exec_replace(struct exec_plan *plan, struct rt_frame *frame)
{
    int r = threads_end_others(true);
    r = r != 0 ? r : exec_commit(plan);
    if (r != 0) {
        exec_plan_free(plan);
        return r;
    }
    robust_release(os_self());
    exec_replace_image(plan, frame);
    return 0;
}

int64_t sys_execveat(int dirfd, app_ptr path, app_ptr argv, app_ptr envp, uint32_t flags)
{
    struct exec_plan plan = {.name = ""};
    int r = exec_strings_from_app(argv, &plan.argv);
    r = r != 0 ? r : exec_strings_from_app(envp, &plan.env);
    r = r != 0 ? r : exec_prepare(dirfd, path, flags, &plan);
    if (r != 0) {
        exec_plan_free(&plan);
        return r;
    }
    if (fork_is_vfork_child()) {
        return fork_child_execs(&plan);
    }
    return exec_replace(&plan, os_self()->frame);
}

int64_t sys_execve(app_ptr path, app_ptr argv, app_ptr envp)
{
    return sys_execveat(AT_FDCWD, path, argv, envp, 0);
}
