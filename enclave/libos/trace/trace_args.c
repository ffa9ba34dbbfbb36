/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of system calls as text, in the manner of strace, so that people can read one beside
 * the other. What cannot be read is shown as its address. */
#include "trace/trace.h"

#include <errno.h>

#include "trace/call_texts.h"
#include "fs/linux_abi.h"

#define SHOWN_BYTES  32u /* of a buffer */
#define SHOWN_PATH   256u
#define SHOWN_ITEMS  16u /* of a vector */
#define SHOWN_VECTOR 4u  /* of buffers */

void PRINTF(2, 3) trace_add(struct trace_line *l, const char *format, ...)
{
    __builtin_va_list args;
    __builtin_va_start(args, format);
    size_t wanted = base_vformat(l->text + l->size, TRACE_LINE - l->size, format, args);
    __builtin_va_end(args);
    size_t room = TRACE_LINE - l->size - 1;
    l->size += wanted < room ? wanted : room;
}

/* ---- pieces ------------------------------------------------------------------------------------
 */

static void add_address(struct trace_line *l, uint64_t addr)
{
    if (addr == 0) {
        trace_add(l, "NULL");
    } else {
        trace_add(l, "0x%llx", (unsigned long long)addr);
    }
}

static void add_number(struct trace_line *l, uint64_t value)
{
    trace_add(l, "%lld", (long long)value);
}

static void add_text(struct trace_line *l, const uint8_t *text, size_t n, bool cut)
{
    static const char named[] = "\t\n\v\f\r";
    trace_add(l, "\"");
    for (size_t i = 0; i < n; i++) {
        uint8_t c = text[i];
        if (c >= '\t' && c <= '\r') {
            trace_add(l, "\\%c", "tnvfr"[c - (uint8_t)named[0]]);
        } else if (c == '"' || c == '\\') {
            trace_add(l, "\\%c", c);
        } else if (c >= 0x20 && c < 0x7f) {
            trace_add(l, "%c", c);
        } else if (i + 1 < n && text[i + 1] >= '0' && text[i + 1] <= '9') {
            trace_add(l, "\\%u%u%u", c >> 6, c >> 3 & 7, c & 7);
        } else if (c >= 0100) {
            trace_add(l, "\\%u%u%u", c >> 6, c >> 3 & 7, c & 7);
        } else if (c >= 010) {
            trace_add(l, "\\%u%u", c >> 3 & 7, c & 7);
        } else {
            trace_add(l, "\\%u", c);
        }
    }
    trace_add(l, "\"%s", cut ? "..." : "");
}

static void add_buffer(struct trace_line *l, uint64_t addr, uint64_t size)
{
    uint8_t text[SHOWN_BYTES];
    size_t n = size < sizeof text ? size : sizeof text;
    if (addr == 0 || copy_from_app(text, app_at(addr), n) != 0) {
        add_address(l, addr);
        return;
    }
    add_text(l, text, n, size > n);
}

static void add_path(struct trace_line *l, uint64_t addr)
{
    char path[SHOWN_PATH];
    int64_t n = string_from_app(path, app_at(addr), sizeof path);
    if (n < 0 && n != -ENAMETOOLONG) {
        add_address(l, addr);
        return;
    }
    add_text(l, (const uint8_t *)path, n < 0 ? sizeof path - 1 : (size_t)n, n < 0);
}

static void add_strings(struct trace_line *l, uint64_t addr)
{
    trace_add(l, "[");
    for (unsigned i = 0; i < SHOWN_ITEMS; i++) {
        uint64_t at;
        if (copy_from_app(&at, app_at(addr + 8 * i), sizeof at) != 0) {
            add_address(l, addr + 8 * i);
            break;
        }
        if (at == 0) {
            break;
        }
        trace_add(l, "%s", i == 0 ? "" : ", ");
        add_path(l, at);
        if (i + 1 == SHOWN_ITEMS) {
            trace_add(l, ", ...");
        }
    }
    trace_add(l, "]");
}

/* ---- signals -----------------------------------------------------------------------------------
 */

#define FIRST_REALTIME 32

