/* SPDX-License-Identifier: Apache-2.0 */
/* One aligned block per host thread that enters enclaves: its state, the stack of translated
 * leaves, and the alternate signal stack, so that a signal handler finds its thread from its own
 * stack pointer, without TLS. Host code. */
#include "soft/internal.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#define BLOCKS_MAX  512u /* twice THREADS_MAX */
#define BLOCK_MAGIC UINT64_C(0x6461657268746773)

/* The block: state, guard page, leaf stack, guard page, alternate stack. */
#define STATE_END  16384u
#define LEAF_START (STATE_END + 4096)
#define LEAF_END   T_LEAF_TOP
#define ALT_START  (LEAF_END + 4096)
_Static_assert(sizeof(struct soft_thread) <= STATE_END, "the state fits in front of its guard");

__thread struct soft_thread *soft_self;
struct soft_thread *soft_gs_table[SOFT_GS_SLOTS];

static uint64_t region_start, region_end;
static pthread_mutex_t region_mutex = PTHREAD_MUTEX_INITIALIZER;
static bool block_used[BLOCKS_MAX];
static pthread_key_t exit_key;

static void thread_ended(void *block);

int soft_threads_init(struct diag *d)
{
    size_t size = (size_t)BLOCKS_MAX * SOFT_BLOCK_SIZE;
    uint8_t *p = mmap(NULL, size + SOFT_BLOCK_SIZE, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        return diag_fail(d, -errno, "no address space for thread states (%zu bytes)", size);
    }
    int r = pthread_key_create(&exit_key, thread_ended);
    if (r != 0) {
        return diag_fail(d, -r, "cannot make a thread key");
    }
    region_start = ((uint64_t)p + SOFT_BLOCK_SIZE - 1) & ~(uint64_t)(SOFT_BLOCK_SIZE - 1);
    __atomic_store_n(&region_end, region_start + size, __ATOMIC_RELEASE);
    return 0;
}

void soft_own_memory(uint64_t ret_range[2])
{
    ret_range[0] = region_start;
    ret_range[1] = __atomic_load_n(&region_end, __ATOMIC_ACQUIRE);
}

struct soft_thread *soft_thread_at(uint64_t stack_addr)
{
    if (stack_addr < region_start || stack_addr >= __atomic_load_n(&region_end, __ATOMIC_ACQUIRE)) {
        return NULL;
    }
    struct soft_thread *t = (struct soft_thread *)(stack_addr & ~(uint64_t)(SOFT_BLOCK_SIZE - 1));
    return t->magic == BLOCK_MAGIC ? t : NULL;
}

static uint8_t *block_take(void)
{
    uint8_t *block = NULL;
    pthread_mutex_lock(&region_mutex);
    for (size_t i = 0; i < BLOCKS_MAX && block == NULL; i++) {
        if (!block_used[i]) {
            block_used[i] = true;
            block = (uint8_t *)region_start + i * SOFT_BLOCK_SIZE;
        }
    }
    pthread_mutex_unlock(&region_mutex);
    return block;
}

static void block_give(uint8_t *block)
{
    /* Fresh zeros for the next owner, memory back to the kernel. The block stays mapped: a leaf of
     * another thread may be looking at it through the table of GS bases at this moment. */
    (void)madvise(block, STATE_END, MADV_DONTNEED);
    (void)madvise(block + LEAF_START, LEAF_END - LEAF_START, MADV_DONTNEED);
    (void)madvise(block + ALT_START, SOFT_BLOCK_SIZE - ALT_START, MADV_DONTNEED);
    pthread_mutex_lock(&region_mutex);
    block_used[((uint64_t)block - region_start) / SOFT_BLOCK_SIZE] = false;
    pthread_mutex_unlock(&region_mutex);
}

static void thread_ended(void *block)
{
    struct soft_thread *t = block;
    for (size_t i = 0; i < SOFT_GS_SLOTS; i++) {
        struct soft_thread *mine = t;
        (void)__atomic_compare_exchange_n(&soft_gs_table[i], &mine, NULL, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED);
    }
    stack_t old = t->old_altstack;
    if (sigaltstack(&old, NULL) != 0) {
        return; /* still on it: the block stays in use */
    }
    soft_self = NULL;
    block_give(block);
}

struct soft_thread *soft_thread_self(void)
{
    if (soft_self != NULL) {
        return soft_self;
    }
    uint8_t *block = block_take();
    if (block == NULL) {
        return NULL;
    }
    if (mprotect(block, STATE_END, PROT_READ | PROT_WRITE) != 0 ||
        mprotect(block + LEAF_START, LEAF_END - LEAF_START, PROT_READ | PROT_WRITE) != 0 ||
        mprotect(block + ALT_START, SOFT_BLOCK_SIZE - ALT_START, PROT_READ | PROT_WRITE) != 0) {
        block_give(block);
        return NULL;
    }
    struct soft_thread *t = (struct soft_thread *)block;
    t->magic = BLOCK_MAGIC;
    t->host_fsbase = read_fsbase();
    t->host_gsbase = read_gsbase();
    stack_t alt = {.ss_sp = block + ALT_START, .ss_size = SOFT_BLOCK_SIZE - ALT_START};
    if (sigaltstack(&alt, &t->old_altstack) != 0) {
        block_give(block);
        return NULL;
    }
    if (pthread_setspecific(exit_key, t) != 0) {
        (void)sigaltstack(&t->old_altstack, NULL);
        block_give(block);
        return NULL;
    }
    soft_self = t;
    return t;
}

int soft_thread_begin(void)
{
    return soft_thread_self() != NULL ? 0 : -ENOMEM;
}

void soft_exit_rest(uint64_t ret_registers[8])
{
    for (size_t i = 0; i < 8; i++) {
        ret_registers[i] = soft_self != NULL ? soft_self->out_rest[i] : 0;
    }
}

void soft_exit_registers(uint64_t ret_registers[5])
{
    for (size_t i = 0; i < 5; i++) {
        ret_registers[i] = soft_self != NULL ? soft_self->out[i] : 0;
    }
}
