/* SPDX-License-Identifier: Apache-2.0 */
/* ECREATE, EADD, EEXTEND and EINIT (SDM volume 3D) as the microcode helper performs them, with the
 * measurement that the manual defines. Refusals while building stick and are reported by EINIT. The
 * adversary is the enclave process: it chooses every operand, and the staging file is its own. So
 * the file must be sealed before anything of it is looked at: then it cannot change any more, by
 * anybody, and pages are hashed where they are. */
#define OPENSSL_SUPPRESS_DEPRECATED /* machine/digest.h says why */
#include "soft/microcode.h"

#include "machine/machine.h"

#include <cpuid.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096u

static void refuse(struct mc_enclave *e, int error)
{
    e->error = error;
}
#define REFUSE(e, error, ...)                                                                      \
    do {                                                                                           \
        refuse((e), diag_fail(&(e)->diag, (error), __VA_ARGS__));                                  \
        return;                                                                                    \
    } while (0)

static bool all_zero(const void *p, size_t n)
{
    const uint8_t *b = p;
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++) {
        any |= b[i];
    }
    return any == 0;
}

static void hash_add(struct mc_enclave *e, const void *data, size_t size)
{
    if (SHA256_Update(&e->hash, data, size) != 1) {
        e->error = diag_fail(&e->diag, -EIO, "the crypto library fails to hash");
    }
}

/* ---- ECREATE --------------------------------------------------------------------------------- */

static size_t xsave_size(uint64_t xfrm)
{
    size_t end = 576;
    for (unsigned i = 2; i < 63; i++) {
        if ((xfrm >> i & 1) != 0) {
            uint32_t size, offset, c, d;
            __cpuid_count(0xd, i, size, offset, c, d);
            end = offset + size > end ? offset + size : end;
        }
    }
    return end;
}

static void check_secs(struct mc_enclave *e, const struct sgx_secs *s)
{
    const uint64_t known = SGX_FLAGS_DEBUG | SGX_FLAGS_MODE64BIT | SGX_FLAGS_PROVISIONKEY |
                           SGX_FLAGS_EINITTOKEN | SGX_FLAGS_KSS;
    if (s->size < 2 * PAGE || (s->size & (s->size - 1)) != 0) {
        REFUSE(e, -EINVAL, "ECREATE: SECS.SIZE is not a power of two of at least 8 KiB");
    }
    if ((s->attributes.flags & ~known) != 0) {
        REFUSE(e, -EINVAL, "ECREATE: ATTRIBUTES %lx has bits that this machine does not know",
               (unsigned long)s->attributes.flags);
    }
    if ((s->attributes.flags & SGX_FLAGS_MODE64BIT) == 0) {
        REFUSE(e, -EINVAL,
               "ECREATE: this machine runs 64-bit enclaves only (ATTRIBUTES.MODE64BIT)");
    }
    if ((s->attributes.xfrm & 3) != 3 || (s->attributes.xfrm & ~machine_host_xfrm()) != 0) {
        REFUSE(e, -EINVAL,
               "ECREATE: XFRM %lx; this processor offers %lx, and the lowest two bits "
               "are mandatory",
               (unsigned long)s->attributes.xfrm, (unsigned long)machine_host_xfrm());
    }
    if ((s->miscselect & ~SGX_MISC_EXINFO) != 0) {
        REFUSE(e, -EINVAL, "ECREATE: MISCSELECT %x has bits that this machine does not know",
               s->miscselect);
    }
    size_t frame = xsave_size(s->attributes.xfrm) + sizeof(struct sgx_gprsgx) +
                   (s->miscselect != 0 ? sizeof(struct sgx_exinfo) : 0);
    if (s->ssa_frame_size == 0 || s->ssa_frame_size > 64 || frame > s->ssa_frame_size * PAGE) {
        REFUSE(e, -EINVAL, "ECREATE: SSA frames of %u pages; XFRM needs %zu bytes",
               s->ssa_frame_size, frame);
    }
    if ((s->attributes.flags & SGX_FLAGS_KSS) == 0 &&
        (!all_zero(s->configid, sizeof s->configid) || s->configsvn != 0)) {
        REFUSE(e, -EINVAL, "ECREATE: CONFIGID and CONFIGSVN need ATTRIBUTES.KSS");
    }
    if (!all_zero(s->reserved1, sizeof s->reserved1) || !all_zero(s->reserved2, 32) ||
        !all_zero(s->reserved3, 32) || !all_zero(s->reserved4, sizeof s->reserved4)) {
        REFUSE(e, -EINVAL, "ECREATE: reserved bytes of the SECS are not zero");
    }
}