static const char *const signal_names[FIRST_REALTIME] = {
    "0",    "HUP",  "INT",  "QUIT", "ILL",    "TRAP",   "ABRT",  "BUS",  "FPE",  "KILL", "USR1",
    "SEGV", "USR2", "PIPE", "ALRM", "TERM",   "STKFLT", "CHLD",  "CONT", "STOP", "TSTP", "TTIN",
    "TTOU", "URG",  "XCPU", "XFSZ", "VTALRM", "PROF",   "WINCH", "IO",   "PWR",  "SYS"};

static void add_short_signal(struct trace_line *l, int signo)
{
    if (signo < FIRST_REALTIME) {
        trace_add(l, "%s", signal_names[signo]);
    } else if (signo == FIRST_REALTIME) {
        trace_add(l, "RTMIN");
    } else {
        trace_add(l, "RT_%d", signo - FIRST_REALTIME);
    }
}

void trace_signal_name(struct trace_line *l, int signo)
{
    if (signo < 1 || signo > (int)SIGNALS) {
        trace_add(l, "%d", signo);
        return;
    }
    trace_add(l, "SIG");
    add_short_signal(l, signo);
}

static void add_signal_set(struct trace_line *l, uint64_t set)
{
    int members = 0;
    for (uint64_t left = set; left != 0; left &= left - 1) {
        members++;
    }
    bool most = members * 3 > 2 * (int)SIGNALS, first = true;
    trace_add(l, most ? "~[" : "[");
    for (int signo = 1; signo <= (int)SIGNALS; signo++) {
        if (((set & SIGNAL_BIT(signo)) != 0) != most) {
            trace_add(l, "%s", first ? "" : " ");
            add_short_signal(l, signo);
            first = false;
        }
    }
    trace_add(l, "]");
}

static void add_sigaction(struct trace_line *l, const void *data)
{
    const struct signal_action *a = (const struct signal_action *)data;
    if (a->handler <= 1) {
        trace_add(l, "{sa_handler=%s, sa_mask=", a->handler == 0 ? "SIG_DFL" : "SIG_IGN");
    } else {
        trace_add(l, "{sa_handler=0x%llx, sa_mask=", (unsigned long long)a->handler);
    }
    add_signal_set(l, a->mask);
    trace_add(l, ", sa_flags=");
    trace_names(l, TRACE_sigaction, (uint32_t)a->flags);
    if ((a->flags & 0x4000000u) != 0) {
        trace_add(l, ", sa_restorer=0x%llx", (unsigned long long)a->restorer);
    }
    trace_add(l, "}");
}

static void add_siginfo(struct trace_line *l, const void *data)
{
    const int *i = (const int *)data;
    trace_add(l, "{si_signo=");
    trace_signal_name(l, i[0]);
    trace_add(l, ", si_code=");
    trace_names(l, TRACE_si_code, (uint32_t)i[2]);
    trace_add(l, ", si_pid=%d, si_uid=%d}", i[4], i[5]);
}

static void add_sigset(struct trace_line *l, const void *data)
{
    add_signal_set(l, *(const uint64_t *)data);
}

/* ---- structures --------------------------------------------------------------------------------
 */

static void add_stat(struct trace_line *l, const void *data)
{
    static const struct {
        uint32_t type;
        const char *name;
    } types[] = {{S_IFREG, "S_IFREG"}, {S_IFDIR, "S_IFDIR"}, {S_IFLNK, "S_IFLNK"},
                 {S_IFCHR, "S_IFCHR"}, {S_IFIFO, "S_IFIFO"}, {S_IFSOCK, "S_IFSOCK"}};
    const struct stat *s = (const struct stat *)data;
    const char *type = "0";
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        if ((s->st_mode & S_IFMT) == types[i].type) {
            type = types[i].name;
        }
    }
    uint32_t m = s->st_mode & 07777u;
    trace_add(l, "{st_mode=%s|%s%u%u%u%u, ", type, m >= 01000 ? "0" : "", m >> 9, m >> 6 & 7,
              m >> 3 & 7, m & 7);
    if ((s->st_mode & S_IFMT) == S_IFCHR) {
        trace_add(l, "st_rdev=makedev(0x%x, 0x%x), ...}", (unsigned)(s->st_rdev >> 8 & 0xfff),
                  (unsigned)(s->st_rdev & 0xff));
    } else {
        trace_add(l, "st_size=%llu, ...}", (unsigned long long)s->st_size);
    }
}

