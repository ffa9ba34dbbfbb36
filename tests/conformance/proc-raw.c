/* SPDX-License-Identifier: Apache-2.0 */
/* Processes by the calls themselves, without a library around them: fork, the end of a process
 * whose only thread ends, and copies of descriptors by pidfd. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long say(const char *what, long r)
{
    printf("%s: %ld %s\n", what, r < 0 ? -1 : r, r < 0 ? strerrorname_np(errno) : "");
    return r;
}
#define SAY(call, ...)        say(#call, syscall(SYS_##call, __VA_ARGS__))
#define TRUE(what, condition) printf("%s: %s\n", what, (condition) ? "yes" : "no")

int main(void)
{
    int status = 0;
    setvbuf(stdout, NULL, _IONBF, 0);
    long child = syscall(SYS_fork);
    if (child == 0) {
        syscall(SYS_exit, 7); /* one thread, so the process ends */
    }
    TRUE("fork", child > 0);
    TRUE("ended", wait4((pid_t)child, &status, 0, NULL) == child && WEXITSTATUS(status) == 7);
    int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    int copy = (int)syscall(SYS_pidfd_getfd, self, 1, 0);
    TRUE("pidfd_getfd", copy >= 0 && fcntl(copy, F_GETFD) == FD_CLOEXEC);
    SAY(pidfd_getfd, self, 99, 0);
    SAY(pidfd_getfd, self, 1, 1);
    return 42;
}