/* The seals first: without them nothing that is found out about the file would stay true.
 * Privately, because kernels before 6.7 refuse shared mappings of a file with these seals. */
static void map_staging(struct mc_enclave *e)
{
    const int wanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    int seals = fcntl(e->staging, F_GET_SEALS);
    struct stat st;
    if (seals < 0 || (seals & wanted) != wanted) {
        REFUSE(e, -EINVAL, "ECREATE: the file of pages is not sealed, it could change");
    }
    if (fstat(e->staging, &st) != 0 || st.st_size % PAGE != 0 ||
        (uint64_t)st.st_size > (uint64_t)MC_PAGES_MAX * PAGE) {
        REFUSE(e, -EINVAL, "ECREATE: the file of pages has an impossible size");
    }
    if (st.st_size == 0) {
        return;
    }
    e->map_size = (size_t)st.st_size;
    void *map = mmap(NULL, e->map_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, e->staging, 0);
    if (map == MAP_FAILED) {
        REFUSE(e, -ENOMEM, "ECREATE: no memory to map %zu bytes of pages", e->map_size);
    }
    e->map = map;
}

void mc_create(struct mc_enclave *e, const struct sgx_secs *secs, int take_staging)
{
    mc_enclave_done(e);
    e->created = true;
    e->staging = take_staging;
    check_secs(e, secs);
    if (e->error != 0) {
        return;
    }
    e->secs = *secs;
    memset(e->secs.mrenclave, 0, 32);
    memset(e->secs.mrsigner, 0, 32);
    map_staging(e);
    if (e->error != 0) {
        return;
    }
    if (SHA256_Init(&e->hash) != 1) {
        REFUSE(e, -EIO, "the crypto library fails to hash");
    }
    uint8_t record[64] = "ECREATE";
    store_le32(record + 8, secs->ssa_frame_size);
    store_le64(record + 12, secs->size);
    hash_add(e, record, sizeof record);
}

/* ---- EADD, EEXTEND --------------------------------------------------------------------------- */

static uint32_t *table_slot(struct mc_enclave *e, uint64_t offset)
{
    uint64_t h = (offset / PAGE) * UINT64_C(0x9e3779b97f4a7c15);
    for (uint32_t i = (uint32_t)(h >> 32) & (e->table_size - 1);;
         i = (i + 1) & (e->table_size - 1)) {
        if (e->table[i] == 0 || e->pages[e->table[i] - 1].offset == offset) {
            return &e->table[i];
        }
    }
}

static bool grow(struct mc_enclave *e)
{
    uint32_t capacity = e->page_capacity == 0 ? 1024 : 2 * e->page_capacity;
    void *pages = realloc(e->pages, capacity * sizeof e->pages[0]);
    if (pages == NULL) {
        return false;
    }
    e->pages = pages;
    free(e->table);
    e->table_size = 2 * capacity;
    e->table = calloc(e->table_size, sizeof e->table[0]);
    if (e->table == NULL) {
        return false;
    }
    e->page_capacity = capacity;
    for (uint32_t i = 0; i < e->page_count; i++) {
        *table_slot(e, e->pages[i].offset) = i + 1;
    }
    return true;
}

static bool tcs_ok(const struct sgx_tcs *t)
{
    /* SDM EADD: reserved fields, FSLIMIT and GSLIMIT, alignment of SSA and segments, CSSA.
     * DBGOPTIN, which EADD clears, was cleared before the page was sealed. */
    return all_zero(t->reserved, sizeof t->reserved) && t->flags == 0 && t->cssa == 0 &&
           t->ossa % PAGE == 0 && t->ofsbasgx % PAGE == 0 && t->ogsbasgx % PAGE == 0 &&
           (t->fslimit & 0xfff) == 0xfff && (t->gslimit & 0xfff) == 0xfff;
}

