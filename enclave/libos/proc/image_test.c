/* SPDX-License-Identifier: Apache-2.0 */
/* A process's image goes out, its memory is wiped, and the image comes back: everything is as fork
 * leaves it to a child. Then every record of it is damaged in turn. */
#include "proc/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/sites.h"
#include "mm/mm.h"
#include "proc/image_format.h"
#include "exec/rewrite.h"
#include "signals/signals.h"
#include "test_shim.h"
#include "tests/tap.h"

#define RW   (OS_PROT_READ | OS_PROT_WRITE)
#define RX   (OS_PROT_READ | OS_PROT_EXEC)
#define ANON (OS_MAP_PRIVATE | OS_MAP_ANONYMOUS)
#define MIB  (UINT64_C(1) << 20)

/* ---- a loopback ------------------------------------------------------------------------------ */

#define RECORDS_MAX 512u

struct record {
    uint8_t *data;
    size_t size;
};
struct tape {
    struct record records[RECORDS_MAX];
    size_t count, next;
    size_t fail_at; /* sending this one fails; RECORDS_MAX: none */
};

static int tape_send(void *where, struct bytes head, struct bytes body)
{
    struct tape *t = where;
    if (t->count == t->fail_at) {
        return -EPIPE;
    }
    REQUIRE(t->count < RECORDS_MAX && head.size == IMAGE_HEAD_SIZE &&
            head.size + body.size <= IMAGE_RECORD_MAX);
    struct record *r = &t->records[t->count++];
    r->size = head.size + body.size;
    r->data = malloc(r->size);
    memcpy(r->data, head.data, head.size);
    if (body.size != 0) {
        memcpy(r->data + head.size, body.data, body.size);
    }
    return 0;
}

static int tape_receive(void *where, void *ret, size_t size, size_t *ret_size)
{
    struct tape *t = where;
    if (t->next == t->count) {
        return -EPIPE;
    }
    const struct record *r = &t->records[t->next++];
    REQUIRE(r->size <= size);
    memcpy(ret, r->data, r->size);
    *ret_size = r->size;
    return 0;
}

static void tape_free(struct tape *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free(t->records[i].data);
    }
    t->count = 0;
}

static int send_to(struct tape *t, const struct rt_frame *f)
{
    const struct image_sink to = {.send = tape_send, .where = t};
    t->count = t->next = 0;
    return image_send(&to, f);
}

static int receive_from(struct tape *t, struct rt_frame *ret)
{
    const struct image_source from = {.receive = tape_receive, .where = t};
    t->next = 0;
    return image_receive(&from, ret);
}

static void wipe(void)
{
    mm_reset();
    rewrite_reset();
}

/* ---- a process ------------------------------------------------------------------------------- */

static struct file library = {.id = 5, .measured = true, .size = SHIM_FILE_SIZE};
static struct file memory_file = {.id = 6, .size = SHIM_FILE_SIZE};

static struct {
    uint64_t data, zeros, guard, hidden, lazy, text, shared, gone, wiped, copy, heap;
} at;

static uint64_t map(uint64_t length, uint32_t prot, uint32_t flags, struct file *f, uint64_t offset)
{
    int64_t r = mm_map(0, length, prot, flags, f, offset);
    REQUIRE(r > 0);
    return (uint64_t)r;
}

