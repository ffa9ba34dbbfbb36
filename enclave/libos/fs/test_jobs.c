/* SPDX-License-Identifier: Apache-2.0 */
/* One process, alone in its session: for tests of the file system as an ordinary process. */
#include "pty.h"

int os_session(void)
{
    return os_pid();
}

int os_group(void)
{
    return os_pid();
}

int os_group_session(int group)
{
    return group == os_pid() ? group : -1;
}

void os_signal_group(int group, int signo)
{
    if (group == os_pid()) {
        os_raise(signo);
    }
}

int os_background(int signo)
{
    (void)signo;
    return -EIO;
}
