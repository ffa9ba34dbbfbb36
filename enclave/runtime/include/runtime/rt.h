/* SPDX-License-Identifier: Apache-2.0 */
/* What the trusted runtime offers to the doors above it (library OS, SDK, shim). All of it is
 * compiled with general registers only: the workload's vector state stays in the registers and is
 * saved by the runtime just when the enclave is left or between rt_vector_begin() and _end().
 * Errors are -errno. Functions may be called from any enclave thread unless they say otherwise. */
#pragma once

#include "abi/boot.h"
#include "abi/hostcall.h"
#include "abi/layout.h"
#include "abi/manifest.h"
#include "abi/network.h"
#include "abi/program.h"
#include "abi/sgx.h"
#include "runtime/types.h"

/* One image, linked once: addresses of everything below are RIP-relative, not through a table. */
#pragma GCC visibility push(hidden)

/* ---- registers of the workload at a system call, cpuid or fault ------------------------------ */

/* Saved on the thread's runtime stack by the entry assembly; written back when the call returns.
 * The layout is known to entry.S. */
struct rt_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t rip;    /* where the workload goes on */
    uint64_t rflags; /* restored only when RT_FRAME_FULL is set; otherwise unspecified as after a call */
    uint64_t rsp;
    uint64_t flags; /* RT_FRAME_* */
};
#define RT_FRAME_FULL 1u /* restore rcx, r11 and rflags too (faults, signal return) */

/* Why the workload was interrupted, for door_fault(). Only what the hardware reported (EXITINFO,
 * EXINFO), never the host's word. */
struct rt_fault {
    unsigned vector; /* 0 #DE, 3 #BP, 6 #UD, 13 #GP, 14 #PF, 16 #MF, 17 #AC, 19 #XM */
    uint64_t addr;   /* #PF and #GP: MADDR, else 0 */
    uint32_t error;  /* page-fault error code */
    uint32_t fp;     /* #MF, #XM: which of the exceptions that are not masked (bits of MXCSR) */
};

/* ---- what a door implements ------------------------------------------------------------------- */

/* First thread, once, on its runtime stack, after boot: manifest is decoded and matches CONFIGID.
 * The library OS loads the program here, fills *frame with the program's first registers and
 * returns: the runtime jumps there. A door that refuses calls rt_refuse(). */
void door_start(const struct manifest *manifest, struct rt_frame *frame);
/* A system call of the workload, whichever way it came. Result in frame->rax. */
void door_syscall(struct rt_frame *frame);
/* A fault of the workload. Returns to continue with *frame (for instance in a signal handler). */
void door_fault(struct rt_frame *frame, const struct rt_fault *fault);
/* Somebody called rt_kick() for this thread, or the time of rt_alarm() has come, and the thread is
 * about to run the workload with these registers: after any call or fault that it was in. Returns to
 * continue with *frame; may be called without reason. */
void door_kick(struct rt_frame *frame);
/* A new thread made by rt_thread_start(), first time on its own runtime stack. */
void door_thread(void *argument, struct rt_frame *frame);

/* ---- the workload's memory -------------------------------------------------------------------- */

/* Is [p, p+n) inside the workload's part of ELRANGE? Says nothing about mapping. */
bool app_range_ok(app_ptr p, uint64_t n);
/* Copies; -EFAULT when any byte cannot be accessed (what was copied before stays). */
int copy_from_app(void *to, app_ptr from, size_t n) MUST_USE;
int copy_to_app(app_ptr to, const void *from, size_t n) MUST_USE;
int zero_app(app_ptr to, size_t n) MUST_USE;
/* Length of the string without NUL, at most max-1; -EFAULT, or -ENAMETOOLONG. */
int64_t string_from_app(char *to, app_ptr from, size_t max) MUST_USE;
/* 32-bit atomics for futexes. */
int load_app_u32(uint32_t *ret, app_ptr p) MUST_USE;
int cmpxchg_app_u32(app_ptr p, uint32_t expected, uint32_t desired, uint32_t *ret_old) MUST_USE;
/* What the five functions above that copy and read (not the exchange) do on a thread that serves the
 * workload of another enclave: the thread's own choice, NULL for this enclave's memory. Addresses
 * are inside APP_BASE..APP_END and sizes are not 0 when they get there. 0 or -EFAULT. */