/* A table that lets the rewriter make stubs of a `syscall` in the library's second page. */
static void build_process(void)
{
    mm_set_brk(0x500000);
    REQUIRE(sys_brk(0x508000) == 0x508000);
    at.heap = 0x500000;
    memset(shim_at(at.heap), 0x11, 3 * PAGE_SIZE);
    at.data = map(40 * PAGE_SIZE, RW, ANON, NULL, 0);
    for (unsigned i = 0; i < 40; i++) {
        memset(shim_at(at.data + i * PAGE_SIZE), i % 3 == 0 ? 0 : (int)i, PAGE_SIZE);
    }
    at.zeros = map(3 * MIB, RW, ANON, NULL, 0);
    at.guard = map(64 * MIB, 0, ANON, NULL, 0);
    at.hidden = map(4 * PAGE_SIZE, RW, ANON, NULL, 0);
    memset(shim_at(at.hidden), 0x77, PAGE_SIZE);
    REQUIRE(sys_mprotect(at.hidden, 4 * PAGE_SIZE, 0) == 0);
    at.lazy = map(16 * MIB, RW, ANON | OS_MAP_NORESERVE, NULL, 0);
    REQUIRE(mm_page_in(at.lazy + 5 * MIB));
    memset(shim_at(at.lazy + 5 * MIB), 0x55, PAGE_SIZE);
    at.text = map(SHIM_FILE_SIZE, OS_PROT_READ, OS_MAP_PRIVATE, &library, 0);
    REQUIRE(mm_map(at.text + PAGE_SIZE, 4 * PAGE_SIZE, RX, OS_MAP_PRIVATE | OS_MAP_FIXED, &library,
                   PAGE_SIZE) > 0);
    REQUIRE(mm_map(at.text + 6 * PAGE_SIZE, 2 * PAGE_SIZE, RW, OS_MAP_PRIVATE | OS_MAP_FIXED,
                   &library, 6 * PAGE_SIZE) > 0);
    memset(shim_at(at.text + 6 * PAGE_SIZE), 0x33, 100);
    at.shared = map(2 * MIB, RW, OS_MAP_SHARED | OS_MAP_ANONYMOUS, NULL, 0);
    memset(shim_at(at.shared), 0x66, PAGE_SIZE);
    at.gone = map(4 * PAGE_SIZE, RW, ANON, NULL, 0);
    REQUIRE(sys_madvise(at.gone, 4 * PAGE_SIZE, 10) == 0);
    at.wiped = map(4 * PAGE_SIZE, RW, ANON, NULL, 0);
    memset(shim_at(at.wiped), 0x99, PAGE_SIZE);
    REQUIRE(sys_madvise(at.wiped, 4 * PAGE_SIZE, 18) == 0);
    at.copy = map(2 * PAGE_SIZE, RW, OS_MAP_PRIVATE, &memory_file, 0);
    os.stack_start = at.data + 100;
    os.process->actions[9] = (struct signal_action){.handler = 0x1234, .flags = 7};
    os_self()->blocked = 0xf0f0;
    os_self()->alt_stack = at.data;
    os_self()->alt_stack_size = PAGE_SIZE;
    shim_fsbase = at.data + 64;
    memset(shim_vector, 0xee, sizeof shim_vector);
}

static bool filled(uint64_t from, int byte, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++) {
        if (*shim_at(from + i) != byte) {
            return false;
        }
    }
    return true;
}

static bool nothing_left(void)
{
    for (uint64_t a = APP_BASE; a < APP_END; a += PAGE_SIZE) {
        uint8_t state = pages_state(a);
        if ((state & PAGE_COMMITTED) != 0 &&
            (state != (PAGE_COMMITTED | PAGE_RW) || !filled(a, 0, PAGE_SIZE))) {
            printf("# 0x%llx: state %u\n", (unsigned long long)a, state);
            return false;
        }
    }
    return vma_count() == 0 && mm_usage().charged == 0 && mm_usage().mapped == 0;
}

/* A page that has one byte is not empty, wherever that stands. */
static void check_single_bytes(void)
{
    const uint64_t words = PAGE_SIZE / 8, pages = map(words * PAGE_SIZE, RW, ANON, NULL, 0);
    for (uint64_t i = 0; i < words; i++) {
        *(uint8_t *)shim_at(pages + i * PAGE_SIZE + i * 8 + i % 8) = 1;
    }
    wipe();
    CHECK(nothing_left(), "a page with one byte is wiped like others, wherever the byte is");
}

/* Stays until the next but one. */
static const char *maps(void)
{
    static struct fs_text texts[2];
    static unsigned next;
    struct fs_text *t = &texts[next++ % 2];
    free(t->data);
    *t = (struct fs_text){.data = NULL};
    os_maps_text(t);
    return t->data;
}

