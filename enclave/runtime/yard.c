/* SPDX-License-Identifier: Apache-2.0 */
/* The yard as the enclave sees it, and the hostcalls of a tree of processes.
 *
 * The host chooses where the yard lies, whose slot this is, and what stands in it. The range is
 * checked once to lie outside the enclave; slots are bounds-checked; nothing else is believed here.
 */
#include "runtime/yard.h"

#include "thread.h"

#define EAGAIN 11

static host_span yard; /* size 0: there is none */
static unsigned self_slot;

void rt_yard_start(const struct boot_record *boot)
{
    if (boot->yard_addr == 0) {
        return;
    }
    if (boot->yard_slot >= YARD_SLOTS || boot->yard_addr % SGX_PAGE_SIZE != 0) {
        rt_refuse(
            "the loader's boot record names slot %lu of the yard, which has %u: use the loader "
            "of the same release",
            boot->yard_slot, YARD_SLOTS);
    }
    yard = rt_host_span((host_ptr){boot->yard_addr}, sizeof(struct yard), "the yard");
    self_slot = (unsigned)boot->yard_slot;
}

bool rt_yard_there(void)
{
    return yard.size != 0;
}

unsigned rt_yard_self(void)
{
    return self_slot;
}

host_span rt_yard_slot(unsigned slot)
{
    REQUIRE(yard.size != 0 && slot < YARD_SLOTS);
    return (host_span){yard.addr + slot * sizeof(struct yard_slot), sizeof(struct yard_slot)};
}

/* SAFETY: an aligned word of a span that was checked to lie outside ELRANGE. */
uint64_t rt_yard_load(host_span in, uint64_t offset)
{
    REQUIRE(offset % 8 == 0 && range_within(offset, 8, in.size));
    uint64_t v = *(const volatile uint64_t *)(in.addr + offset);
    __asm__ volatile("" : : : "memory");
    return v;
}

/* SAFETY: as above. */
void rt_yard_store(host_span in, uint64_t offset, uint64_t value)
{
    REQUIRE(offset % 8 == 0 && range_within(offset, 8, in.size));
    __asm__ volatile("" : : : "memory");
    *(volatile uint64_t *)(in.addr + offset) = value;
}

void rt_yard_fence(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

int rt_process_start(void)
{
    int64_t r = HOSTCALL_SIMPLE(HOSTCALL_process_start, 0);
    if (r == 0) {
        rt_fatal("the host gave a new process the owner's slot");
    }
    return (int)r;
}

void rt_process_wake(unsigned slot, unsigned thread_number)
{
    if (slot == self_slot) {
        rt_wake(thread_number);
    } else {
        HOSTCALL_SIMPLE(HOSTCALL_process_wake, slot, thread_number);
    }
}

void rt_process_kill(unsigned slot)
{
    HOSTCALL_SIMPLE(HOSTCALL_process_over, slot, 1);
}

void rt_process_over(unsigned slot)
{
    HOSTCALL_SIMPLE(HOSTCALL_process_over, slot, 0);
}