struct app_memory {
    int (*read)(struct app_memory *m, void *to, uint64_t from, size_t n);
    int (*write)(struct app_memory *m, uint64_t to, const void *from /* NULL: zeros */, size_t n);
};
void rt_set_app_memory(struct app_memory *m);
/* A raw view for bulk work such as hashing in place: the caller knows that the range is committed
 * and lives until it is done. Casts stay here. */
void *app_raw(app_ptr p, uint64_t n);

/* Pages. Addresses and sizes page aligned, inside APP_BASE..APP_END. Protections are
 * SGX_SECINFO_R/W/X; W and X together are refused with -EACCES.
 * commit: fresh zero pages, readable and writable (EAUG + EACCEPT). The range must not be committed.
 * protect: changes committed pages; W is accepted away before X is given.
 * release: gives pages back (TRIM); the next commit finds zeros. */
int rt_mem_commit(app_ptr at, uint64_t size) MUST_USE;
/* commit_copies: the same for `count` pages that arrive with content, so that no thread sees them
 * without it: pages[i] are page-aligned trusted memory. prot: R, or R and W. */
int rt_mem_commit_copies(app_ptr at, const void *const *pages, size_t count,
                         uint64_t prot) MUST_USE;
int rt_mem_protect(app_ptr at, uint64_t size, uint64_t from_prot, uint64_t to_prot) MUST_USE;
int rt_mem_release(app_ptr at, uint64_t size, uint64_t prot) MUST_USE;

/* Shim door: the measured description of the program in the image. Only images that have that page may
 * ask. */
const struct program_descriptor *rt_program(void);

/* Trusted heap, zeroed, 16-byte aligned; NULL only when memory is exhausted. free(NULL) is fine.
 * Thread-safe. Large sizes are page aligned. */
void *rt_alloc(size_t n) MUST_USE;
/* The same for what the workload can fill as it likes, such as files in memory: NULL while something is
 * left for the runtime's own needs, which then go on. */
void *rt_alloc_content(size_t n) MUST_USE;
/* Bytes of it that were ever handed out at once, in whole chunks: an upper bound. */
uint64_t rt_heap_peak(void);
void *rt_realloc(void *p, size_t n) MUST_USE;
void rt_free(void *p);

/* Trusted memory beside the heap for content that can be had again, [0, RUNTIME_CACHE_SIZE) by offset:
 * pages come (zeroed; NULL: the host refuses) and go in whole pages, each at most once at a time. */
uint8_t *rt_cache_commit(uint64_t offset, uint64_t size) MUST_USE;
void rt_cache_release(uint64_t offset, uint64_t size);

/* ---- host memory: layers and inputs ----------------------------------------------------------- */

host_span rt_layer_span(size_t layer); /* whole mapping: EROFS image and hash tree */
uint64_t rt_input_size(size_t input);  /* UINT64_MAX: not given. Untrusted until read */
/* Copies n bytes at offset once. REQUIREs that the range lies in the span. `to` is trusted memory
 * or app_raw(). */
void copy_from_host(void *to, host_span from, uint64_t offset, size_t n);

/* ---- threads ---------------------------------------------------------------------------------- */

struct rt_thread; /* opaque; one per enclave thread */
struct rt_thread *rt_self(void);
unsigned rt_thread_number(const struct rt_thread *t); /* 0 is the first, below THREADS_MAX */
/* The door's own pointer per thread. */
void *rt_self_data(void);
void rt_set_self_data(void *data);
/* The workload's FS base of the calling thread. */
uint64_t rt_get_fsbase(void);
void rt_set_fsbase(uint64_t base);
/* Starts a thread that runs door_thread(argument, frame) and then *frame. -EAGAIN at the limit. */
int rt_thread_start(void *argument, uint64_t fsbase) MUST_USE;
/* The calling thread ends. The last act may be a store and futex wake that the door did before. */
void rt_thread_exit(void) __attribute__((noreturn));
/* Parks the calling thread until rt_wake() of its number, or the timeout (ns; UINT64_MAX none).
 * May return without reason. Returns 0 or -ETIMEDOUT. */
int rt_wait(uint64_t timeout_ns);
/* The same for who waits for threads of this enclave: it first looks for a wake inside for a while, if
 * that was worth it the last times. Wakes by other enclaves are seen after that. */
int rt_wait_near(uint64_t timeout_ns);
/* Before a sleep for what another enclave does: looks for that for a while, if it was worth it the last
 * times. is_there is asked often, and may not wait. True: it is there, or the thread was woken. */
