/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the soft machine share. Three kinds of code live here, with different rules:
 *
 *   host code    (machine.c, client.c, enter.c, thread.c): ordinary C.
 *   leaf code    (leaf.c, epcm.c, client_leaf.c, transition.c): runs with the enclave's FS base, on
 *                a stack of the thread's block, possibly in the middle of the enclave's vector
 *                state: general registers only, no TLS, no libc; system calls are raw.
 *   signal code  (signal.c): the same until it has put the host's FS base back, and async-signal
 *                safe afterwards.
 */
#pragma once

#include "abi/sgx.h"
#include "machine/machine.h"
#include "machine/soft.h"
#include "soft/gate_layout.h"

#include <pthread.h>
#include <signal.h>
#include <ucontext.h>

#define PAGE_SIZE 4096u

/* ---- EPCM ------------------------------------------------------------------------------------ */

/* One entry per page of ELRANGE. The low bits are those of SECINFO.FLAGS. */
typedef uint16_t epcm_t;
#define EPCM_R         0x0001u
#define EPCM_W         0x0002u
#define EPCM_X         0x0004u
#define EPCM_PENDING   0x0008u
#define EPCM_MODIFIED  0x0010u
#define EPCM_PR        0x0020u
#define EPCM_RWX       0x0007u
#define EPCM_TYPE_BITS 0x00c0u /* 0: not valid */
#define EPCM_NONE      0x0000u
#define EPCM_TCS       0x0040u
#define EPCM_REG       0x0080u
#define EPCM_TRIM      0x00c0u
#define EPCM_STATE     0x00ffu /* what the architecture knows */
/* What the process's page tables allow now. Kept here so that only changes cost an mprotect. */
#define EPCM_HOST_SHIFT 8u
#define EPCM_HOST_RWX   0x0700u
/* Added before EINIT: backed by the microcode's file; EPCM_MAX is what SECINFO allowed. */
#define EPCM_STATIC    0x0800u
#define EPCM_MAX_SHIFT 12u

/* A range that map() or protect() made accessible, as the kernel's vm_area_struct. */
struct soft_area {
    uint64_t start, end; /* page numbers */
    uint32_t prot;
};
#define SOFT_AREAS_MAX 60000u /* below the kernel's vm.max_map_count */

struct soft_tcs {
    uint64_t page; /* number + 1; 0: free slot */
    uint32_t busy;
    uint32_t cssa;
    struct {
        uint64_t flags, ossa, oentry, ofsbasgx, ogsbasgx;
        uint32_t nssa;
    } field;
};
#define SOFT_TCS_MAX 1024u /* power of two, four times THREADS_MAX */

#define SOFT_READY_MAX 8u

struct soft_client; /* connection with the microcode helper */

/* ahead.c: addresses of huge pages that the enclave has accepted and not yet touched. */
#define SOFT_AHEAD_RING 8u
#define SOFT_AHEAD_SIZE (512u * PAGE_SIZE)
struct soft_ahead {
    uint64_t ring[SOFT_AHEAD_RING];
    uint32_t posted; /* so many ever; a futex */
    uint32_t stop;
    pthread_t thread;
};

struct machine {
    uint64_t base, size;
    uint64_t page_count;
    struct sgx_attributes attributes;
    uint32_t ssa_frame_size; /* pages */
    uint32_t xsave_size;     /* bytes of the vector state that ATTRIBUTES.XFRM names */
    uint32_t miscselect;
    bool asked, answered; /* EINIT; once it is asked for, nothing can be added any more */
    bool initialised, trap_only;
    uint32_t lock; /* areas, EPCM host bits, TCS table */
    epcm_t *epcm;
    uint8_t *chunk_used; /* one byte per 512 pages: any entry ever nonzero */
    struct soft_area *areas;
    size_t area_count;
    struct soft_tcs *tcs;
    uint64_t open_next; /* where the last opened window ended: EACCEPT runs grow it */
    uint64_t open_window;
    struct soft_ahead *ahead; /* NULL: none was worth it so far */
    bool ahead_tried;
    uint64_t ahead_first, ahead_end; /* pages of the last range that was worth it */
    uint64_t ready[SOFT_READY_MAX];  /* chunks whose memory was found before the enclave ran */
    uint32_t ready_count;
    uint64_t leaf_page; /* address; 0: none */
    uint64_t reserved_start, reserved_end;
    uint32_t handle; /* the microcode's name for this enclave */
    struct soft_client *client;
    /* pages added before EINIT, in order */
    struct soft_added {
        uint64_t page;
        uint64_t flags;
    } * added;
    size_t added_count, added_capacity;
};

