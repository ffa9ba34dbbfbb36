/* SPDX-License-Identifier: Apache-2.0 */
/* See test_yard.h. */
#include "proc/test_yard.h"

#include <errno.h>
#include <linux/futex.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct yard *test_yard;
__thread struct test_fatal test_fatal;
static __thread unsigned own_slot, own_thread;

void test_yard_start(void)
{
    test_yard = (struct yard *)mmap(NULL, sizeof *test_yard, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(test_yard != MAP_FAILED);
}

void test_yard_stop(void)
{
    munmap(test_yard, sizeof *test_yard);
}

void test_yard_be(unsigned slot, unsigned thread)
{
    own_slot = slot;
    own_thread = thread;
}

/* ---- the runtime ----------------------------------------------------------------------------- */

struct rt_thread *rt_self(void)
{
    return NULL;
}

unsigned rt_thread_number(const struct rt_thread *t)
{
    (void)t;
    return own_thread;
}

unsigned rt_yard_self(void)
{
    return own_slot;
}

bool rt_yard_there(void)
{
    return true;
}

host_span rt_yard_slot(unsigned slot)
{
    REQUIRE(slot < YARD_SLOTS);
    return (host_span){(uint64_t)(uintptr_t)&test_yard->slots[slot], sizeof test_yard->slots[slot]};
}

static void *at(host_span s, uint64_t offset, size_t n)
{
    REQUIRE(range_within(offset, n, s.size) && offset % 8 == 0);
    return (void *)(uintptr_t)(s.addr + offset);
}

uint64_t rt_yard_load(host_span in, uint64_t offset)
{
    return __atomic_load_n((uint64_t *)at(in, offset, 8), __ATOMIC_ACQUIRE);
}

void rt_yard_store(host_span in, uint64_t offset, uint64_t value)
{
    __atomic_store_n((uint64_t *)at(in, offset, 8), value, __ATOMIC_RELEASE);
}

void rt_yard_fence(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void copy_to_host(host_span to, uint64_t offset, struct bytes from)
{
    if (from.size > 0) {
        memcpy(at(to, offset, (from.size + 7) / 8 * 8), from.data, from.size);
    }
}

void copy_to_host_past_caches(host_span to, uint64_t offset, struct bytes from)
{
    REQUIRE(offset % 64 == 0);
    copy_to_host(to, offset, from);
}

void copy_from_host(void *to, host_span from, uint64_t offset, size_t n)
{
    memcpy(to, at(from, offset, n), n);
}

bool rt_look(bool (*is_there)(const void *what), const void *what)
{
    bool there = false;
    for (int i = 0; i < 1000 && !there; i++) {
        there = is_there(what);
    }
    return there;
}

int rt_wait(uint64_t timeout_ns)
{
    uint32_t *word = &test_yard->slots[own_slot].wake[own_thread];
    const struct timespec ts = {(time_t)(timeout_ns / 1000000000), (long)(timeout_ns % 1000000000)};
    if (__atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST) == 1) {
        return 0;
    }
    long r =
        syscall(SYS_futex, word, FUTEX_WAIT, 0, timeout_ns == UINT64_MAX ? NULL : &ts, NULL, 0);
    __atomic_store_n(word, 0, __ATOMIC_SEQ_CST);
    return r != 0 && errno == ETIMEDOUT ? -ETIMEDOUT : 0;
}

void rt_process_wake(unsigned slot, unsigned thread_number)
{
    REQUIRE(slot < YARD_SLOTS && thread_number < THREADS_MAX);
    uint32_t *word = &test_yard->slots[slot].wake[thread_number];
    __atomic_store_n(word, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void test_yard_kill(unsigned slot)
{
    __atomic_store_n(&test_yard->slots[slot].dead, 1, __ATOMIC_SEQ_CST);
    for (unsigned s = 0; s < 4; s++) {
        for (unsigned i = 0; i < 4; i++) {
            rt_process_wake(s, i);
        }
    }
}

void *rt_alloc(size_t n)
{
    return calloc(1, n);
}

void rt_free(void *p)
{
    free(p);
}

void rt_fatal(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(test_fatal.text, sizeof test_fatal.text, format, args);
    va_end(args);
    if (!test_fatal.armed) {
        fprintf(stderr, "stopped: %s\n", test_fatal.text);
        abort();
    }
    longjmp(test_fatal.at, 1);
}

/* ---- cryptography ---------------------------------------------------------------------------- */

void rt_gcm_key(struct rt_gcm_key *ret, const uint8_t key[32])
{
    memcpy(ret->opaque, key, 32);
}

static bool run(const struct rt_gcm_job *j, bool seal, uint8_t tag[16])
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n = 0;
    uint8_t rest[16];
    REQUIRE(EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, j->key->opaque, j->nonce, seal) == 1 &&
            EVP_CipherUpdate(c, j->out, &n, j->in, (int)j->size) == 1);
    if (!seal) {
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, 16, tag);
    }
    bool good = EVP_CipherFinal_ex(c, rest, &n) == 1;
    if (seal) {
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, 16, tag);
    }
    EVP_CIPHER_CTX_free(c);
    return good;
}

void rt_gcm_seal(struct rt_gcm_job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        REQUIRE(run(&jobs[i], true, jobs[i].tag));
    }
}

size_t rt_gcm_open(const struct rt_gcm_job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t tag[16];
        memcpy(tag, jobs[i].tag, sizeof tag);
        if (!run(&jobs[i], false, tag)) {
            memset(jobs[i].out, 0, jobs[i].size);
            return i;
        }
    }
    return count;
}

void rt_hkdf_sha256(struct bytes salt, struct bytes key, struct bytes info, void *ret, size_t size)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    REQUIRE(EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_CTX_set_hkdf_md(c, EVP_sha256()) == 1 &&
            EVP_PKEY_CTX_set1_hkdf_salt(c, salt.data, (int)salt.size) == 1 &&
            EVP_PKEY_CTX_set1_hkdf_key(c, key.data, (int)key.size) == 1 &&
            EVP_PKEY_CTX_add1_hkdf_info(c, info.data, (int)info.size) == 1 &&
            EVP_PKEY_derive(c, ret, &size) == 1);
    EVP_PKEY_CTX_free(c);
}