bool rt_look(bool (*is_there)(const void *what), const void *what);
void rt_wake(unsigned thread_number);
/* That thread calls door_kick() before it runs the workload again; if it does so at this moment, the
 * host is asked to interrupt it. Trust: the request carries nothing, a host that ignores it lets the
 * thread go on computing, and one that interrupts unasked changes nothing. */
void rt_kick(unsigned thread_number);
/* Is that thread outside, in a hostcall? Whatever it does next, it passes the door before it runs
 * the workload. */
bool rt_thread_outside(unsigned thread_number);
/* Some thread that runs the workload calls door_kick() at that time (CLOCK_MONOTONIC, ns; UINT64_MAX:
 * never) or later. There is one such time; one call at a time. */
void rt_alarm(uint64_t at_ns);

/* Spin-then-park lock. Zero-initialised. */
struct rt_lock {
    uint32_t state;
    uint32_t waiters[THREADS_MAX / 32];
};
void rt_lock(struct rt_lock *l);
void rt_unlock(struct rt_lock *l);

/* ---- time, randomness, identity --------------------------------------------------------------- */

/* Nanoseconds from the TSC, set once from the host's clock: monotone, untrusted in rate and origin.
 * clock: CLOCK_REALTIME 0, CLOCK_MONOTONIC 1. */
uint64_t rt_clock_ns(int clock);
/* RDRAND; stops the enclave when it fails. */
void rt_random(void *to, size_t n);
void rt_report(const struct sgx_targetinfo *target, const uint8_t reportdata[64],
               struct sgx_report *ret);
/* EGETKEY; 0 or an enum sgx_error as a positive number. */
int rt_getkey(const struct sgx_keyrequest *request, uint8_t ret_key[16]) MUST_USE;
/* The enclave's own identity, from a REPORT to itself made at boot. */
const struct sgx_report_body *rt_identity(void);

/* What others name in their REPORTs for this enclave. */
void rt_target_info(struct sgx_targetinfo *ret);
/* rt_report() for a TARGETINFO that somebody else wrote: -EINVAL when reserved bytes are not zero. */
int rt_report_to(const struct sgx_targetinfo *target, const uint8_t reportdata[64],
                 struct sgx_report *ret) MUST_USE;
/* Was that REPORT made on this machine, for this enclave? Who made it stands in its body. CT: the MAC. */
bool rt_report_is_ours(const struct sgx_report *report) MUST_USE;
/* A DCAP v3 quote over this enclave and reportdata, of at most size (up to QUOTE_SIZE_MAX) bytes;
 * returns its size. -ENODEV: nobody quotes here; -EIO: it failed, or the host brought something else.
 * Trust: identity and report data in it are this enclave's; the signatures are the host's word. */
int64_t rt_quote(const uint8_t reportdata[64], void *ret_quote, size_t size) MUST_USE;
/* A sealing key of this processor, for a purpose (at most 32 bytes of text, the KEYID). It always
 * depends on CONFIGID, ISVPRODID, ISVSVN, CPUSVN and the attribute flags, and on MRENCLAVE or else
 * MRSIGNER. -EINVAL: the enclave has no CONFIGID. The caller wipes it. */
enum rt_seal_to { RT_SEAL_TO_MRENCLAVE, RT_SEAL_TO_MRSIGNER };
int rt_seal_key(enum rt_seal_to to, const char *purpose, uint8_t ret_key[16]) MUST_USE;

/* ---- crypto (each saves and restores the vector state itself) ----------------------------------- */

void rt_sha256(struct bytes data, uint8_t ret[32]);
void rt_sha512(struct bytes data, uint8_t ret[64]);
/* count independent messages of 4096 bytes, each hashed after salt (dm-verity version 1):
 * ret[i] = SHA-256(salt || blocks[i]). Fast: multi-buffer. */
void rt_sha256_blocks(const void *const *blocks, size_t count, struct bytes salt, uint8_t (*ret)[32]);
struct rt_sha256_state {
    uint64_t opaque[16];
};
void rt_sha256_init(struct rt_sha256_state *s);
void rt_sha256_update(struct rt_sha256_state *s, struct bytes data);
void rt_sha256_final(struct rt_sha256_state *s, uint8_t ret[32]);
/* AES-256-GCM. A nonce must never come twice under one key; the caller sees to it. */
struct rt_gcm_key { /* a secret: whoever holds it wipes it */
    uint8_t opaque[512];
} __attribute__((aligned(16)));
void rt_gcm_key(struct rt_gcm_key *ret, const uint8_t key[32]);
struct rt_gcm_job {
    const struct rt_gcm_key *key;
    struct bytes aad;
    const void *in;
    void *out; /* may be in */
    size_t size;
    uint8_t nonce[12];
    uint8_t tag[16];
};
void rt_gcm_seal(struct rt_gcm_job *jobs, size_t count); /* fills the tags */
/* How many are authentic before the first that is not, whose output is zeros; later ones are not
 * looked at. */