static void add_time(struct trace_line *l, const int64_t *t, const char *fraction)
{
    trace_add(l, "{tv_sec=%lld, %s=%lld}", (long long)t[0], fraction, (long long)t[1]);
}

static void add_timespec(struct trace_line *l, const void *data)
{
    add_time(l, (const int64_t *)data, "tv_nsec");
}

static void add_timeval(struct trace_line *l, const void *data)
{
    add_time(l, (const int64_t *)data, "tv_usec");
}

static void add_interval(struct trace_line *l, const void *data, const char *fraction)
{
    const int64_t *t = (const int64_t *)data;
    trace_add(l, "{it_interval=");
    add_time(l, t, fraction);
    trace_add(l, ", it_value=");
    add_time(l, t + 2, fraction);
    trace_add(l, "}");
}

static void add_itimerspec(struct trace_line *l, const void *data)
{
    add_interval(l, data, "tv_nsec");
}

static void add_itimerval(struct trace_line *l, const void *data)
{
    add_interval(l, data, "tv_usec");
}

static void add_limit(struct trace_line *l, uint64_t limit)
{
    if (limit == UINT64_MAX) {
        trace_add(l, "RLIM64_INFINITY");
    } else if (limit > 1024 && limit % 1024 == 0) {
        trace_add(l, "%llu*1024", (unsigned long long)limit / 1024);
    } else {
        trace_add(l, "%llu", (unsigned long long)limit);
    }
}

static void add_rlimit(struct trace_line *l, const void *data)
{
    const uint64_t *limit = (const uint64_t *)data;
    trace_add(l, "{rlim_cur=");
    add_limit(l, limit[0]);
    trace_add(l, ", rlim_max=");
    add_limit(l, limit[1]);
    trace_add(l, "}");
}

static void add_int(struct trace_line *l, const void *data)
{
    trace_add(l, "[%d]", *(const int *)data);
}

static void add_ints(struct trace_line *l, const void *data)
{
    const int *i = (const int *)data;
    trace_add(l, "[%d, %d]", i[0], i[1]);
}

static void add_wait(struct trace_line *l, const void *data)
{
    int status = *(const int *)data, signo = status & 0x7f;
    if (signo == 0) {
        trace_add(l, "[{WIFEXITED(s) && WEXITSTATUS(s) == %d}]", status >> 8 & 0xff);
        return;
    }
    trace_add(l, "[{WIFSIGNALED(s) && WTERMSIG(s) == ");
    trace_signal_name(l, signo);
    trace_add(l, "}]");
}

static void add_epoll(struct trace_line *l, const void *data)
{
    uint32_t events;
    uint64_t value;
    memcpy(&events, data, sizeof events);
    memcpy(&value, (const uint8_t *)data + 4, sizeof value); /* packed on x86-64 */
    trace_add(l, "{events=");
    trace_names(l, TRACE_epoll, events);
    trace_add(l, ", data=0x%llx}", (unsigned long long)value);
}

static void add_clone_args(struct trace_line *l, const void *data)
{
    const uint64_t *a = (const uint64_t *)data;
    trace_add(l, "{flags=");
    trace_names(l, TRACE_clone, a[0]);
    trace_add(l, ", exit_signal=%llu, stack=0x%llx, stack_size=0x%llx}", (unsigned long long)a[4],
              (unsigned long long)a[5], (unsigned long long)a[6]);
}

static void add_port(struct trace_line *l, const uint8_t *at)
{
    trace_add(l, "htons(%u)", (unsigned)(at[0] << 8 | at[1]));
}