static void check_memory(void)
{
    bool same = true;
    for (unsigned i = 0; i < 40; i++) {
        same = same && filled(at.data + i * PAGE_SIZE, i % 3 == 0 ? 0 : (int)i, PAGE_SIZE);
    }
    CHECK(same, "private memory holds what it held");
    CHECK(filled(at.heap, 0x11, 3 * PAGE_SIZE) && sys_brk(0) == 0x508000, "and so does the heap");
    CHECK(filled(at.zeros, 0, 3 * MIB) && shim_rights(at.zeros + 2 * MIB) == PAGE_RW,
          "memory that was never written is there, and zero");
    CHECK(shim_rights(at.guard) == -1 && mm_is_mapped(at.guard + 63 * MIB),
          "a reservation stays one");
    CHECK(shim_rights(at.hidden) == 0 && *shim_at(at.hidden) == 0x77,
          "what has no rights keeps its content");
    CHECK(filled(at.lazy + 5 * MIB, 0x55, PAGE_SIZE) && shim_rights(at.lazy) == -1,
          "of a lazy mapping, what was touched is there");
    CHECK(shim_rights(at.text + PAGE_SIZE) == 5 && shim_rights(at.text) == 1 &&
              pages_all(at.text + PAGE_SIZE, at.text + 5 * PAGE_SIZE, PAGE_FILE | PAGE_PURE),
          "text can be executed, not written");
    CHECK(*shim_at(at.text + 2 * PAGE_SIZE + 3) == shim_file_byte(5, 2 * PAGE_SIZE + 3) &&
              *shim_at(at.text + 6 * PAGE_SIZE) == 0x33,
          "a library's bytes and its written data are there");
}

static void check_special(void)
{
    CHECK(shim_rights(at.shared) == -1 && mm_is_mapped(at.shared) && mm_beyond_file(at.shared) &&
              !mm_page_in(at.shared),
          "memory shared with the parent is no memory, and says SIGBUS");
    CHECK(sys_mremap(at.shared, 2 * MIB, 4 * MIB, 1, 0) == -EFAULT,
          "nor does mremap make some of it");
    CHECK(!mm_is_mapped(at.gone), "MADV_DONTFORK: not there");
    CHECK(filled(at.wiped, 0, PAGE_SIZE) && shim_rights(at.wiped) == PAGE_RW,
          "MADV_WIPEONFORK: zeros");
    CHECK(*shim_at(at.copy + 9) == shim_file_byte(6, 9), "a private copy of a file in memory is");
}

static void check_thread(const struct rt_frame *f)
{
    CHECK(f->rip == 0x401000 && f->rsp == at.data + 200 && f->rax == 7 &&
              (f->flags & RT_FRAME_FULL) != 0,
          "registers");
    CHECK(f->rflags == 0x246, "no flag that a program may not set");
    CHECK(os.process->actions[9].handler == 0x1234 && os_self()->blocked == 0xf0f0 &&
              os_self()->alt_stack == at.data && os_self()->pending == 0,
          "signal actions, mask and alternate stack; nothing pending");
    bool vector = true;
    for (size_t i = 0; i < sizeof shim_vector; i++) {
        vector = vector && shim_vector[i] == 0xee;
    }
    CHECK(vector && shim_fsbase == at.data + 64, "vector state and FS base");
    CHECK(os.stack_start == at.data + 100, "and what /proc tells");
}

/* ---- damage ---------------------------------------------------------------------------------- */

static unsigned tried, accepted;

static void try_damaged(struct tape *t)
{
    struct rt_frame f;
    int r = receive_from(t, &f);
    REQUIRE(r == 0 || r == -EINVAL || r == -EPIPE || r == -ENOMEM);
    tried++;
    accepted += r == 0;
    for (size_t i = 0; r == 0 && i < vma_count(); i++) {
        const struct vma *v = vma_at(i);
        for (uint64_t a = v->start; a < v->end && v->prot != 0; a += PAGE_SIZE) {
            int rights = shim_rights(a);
            REQUIRE(rights < 0 || ((rights & 6) != 6 && (rights & ~mm_rights(v->prot)) == 0));
            REQUIRE(rights < 0 || (rights & 4) == 0 || v->file == &library);
        }
    }
    wipe();
}