size_t rt_gcm_open(const struct rt_gcm_job *jobs, size_t count) MUST_USE;
void rt_aes_cmac(const uint8_t key[16], struct bytes data, uint8_t ret[16]); /* RFC 4493 */
/* HKDF-SHA-256 (RFC 5869); size at most 255 * 32. */
void rt_hkdf_sha256(struct bytes salt, struct bytes key, struct bytes info, void *ret, size_t size);
/* X25519 (RFC 7748). shared: false for public keys that give no secret. CT: secrets. */
void rt_x25519_public(const uint8_t secret[32], uint8_t ret[32]);
bool rt_x25519_shared(const uint8_t secret[32], const uint8_t public_key[32],
                      uint8_t ret[32]) MUST_USE;
/* Code between these may use vector registers and library code that reads %fs:0x28. Not nested. */
void rt_vector_begin(void);
void rt_vector_end(void);
/* The workload's vector state, in the standard XSAVE layout, for signal frames. size from
 * rt_xstate_size(). restore validates MXCSR and reserved bits and ends in -EINVAL for bad ones. */
size_t rt_xstate_size(void);
int rt_xstate_save(app_ptr to) MUST_USE;
int rt_xstate_restore(app_ptr from) MUST_USE;
/* The same with trusted memory; and the state that a program starts with. */
void rt_xstate_get(void *to);
int rt_xstate_set(const void *from) MUST_USE;
void rt_xstate_reset(void);
/* CPUID from the enclave's table (allow-listed leaves, checked at boot). In: regs[0] leaf, regs[2]
 * subleaf; out: eax ebx ecx edx. */
void rt_cpuid(uint32_t regs[4]);
/* Processors that the host says it has: at least 1, at most 64; a hint. */
unsigned rt_cpu_count(void);
/* Entry points of rewritten instructions.
 * syscall: a stub jumps there with RCX = address to go on at and the workload's registers otherwise;
 * R11 and flags are lost. The stack is not touched.
 * cpuid: a stub has moved RSP below the red zone and calls it; RAX RBX RCX RDX and flags as after
 * the instruction, everything else kept (the call itself may use R11, saved by the stub). */
uint64_t rt_syscall_entry(void);
uint64_t rt_cpuid_entry(void);

/* ---- talking to the host ---------------------------------------------------------------------- */

/* fd 1, 2: dropped unless the manifest gives them to the host; 0 or -errno. */
int64_t rt_console_write(int fd, struct bytes data);
int64_t rt_console_read(void *to, size_t n);
/* Workers: standard input and output as the way for sealed messages; the workload never gets there.
 * Read: some bytes, 0 at the end, -EIO, -EINTR. Write: all of them, or -EPIPE, -EIO. Trust: the host
 * carries these bytes. */
int64_t rt_carrier_read(void *to, size_t n) MUST_USE;
int rt_carrier_write(struct bytes data) MUST_USE;
/* Copies a declared input into trusted or app_raw memory; exactly n bytes or -EIO. */
int rt_input_read(size_t input, uint64_t offset, void *to, size_t n) MUST_USE;
int rt_output_write(size_t output, uint64_t offset, struct bytes data) MUST_USE;
/* The host's file under the sealed volume of the manifest's mount of that number. Size: -ENOENT when
 * none was given. Reading gives exactly n bytes (at most HOSTCALL_DATA_MAX) or -EIO; all of it is
 * ciphertext from a host. Writing takes at most HOSTCALL_DATA_MAX bytes. */
int rt_volume_size(size_t volume, uint64_t *ret) MUST_USE;
int rt_volume_read(size_t volume, uint64_t offset, void *to, size_t n) MUST_USE;
int rt_volume_write(size_t volume, uint64_t offset, struct bytes data) MUST_USE;
int rt_volume_sync(size_t volume) MUST_USE;
int rt_volume_resize(size_t volume, uint64_t size) MUST_USE;
/* The network beyond the enclave (abi/network.h); who may be asked for is the caller's business.
 * Numbers of sockets are the caller's choice. Nothing blocks but the wait: -EAGAIN. Otherwise 0 or the
 * errnos of hostcalls.def; sending and receiving return bytes, an address counting where it is asked
 * for by a flag. Trust: bytes, addresses and errors are the network's, which is anybody. */