static void add_sockaddr(struct trace_line *l, uint64_t addr, uint64_t size)
{
    uint8_t a[112];
    size_t n = size < sizeof a ? size : sizeof a;
    if (addr == 0 || n < 2 || copy_from_app(a, app_at(addr), n) != 0) {
        add_address(l, addr);
        return;
    }
    unsigned family = (unsigned)(a[0] | a[1] << 8);
    trace_add(l, "{sa_family=");
    trace_names(l, TRACE_family, family);
    if (family == 1 && n > 2) {
        bool abstract = a[2] == 0;
        size_t start = abstract ? 3 : 2, end = start;
        while (end < n && (abstract || a[end] != 0)) {
            end++;
        }
        trace_add(l, ", sun_path=%s", abstract ? "@" : "");
        add_text(l, a + start, end - start, false);
    } else if (family == 2 && n >= 8) {
        trace_add(l, ", sin_port=");
        add_port(l, a + 2);
        trace_add(l, ", sin_addr=inet_addr(\"%u.%u.%u.%u\")", a[4], a[5], a[6], a[7]);
    } else if (family == 10 && n >= 24) {
        trace_add(l, ", sin6_port=");
        add_port(l, a + 2);
        trace_add(l, ", sin6_addr=");
        for (unsigned i = 0; i < 8; i++) {
            trace_add(l, "%s%x", i == 0 ? "" : ":", (unsigned)(a[8 + 2 * i] << 8 | a[9 + 2 * i]));
        }
    }
    trace_add(l, "}");
}

static void add_vector(struct trace_line *l, uint64_t addr, uint64_t count, uint64_t bytes)
{
    trace_add(l, "[");
    for (uint64_t i = 0; i < count; i++) {
        uint64_t piece[2];
        if (i == SHOWN_VECTOR || copy_from_app(piece, app_at(addr + 16 * i), 16) != 0) {
            trace_add(l, "%s...", i == 0 ? "" : ", ");
            break;
        }
        trace_add(l, "%s{iov_base=", i == 0 ? "" : ", ");
        add_buffer(l, piece[0], piece[1] < bytes ? piece[1] : bytes);
        bytes -= piece[1] < bytes ? piece[1] : bytes;
        trace_add(l, ", iov_len=%llu}", (unsigned long long)piece[1]);
    }
    trace_add(l, "]");
}

static void add_message(struct trace_line *l, uint64_t addr, uint64_t bytes)
{
    uint64_t m[7]; /* struct msghdr: name, size, vector, count, control, size, flags */
    if (addr == 0 || copy_from_app(m, app_at(addr), sizeof m) != 0) {
        add_address(l, addr);
        return;
    }
    trace_add(l, "{msg_name=");
    add_sockaddr(l, m[0], (uint32_t)m[1]);
    trace_add(l, ", msg_iov=");
    add_vector(l, m[2], m[3], bytes);
    trace_add(l, ", msg_controllen=%llu, msg_flags=", (unsigned long long)m[5]);
    trace_names(l, TRACE_msg, (uint32_t)m[6]);
    trace_add(l, "}");
}

static void add_pollfds(struct trace_line *l, uint64_t addr, uint64_t count)
{
    trace_add(l, "[");
    for (uint64_t i = 0; i < count; i++) {
        uint64_t p;
        if (i == SHOWN_ITEMS || copy_from_app(&p, app_at(addr + 8 * i), sizeof p) != 0) {
            trace_add(l, "%s...", i == 0 ? "" : ", ");
            break;
        }
        trace_add(l, "%s{fd=%d, events=", i == 0 ? "" : ", ", (int)(uint32_t)p);
        trace_names(l, TRACE_poll, p >> 32 & 0xffff);
        trace_add(l, "}");
    }
    trace_add(l, "]");
}

static void add_epolls(struct trace_line *l, uint64_t addr, uint64_t count)
{
    trace_add(l, "[");
    for (uint64_t i = 0; i < count; i++) {
        uint8_t event[12];
        if (i == SHOWN_ITEMS || copy_from_app(event, app_at(addr + 12 * i), sizeof event) != 0) {
            trace_add(l, "%s...", i == 0 ? "" : ", ");
            break;
        }
        trace_add(l, "%s", i == 0 ? "" : ", ");
        add_epoll(l, event);
    }
    trace_add(l, "]");
}

static void add_octal(struct trace_line *l, uint64_t mode)
{
    char digits[24];
    size_t n = sizeof digits;
    digits[--n] = '\0';
    do {
        digits[--n] = (char)('0' + (mode & 7));
        mode >>= 3;
    } while (mode != 0);
    trace_add(l, "0%s", digits + n);
}

/* ---- the table ---------------------------------------------------------------------------------
 */

#define STRUCT_MAX 144u

