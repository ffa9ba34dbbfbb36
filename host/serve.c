/* SPDX-License-Identifier: Apache-2.0 */
/* The host's half of abi/hostcalls.def. The enclave is not trusted by the host either: lengths and
 * numbers from the slot are bounded before use. */
#include "enclave.h"
#include "net.h"
#include "volume.h"
#include "watch.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_now(uint64_t clock)
{
    struct timespec ts;
    clock_gettime(clock == 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Whoever shares a standard stream with us may have made it non-blocking; for the workload it never
 * is. */
static bool try_again(int fd, short events)
{
    if (errno == EAGAIN) {
        struct pollfd p = {.fd = fd, .events = events};
        return poll(&p, 1, -1) >= 0 || errno == EINTR;
    }
    return errno == EINTR;
}

static int64_t serve_console_write(const struct host_config *c, struct hostcall_slot *s)
{
    uint64_t size = s->to_size;
    size_t n = size <= HOSTCALL_DATA_MAX ? size : HOSTCALL_DATA_MAX;
    int fd = s->args[0] == 1 ? 1 : s->args[0] == 3 && c->trace_fd > 0 ? c->trace_fd : 2;
    if (s->args[0] == 4) {
        if (c->watch != NULL) {
            host_watch_report(c->watch, s->data, n);
        }
        return (int64_t)n;
    }
    ssize_t r;
    do {
        r = write(fd, s->data, n);
    } while (r < 0 && try_again(fd, POLLOUT));
    return r >= 0 ? r : errno == EPIPE ? -EPIPE : -EIO;
}

static size_t wanted(uint64_t size)
{
    return size <= HOSTCALL_DATA_MAX ? size : HOSTCALL_DATA_MAX;
}

/* A thread that waits for input can be kicked out of it: -EINTR, and the enclave knows why or asks
 * again. A kick before poll() has left its mark; it cannot come between the look and the wait. */
static int64_t serve_console_read(struct host_thread *t, struct hostcall_slot *s)
{
    size_t n = wanted(s->args[0]);
    ssize_t r;
    sigset_t all, before;
    struct pollfd in = {.fd = 0, .events = POLLIN};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    atomic_store(&t->where, HOST_READING);
    bool kicked = atomic_exchange(&t->kick_pending, 0) != 0 ||
                  (ppoll(&in, 1, NULL, &before) < 0 && errno == EINTR);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (kicked) {
        return -EINTR;
    }
    do {
        r = read(0, s->data, n);
    } while (r < 0 && errno != EINTR && try_again(0, POLLIN));
    return r >= 0 ? r : errno == EINTR ? -EINTR : -EIO;
}

static int64_t serve_input_read(const struct host_config *c, struct hostcall_slot *s)
{
    uint64_t input = s->args[0], offset = s->args[1];
    if (input >= c->input_count || c->inputs[input].fd < 0) {
        return -EIO;
    }
    size_t n = wanted(s->args[2]);
    size_t done = 0;
    while (done < n) {
        ssize_t r = pread(c->inputs[input].fd, s->data + done, n - done, (off_t)(offset + done));
        if (r < 0 && errno == EINTR) {
            continue;
        }
        if (r <= 0) {
            break;
        }
        done += (size_t)r;
    }
    return done == 0 && n > 0 ? -EIO : (int64_t)done;
}

static int64_t serve_output_write(const struct host_config *c, struct hostcall_slot *s)
{
    uint64_t output = s->args[0], offset = s->args[1], size = s->to_size;
    if (output >= c->output_count || size > HOSTCALL_DATA_MAX) {
        return -EIO;
    }
    if (c->outputs[output].fd < 0) {
        return (int64_t)size; /* declared, but nobody asked for it */
    }
    size_t done = 0;
    while (done < size) {
        ssize_t r = pwrite(c->outputs[output].fd, s->data + done, size - done,
                           (off_t)(offset + done));
        if (r < 0 && errno == EINTR) {
            continue;
        }
        if (r < 0) {
            return errno == ENOSPC ? -ENOSPC : errno == EFBIG ? -EFBIG : -EIO;
        }
        done += (size_t)r;
    }
    return (int64_t)done;
}

static int64_t memory_result(int r)
{
    return r == 0 ? 0 : r == -ENOMEM ? -ENOMEM : -EINVAL;
}

static int64_t serve_memory(struct host_enclave *e, struct hostcall_slot *s)
{
    const struct machine_ops *ops = e->config.ops;
    uint64_t offset = s->args[0] - ELRANGE_BASE;
    uint64_t size = s->args[1];
    switch (s->number) {
    case HOSTCALL_mem_map:
        return memory_result(ops->map(e->machine, offset, size, s->args[2]));
    case HOSTCALL_mem_restrict:
        return memory_result(ops->restrict_permissions(e->machine, offset, size, s->args[2]));
    case HOSTCALL_mem_protect:
        return memory_result(ops->protect(e->machine, offset, size, s->args[2]));
    case HOSTCALL_mem_type:
        return memory_result(
            ops->modify_type(e->machine, offset, size, (enum sgx_page_type)s->args[2]));
    default:
        return memory_result(ops->remove(e->machine, offset, size));
    }
}

static int64_t dispatch(struct host_thread *t, struct hostcall_slot *s)
{
    struct host_enclave *e = t->enclave;
    switch (s->number) {
    case HOSTCALL_mem_map:
    case HOSTCALL_mem_restrict:
    case HOSTCALL_mem_protect:
    case HOSTCALL_mem_type:
    case HOSTCALL_mem_remove:
        return serve_memory(e, s);
    case HOSTCALL_thread_start:
        return host_thread_start(e, (unsigned)s->args[1], s->args[0]);
    case HOSTCALL_wait:
        return host_thread_wait(t, s->args[0]);
    case HOSTCALL_wake:
        host_thread_wake(e, s->args[0]);
        return 0;
    case HOSTCALL_give_way:
        (void)sched_yield();
        return 0;
    case HOSTCALL_process_wake:
        host_yard_wake(e->config.yard, s->args[0], s->args[1]);
        return 0;
    case HOSTCALL_kick:
        host_kick(e, s->args[0]);
        return 0;
    case HOSTCALL_alarm:
        host_alarm(e, s->args[0]);
        return 0;
    case HOSTCALL_clock:
        return (int64_t)clock_now(s->args[0]);
    case HOSTCALL_console_write:
        return serve_console_write(&e->config, s);
    case HOSTCALL_console_read:
        return serve_console_read(t, s);
    case HOSTCALL_input_read:
        return serve_input_read(&e->config, s);
    case HOSTCALL_output_write:
        return serve_output_write(&e->config, s);
    case HOSTCALL_volume_size:
    case HOSTCALL_volume_read:
    case HOSTCALL_volume_write:
    case HOSTCALL_volume_sync:
    case HOSTCALL_volume_resize:
        return host_volume_serve(&e->config, s);
    case HOSTCALL_net_bind:
    case HOSTCALL_net_listen:
    case HOSTCALL_net_connect:
    case HOSTCALL_net_accept:
    case HOSTCALL_net_send:
    case HOSTCALL_net_receive:
    case HOSTCALL_net_shutdown:
    case HOSTCALL_net_close:
    case HOSTCALL_net_option:
    case HOSTCALL_net_error:
    case HOSTCALL_net_wait:
        return host_net_serve(t, s);
    default:
        return e->config.service == NULL
                   ? s->number == HOSTCALL_process_start ? -EAGAIN
                     : s->number == HOSTCALL_process_over ? 0 : -EIO
                   : e->config.service(e->config.service_context, (unsigned)s->number, s);
    }
}

static bool returns_data(uint64_t number)
{
    return number == HOSTCALL_console_read || number == HOSTCALL_input_read ||
           number == HOSTCALL_volume_read || number == HOSTCALL_net_bind ||
           number == HOSTCALL_net_connect || number == HOSTCALL_net_accept ||
           number == HOSTCALL_net_receive || number == HOSTCALL_net_wait ||
           number == HOSTCALL_quote_target || number == HOSTCALL_ecall_done ||
           number == HOSTCALL_ocall || number == HOSTCALL_quote;
}

bool host_serve(struct host_thread *t)
{
    struct hostcall_slot *s = t->slot;
    bool watched = t->enclave->config.watch != NULL;
    bool last = s->number == HOSTCALL_thread_exit || s->number == 0;
    uint64_t start = watched && !last ? host_watch_now() : 0;
    if (watched && (last || s->number == HOSTCALL_exit)) {
        host_watch_last(t, s);
    }
    if (last) {
        return false;
    }
    bool data = returns_data(s->number);
    int64_t result = dispatch(t, s);
    s->from_size = data && result > 0 ? (uint64_t)result : 0;
    s->result = result;
    if (watched) {
        host_watch_hostcall(t, s, start);
    }
    return true;
}