int rt_net_bind(uint32_t socket, unsigned kind, const struct net_address *a,
                struct net_address *ret_local) MUST_USE;
int rt_net_connect(uint32_t socket, unsigned kind, const struct net_address *a,
                   struct net_address *ret_local) MUST_USE;
int rt_net_listen(uint32_t socket, uint32_t backlog) MUST_USE;
int rt_net_accept(uint32_t socket, uint32_t connection, bool v6, struct net_accepted *ret) MUST_USE;
int64_t rt_net_send(uint32_t socket, unsigned flags, struct bytes data) MUST_USE;
/* brought: how often the caller has got what came of this socket with the news. */
int64_t rt_net_receive(uint32_t socket, unsigned flags, uint32_t brought, void *to,
                       size_t size) MUST_USE;
void rt_net_shutdown(uint32_t socket, int how); /* 0 receiving, 1 sending, 2 both */
void rt_net_close(uint32_t socket, uint32_t brought);
int rt_net_option(uint32_t socket, enum net_option option, int32_t value) MUST_USE;
int rt_net_error(uint32_t socket); /* SO_ERROR: an errno, which is not negative, or 0 */
/* Who waits for the network. arms: of what may be received on the way; arm_count becomes 0 when the
 * host was told. news, news_size: struct net_event records and bytes, as the host wrote them: they may
 * have no form and name sockets that there are not. */
struct net_attention {
    size_t arm_count, news_size;
    struct net_arm arms[NET_ARMS_MAX];
    uint8_t news[NET_NEWS_MAX];
};
/* From now on rt_wait() of the calling thread ends when some socket becomes ready, too, and leaves
 * the news there; while there are some it waits as ever. NULL: no more. */
void rt_net_attend(struct net_attention *a);
/* The same without waiting. */
void rt_net_look(struct net_attention *a);
/* The evidence of this run, when the host asked for it: fills nonce from boot and has the claims
 * quoted. 0, or -errno, or -ENODATA when nobody asked. */
struct run_claims;
int rt_evidence(struct run_claims *claims) MUST_USE;
/* SDK door. Delivers the status and result of the last typed call (0 and nothing at first) and waits
 * for the next one: up to size bytes of the host's making, whose number is returned. */
size_t rt_ecall_next(int status, struct bytes result, void *ret_request, size_t size);
/* A typed call to the host: bytes of the answer, or -EIO, -ENOSYS. */
int64_t rt_ocall(uint64_t number, struct bytes request, void *ret_reply, size_t size) MUST_USE;
/* The calling thread alone goes on talking to the host, to end the enclave; every other one is parked
 * at its next hostcall. False when some thread, perhaps this one, has claimed it before. */
bool rt_claim_end(void);
/* Workers: from now on the sentence of an rt_fatal() goes to `say`, on the thread that dies, and not
 * to the host, since the workload may have had a part in it. `say` needs no heap, and may end the
 * enclave; if it comes back, the enclave ends without a word. NULL: to the host again. */
void rt_last_words_to(void (*say)(struct bytes sentence));
/* Debug enclaves: `report` is called after the sentence of an rt_fatal() or rt_refuse(), on the thread that
 * dies, wherever that is: no lock may be waited for, and a fault in it ends the enclave. */
void rt_stop_report_by(void (*report)(void));
/* Ends the enclave. */
void rt_exit(enum exit_kind kind, uint64_t value) __attribute__((noreturn));
/* Refuses to start or stops, with a sentence for the operator (no workload data in it). */
void rt_refuse(const char *format, ...) __attribute__((noreturn)) PRINTF(1, 2);
void rt_fatal(const char *format, ...) __attribute__((noreturn)) PRINTF(1, 2);
/* Trace line, only in debug enclaves with that class on; cheap test first. */
bool rt_tracing(unsigned trace_class);
/* One structure of abi/report.h, only in debug enclaves that were asked for it. */
void rt_report_usage(struct bytes report);
/* Is that system call to be shown? */
bool rt_tracing_call(unsigned number);
void rt_trace(const char *format, ...) PRINTF(1, 2);

#pragma GCC visibility pop

/* libc's four, implemented in the runtime; compilers emit calls to them. */
void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);

