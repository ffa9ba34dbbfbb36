/* SPDX-License-Identifier: Apache-2.0 */
/* kill(2) and its kin. Everybody has the same user, so everybody may send to everybody. What a
 * process sends to itself is its own affair; a member asks the owner for the rest.
 *
 * Trust: numbers and siginfo come from the workload. Nothing here is the host's. */
#include "kill.h"

#include <errno.h>

#include "call_client.h"
#include "libos/numbers.h"
#include "libos/syscalls.h"
#include "signals/signals.h"
#include "table.h"

#define SI_USER  0
#define SI_TKILL (-6)

static bool valid_signal(int signo)
{
    return signo >= 0 && signo <= (int)SIGNALS;
}

static struct signal_info own_info(int sig, int code)
{
    return (struct signal_info){
        .signo = sig, .code = code, .pid = os_current()->pid, .uid = os.manifest->uid};
}

int kill_info(int sig, app_ptr from, struct signal_info *ret)
{
    struct signal_siginfo s;
    *ret = own_info(sig, SI_USER);
    if (from.addr != 0) {
        if (copy_from_app(&s, from, sizeof s) != 0) {
            return -EFAULT;
        }
        *ret = (struct signal_info){.signo = s.signo,
                                    .code = s.code,
                                    .error = s.error,
                                    .pid = s.u.sender.pid,
                                    .uid = s.u.sender.uid,
                                    .value = s.u.sender.value};
    }
    return valid_signal(sig) ? 0 : -EINVAL;
}

bool kill_may_claim(int pid, const struct signal_info *info)
{
    return (info->code < 0 && info->code != SI_TKILL) || pid == os_current()->pid;
}

/* To the calling process, which is in this enclave. */
static int to_own_process(const struct signal_info *info)
{
    return info->signo != 0 ? signal_to_process(os_current(), info) : 0;
}

int64_t sys_kill(int pid, int sig)
{
    const struct signal_info info = own_info(sig, SI_USER);
    if (pid == os_current()->pid && os_current()->member == NULL) {
        if (!valid_signal(sig)) {
            return -EINVAL;
        }
        return to_own_process(&info);
    }
    if (os_is_member()) {
        return REMOTE_CALL(SYS_kill, (uint64_t)(int64_t)pid, (uint64_t)sig);
    }
    if (!valid_signal(sig)) {
        return -EINVAL;
    }
    return pid == INT32_MIN ? -ESRCH : process_signal_all(pid, &info);
}

/* A thread of the calling process, whose signal is made in this enclave; -ESRCH: it has no such
 * one. */
static int64_t to_own_thread(int tid, const struct signal_info *info)
{
    struct os_thread *t = os_current()->member == NULL ? os_thread_by_tid(tid) : NULL;
    if (t == NULL || t->process != os_current()) {
        return -ESRCH;
    }
    return info->signo != 0 ? signal_to_thread(t, info) : 0;
}

/* A thread of another process, as far as the owner knows threads of others: the first one has its
 * process's number. pid 0: of any. */
static int64_t to_other_thread(int pid, int tid, const struct signal_info *info)
{
    struct os_thread *t = os_thread_by_tid(tid);
    struct process *p = t != NULL ? t->process : process_by_pid(tid);
    if (p == NULL || p->state == PROCESS_ZOMBIE || (pid != 0 && p->pid != pid)) {
        return -ESRCH;
    }
    if (info->signo != 0 && t != NULL) {
        signal_to_thread(t, info);
    } else if (info->signo != 0) {
        process_signal(p, info);
    }
    return 0;
}

int64_t sys_tkill(int tid, int sig)
{
    const struct signal_info info = own_info(sig, SI_TKILL);
    if (tid <= 0 || !valid_signal(sig)) {
        return -EINVAL;
    }
    int64_t r = to_own_thread(tid, &info);
    if (r == -ESRCH) {
        r = os_is_member() ? REMOTE_CALL(SYS_tkill, (uint64_t)tid, (uint64_t)sig)
                           : to_other_thread(0, tid, &info);
    }
    return r;
}

int64_t sys_tgkill(int pid, int tid, int sig)
{
    const struct signal_info info = own_info(sig, SI_TKILL);
    if (pid <= 0 || tid <= 0 || !valid_signal(sig)) {
        return -EINVAL;
    }
    if (pid == os_current()->pid && os_current()->member == NULL) {
        return to_own_thread(tid, &info);
    }
    return os_is_member() ? REMOTE_CALL(SYS_tgkill, (uint64_t)pid, (uint64_t)tid, (uint64_t)sig)
                          : to_other_thread(pid, tid, &info);
}

int64_t sys_rt_sigqueueinfo(int pid, int sig, app_ptr from)
{
    struct signal_info info;
    int err = from.addr == 0 ? -EFAULT : kill_info(sig, from, &info);
    if (err != 0) {
        return err;
    }
    info.signo = sig;
    if (!kill_may_claim(pid, &info)) {
        return -EPERM;
    }
    if (pid == os_current()->pid && os_current()->member == NULL) {
        return to_own_process(&info);
    }
    if (os_is_member()) {
        return REMOTE_CALL(SYS_rt_sigqueueinfo, (uint64_t)pid, (uint64_t)sig, from.addr);
    }
    return pid <= 0 ? -ESRCH : process_signal_all(pid, &info);
}

int64_t sys_rt_tgsigqueueinfo(int pid, int tid, int sig, app_ptr from)
{
    struct signal_info info;
    int err = from.addr == 0 ? -EFAULT : kill_info(sig, from, &info);
    if (err != 0 || pid <= 0 || tid <= 0) {
        return err == -EFAULT ? err : -EINVAL;
    }
    info.signo = sig;
    if (!kill_may_claim(pid, &info)) {
        return -EPERM;
    }
    if (pid == os_current()->pid && os_current()->member == NULL) {
        return to_own_thread(tid, &info);
    }
    return os_is_member() ? REMOTE_CALL(SYS_rt_tgsigqueueinfo, (uint64_t)pid, (uint64_t)tid,
                                        (uint64_t)sig, from.addr)
                          : to_other_thread(pid, tid, &info);
}
