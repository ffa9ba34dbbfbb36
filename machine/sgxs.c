/* SPDX-License-Identifier: Apache-2.0 */
/* SGXS: the measured form of an enclave as a stream of 64-byte records, ECREATE, EADD, EEXTEND,
 * each EEXTEND followed by its 256 bytes; SHA-256 of the whole stream is MRENCLAVE. (Format by
 * Fortanix.) Pages that are not fully extended read as zero where nothing was said. Trust: the
 * stream is a file of unknown origin; everything is checked before it reaches a machine. */
#include "machine/machine.h"
#include "machine/sgxs.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#define RECORD_SIZE 64u
#define CHUNK_SIZE  256u

enum record_kind { RECORD_ECREATE, RECORD_EADD, RECORD_EEXTEND, RECORD_END };

struct record {
    enum record_kind kind;
    size_t position; /* in the stream, for messages */
    uint32_t ssa_frame_size;
    uint64_t size;   /* ECREATE */
    uint64_t offset; /* EADD, EEXTEND */
    uint64_t flags;  /* EADD */
    struct bytes data;
};

struct sgxs_reader {
    struct cursor in;
    size_t total;
    bool started;
    uint64_t size; /* of the enclave */
    uint64_t page; /* of the last EADD */
    bool has_page;
    uint8_t
        next[RECORD_SIZE]; /* what an EEXTEND of the chunk behind the last one would look like */
};

static bool zero(struct bytes b)
{
    uint8_t any = 0;
    for (size_t i = 0; i < b.size; i++) {
        any |= b.data[i];
    }
    return any == 0;
}

static int malformed(const struct record *r, struct diag *d, const char *what)
{
    return diag_fail(d, -EINVAL, "SGXS stream: %s (byte %zu)", what, r->position);
}

static void set_next(struct sgxs_reader *s, uint64_t offset)
{
    memset(s->next, 0, sizeof s->next);
    memcpy(s->next, "EEXTEND", 7);
    store_le64(s->next + 8, offset);
}

static int check_record(struct sgxs_reader *s, struct record *r, struct cursor *c, struct diag *d)
{
    switch (r->kind) {
    case RECORD_ECREATE:
        r->ssa_frame_size = cursor_le32(c);
        r->size = cursor_le64(c);
        if (s->started) {
            return malformed(r, d, "a second ECREATE");
        }
        if (r->size < 8192 || (r->size & (r->size - 1)) != 0 || r->ssa_frame_size == 0) {
            return malformed(r, d, "ECREATE with an impossible size");
        }
        s->started = true;
        s->size = r->size;
        break;
    case RECORD_EADD:
        r->offset = cursor_le64(c);
        r->flags = cursor_le64(c);
        if (r->offset % SGX_PAGE_SIZE != 0 || !range_within(r->offset, SGX_PAGE_SIZE, s->size)) {
            return malformed(r, d, "EADD outside the enclave");
        }
        s->page = r->offset;
        s->has_page = true;
        set_next(s, r->offset);
        break;
    case RECORD_EEXTEND:
        r->offset = cursor_le64(c);
        r->data = cursor_take(&s->in, CHUNK_SIZE);
        if (!cursor_ok(&s->in)) {
            return malformed(r, d, "cut off inside an EEXTEND");
        }
        if (r->offset % CHUNK_SIZE != 0 || !range_within(r->offset, CHUNK_SIZE, s->size)) {
            return malformed(r, d, "EEXTEND outside the enclave");
        }
        break;
    case RECORD_END:
        break;
    }
    return zero(c->rest) ? 0 : malformed(r, d, "reserved bytes of a record are not zero");
}

/* Of 17 records 16 are EEXTENDs that follow the last one: those are compared, not parsed. Nothing
 * else would come out of parsing. */
static bool take_next(struct sgxs_reader *s, struct record *r)
{
    if (!s->has_page || s->in.rest.size < RECORD_SIZE + CHUNK_SIZE ||
        memcmp(s->in.rest.data, s->next, RECORD_SIZE) != 0) {
        return false;
    }
    uint64_t offset = load_le64(s->next + 8);
    if (!range_within(offset, CHUNK_SIZE, s->size)) {
        return false;
    }
    r->kind = RECORD_EEXTEND;
    r->position = s->total - s->in.rest.size;
    r->offset = offset;
    (void)cursor_take(&s->in, RECORD_SIZE);
    r->data = cursor_take(&s->in, CHUNK_SIZE);
    store_le64(s->next + 8, offset + CHUNK_SIZE);
    return true;
}

static int read_record(struct sgxs_reader *s, struct record *r, struct diag *d)
{
    static const struct {
        char tag[9];
        enum record_kind kind;
    } kinds[] = {{"ECREATE\0", RECORD_ECREATE},
                 {"EADD\0\0\0\0", RECORD_EADD},
                 {"EEXTEND\0", RECORD_EEXTEND}};
    if (take_next(s, r)) {
        return 0;
    }
    *r = (struct record){.kind = RECORD_END, .position = s->total - s->in.rest.size};
    if (s->in.rest.size == 0) {
        return s->started ? 0 : malformed(r, d, "it is empty");
    }
    struct cursor c = cursor_of(cursor_take(&s->in, RECORD_SIZE));
    if (!cursor_ok(&s->in)) {
        return malformed(r, d, "cut off inside a record");
    }
    struct bytes tag = cursor_take(&c, 8);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (memcmp(tag.data, kinds[i].tag, 8) == 0) {
            r->kind = kinds[i].kind;
            if (r->kind != RECORD_ECREATE && !s->started) {
                return malformed(r, d, "it does not begin with ECREATE");
            }
            return check_record(s, r, &c, d);
        }
    }
    return malformed(r, d, "a record that is neither ECREATE, EADD nor EEXTEND");
}