/* Of fixed size, shown as they stand. */
#define STRUCTS(X)                                                                                 \
    X(STAT, 144, add_stat)                                                                         \
    X(TIMESPEC, 16, add_timespec)                                                                  \
    X(TIMEVAL, 16, add_timeval)                                                                    \
    X(ITIMERSPEC, 32, add_itimerspec)                                                              \
    X(ITIMERVAL, 32, add_itimerval)                                                                \
    X(RLIMIT, 16, add_rlimit)                                                                      \
    X(SIGSET, 8, add_sigset)                                                                       \
    X(SIGACTION, 32, add_sigaction)                                                                \
    X(SIGINFO, 32, add_siginfo)                                                                    \
    X(INT, 4, add_int)                                                                             \
    X(INTS, 8, add_ints)                                                                           \
    X(WAIT, 4, add_wait)                                                                           \
    X(EPOLL, 12, add_epoll)                                                                        \
    X(CLONE_ARGS, 64, add_clone_args)                                                              \
    X(SIZE, 4, add_int)

enum decoder {
    DECODE__, /* what the argument's type says */
    DECODE_FD,
    DECODE_DIRFD,
    DECODE_ADDR,
    DECODE_HEX,
    DECODE_OCTAL,
    DECODE_NEW_MODE, /* after flags of open: only where a file may be made */
    DECODE_SIG,
    DECODE_PATH,
    DECODE_STRINGS,
    DECODE_BUFFER,
    DECODE_IOVEC,
    DECODE_MESSAGE,
    DECODE_SOCKADDR,
    DECODE_POLLFDS,
#define STRUCT(name, size, add) DECODE_##name,
    STRUCTS(STRUCT)
#undef STRUCT
        DECODE_INT_IN, /* as INT, by its other name */
    DECODE_OUT,        /* from here on: shown when the call is over */
    DECODE_BUFFER_OUT = DECODE_OUT,
    DECODE_IOVEC_OUT,
    DECODE_MESSAGE_OUT,
    DECODE_SOCKADDR_OUT,
    DECODE_EPOLLS_OUT,
#define STRUCT(name, size, add) DECODE_##name##_OUT,
    STRUCTS(STRUCT)
#undef STRUCT
        DECODE_OUT_END,
#define TRACE_TABLE(table) DECODE_names_##table,
#define TRACE_NAME(table, mask, value, name)
#include "trace_flags.def"
    DECODERS
};
_Static_assert(DECODERS < 256, "a byte holds a decoder");
#define DECODE_NAMES (DECODE_OUT_END + 1) /* the first table of names */

enum call_number {
#define SYSCALL_NAME(number, name) CALL_##name = (number),
#include "abi/syscall_names.def"
#undef SYSCALL_NAME
};

#define D1(a)                                  DECODE_##a
#define D2(a, ...)                             DECODE_##a, D1(__VA_ARGS__)
#define D3(a, ...)                             DECODE_##a, D2(__VA_ARGS__)
#define D4(a, ...)                             DECODE_##a, D3(__VA_ARGS__)
#define D5(a, ...)                             DECODE_##a, D4(__VA_ARGS__)
#define D6(a, ...)                             DECODE_##a, D5(__VA_ARGS__)
#define D_COUNT_(a, b, c, d, e, f, count, ...) count
#define D_COUNT(...)                           D_COUNT_(__VA_ARGS__, 6, 5, 4, 3, 2, 1, 0)

static const uint8_t decoders[SYS_NUMBERS][6] = {
#define TRACE(name, ...) [CALL_##name] = {SYS_GLUE(D, D_COUNT(__VA_ARGS__))(__VA_ARGS__)},
#include "trace_calls.def"
};

struct shape {
    size_t size;
    void (*add)(struct trace_line *l, const void *data);
};

