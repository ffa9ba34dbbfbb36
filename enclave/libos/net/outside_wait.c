/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits for the host's sockets. One thread at a time sleeps in the host's epoll instead of on
 * its wake word alone: the kernel wakes the very thread that polls, with nobody between. Others
 * that want news of the network sleep as ever; when the one goes back to the workload, one of them
 * takes its place. All of it with the lock held, except the sleep itself. */
#include <errno.h>

#include "libos/syscalls.h"
#include "network.h"
#include "outside.h"
#include "process.h"

/* Who always has something else to do looks at the network so often. */
#define LOOK_NS 50000u

static bool attended;               /* some thread sleeps there */
static struct wait_queue followers; /* who would be there otherwise */
static const struct wait_queue *wanted;
static struct net_event events[NET_EVENTS_MAX]; /* of the thread that attends */
static size_t event_count;

int outside_block(struct sock *s, uint64_t deadline)
{
    wanted = &s->changed;
    return os_block(&s->changed, deadline);
}

bool network_attend(const struct wait_queue *q)
{
    const unsigned me = os_self()->number;
    if (!outside_exists() || (q != &fs_poll_queue && q != wanted)) {
        return false;
    }
    if (attended) {
        followers.waiting[me / 64] |= UINT64_C(1) << (me % 64);
        return false;
    }
    attended = true;
    rt_net_attend(events, &event_count);
    return true;
}

bool network_look(bool nothing_else)
{
    static uint64_t looked_ns;
    if (!outside_exists() || attended) {
        return false;
    }
    uint64_t now = rt_clock_ns(1);
    if (!nothing_else && now - looked_ns < LOOK_NS) {
        return false;
    }
    looked_ns = now;
    event_count = rt_net_look(events);
    return network_news(true);
}

bool network_news(bool attends)
{
    if (!attends) {
        return false;
    }
    size_t n = event_count;
    event_count = 0;
    for (size_t i = 0; i < n; i++) {
        outside_event(&events[i]);
    }
    return n > 0;
}

void network_leave(bool attends)
{
    const unsigned me = os_self()->number;
    followers.waiting[me / 64] &= ~(UINT64_C(1) << (me % 64));
    if (attends) {
        attended = false;
        rt_net_attend(NULL, NULL);
    }
    for (unsigned w = 0; !attended && w < ARRAY_SIZE(followers.waiting); w++) {
        if (followers.waiting[w] != 0) {
            rt_wake(w * 64 + (unsigned)__builtin_ctzll(followers.waiting[w]));
            return;
        }
    }
}
