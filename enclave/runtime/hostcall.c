/* SPDX-License-Identifier: Apache-2.0 */
/* The one door to the host. Both directions are copied in multiples of eight bytes at eight-byte
 * aligned host addresses: writes because of MMIO stale data (CVE-2022-21166), reads because the host
 * may have mapped the APIC there (CVE-2022-21233). Answers are copied in once and checked against
 * hostcalls.def: sizes, greatest result, permitted errnos. An answer outside the table stops the
 * enclave: a host that breaks the contract once is not asked again. */
#include "runtime/yard.h"
#include "thread.h"

/* Linux errno values that hostcalls.def names; the enclave has no libc headers to take them from. */
enum {
    ENOENT = 2,
    EINTR = 4,
    EIO = 5,
    EAGAIN = 11,
    ENOMEM = 12,
    EACCES = 13,
    ENODEV = 19,
    EINVAL = 22,
    EMFILE = 24,
    EFBIG = 27,
    ENOSPC = 28,
    EPIPE = 32,
    ENOSYS = 38,
    EMSGSIZE = 90,
    EADDRINUSE = 98,
    EADDRNOTAVAIL = 99,
    ENETUNREACH = 101,
    ECONNRESET = 104,
    ETIMEDOUT = 110,
    ECONNREFUSED = 111,
    EHOSTUNREACH = 113,
};

struct contract {
    const char *name;
    uint64_t to_max, from_max;
    int64_t result_max;
    int errnos[9]; /* ends with 0 */
};