static const struct shape shapes[DECODERS] = {
#define STRUCT(name, size, add)                                                                    \
    [DECODE_##name] = {(size), add}, [DECODE_##name##_OUT] = {(size), add},
    STRUCTS(STRUCT)
#undef STRUCT
        [DECODE_INT_IN] = {4, add_int},
};

bool trace_is_out(uint64_t number, unsigned argument)
{
    unsigned d = decoders[number][argument];
    return d >= DECODE_OUT && d < DECODE_OUT_END;
}

static void add_struct(struct trace_line *l, const struct shape *shape, uint64_t addr)
{
    uint64_t data[STRUCT_MAX / 8];
    if (addr == 0 || copy_from_app(data, app_at(addr), shape->size) != 0) {
        add_address(l, addr);
        return;
    }
    shape->add(l, data);
}

static void add_by_type(struct trace_line *l, enum sys_type type, uint64_t value)
{
    switch (type) {
    case SYS_int:
    case SYS_tid:
    case SYS_sig:
    case SYS_fd:
        trace_add(l, "%d", (int)(uint32_t)value);
        break;
    case SYS_uint:
        trace_add(l, "%u", (unsigned)value);
        break;
    case SYS_size:
    case SYS_off:
        add_number(l, value);
        break;
    case SYS_path:
        add_path(l, value);
        break;
    case SYS_mode:
        add_octal(l, (uint32_t)value);
        break;
    case SYS_flags:
        trace_add(l, (unsigned)value == 0 ? "0" : "0x%x", (unsigned)value);
        break;
    case SYS_u64:
    case SYS_addr:
    case SYS_in:
    case SYS_out:
    case SYS_inout:
        add_address(l, value);
        break;
    }
}

/* The size that a call gives back through a pointer, of the argument after this one. */
static uint64_t returned_size(uint64_t addr)
{
    uint32_t size;
    return addr == 0 || copy_from_app(&size, app_at(addr), sizeof size) != 0 ? 0 : size;
}

static void add_pointer(struct trace_line *l, unsigned decoder, unsigned argument, int64_t result)
{
    uint64_t value = l->values[argument], next = argument < 5 ? l->values[argument + 1] : 0;
    switch (decoder) {
    case DECODE_BUFFER:
        add_buffer(l, value, next);
        break;
    case DECODE_BUFFER_OUT:
        add_buffer(l, value, (uint64_t)result);
        break;
    case DECODE_IOVEC:
        add_vector(l, value, next, UINT64_MAX);
        break;
    case DECODE_IOVEC_OUT:
        add_vector(l, value, next, (uint64_t)result);
        break;
    case DECODE_MESSAGE:
        add_message(l, value, UINT64_MAX);
        break;
    case DECODE_MESSAGE_OUT:
        add_message(l, value, (uint64_t)result);
        break;
    case DECODE_SOCKADDR:
        add_sockaddr(l, value, next);
        break;
    case DECODE_SOCKADDR_OUT:
        add_sockaddr(l, value, returned_size(next));
        break;
    case DECODE_POLLFDS:
        add_pollfds(l, value, next);
        break;
    default:
        add_epolls(l, value, (uint64_t)result);
        break;
    }
}

void trace_argument(struct trace_line *l, unsigned argument, int64_t result)
{
    unsigned d = decoders[l->number][argument];
    uint64_t value = l->values[argument];
    if (d == DECODE_NEW_MODE && (l->values[argument - 1] & (O_CREAT | __O_TMPFILE)) == 0) {
        return; /* the register holds anything */
    }
    trace_add(l, argument == 0 ? "" : ", ");
    if (trace_is_out(l->number, argument) && result < 0) {
        add_address(l, value);
    } else if (d >= DECODE_NAMES) {
        trace_names(l, (enum trace_table)(d - DECODE_NAMES), value);
    } else if (shapes[d].add != NULL) {
        add_struct(l, &shapes[d], value);
    } else if (d == DECODE__) {
        add_by_type(l, (enum sys_type)call_texts[l->number].types[argument], value);
    } else if (d == DECODE_DIRFD && (int)(uint32_t)value == -100) {
        trace_add(l, "AT_FDCWD");
    } else if (d == DECODE_FD || d == DECODE_DIRFD) {
        trace_add(l, "%d", (int)(uint32_t)value);
    } else if (d == DECODE_ADDR) {
        add_address(l, value);
    } else if (d == DECODE_HEX) {
        trace_add(l, value == 0 ? "0" : "0x%llx", (unsigned long long)value);
    } else if (d == DECODE_OCTAL || d == DECODE_NEW_MODE) {
        add_octal(l, (uint32_t)value);
    } else if (d == DECODE_SIG) {
        trace_signal_name(l, (int)(uint32_t)value);
    } else if (d == DECODE_PATH) {
        add_path(l, value);
    } else if (d == DECODE_STRINGS) {
        add_strings(l, value);
    } else {
        add_pointer(l, d, argument, result);
    }
}
