/* SPDX-License-Identifier: Apache-2.0 */
/* Sleeping and waking. A thread's word says whether it was woken, and is enclave memory: the host
 * only lends the sleep. It may end one without reason, or never (a thread that never runs is denial
 * of service, no more).
 *
 * A sleep in the host and its wake-up are two calls to it, and the kernel's work for both. So a
 * thread that waits for another one of this enclave first looks whether it can be had cheaper: with
 * processors to spare it looks at its word for a while, on its only processor it lets the others
 * run. Both are bets, which lose time where they are wrong; how often one is made depends on what
 * came of the last ones. */
#include "thread.h"

#define ETIMEDOUT 110

/* What a thread's word says. A wake is remembered until the thread waits, as by the host's word,
 * which is asked only when the thread is outside. Whatever the host does, a word that is set ends a
 * wait. */
enum { TOKEN_NONE, TOKEN_SET, TOKEN_OUTSIDE };

int rt_wait(uint64_t timeout_ns)
{
    struct rt_thread *t = rt_self();
    uint32_t token = TOKEN_NONE;
    if (!__atomic_compare_exchange_n(&t->wait.token, &token, TOKEN_OUTSIDE, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST)) {
        __atomic_store_n(&t->wait.token, TOKEN_NONE, __ATOMIC_SEQ_CST);
        return 0;
    }
    int r = 0;
    if (!rt_net_wait(t, timeout_ns)) {
        r = (int)HOSTCALL_SIMPLE(HOSTCALL_wait, timeout_ns);
    }
    __atomic_exchange_n(&t->wait.token, TOKEN_NONE, __ATOMIC_SEQ_CST);
    return r;
}

void rt_wake(unsigned thread_number)
{
    struct rt_thread *t = rt_thread_at(thread_number);
    if (t == NULL ||
        __atomic_exchange_n(&t->wait.token, TOKEN_SET, __ATOMIC_SEQ_CST) != TOKEN_OUTSIDE) {
        return;
    }
    HOSTCALL_SIMPLE(HOSTCALL_wake, thread_number);
}

static bool woken(const struct rt_thread *t)
{
    return __atomic_load_n(&t->wait.token, __ATOMIC_RELAXED) == TOKEN_SET;
}

/* What a thread looks for; NULL: no more than to be woken. */
struct sought {
    bool (*is_there)(const void *what);
    const void *what;
};

static bool is_found(const struct rt_thread *t, const struct sought *s)
{
    return woken(t) || (s->is_there != NULL && s->is_there(s->what));
}

/* Sleeping and waking takes the host's threads 25 us and more when they are on two processors,
 * which is longer than many waits last. So a sleep begins with a look at the word for a while. When
 * that was in vain, as it is where processors are short or waits are long, the thread does not look
 * for its next sleeps: 1, 3, 7 and more, so that it costs little where it never pays. */
#define SPIN_NS    UINT64_C(50000)
#define SPIN_ALONE UINT64_C(1000) /* after that only as many as leave a processor for the others   \
                                   */
#define SKIP_MOST 1023u
static uint32_t spinning;

static bool spin(const struct rt_thread *t, const struct sought *s)
{
    const uint32_t most = rt_cpu_count() - 1;
    uint64_t begin = rt_clock_ns(1), passed = 0;
    bool set = false;
    __atomic_fetch_add(&spinning, 1, __ATOMIC_RELAXED);
    while (!set && passed < SPIN_NS &&
           (passed < SPIN_ALONE || __atomic_load_n(&spinning, __ATOMIC_RELAXED) <= most)) {
        for (int i = 0; i < 8 && !set; i++) {
            __builtin_ia32_pause();
            set = is_found(t, s);
        }
        passed = rt_clock_ns(1) - begin;
    }
    __atomic_fetch_sub(&spinning, 1, __ATOMIC_RELAXED);
    return set;
}

static bool look(const struct rt_thread *t, struct rt_bet *bet, const struct sought *s)
{
    if (bet->skip > 0) {
        bet->skip--;
        return false;
    }
    if (spin(t, s)) {
        bet->penalty /= 2;
        return true;
    }
    bet->penalty = bet->penalty < SKIP_MOST ? 2 * bet->penalty + 1 : SKIP_MOST;
    bet->skip = bet->penalty;
    return false;
}

bool rt_look(bool (*is_there)(const void *what), const void *what)
{
    struct rt_thread *t = rt_self();
    const struct sought s = {is_there, what};
    return t->attention == NULL && rt_cpu_count() > 1 && look(t, &t->wait.far, &s);
}

/* Alone on a processor: who could set the word runs when this thread lets it. One call instead of
 * two, and a thread that is able to run the whole time is none that the kernel has to wake. But
 * the processor may go to a stranger, who has it for milliseconds, or nobody wants it. What a bet
 * that was lost has cost is therefore paid back: the thread sleeps as ever for so many times as
 * long. */
#define WAY_MOST 3
#define WAY_NS   UINT64_C(50000)
#define PAY_BACK 32u

static bool give_way(struct rt_thread *t)
{
    const uint64_t begin = rt_clock_ns(1);
    uint64_t passed = 0;
    bool set = false;
    if (begin < t->wait.no_way) {
        return false;
    }
    for (int i = 0; i < WAY_MOST && !set && passed < WAY_NS; i++) {
        HOSTCALL_SIMPLE(HOSTCALL_give_way, 0);
        set = woken(t);
        passed = rt_clock_ns(1) - begin;
    }
    if (!set || passed >= WAY_NS) {
        t->wait.no_way = begin + passed + PAY_BACK * passed;
    }
    return set;
}

int rt_wait_near(uint64_t timeout_ns)
{
    struct rt_thread *t = rt_self();
    if (t->attention != NULL || timeout_ns <= SPIN_NS || woken(t)) {
        return rt_wait(timeout_ns);
    }
    const uint64_t begin = timeout_ns == UINT64_MAX ? 0 : rt_clock_ns(1);
    const struct sought nothing = {NULL, NULL};
    const bool set = rt_cpu_count() > 1 ? look(t, &t->wait.near, &nothing) : give_way(t);
    if (!set && timeout_ns != UINT64_MAX) {
        const uint64_t passed = rt_clock_ns(1) - begin;
        if (passed >= timeout_ns) {
            return -ETIMEDOUT;
        }
        timeout_ns -= passed;
    }
    return rt_wait(timeout_ns);
}