/* ---- threads --------------------------------------------------------------------------------- */

/* Registers to go into the enclave with; the end is what iretq pops. */
struct soft_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t rip, cs, rflags, rsp, ss;
    uint64_t fsbase, gsbase;
};

struct soft_fault {
    uint32_t vector;
    uint32_t error;
    uint64_t addr;
};

/* Registers at a leaf called by translation, as gate.S pushed them. */
struct leaf_frame {
    uint64_t r11, r10, r9, r8, rdi, rsi, rbx, rdx, rcx, rax, rflags, rip;
};

#define SOFT_BLOCK_SIZE (128u * 1024)
struct soft_thread {
    uint32_t inside, in_leaf; /* in_leaf: or in soft_transition_prepare */
    uint32_t pending, padding;
    uint64_t host_rsp, leaf_rsp;
    uint64_t host_fsbase, host_gsbase;
    uint64_t args[5];
    uint64_t out[5];
    struct soft_frame frame;
    uint64_t xfrm;
    uint64_t leaf; /* the leaf of the running enter() */
    uint64_t host_rbp;
    uint64_t gs_active;
    uint64_t out_rest[8];
    uint64_t magic;
    struct machine *machine;
    struct machine_run *run;
    struct soft_tcs *tcs;
    uint64_t tcs_addr;
    struct soft_fault fault; /* of the leaf that returned LEAF_FAULT */
    uint64_t probe_addr;     /* where the guarded copy faulted */
    siginfo_t pending_info;  /* signal that waits for the end of the leaf */
    sigset_t pending_mask;
    uint32_t pending_signal;
    uint64_t retry_addr, retry_rip; /* last page fault that looked spurious */
    uint32_t retry_count;
    stack_t old_altstack;
    struct sgx_report report; /* scratch of EREPORT */
    _Alignas(4096) uint8_t xsave[4096];
};
#define CHECK_OFFSET(field, value)                                                                 \
    _Static_assert(offsetof(struct soft_thread, field) == (value), #field)
CHECK_OFFSET(inside, T_INSIDE);
CHECK_OFFSET(in_leaf, T_IN_LEAF);
CHECK_OFFSET(pending, T_PENDING);
CHECK_OFFSET(host_rsp, T_HOST_RSP);
CHECK_OFFSET(leaf_rsp, T_LEAF_RSP);
CHECK_OFFSET(host_fsbase, T_HOST_FS);
CHECK_OFFSET(host_gsbase, T_HOST_GS);
CHECK_OFFSET(args, T_ARGS);
CHECK_OFFSET(out, T_OUT);
CHECK_OFFSET(frame, T_FRAME);
CHECK_OFFSET(frame.rdi, T_FRAME + F_RDI);
CHECK_OFFSET(frame.rip, T_FRAME + F_RIP);
CHECK_OFFSET(frame.fsbase, T_FRAME + F_FSBASE);
CHECK_OFFSET(frame.gsbase, T_FRAME + F_GSBASE);
CHECK_OFFSET(xfrm, T_XFRM);
CHECK_OFFSET(leaf, T_LEAF);
CHECK_OFFSET(host_rbp, T_HOST_RBP);
CHECK_OFFSET(gs_active, T_GS_ACTIVE);
CHECK_OFFSET(out_rest, T_OUT_REST);
CHECK_OFFSET(xsave, T_XSAVE);
#undef CHECK_OFFSET
_Static_assert(offsetof(struct leaf_frame, rflags) == 80, "gate.S");

/* thread.c. The block of the calling thread, made on first use; NULL without memory. */
struct soft_thread *soft_thread_self(void);
/* The block whose alternate stack holds this address; NULL if none does. No TLS. */
struct soft_thread *soft_thread_at(uint64_t stack_addr);
extern __thread struct soft_thread *soft_self;
int soft_threads_init(struct diag *d) MUST_USE;

/* Translated leaves find their thread by its GS base. A slot names the thread that announced itself
 * last; a leaf believes it only if the thread's gs_active is the very base. Two threads inside with
 * one base would be taken for each other: the second to come finds the first and poisons the slot,
 * after which both go by trap. */
extern struct soft_thread *soft_gs_table[SOFT_GS_SLOTS];
/* Before the thread enters with this GS base; and when it is outside again. */
void soft_announce(struct soft_thread *t, uint64_t gsbase);
static inline void soft_withdraw(struct soft_thread *t)
{
    __atomic_store_n(&t->gs_active, 0, __ATOMIC_RELEASE);
}

/* ---- leaf code ------------------------------------------------------------------------------- */

/* Inputs and outputs of a leaf. */
struct leaf_regs {
    uint64_t rax, rbx, rcx, rdx, rflags;
    uint64_t rip;      /* of the ENCLU itself */
    uint64_t rip_next; /* behind it */
};
/* Emulates one ENCLU inside an enclave. LEAF_DONE: registers hold the result. LEAF_EXIT: EEXIT, go
 * to regs->rbx. LEAF_FAULT: t->fault. */
int soft_leaf(struct soft_thread *t, struct leaf_regs *regs);
int soft_leaf_translated(struct soft_thread *t, struct leaf_frame *frame);

void soft_lock(uint32_t *lock);
void soft_unlock(uint32_t *lock);

/* Copy that may meet inaccessible memory: 0, or -1 with t->probe_addr set by the signal handler. */
int soft_copy(void *to, const void *from, size_t n);

/* May the enclave access [addr, addr+8) of one page with these EPCM_R/W/X rights? Sets t->fault. */
bool soft_page_ok(struct soft_thread *t, uint64_t addr, uint32_t need, bool write);
void soft_fault_gp(struct soft_thread *t);
void soft_fault_pf(struct soft_thread *t, uint64_t addr, bool write, bool by_epcm);

/* ---- EPCM (epcm.c) --------------------------------------------------------------------------- */

int epcm_init(struct machine *m, struct diag *d) MUST_USE;
void epcm_done(struct machine *m);
/* Rights that map()/protect() gave to a page. Lock held. */
uint32_t area_prot(const struct machine *m, uint64_t page);
/* What EPCM and page tables together allow the enclave now. Lock held. */
uint32_t epcm_rights(struct machine *m, uint64_t page);
/* Sets the areas' rights for a range. Lock held. */
int area_set(struct machine *m, uint64_t start, uint64_t end, uint32_t prot) MUST_USE;
/* Brings the process's page tables up to EPCM and areas. Lock held. */
int epcm_sync(struct machine *m, uint64_t start, uint64_t end);
void epcm_store(struct machine *m, uint64_t page, epcm_t e);
epcm_t epcm_load(const struct machine *m, uint64_t page);
bool epcm_cas(struct machine *m, uint64_t page, epcm_t old, epcm_t new_entry);
/* A page that is mapped but absent comes by EAUG: pending. False if it is not mapped. */
bool epcm_eaug(struct machine *m, uint64_t page);
/* The same for an EACCEPT that follows at once; opens pages ahead in growing windows. */
bool epcm_eaug_accept(struct machine *m, uint64_t page, uint32_t rights);
struct soft_tcs *tcs_find(struct machine *m, uint64_t page);
struct soft_tcs *tcs_add(struct machine *m, uint64_t page, const struct sgx_tcs *content);
/* The SDM's conditions on a TCS page's fields. */
bool tcs_fields_ok(const struct sgx_tcs *t);

int soft_map(struct machine *m, uint64_t offset, uint64_t size, uint64_t prot);
int soft_restrict_permissions(struct machine *m, uint64_t offset, uint64_t size, uint64_t prot);
int soft_protect(struct machine *m, uint64_t offset, uint64_t size, uint64_t prot);
int soft_modify_type(struct machine *m, uint64_t offset, uint64_t size, enum sgx_page_type type);
int soft_remove(struct machine *m, uint64_t offset, uint64_t size);

/* ahead.c. These pages will be accepted and filled at once. Lock held. */
void soft_ahead_expect(struct machine *m, uint64_t first, uint64_t end);
void soft_ahead_stop(struct machine *m);

/* ---- entering and leaving -------------------------------------------------------------------- */

int soft_enter(struct machine *m, uint64_t rdi, uint64_t rsi, uint64_t rdx, unsigned leaf,
               uint64_t r8, uint64_t r9, struct machine_run *run);
/* Called by gate.S on the leaf stack: 0 go by EENTER, 1 go by ERESUME, -1 refused (run is filled).
 */
int soft_transition_prepare(struct soft_thread *t, uint64_t leaf);
/* Takes back what prepare did, before any enclave instruction ran. */
void soft_transition_undo(struct soft_thread *t);
/* EEXIT's effect on TCS and segment bases. */
void soft_leave(struct soft_thread *t);
/* Is [addr, addr+n) inside ELRANGE? */
static inline bool in_elrange(const struct machine *m, uint64_t addr, uint64_t n)
{
    return addr >= m->base && range_within(addr - m->base, n, m->size);
}
int soft_signals_init(struct diag *d) MUST_USE;
size_t soft_xsave_size(uint64_t xfrm);

int soft_gate(struct soft_thread *t, uint64_t leaf);
extern const char soft_gate_window[], soft_gate_window_end[], soft_gate_return[],
    soft_gate_failed[], soft_gate_waits[], soft_gate_refused[];
extern const char soft_aep[], soft_retry[], soft_signal_thunk[];
extern const char soft_leaf_entry[], soft_leaf_end[], soft_leaf_exit_check[], soft_leaf_pops[],
    soft_leaf_pops_end[], soft_leaf_deferred[], soft_leaf_fallback[], soft_leaf_exit_deferred[],
    soft_leaf_exit_pops[];
extern const char soft_copy_start[], soft_copy_end[], soft_copy_failed[];

static inline uint64_t read_fsbase(void)
{
    uint64_t v;
    __asm__ volatile("rdfsbase %0" : "=r"(v));
    return v;
}
static inline uint64_t read_gsbase(void)
{
    uint64_t v;
    __asm__ volatile("rdgsbase %0" : "=r"(v));
    return v;
}
static inline void write_fsbase(uint64_t v)
{
    __asm__ volatile("wrfsbase %0" ::"r"(v) : "memory");
}
static inline void write_gsbase(uint64_t v)
{
    __asm__ volatile("wrgsbase %0" ::"r"(v) : "memory");
}
/* Raw: no errno, so no TLS. */
static inline long raw_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
/* The machine itself cannot go on: says so and ends the process. */
void soft_fatal(const char *sentence) __attribute__((noreturn));

/* ---- microcode client (client.c) ------------------------------------------------------------- */

/* The helper alone, without an enclave: a member of machine_ops. */
int client_start(struct machine_config *config, struct diag *d) MUST_USE;
int client_open(const struct machine_config *config, struct soft_client **ret,
                struct diag *d) MUST_USE;
int client_create(struct soft_client *c, const struct sgx_secs *secs, struct diag *d) MUST_USE;
int client_add(struct soft_client *c, uint64_t offset, uint64_t flags, const void *content,
               struct diag *d) MUST_USE;
int client_extend(struct soft_client *c, uint64_t offset, struct diag *d) MUST_USE;
/* EINIT. ret_fd: the enclave's pages in the order they were added, sealed; the caller's. The answer
 * comes later; answered: it is there, or never will be. */
int client_ask(struct soft_client *c, const struct sgx_sigstruct *sigstruct, int *ret_fd,
               struct diag *d) MUST_USE;
bool client_answered(const struct soft_client *c);
int client_answer(struct soft_client *c, uint32_t *ret_handle, struct diag *d) MUST_USE;
void client_close(struct soft_client *c);
/* Leaf code. Ends the process if the helper is gone. */
void client_report(struct soft_client *c, uint32_t handle, const struct sgx_targetinfo *target,
                   const uint8_t reportdata[64], struct sgx_report *ret);
unsigned client_getkey(struct soft_client *c, uint32_t handle, const struct sgx_keyrequest *request,
                       uint8_t ret_key[16]);

/* ahead.c. A member of machine_ops. */
bool soft_expect(struct machine *m, uint64_t offset, uint64_t size);

/* translate.c: once the pages are mapped and before anything runs. Never fails: sites that it leaves
 * alone work by trap. */
void soft_translate(struct machine *m);
