/* SPDX-License-Identifier: Apache-2.0 */
/* See test_host.h. */
#include "test_host.h"

#include "proc/shares.h"
#include "net/network.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "verity_range.h"

jmp_buf host_stop;
bool host_stop_armed;
char host_stopped[512];
uint64_t host_bad_start, host_bad_end, host_good_start, host_good_end;
int (*host_on_block)(struct wait_queue *q, uint64_t deadline_ns);
int host_raised;
struct host_file host_inputs[MANIFEST_FILES_MAX], host_outputs[MANIFEST_FILES_MAX];
uint8_t *host_console;
size_t host_console_size;
static host_span layers[MANIFEST_LAYERS_MAX];

struct bytes host_bytes(const char *s)
{
    return BYTES(s, strlen(s));
}

/* ---- layers ---------------------------------------------------------------------------------- */

void host_set_layer(size_t i, void *data, size_t size)
{
    layers[i] = (host_span){(uint64_t)(uintptr_t)data, size};
}

uint8_t *host_map_layer(size_t i, const char *path, size_t *ret_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        return NULL;
    }
    uint8_t *p =
        (uint8_t *)mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    close(fd);
    host_set_layer(i, p, (size_t)st.st_size);
    *ret_size = (size_t)st.st_size;
    return p;
}

int host_make_layer(const char *folder, const char *image, const char *salt_hex,
                    struct manifest_layer *ret)
{
    char command[2048];
    unlink(image);
    snprintf(command, sizeof command,
             "mkfs.erofs -x-1 --all-root -T0 -U 00000000-0000-0000-0000-000000000001 --quiet %s %s "
             ">/dev/null 2>&1",
             image, folder);
    struct stat st;
    if (system(command) != 0 || stat(image, &st) != 0) {
        return -1;
    }
    ret->size = (uint64_t)st.st_size;
    snprintf(command, sizeof command,
             "/usr/sbin/veritysetup format --no-superblock --salt=%s --hash-offset=%lld "
             "--data-blocks=%lld %s %s | sed -n 's/^Root hash:[[:space:]]*//p'",
             salt_hex, (long long)st.st_size, (long long)st.st_size / 4096, image, image);
    FILE *p = popen(command, "r");
    char line[128] = "";
    if (p == NULL || fgets(line, sizeof line, p) == NULL || pclose(p) != 0) {
        return -1;
    }
    return hex_decode(ret->root, 32, BYTES(line, 64)) ? 0 : -1;
}

host_span rt_layer_span(size_t layer)
{
    return layers[layer];
}

void copy_from_host(void *to, host_span from, uint64_t offset, size_t n)
{
    REQUIRE(range_within(offset, n, from.size));
    memcpy(to, (const void *)(uintptr_t)(from.addr + offset), n);
}

/* ---- memory
 * -------------------------------------------------------------------------------------- */

void *rt_alloc(size_t n)
{
    return calloc(1, n == 0 ? 1 : n);
}

void *rt_alloc_content(size_t n)
{
    return rt_alloc(n);
}

void *rt_realloc(void *p, size_t n)
{
    return realloc(p, n);
}

void rt_free(void *p)
{
    free(p);
}

/* ---- the thread that helps to verify
 * -------------------------------------------------------------------------------------- */

static sem_t wake_up[2]; /* of the first thread, and of the helper */
static __thread unsigned own_number;

struct rt_thread *rt_self(void)
{
    return NULL;
}

unsigned rt_thread_number(const struct rt_thread *t)
{
    (void)t;
    return own_number;
}

unsigned rt_cpu_count(void)
{
    return 2;
}

static void *run_helper(void *argument)
{
    REQUIRE(verity_helper_is(argument));
    own_number = 1;
    verity_helper_run();
}

int rt_thread_start(void *argument, uint64_t fsbase)
{
    (void)fsbase;
    pthread_t thread;
    sem_init(&wake_up[0], 0, 0);
    sem_init(&wake_up[1], 0, 0);
    return pthread_create(&thread, NULL, run_helper, argument) == 0 ? pthread_detach(thread)
                                                                    : -EAGAIN;
}

int rt_wait(uint64_t timeout_ns)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long)(timeout_ns < 999999999 ? timeout_ns : 999999999);
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return sem_timedwait(&wake_up[own_number], &until) == 0 ? 0 : -ETIMEDOUT;
}

void rt_wake(unsigned thread_number)
{
    sem_post(&wake_up[thread_number]);
}

/* ---- memory for verified blocks
 * -------------------------------------------------------------------------------------- */

static uint8_t *cache_region;