/* One chunk with the record that measures it, as it goes into the hash. */
struct measured_chunk {
    uint8_t record[64];
    uint8_t content[256];
};

static void measure_chunk(struct measured_chunk *to, uint64_t offset, const uint8_t *chunk)
{
    memset(to->record, 0, sizeof to->record);
    memcpy(to->record, "EEXTEND", 7);
    store_le64(to->record + 8, offset);
    memcpy(to->content, chunk, sizeof to->content);
}

/* In one piece: the hash function is slow to start for 64 bytes. */
static void measure_page(struct mc_enclave *e, const struct mc_record *r, const uint8_t *page)
{
    struct {
        uint8_t record[64];
        struct measured_chunk chunks[16];
    } m = {.record = "EADD"};
    store_le64(m.record + 8, r->offset);
    store_le64(m.record + 16, r->flags);
    unsigned n = 0;
    for (unsigned i = 0; i < 16; i++) {
        if ((r->chunks >> i & 1) != 0) {
            measure_chunk(&m.chunks[n++], r->offset + i * 256, page + (size_t)i * 256);
        }
    }
    hash_add(e, &m, sizeof m.record + n * sizeof m.chunks[0]);
}

static void add_page(struct mc_enclave *e, const struct mc_record *r)
{
    uint64_t type = r->flags >> 8, rwx = r->flags & 7;
    unsigned long at = (unsigned long)r->offset;
    if (r->offset % PAGE != 0 || !range_within(r->offset, PAGE, e->secs.size)) {
        REFUSE(e, -EINVAL, "EADD: page %lx is not in the enclave", at);
    }
    if ((r->flags & ~UINT64_C(0xff07)) != 0 || (type != SGX_PT_TCS && type != SGX_PT_REG) ||
        (type == SGX_PT_TCS && rwx != 0) ||
        (type == SGX_PT_REG && (rwx & SGX_SECINFO_R) == 0 && (rwx & SGX_SECINFO_W) != 0)) {
        REFUSE(e, -EINVAL, "EADD: page %lx has SECINFO.FLAGS %lx, which no page may have", at,
               (unsigned long)r->flags);
    }
    if (r->slot != e->page_count || !range_within((uint64_t)r->slot * PAGE, PAGE, e->map_size)) {
        REFUSE(e, -EIO, "EADD: the file of pages has not the content of page %lx", at);
    }
    if (e->page_count == e->page_capacity && !grow(e)) {
        REFUSE(e, -ENOMEM, "EADD: no memory for page %lx", at);
    }
    uint32_t *slot = table_slot(e, r->offset);
    if (*slot != 0) {
        REFUSE(e, -EEXIST, "EADD: page %lx is there already", at);
    }
    const uint8_t *page = e->map + (size_t)e->page_count * PAGE;
    if (type == SGX_PT_TCS && !tcs_ok((const struct sgx_tcs *)(const void *)page)) {
        REFUSE(e, -EINVAL, "EADD: the TCS at %lx has reserved bits set or unaligned fields", at);
    }
    e->pages[e->page_count++] = (struct mc_page){r->offset, r->flags};
    *slot = e->page_count;
    measure_page(e, r, page);
}

static void extend(struct mc_enclave *e, uint64_t offset)
{
    uint32_t index = 0;
    if (offset % 256 == 0 && e->table_size != 0) {
        index = *table_slot(e, offset - offset % PAGE);
    }
    if (index == 0) {
        REFUSE(e, -EINVAL, "EEXTEND: no page at %lx", (unsigned long)offset);
    }
    struct measured_chunk m;
    measure_chunk(&m, offset, e->map + (size_t)(index - 1) * PAGE + offset % PAGE);
    hash_add(e, &m, sizeof m);
}

void mc_build(struct mc_enclave *e, const struct mc_record *records, uint32_t count)
{
    for (uint32_t i = 0; i < count && e->created && e->error == 0; i++) {
        if (records[i].is_extend != 0) {
            extend(e, records[i].offset);
            continue;
        }
        add_page(e, &records[i]);
    }
}

