/* SPDX-License-Identifier: Apache-2.0 */
/* Marks instead of sudden death, see interrupt.h. */
#include "interrupt.h"

#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    caught = number;
}

void interrupt_arm(void)
{
    struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: waits end with EINTR */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

bool interrupted(void)
{
    return caught != 0;
}

void interrupt_finish(void)
{
    if (caught != 0) {
        signal(caught, SIG_DFL);
        raise(caught);
    }
}