/* Contents may be anything: heads and lists are what is worth damaging. */
static size_t worth_damaging(const struct record *r)
{
    struct image_head h;
    memcpy(&h, r->data, sizeof h);
    size_t most =
        h.kind == IMAGE_MAPPINGS || h.kind == IMAGE_RUNS || h.kind == IMAGE_FILE ? 112 : 24;
    return r->size < most ? r->size : most;
}

static void damage(struct tape *t)
{
    size_t count = t->count;
    for (size_t i = 0; i < count; i++) {
        struct record *r = &t->records[i], whole = *r;
        for (size_t byte = 0; byte < worth_damaging(&whole); byte++) {
            r->data[byte] ^= (uint8_t)(1u << byte % 8);
            try_damaged(t);
            r->data[byte] ^= (uint8_t)(1u << byte % 8);
        }
        static const size_t sizes[] = {0, 8, 31, 32, 33, 40};
        for (size_t s = 0; s < ARRAY_SIZE(sizes) && sizes[s] < whole.size; s++) {
            r->size = sizes[s];
            try_damaged(t);
            r->size = whole.size;
        }
        if (i + 1 < count) { /* out of order */
            struct record next = t->records[i + 1];
            t->records[i + 1] = *r;
            *r = next;
            try_damaged(t);
            t->records[i] = whole;
            t->records[i + 1] = next;
        }
    }
    CHECK(accepted < tried, "%u damaged images: none did harm, %u made another process", tried,
          accepted);
}

int main(void)
{
    static struct tape tape = {.fail_at = RECORDS_MAX};
    struct rt_frame frame = {.rip = 0x401000, .rflags = UINT64_C(0x40003246) | 0x100, .rax = 7},
                    back = {.rax = 0};
    shim_fd = &library;
    shim_start(256 * MIB);
    REQUIRE(mm_start(256 * MIB) == 0 && rewrite_start(0) == 0);
    build_process();
    frame.rsp = at.data + 200;
    const char *before = maps();
    uint64_t charged = mm_usage().charged;

    CHECK(send_to(&tape, &frame) == 0, "a process is sent");
    size_t bytes = 0;
    for (size_t i = 0; i < tape.count; i++) {
        bytes += tape.records[i].size;
    }
    CHECK(bytes < 400000, "zeros are not: %zu bytes in %zu records", bytes, tape.count);
    const char *after = maps();
    CHECK(strcmp(before, after) == 0 && shim_rights(at.hidden) == 0,
          "the sender is as it was before");
    wipe();
    CHECK(nothing_left(), "a wiped process leaves nothing that can be read");
    memset(shim_vector, 0, sizeof shim_vector);
    *os_self() = (struct os_thread){.process = os.process, .pending = 8};
    memset(os.process->actions, 0, sizeof os.process->actions);

    CHECK(receive_from(&tape, &back) == 0, "and is received");
    check_memory();
    check_special();
    check_thread(&back);
    CHECK(mm_usage().charged < charged && mm_usage().charged > charged - 4 * MIB,
          "memory counts as before, without what is not there");
    struct rt_frame again = back;
    static struct tape second = {.fail_at = RECORDS_MAX};
    const char *child = maps();
    CHECK(send_to(&second, &again) == 0, "the child can fork, too");
    wipe();
    CHECK(receive_from(&second, &back) == 0 && strcmp(child, maps()) == 0,
          "its child has the same mappings");
    tape_free(&second);
    wipe();
    damage(&tape);
    CHECK(nothing_left(), "and nothing of all that is left");
    check_single_bytes();
    static struct tape broken = {.fail_at = 1};
    CHECK(send_to(&broken, &frame) == -EPIPE, "a receiver that goes away ends the sending");
    return tap_done();
}