int sgxs_measure(struct bytes sgxs, uint8_t ret_mrenclave[32], struct diag *d)
{
    struct sgxs_reader s = {.in = cursor_of(sgxs), .total = sgxs.size};
    struct record r;
    do {
        int error = read_record(&s, &r, d);
        if (error < 0) {
            return error;
        }
    } while (r.kind != RECORD_END);
    uint8_t digest[32];
    unsigned size;
    if (EVP_Digest(sgxs.data, sgxs.size, digest, &size, EVP_sha256(), NULL) != 1) {
        return diag_fail(d, -EIO, "the crypto library fails to hash");
    }
    memcpy(ret_mrenclave, digest, 32);
    return 0;
}

/* ---- loading --------------------------------------------------------------------------------- */

#define EXTENDS_MAX 64u /* of one page, in any order; a page has 16 chunks */

/* One page with the EEXTENDs that follow its EADD, as the machine wants them: content first. */
struct pending_page {
    bool there;
    uint64_t offset;
    struct sgx_secinfo secinfo;
    uint8_t content[SGX_PAGE_SIZE];
    uint64_t extends[EXTENDS_MAX];
    size_t extend_count;
};

static int flush_page(const struct machine_ops *ops, struct machine *m, struct pending_page *p,
                      struct diag *d)
{
    int r = 0;
    if (p->there) {
        r = ops->add_page(m, p->offset, &p->secinfo, p->content, d);
        for (size_t i = 0; i < p->extend_count && r == 0; i++) {
            r = ops->extend(m, p->extends[i], d);
        }
    }
    p->there = false;
    return r;
}

static int take_extend(struct pending_page *p, const struct record *r, struct diag *d)
{
    uint64_t at = r->offset - p->offset;
    if (!p->there || r->offset < p->offset || at >= SGX_PAGE_SIZE) {
        return malformed(r, d, "EEXTEND of another page than the last one added");
    }
    for (size_t i = 0; i < p->extend_count; i++) {
        if (p->extends[i] == r->offset && memcmp(p->content + at, r->data.data, CHUNK_SIZE) != 0) {
            return malformed(r, d, "two EEXTENDs of one chunk with different content");
        }
    }
    if (p->extend_count == EXTENDS_MAX) {
        return malformed(r, d, "too many EEXTENDs of one page");
    }
    memcpy(p->content + at, r->data.data, CHUNK_SIZE);
    p->extends[p->extend_count++] = r->offset;
    return 0;
}

int machine_load_sgxs(const struct machine_ops *ops, struct machine *m, struct bytes sgxs,
                      const struct sgx_secs *secs_template, struct diag *d)
{
    struct sgxs_reader s = {.in = cursor_of(sgxs), .total = sgxs.size};
    struct pending_page page = {0};
    struct record r;
    do {
        int error = read_record(&s, &r, d);
        if (error == 0 && r.kind != RECORD_EEXTEND) {
            error = flush_page(ops, m, &page, d);
        }
        if (error < 0) {
            return error;
        }
        if (r.kind == RECORD_ECREATE) {
            struct sgx_secs secs = *secs_template;
            secs.size = r.size;
            secs.ssa_frame_size = r.ssa_frame_size;
            error = ops->create(m, &secs, d);
        } else if (r.kind == RECORD_EADD) {
            memset(&page, 0, sizeof page);
            page.there = true;
            page.offset = r.offset;
            page.secinfo.flags = r.flags;
        } else if (r.kind == RECORD_EEXTEND) {
            error = take_extend(&page, &r, d);
        }
        if (error < 0) {
            return error;
        }
    } while (r.kind != RECORD_END);
    return 0;
}

/* ---- beyond loading -------------------------------------------------------------------------- */

int sgxs_first_tcs(struct bytes sgxs, uint64_t *ret_offset, struct diag *d)
{
    struct sgxs_reader s = {.in = cursor_of(sgxs), .total = sgxs.size};
    struct record r;
    do {
        int error = read_record(&s, &r, d);
        if (error < 0) {
            return error;
        }
        if (r.kind == RECORD_EADD && r.flags >> 8 == SGX_PT_TCS) {
            *ret_offset = r.offset;
            return 0;
        }
    } while (r.kind != RECORD_END);
    return diag_fail(d, -ENOENT, "SGXS stream: it has no TCS, so nothing can enter it");
}

static void append_record(struct writer *stream, const char *tag, uint64_t offset, uint64_t flags)
{
    uint8_t record[RECORD_SIZE] = {0};
    memcpy(record, tag, strlen(tag));
    store_le64(record + 8, offset);
    store_le64(record + 16, flags);
    writer_put(stream, BYTES(record, sizeof record));
}

void sgxs_append_page(struct writer *stream, uint64_t offset, uint64_t flags,
                      const uint8_t content[4096])
{
    append_record(stream, "EADD", offset, flags);
    for (uint64_t at = 0; at < SGX_PAGE_SIZE; at += CHUNK_SIZE) {
        append_record(stream, "EEXTEND", offset + at, 0);
        writer_put(stream, BYTES(content + at, CHUNK_SIZE));
    }
}