static const struct contract contracts[] = {
#define HOSTCALL(number, name, to_host, from_host, result_max, ...)                                \
    [number] = {#name, (to_host), (from_host), (result_max), __VA_ARGS__},
#include "abi/hostcalls.def"
#undef HOSTCALL
};

host_span rt_host_span(host_ptr p, uint64_t size, const char *what)
{
    uint64_t end;
    if (!add_ok(p.addr, size, &end) || p.addr < ELRANGE_BASE + ELRANGE_SIZE || p.addr % 8 != 0) {
        rt_fatal("the host's address for %s (%lx, %lu bytes) is not outside the enclave", what,
                 p.addr, size);
    }
    __asm__ volatile("lfence" : : : "memory"); /* no speculative use before the check */
    return (host_span){p.addr, size};
}

/* SAFETY: an aligned word with at least one byte in a checked span. Spans begin aligned, so the word
 * does not begin before its span, and it ends on the same page. */
static size_t read_part_of_word(uint8_t *to, uint64_t at, size_t n)
{
    uint64_t word = *(const volatile uint64_t *)(at & ~UINT64_C(7));
    size_t skip = at & 7;
    size_t take = n < 8 - skip ? n : 8 - skip;
    __builtin_memcpy(to, (const uint8_t *)&word + skip, take);
    return take;
}

/* SAFETY: the span was checked by rt_host_span() to lie outside ELRANGE; what is read there is
 * hostile and is validated after the copy. */
void copy_from_host(void *to, host_span from, uint64_t offset, size_t n)
{
    REQUIRE(range_within(offset, n, from.size));
    uint8_t *out = (uint8_t *)to;
    uint64_t at = from.addr + offset;
    if (n > 0 && at % 8 != 0) {
        size_t head = read_part_of_word(out, at, n);
        out += head;
        at += head;
        n -= head;
    }
    uint64_t words = n / 8;
    __asm__ volatile("rep movsq" : "+D"(out), "+S"(at), "+c"(words) : : "memory");
    if (n % 8 != 0) {
        read_part_of_word(out, at, n % 8);
    }
}

static uint64_t read_host_u64(host_span from, uint64_t offset)
{
    uint64_t v;
    copy_from_host(&v, from, offset, sizeof v);
    return v;
}

/* SAFETY: as above; eight bytes at a time, to an aligned address. */
static void write_host_u64(host_span to, uint64_t offset, uint64_t value)
{
    REQUIRE(offset % 8 == 0 && range_within(offset, 8, to.size));
    *(volatile uint64_t *)(to.addr + offset) = value;
}

/* SAFETY: as above: whole words to aligned addresses, the last one filled up with zeros. */
void copy_to_host(host_span to, uint64_t offset, struct bytes from)
{
    REQUIRE(offset % 8 == 0 && range_within(offset, from.size, to.size));
    uint64_t at = to.addr + offset, words = from.size / 8, word = 0;
    const uint8_t *in = from.data;
    __asm__ volatile("rep movsq" : "+D"(at), "+S"(in), "+c"(words) : : "memory");
    if (from.size % 8 != 0) {
        __builtin_memcpy(&word, in, from.size % 8);
        write_host_u64(to, offset + align_down(from.size, 8), word);
    }
}

#define LINE 64u

/* SAFETY: as above, word by word. Lines that another processor has read would be fetched from it
 * before they are written; whole lines that go past the caches are not. Ordered when it returns. */
void copy_to_host_past_caches(host_span to, uint64_t offset, struct bytes from)
{
    REQUIRE(offset % LINE == 0 && range_within(offset, from.size, to.size));
    const size_t lines = from.size / LINE;
    uint64_t *at = (uint64_t *)(to.addr + offset);
    for (size_t i = 0; i < lines * (LINE / 8); i++) {
        uint64_t word;
        __builtin_memcpy(&word, from.data + i * 8, 8);
        __asm__ volatile("movnti %1, %0" : "=m"(at[i]) : "r"(word));
    }
    __asm__ volatile("sfence" : : : "memory");
    if (from.size % LINE != 0) {
        copy_to_host(to, offset + lines * LINE,
                     BYTES(from.data + lines * LINE, from.size % LINE));
    }
}

static bool errno_permitted(const struct contract *c, int64_t result)
{
    for (size_t i = 0; i < ARRAY_SIZE(c->errnos) && c->errnos[i] != 0; i++) {
        if (result == -c->errnos[i]) {
            return true;
        }
    }
    return false;
}

#define SLOT(member) offsetof(struct hostcall_slot, member)

static uint32_t ender; /* number of the thread that ends the enclave, plus one */

bool rt_claim_end(void)
{
    uint32_t nobody = 0;
    return __atomic_compare_exchange_n(&ender, &nobody, rt_self()->number + 1, false,
                                       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static bool ended_elsewhere(void)
{
    uint32_t who = __atomic_load_n(&ender, __ATOMIC_SEQ_CST);
    return who != 0 && who != rt_self()->number + 1;
}

static void exchange(host_span slot, unsigned number, const uint64_t args[HOSTCALL_ARGS],
                     struct bytes to_host)
{
    copy_to_host(slot, SLOT(data), to_host);
    for (size_t i = 0; i < HOSTCALL_ARGS; i++) {
        write_host_u64(slot, SLOT(args) + 8 * i, args[i]);
    }
    write_host_u64(slot, SLOT(to_size), to_host.size);
    write_host_u64(slot, SLOT(number), number);
    rt_leave();
}

/* Nothing that this thread would do or say counts any more, whatever the host answers. */
static void park_for_ever(host_span slot) __attribute__((noreturn));
static void park_for_ever(host_span slot)
{
    static const uint64_t no_timeout[HOSTCALL_ARGS] = {UINT64_MAX};
    for (;;) {
        exchange(slot, HOSTCALL_wait, no_timeout, BYTES(NULL, 0));
    }
}

int64_t rt_hostcall(unsigned number, const uint64_t args[HOSTCALL_ARGS], struct bytes to_host,
                    void *from_host, size_t from_size)
{
    REQUIRE(number < ARRAY_SIZE(contracts) && contracts[number].name != NULL);
    const struct contract *c = &contracts[number];
    REQUIRE(to_host.size <= c->to_max && from_size <= c->from_max);
    host_span slot = rt_self()->slot;

    if (ended_elsewhere()) {
        park_for_ever(slot);
    }
    exchange(slot, number, args, to_host);
    if (ended_elsewhere()) {
        park_for_ever(slot);
    }
    if (rt_alarm_due()) { /* the host interrupts only threads that are inside */
        __atomic_store_n(&rt_self()->kick, 1, __ATOMIC_RELAXED);
    }

    int64_t result = (int64_t)read_host_u64(slot, SLOT(result));
    uint64_t size = read_host_u64(slot, SLOT(from_size));
    if (result < 0 ? !errno_permitted(c, result) : result > c->result_max) {
        rt_fatal("the host answered %ld to hostcall %s, which its contract does not allow", result,
                 c->name);
    }
    if (c->from_max != 0 && result >= 0) {
        if (size > from_size || (uint64_t)result != size) {
            rt_fatal("the host answered hostcall %s with %lu bytes where at most %lu were asked",
                     c->name, size, from_size);
        }
        copy_from_host(from_host, slot, SLOT(data), size);
    }
    return result;
}
