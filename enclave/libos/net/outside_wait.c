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
static struct net_attention attention; /* of the thread that attends */

/* Streams of which nothing lies here, by number; some may be gone by now. */
static uint32_t listed[NET_ARMS_MAX];
static size_t listed_count;

void outside_list(struct sock *s)
{
    if (s->type == SOCK_STREAM_ && listed_count < NET_ARMS_MAX) {
        listed[listed_count++] = s->outside.number;
        s->outside.listed = true;
    }
}

/* Bytes that come whole and one request at a time save a trip outside each; what pours in, or of
 * which there is more out there already, is fetched in large pieces. */
static void arm(void)
{
    for (size_t i = 0; i < listed_count; i++) {
        struct sock *s = outside_by_number(listed[i]);
        if (s == NULL || !s->outside.listed) {
            continue;
        }
        const struct outside *o = &s->outside;
        s->outside.listed = false;
        if (s->first == NULL && s->state == SOCK_CONNECTED && s->error == 0 && !o->armed &&
            !o->may_have && !o->ended && !o->urgent && !o->large) {
            s->outside.armed = true;
            attention.arms[attention.arm_count++] = (struct net_arm){o->number, o->received};
        }
    }
    listed_count = 0;
}

/* The host was not told: somebody else was awake first. */
static void disarm(void)
{
    for (size_t i = 0; i < attention.arm_count; i++) {
        struct sock *s = outside_by_number(attention.arms[i].socket);
        if (s != NULL) {
            s->outside.armed = false;
            outside_drained(s);
        }
    }
    attention.arm_count = 0;
}

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
    arm();
    rt_net_attend(&attention);
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
    arm();
    rt_net_look(&attention);
    return network_news(true);
}

bool network_news(bool attends)
{
    if (!attends) {
        return false;
    }
    struct cursor news = cursor_of(BYTES(attention.news, attention.news_size));
    struct net_event e;
    struct bytes data;
    while (news_next(&news, &e, &data)) {
        outside_event(&e, data);
    }
    bool any = attention.news_size > 0;
    attention.news_size = 0;
    arm(); /* it may sleep on */
    return any;
}

void network_leave(bool attends)
{
    const unsigned me = os_self()->number;
    followers.waiting[me / 64] &= ~(UINT64_C(1) << (me % 64));
    if (attends) {
        attended = false;
        rt_net_attend(NULL);
        disarm();
    }
    for (unsigned w = 0; !attended && w < ARRAY_SIZE(followers.waiting); w++) {
        if (followers.waiting[w] != 0) {
            rt_wake(w * 64 + (unsigned)__builtin_ctzll(followers.waiting[w]));
            return;
        }
    }
}