uint8_t *rt_cache_commit(uint64_t offset, uint64_t size)
{
    if (cache_region == NULL) {
        cache_region = mmap(NULL, RUNTIME_CACHE_SIZE, PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        REQUIRE(cache_region != MAP_FAILED);
    }
    REQUIRE(range_within(offset, size, RUNTIME_CACHE_SIZE) &&
            mprotect(cache_region + offset, size, PROT_READ | PROT_WRITE) == 0);
    return cache_region + offset;
}

void rt_cache_release(uint64_t offset, uint64_t size)
{
    REQUIRE(madvise(cache_region + offset, size, MADV_DONTNEED) == 0 &&
            mprotect(cache_region + offset, size, PROT_NONE) == 0);
}

bool app_range_ok(app_ptr p, uint64_t n)
{
    return p.addr >= 4096 && range_within(p.addr, n, UINT64_C(1) << 47);
}

static bool faults(app_ptr p, size_t n)
{
    bool outside = host_good_end != 0 && (p.addr < host_good_start || p.addr + n > host_good_end);
    return n > 0 && (!app_range_ok(p, n) || outside ||
                     (p.addr < host_bad_end && p.addr + n > host_bad_start));
}

void *app_raw(app_ptr p, uint64_t n)
{
    REQUIRE(app_range_ok(p, n));
    return (void *)(uintptr_t)p.addr;
}

static struct app_memory *memory; /* NULL: the process's own */

void rt_set_app_memory(struct app_memory *m)
{
    memory = m;
}

int copy_from_app(void *to, app_ptr from, size_t n)
{
    if (n == 0) {
        return 0; /* NULL with nothing behind it is no argument of memcpy */
    }
    if (memory != NULL) {
        return app_range_ok(from, n) ? memory->read(memory, to, from.addr, n) : -EFAULT;
    }
    if (faults(from, n)) {
        return -EFAULT;
    }
    memcpy(to, (const void *)(uintptr_t)from.addr, n);
    return 0;
}

int copy_to_app(app_ptr to, const void *from, size_t n)
{
    if (n == 0) {
        return 0;
    }
    if (memory != NULL) {
        return app_range_ok(to, n) ? memory->write(memory, to.addr, from, n) : -EFAULT;
    }
    if (faults(to, n)) {
        return -EFAULT;
    }
    memcpy((void *)(uintptr_t)to.addr, from, n);
    return 0;
}

int zero_app(app_ptr to, size_t n)
{
    if (n == 0) {
        return 0;
    }
    if (memory != NULL) {
        return app_range_ok(to, n) ? memory->write(memory, to.addr, NULL, n) : -EFAULT;
    }
    if (faults(to, n)) {
        return -EFAULT;
    }
    memset((void *)(uintptr_t)to.addr, 0, n);
    return 0;
}

int64_t string_from_app(char *to, app_ptr from, size_t max)
{
    for (size_t i = 0; i < max; i++) {
        if (copy_from_app(to + i, app_add(from, i), 1) != 0) {
            return -EFAULT;
        }
        if (to[i] == 0) {
            return (int64_t)i;
        }
    }
    return -ENAMETOOLONG;
}

/* ---- hashes, randomness, time
 * ----------------------------------------------------------------------- */

static void sha256(struct bytes salt, const void *data, size_t n, uint8_t ret[32])
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    REQUIRE(EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1);
    EVP_DigestUpdate(c, salt.data, salt.size);
    EVP_DigestUpdate(c, data, n);
    EVP_DigestFinal_ex(c, ret, NULL);
    EVP_MD_CTX_free(c);
}

void rt_sha256_blocks(const void *const *blocks, size_t count, struct bytes salt,
                      uint8_t (*ret)[32])
{
    for (size_t i = 0; i < count; i++) {
        sha256(salt, blocks[i], 4096, ret[i]);
    }
}

void rt_sha256_init(struct rt_sha256_state *s)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    EVP_DigestInit_ex(c, EVP_sha256(), NULL);
    memcpy(s->opaque, &c, sizeof c);
}

void rt_sha256_update(struct rt_sha256_state *s, struct bytes data)
{
    EVP_MD_CTX *c;
    memcpy(&c, s->opaque, sizeof c);
    EVP_DigestUpdate(c, data.data, data.size);
}

void rt_sha256_final(struct rt_sha256_state *s, uint8_t ret[32])
{
    EVP_MD_CTX *c;
    memcpy(&c, s->opaque, sizeof c);
    EVP_DigestFinal_ex(c, ret, NULL);
    EVP_MD_CTX_free(c);
}

void rt_random(void *to, size_t n)
{
    for (size_t done = 0; done < n; done += n - done < 256 ? n - done : 256) {
        REQUIRE(getrandom((char *)to + done, n - done < 256 ? n - done : 256, 0) > 0);
    }
}