/* ---- EINIT ----------------------------------------------------------------------------------- */

static int check_identity(const struct sgx_secs *secs, const struct sgx_sigstruct *s,
                          const uint8_t mrenclave[32], struct diag *d)
{
    if (!ct_equal(s->enclavehash, mrenclave, 32)) {
        char have[65], want[65];
        hex_encode(have, mrenclave, 32);
        hex_encode(want, s->enclavehash, 32);
        return diag_fail(d, -EPERM,
                         "EINIT: SGX_INVALID_MEASUREMENT: the enclave measures %s, SIGSTRUCT is "
                         "for %s",
                         have, want);
    }
    const struct sgx_attributes a = secs->attributes, sa = s->attributes, mask = s->attributemask;
    if ((a.flags & mask.flags) != (sa.flags & mask.flags) ||
        (a.xfrm & mask.xfrm) != (sa.xfrm & mask.xfrm)) {
        return diag_fail(d, -EPERM,
                         "EINIT: SGX_INVALID_ATTRIBUTE: ATTRIBUTES %lx/%lx are not those that "
                         "SIGSTRUCT allows (%lx/%lx under mask %lx/%lx)",
                         (unsigned long)a.flags, (unsigned long)a.xfrm, (unsigned long)sa.flags,
                         (unsigned long)sa.xfrm, (unsigned long)mask.flags,
                         (unsigned long)mask.xfrm);
    }
    if ((secs->miscselect & s->miscmask) != (s->miscselect & s->miscmask)) {
        return diag_fail(d, -EPERM,
                         "EINIT: SGX_INVALID_ATTRIBUTE: MISCSELECT %x is not what "
                         "SIGSTRUCT allows (%x under mask %x)",
                         secs->miscselect, s->miscselect, s->miscmask);
    }
    if ((s->cet_attributes & s->cet_attributes_mask) != 0) {
        return diag_fail(d, -EPERM,
                         "EINIT: SGX_INVALID_ATTRIBUTE: SIGSTRUCT demands CET, which this machine "
                         "does not have");
    }
    if ((secs->attributes.flags & SGX_FLAGS_KSS) == 0 &&
        (!all_zero(s->isvfamilyid, 16) || !all_zero(s->isvextprodid, 16))) {
        return diag_fail(d, -EPERM,
                         "EINIT: SGX_INVALID_SIG_STRUCT: ISVFAMILYID and ISVEXTPRODID "
                         "need ATTRIBUTES.KSS");
    }
    return 0;
}

int mc_init(struct mc_enclave *e, const struct sgx_sigstruct *s, struct mc_identity *ret,
            struct diag *d)
{
    if (!e->created) {
        return diag_fail(d, -EINVAL, "EINIT: no enclave was created");
    }
    if (e->error != 0) {
        *d = e->diag;
        return e->error;
    }
    uint8_t mrenclave[32], mrsigner[32];
    if (SHA256_Final(mrenclave, &e->hash) != 1) {
        return diag_fail(d, -EIO, "the crypto library fails to hash");
    }
    int r = sigstruct_verify(s, mrsigner, d);
    if (r < 0) {
        diag_prefix(d, "EINIT");
        return r;
    }
    r = check_identity(&e->secs, s, mrenclave, d);
    if (r < 0) {
        return r;
    }
    struct mc_identity id = {.secs = e->secs};
    memcpy(id.secs.mrenclave, mrenclave, 32);
    memcpy(id.secs.mrsigner, mrsigner, 32);
    id.secs.attributes.flags |= SGX_FLAGS_INIT;
    id.secs.isvprodid = s->isvprodid;
    id.secs.isvsvn = s->isvsvn;
    memcpy(id.isvfamilyid, s->isvfamilyid, 16);
    memcpy(id.isvextprodid, s->isvextprodid, 16);
    *ret = id;
    return 0;
}

void mc_enclave_done(struct mc_enclave *e)
{
    if (e->map != NULL) {
        (void)munmap((void *)(uintptr_t)e->map, e->map_size);
    }
    if (e->staging >= 0) {
        (void)close(e->staging);
    }
    free(e->pages);
    free(e->table);
    *e = (struct mc_enclave){.staging = -1};
}