uint64_t rt_clock_ns(int clock)
{
    struct timespec t;
    clock_gettime(clock == 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void rt_cpuid(uint32_t regs[4])
{
    __asm__ volatile("cpuid" : "+a"(regs[0]), "=b"(regs[1]), "+c"(regs[2]), "=d"(regs[3]));
}

/* ---- host
 * ------------------------------------------------------------------------------------------ */

static void stop(const char *format, va_list args) __attribute__((noreturn));
static void stop(const char *format, va_list args)
{
    base_vformat(host_stopped, sizeof host_stopped, format, args);
    if (!host_stop_armed) {
        fprintf(stderr, "stopped: %s\n", host_stopped);
        abort();
    }
    longjmp(host_stop, 1);
}

void rt_fatal(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    stop(format, args);
}

void rt_refuse(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    stop(format, args);
}

int64_t rt_console_write(int fd, struct bytes data)
{
    (void)fd;
    host_console = (uint8_t *)realloc(host_console, host_console_size + data.size);
    memcpy(host_console + host_console_size, data.data, data.size);
    host_console_size += data.size;
    return 0;
}

int64_t rt_console_read(void *to, size_t n)
{
    memset(to, 'i', n < 5 ? n : 5);
    return n < 5 ? (int64_t)n : 5;
}

struct bytes host_task = {(const uint8_t *)"the task", 8};
struct writer host_result[3];

struct bytes os_task_rest(void)
{
    return host_task;
}

void os_task_advance(size_t n)
{
    REQUIRE(n <= host_task.size);
    host_task = BYTES(host_task.data + n, host_task.size - n);
}

void os_result_put(int fd, struct bytes data)
{
    writer_put(&host_result[fd], data);
}

uint64_t rt_input_size(size_t input)
{
    return host_inputs[input].size;
}

int rt_input_read(size_t input, uint64_t offset, void *to, size_t n)
{
    REQUIRE(range_within(offset, n, host_inputs[input].size));
    memcpy(to, host_inputs[input].data + offset, n);
    return 0;
}

int rt_output_write(size_t output, uint64_t offset, struct bytes data)
{
    struct host_file *f = &host_outputs[output];
    if (offset + data.size > f->size) {
        f->data = (uint8_t *)realloc(f->data, offset + data.size);
        f->size = offset + data.size;
    }
    if (data.size > 0) {
        memcpy(f->data + offset, data.data, data.size);
    }
    return 0;
}

/* ---- attestation
 * ------------------------------------------------------------------------------------ */

void rt_target_info(struct sgx_targetinfo *ret)
{
    *ret = (struct sgx_targetinfo){.configsvn = 7};
}

/* The MAC is a sum here. */
static uint8_t sum(const struct sgx_report *r)
{
    uint8_t s = 1;
    for (size_t i = 0; i < sizeof r->body; i++) {
        s = (uint8_t)(s + ((const uint8_t *)&r->body)[i]);
    }
    return s;
}

int rt_report_to(const struct sgx_targetinfo *target, const uint8_t reportdata[64],
                 struct sgx_report *ret)
{
    *ret = (struct sgx_report){.body.configsvn = target->configsvn};
    memcpy(ret->body.reportdata, reportdata, 64);
    ret->mac[0] = sum(ret);
    return target->reserved1 == 0 ? 0 : -EINVAL;
}

bool rt_report_is_ours(const struct sgx_report *report)
{
    return report->body.configsvn == 7 && report->mac[0] == sum(report);
}

int64_t host_quote_error;

int64_t rt_quote(const uint8_t reportdata[64], void *ret_quote, size_t size)
{
    REQUIRE(size == QUOTE_SIZE_MAX);
    memset(ret_quote, 'q', 5000);
    memcpy(ret_quote, reportdata, 64);
    return host_quote_error < 0 ? host_quote_error : 5000;
}

int rt_seal_key(enum rt_seal_to to, const char *purpose, uint8_t ret_key[16])
{
    REQUIRE(strcmp(purpose, "/dev/attestation/keys") == 0);
    memset(ret_key, to == RT_SEAL_TO_MRENCLAVE ? 'e' : 's', 16);
    return 0;
}

/* ---- the rest of the library OS
 * ----------------------------------------------------------------------- */

bool network_look(bool nothing_else)
{
    (void)nothing_else;
    return false;
}

int os_block(struct wait_queue *q, uint64_t deadline_ns)
{
    if (host_on_block != NULL) {
        return host_on_block(q, deadline_ns);
    }
    return deadline_ns != UINT64_MAX ? -ETIMEDOUT : -ERESTARTSYS;
}

int os_windows_put_back(struct node *n, uint64_t first, uint64_t end, bool release)
{
    (void)n, (void)first, (void)end, (void)release;
    REQUIRE(!"mapped");
    return 0;
}

void os_share_gone(struct node *n)
{
    (void)n;
    REQUIRE(!"a stand-in");
}

int share_bring(void)
{
    return 0;
}

void os_windows_sync(const struct fs *fs)
{
    (void)fs;
}

bool os_page_in(app_ptr at, uint64_t size)
{
    (void)at, (void)size;
    return false;
}

void os_wake_all(struct wait_queue *q)
{
    (void)q;
}

void os_lock(void)
{
}

void os_unlock(void)
{
}

unsigned os_cpu_count(void)
{
    return 2;
}

void os_file_gone(const struct file *f)
{
    (void)f;
}

void os_raise(int signo)
{
    host_raised = signo;
}

struct fs_context *os_fs(void)
{
    static struct fs_context context = {.umask = 022};
    if (context.fds == NULL) {
        context.fds = fd_table_new();
        REQUIRE(context.fds != NULL);
    }
    return &context;
}

int os_pid(void)
{
    return 7;
}

int os_temporary_sigmask(app_ptr set, uint64_t sigset_size)
{
    (void)set;
    return sigset_size == 8 ? 0 : -EINVAL;
}

void os_process_info(struct process_info *ret)
{
    *ret = (struct process_info){.state = 'R',
                                 .pid = 7,
                                 .tid = 7,
                                 .ppid = 0,
                                 .pgid = 7,
                                 .sid = 7,
                                 .thread_count = 1,
                                 .vm_size = 1 << 20,
                                 .vm_peak = 1 << 20,
                                 .rss = 1 << 19,
                                 .memory_limit = 1 << 28,
                                 .comm = "test"};
}

bool os_is_somebody(int who)
{
    return who == os_pid() || who == -os_pid();
}

bool os_process_info_of(int pid, struct process_info *ret)
{
    os_process_info(ret);
    return pid == 7;
}

bool os_memory_is_here(int pid)
{
    return pid == os_pid();
}

const struct fs_context *os_fs_of(int pid)
{
    return pid == 7 ? os_fs() : NULL;
}

int os_next_pid(int after)
{
    return after < 7 ? 7 : 0;
}

void os_cmdline_of(int pid, struct fs_text *t)
{
    (void)pid, (void)t;
}

void os_set_comm(const char *comm)
{
    (void)comm;
}

size_t os_thread_ids(int *ret_tids, size_t max)
{
    REQUIRE(max >= 1);
    ret_tids[0] = 7;
    return 1;
}

/* proc/call_text.c has another one. */
__attribute__((weak)) int os_text_elsewhere(unsigned which, int id, struct fs_text *t)
{
    (void)which, (void)id, (void)t;
    return 0;
}

int os_text_of(int pid, unsigned which, int id, struct fs_text *t)
{
    (void)pid, (void)which, (void)id, (void)t;
    return 0;
}

size_t os_thread_ids_of(int pid, int *ret_tids, size_t max)
{
    REQUIRE(max >= 1);
    ret_tids[0] = pid;
    return 1;
}

void os_rlimit_of(int pid, unsigned resource, uint64_t *ret_soft, uint64_t *ret_hard)
{
    (void)pid;
    os_rlimit(resource, ret_soft, ret_hard);
}

void os_maps_text(struct fs_text *t)
{
    fs_printf(t, "00400000-00401000 r-xp 00000000 00:15 1 /usr/bin/test\n");
}

void os_smaps_text(struct fs_text *t, bool rollup)
{
    fs_printf(t, "%s", rollup ? "[rollup]\n" : "Size: 4 kB\n");
}

void os_sockets_text(enum sockets_text which, struct fs_text *t)
{
    fs_printf(t, "%d\n", (int)which);
}

uint64_t os_thread_sleeps(int tid)
{
    return (uint64_t)tid;
}

void os_ipc_text(enum ipc_text which, struct fs_text *t)
{
    fs_printf(t, "%d\n", (int)which);
}

void os_cmdline_text(struct fs_text *t)
{
    fs_text_put(t, BYTES("a\0b", 4));
}

void os_environ_text(struct fs_text *t)
{
    fs_text_put(t, BYTES("A=1", 4));
}

void os_auxv_text(struct fs_text *t)
{
    (void)t;
}

void os_rlimit(unsigned resource, uint64_t *ret_soft, uint64_t *ret_hard)
{
    *ret_soft = *ret_hard = resource == 7 ? FS_FD_SOFT : UINT64_MAX;
}
