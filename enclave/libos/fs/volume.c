/* SPDX-License-Identifier: Apache-2.0 */
/* See volume.h. Adversary: the host chooses every byte that is read, may stop answering at any
 * write, may show different bytes each time, and may give the same file to two enclaves.
 *
 * No nonce comes twice under a key: data keys are drawn from RDRAND by the open that uses them and
 * count from 0 in memory only; a root record has a key of its own, from a salt drawn for it. An
 * enclave that is resumed from an older file draws new ones. */
#include "volume.h"

#include "linux_abi.h"

#define MAGIC       UINT64_C(0x31306c6f76636c61) /* "alcvol01" */
#define RECORD_AAD  128u                         /* key header 80, salt 32, zeros */
#define RECORD_TAG  128u
#define RECORD_BODY 144u
#define BODY_SIZE   (VOLUME_BLOCK - RECORD_BODY)
#define BODY_KEYS   64u
#define SLOTS       2u
#define FIRST_SIZE  64u /* blocks; the smallest bucket */

enum block_use { BLOCK_FREE, BLOCK_USED, BLOCK_LEAVING }; /* leaving: free after the next commit */

/* ---- the host's file ------------------------------------------------------------------------- */

static uint64_t offset_of(uint64_t block)
{
    return block * VOLUME_BLOCK;
}

/* Sizes that the host sees: 2^k quarters, so at most a quarter is padding and one of few numbers is
 * told. */
static uint64_t bucket_of(uint64_t blocks)
{
    uint64_t step = FIRST_SIZE / 4;
    while (step * 8 <= blocks) {
        step *= 2;
    }
    uint64_t size = (blocks + step - 1) / step * step;
    return size < FIRST_SIZE ? FIRST_SIZE : size;
}

static int set_capacity(struct volume *v, uint64_t blocks)
{
    uint8_t *bigger = rt_realloc(v->used, (size_t)blocks);
    if (bigger == NULL) {
        return -ENOMEM;
    }
    memset(bigger + v->capacity, BLOCK_FREE, (size_t)(blocks - v->capacity));
    v->used = bigger;
    v->capacity = blocks;
    for (uint64_t i = 0; i < SLOTS; i++) {
        v->used[i] = BLOCK_USED;
    }
    return 0;
}

static int grow(struct volume *v)
{
    uint64_t blocks = bucket_of(v->capacity + 1);
    int err = blocks > v->blocks_max ? -ENOSPC : rt_volume_resize(v->number, offset_of(blocks));
    return err != 0 ? err : set_capacity(v, blocks);
}

static int alloc_block(struct volume *v, uint32_t *ret)
{
    for (uint64_t tries = 0; tries < v->capacity; tries++) {
        uint64_t block = v->cursor < v->capacity ? v->cursor : 0;
        v->cursor = block + 1;
        if (v->used[block] == BLOCK_FREE) {
            v->used[block] = BLOCK_USED;
            *ret = (uint32_t)block;
            return 0;
        }
    }
    v->cursor = v->capacity;
    int err = grow(v);
    return err != 0 ? err : alloc_block(v, ret);
}

/* The block stays as it is until the next root record is there: it belongs to the current state. */
static void leave(struct volume *v, struct volume_ref *ref)
{
    if (ref->block != 0) {
        v->used[ref->block] = BLOCK_LEAVING;
        v->key_blocks[ref->key]--;
    }
    *ref = (struct volume_ref){.block = 0};
}

/* ---- data keys ------------------------------------------------------------------------------- */

static int draw_key(struct volume *v)
{
    unsigned i = 0;
    while (i < VOLUME_KEYS && (v->keys_known >> i & 1) != 0 && v->key_blocks[i] > 0) {
        i++;
    }
    if (i == VOLUME_KEYS) {
        return -ENOSPC; /* volume_spare_key() keeps it from happening */
    }
    rt_random(v->keys[i].bytes, sizeof v->keys[i].bytes);
    rt_gcm_key(&v->ready[i], v->keys[i].bytes);
    v->keys_known |= UINT64_C(1) << i;
    v->own_key = i;
    v->counter = 0;
    return 0;
}

unsigned volume_spare_key(const struct volume *v)
{
    unsigned alive = 0, least = VOLUME_KEYS;
    for (unsigned i = 0; i < VOLUME_KEYS; i++) {
        if (v->key_blocks[i] > 0) {
            alive++;
            least = least == VOLUME_KEYS || v->key_blocks[i] < v->key_blocks[least] ? i : least;
        }
    }
    return alive >= VOLUME_KEYS / 2 ? least : VOLUME_KEYS;
}

static void nonce_of(uint64_t counter, uint8_t ret[12])
{
    store_le64(ret, counter);
    store_le32(ret + 8, 0);
}

/* ---- writing blocks -------------------------------------------------------------------------- */

static int flush(struct volume *v)
{
    if (v->batch_count == 0) {
        return 0;
    }
    size_t count = v->batch_count;
    v->batch_count = 0;
    rt_gcm_seal(v->jobs, count);
    for (size_t i = 0; i < count; i++) {
        memcpy(v->targets[i]->tag, v->jobs[i].tag, sizeof v->jobs[i].tag);
    }
    v->writes += count;
    return rt_volume_write(v->number, offset_of(v->batch_block),
                           BYTES(v->buffer, count * VOLUME_BLOCK));
}

/* Seals `page`, or what the caller has put into the place that is returned when page is NULL, to a
 * fresh block; *ref is complete after the next flush(). */
static int put_block(struct volume *v, const uint8_t *page, struct volume_ref *ref,
                     uint8_t **ret_place)
{
    uint32_t block = 0;
    int err = v->own_key == VOLUME_KEYS ? draw_key(v) : 0;
    err = err != 0 ? err : alloc_block(v, &block);
    if (err == 0 && v->batch_count > 0 &&
        (v->batch_count == VOLUME_BATCH || block != v->batch_block + v->batch_count)) {
        err = flush(v);
    }
    if (err != 0) {
        return err;
    }
    leave(v, ref);
    *ref = (struct volume_ref){.block = block, .key = v->own_key, .counter = v->counter++};
    v->key_blocks[ref->key]++;
    uint8_t *place = v->buffer + v->batch_count * VOLUME_BLOCK;
    struct rt_gcm_job *j = &v->jobs[v->batch_count];
    *j = (struct rt_gcm_job){.key = &v->ready[ref->key],
                             .in = page != NULL ? page : place,
                             .out = place,
                             .size = VOLUME_BLOCK};
    nonce_of(ref->counter, j->nonce);
    if (v->batch_count == 0) {
        v->batch_block = block;
    }
    v->targets[v->batch_count++] = ref;
    if (ret_place != NULL) {
        *ret_place = place;
    }
    return 0;
}

/* ---- shape of trees -------------------------------------------------------------------------- */

static uint64_t parents_of(uint64_t count)
{
    return (count + VOLUME_FANOUT - 1) / VOLUME_FANOUT;
}

static unsigned height_of(uint64_t pages)
{
    unsigned height = 0;
    for (uint64_t n = pages; n > 1; n = parents_of(n)) {
        height++;
    }
    return height;
}

static int level_room(struct volume_tree *t, unsigned level, uint64_t count)
{
    if (count <= t->room[level]) {
        return 0;
    }
    uint64_t room = t->room[level] * 2 > count ? t->room[level] * 2 : count;
    struct volume_ref *refs = rt_realloc(t->refs[level], (size_t)room * sizeof *refs);
    if (refs == NULL) {
        return -ENOMEM;
    }
    t->refs[level] = refs;
    uint8_t *dirty = rt_realloc(t->dirty[level], (size_t)room);
    if (dirty == NULL) {
        return -ENOMEM;
    }
    t->dirty[level] = dirty;
    memset(refs + t->room[level], 0, (size_t)(room - t->room[level]) * sizeof *refs);
    memset(dirty + t->room[level], 0, (size_t)(room - t->room[level]));
    t->room[level] = room;
    return 0;
}

/* Brings every level to the size that `pages` pages need. What falls off leaves; a node whose last
 * children change is dirty. */
static int reshape(struct volume *v, struct volume_tree *t, uint64_t pages)
{
    unsigned height = height_of(pages);
    if (height > VOLUME_HEIGHT_MAX) {
        return -EFBIG;
    }
    uint64_t count = pages;
    for (unsigned l = 0; l <= VOLUME_HEIGHT_MAX; l++) {
        uint64_t old = t->count[l];
        int err = level_room(t, l, count);
        if (err != 0) {
            return err;
        }
        for (uint64_t i = count; i < old; i++) {
            leave(v, &t->refs[l][i]);
            t->dirty[l][i] = 0;
        }
        if (count != old && l > 0 && count > 0) {
            t->dirty[l][count - 1] = 1;
            if (old > 0 && old < count) {
                t->dirty[l][old - 1] = 1;
            }
        }
        if (count != old && l < height) {
            uint64_t from = (old < count ? old : count) / VOLUME_FANOUT;
            err = level_room(t, l + 1, parents_of(count));
            if (err != 0) {
                return err;
            }
            for (uint64_t i = from; i < parents_of(count); i++) {
                t->dirty[l + 1][i] = 1;
            }
        }
        t->count[l] = count;
        count = l < height ? parents_of(count) : 0;
    }
    t->height = height;
    return 0;
}

struct volume_ref volume_tree_root(const struct volume_tree *t)
{
    return t->count[0] > 0 ? t->refs[t->height][0] : (struct volume_ref){.block = 0};
}

static void tree_free(struct volume_tree *t)
{
    for (unsigned l = 0; l <= VOLUME_HEIGHT_MAX; l++) {
        rt_free(t->refs[l]);
        rt_free(t->dirty[l]);
    }
    *t = (struct volume_tree){.height = 0};
}

void volume_tree_drop(struct volume *v, struct volume_tree *t)
{
    for (unsigned l = 0; l <= VOLUME_HEIGHT_MAX; l++) {
        for (uint64_t i = 0; i < t->count[l]; i++) {
            leave(v, &t->refs[l][i]);
        }
    }
    tree_free(t);
}

void volume_tree_touch(struct volume_tree *t, uint64_t page)
{
    if (level_room(t, 0, page + 1) != 0) {
        t->all_dirty = true;
    } else {
        t->dirty[0][page] = 1;
    }
}

void volume_tree_touch_key(struct volume_tree *t, unsigned key)
{
    for (unsigned l = 0; l <= t->height; l++) {
        for (uint64_t i = 0; i < t->count[l]; i++) {
            if (t->refs[l][i].block != 0 && t->refs[l][i].key == key) {
                t->dirty[l][i] = 1;
            }
        }
    }
}

/* ---- writing trees --------------------------------------------------------------------------- */

static bool is_zero(const uint8_t *p, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++) {
        any |= p[i];
    }
    return any == 0;
}

static int write_pages(struct volume *v, struct volume_tree *t, volume_content *content,
                       void *context)
{
    int err = 0;
    for (uint64_t i = 0; i < t->count[0] && err == 0; i++) {
        if (t->dirty[0][i] == 0 && !t->all_dirty) {
            continue;
        }
        const uint8_t *page = content(context, i);
        if (page != NULL) {
            err = put_block(v, page, &t->refs[0][i], NULL);
        } else {
            leave(v, &t->refs[0][i]);
        }
        if (t->height > 0) {
            t->dirty[1][i / VOLUME_FANOUT] = 1;
        }
        t->dirty[0][i] = 0;
    }
    return err != 0 ? err : flush(v);
}

static int write_nodes(struct volume *v, struct volume_tree *t, unsigned l)
{
    int err = 0;
    for (uint64_t i = 0; i < t->count[l] && err == 0; i++) {
        if (t->dirty[l][i] == 0) {
            continue;
        }
        uint64_t first = i * VOLUME_FANOUT, n = t->count[l - 1] - first;
        size_t size = (size_t)(n < VOLUME_FANOUT ? n : VOLUME_FANOUT) * sizeof(struct volume_ref);
        const uint8_t *children = (const uint8_t *)&t->refs[l - 1][first];
        if (is_zero(children, size)) {
            leave(v, &t->refs[l][i]);
        } else {
            uint8_t *place;
            err = put_block(v, NULL, &t->refs[l][i], &place);
            if (err == 0) {
                memcpy(place, children, size);
                memset(place + size, 0, VOLUME_BLOCK - size);
            }
        }
        if (l < t->height) {
            t->dirty[l + 1][i / VOLUME_FANOUT] = 1;
        }
        t->dirty[l][i] = 0;
    }
    return err != 0 ? err : flush(v);
}

int volume_tree_write(struct volume *v, struct volume_tree *t, uint64_t page_count,
                      volume_content *content, void *context)
{
    int err = v->failed ? -EIO : reshape(v, t, page_count);
    err = err != 0 ? err : write_pages(v, t, content, context);
    for (unsigned l = 1; l <= t->height && err == 0; l++) {
        err = write_nodes(v, t, l);
    }
    t->all_dirty = t->all_dirty && err != 0;
    v->failed = v->failed || err != 0;
    return err;
}

/* ---- reading trees --------------------------------------------------------------------------- */

static int refuse_block(struct volume *v, uint64_t block, const char *why, struct diag *d)
{
    return diag_fail(d, -EBADMSG, "volume %.*s: block %llu of its file %s", (int)v->name.size,
                     (const char *)v->name.data, (unsigned long long)block, why);
}

/* The reference is authentic; still nothing is used that a correct writer would not have written.
 */
static int check_ref(struct volume *v, const struct volume_ref *r, struct diag *d)
{
    if (r->block < SLOTS || r->block >= v->capacity) {
        return refuse_block(v, r->block, "is beyond the file's end: the file was truncated", d);
    }
    if (v->used[r->block] != BLOCK_FREE) {
        return refuse_block(v, r->block, "is in use twice", d);
    }
    if (r->key >= VOLUME_KEYS || (v->keys_known >> r->key & 1) == 0) {
        return refuse_block(v, r->block, "is under a key that does not exist", d);
    }
    v->used[r->block] = BLOCK_USED;
    v->key_blocks[r->key]++;
    return 0;
}

static int read_run(struct volume *v, const struct volume_ref *refs, size_t count,
                    uint8_t *const *places, struct diag *d)
{
    int err = rt_volume_read(v->number, offset_of(refs[0].block), v->buffer, count * VOLUME_BLOCK);
    if (err != 0) {
        return refuse_block(v, refs[0].block, "cannot be read: the host refused or the file ended",
                            d);
    }
    for (size_t i = 0; i < count; i++) {
        v->jobs[i] = (struct rt_gcm_job){.key = &v->ready[refs[i].key],
                                         .in = v->buffer + i * VOLUME_BLOCK,
                                         .out = places[i],
                                         .size = VOLUME_BLOCK};
        nonce_of(refs[i].counter, v->jobs[i].nonce);
        memcpy(v->jobs[i].tag, refs[i].tag, sizeof refs[i].tag);
    }
    size_t good = rt_gcm_open(v->jobs, count);
    return good == count
               ? 0
               : refuse_block(v, refs[good].block, "was changed or is not of this state", d);
}

/* Reads the blocks of refs[0..count) to where place() says, holes to nowhere. */
static int read_refs(struct volume *v, const struct volume_ref *refs, uint64_t count,
                     volume_place *place, void *context, struct diag *d)
{
    uint8_t *places[VOLUME_BATCH];
    for (uint64_t i = 0; i < count;) {
        size_t n = 0;
        while (i + n < count && n < VOLUME_BATCH && refs[i + n].block != 0 &&
               refs[i + n].block == refs[i].block + n) {
            int err = check_ref(v, &refs[i + n], d);
            places[n] = err == 0 ? place(context, i + n) : NULL;
            if (err != 0 || places[n] == NULL) {
                return err != 0 ? err : diag_fail(d, -ENOMEM, "no memory to read a volume");
            }
            n++;
        }
        int err = n == 0 ? 0 : read_run(v, &refs[i], n, places, d);
        if (err != 0) {
            return err;
        }
        i += n == 0 ? 1 : n;
    }
    return 0;
}

static uint8_t *place_node(void *context, uint64_t i)
{
    return (uint8_t *)context + i * VOLUME_BLOCK;
}

int volume_tree_read(struct volume *v, struct volume_tree *t, uint64_t page_count,
                     struct volume_ref root, volume_place *place, void *context, struct diag *d)
{
    *t = (struct volume_tree){.height = height_of(page_count)};
    int err = page_count > v->blocks_max ? -EBADMSG : 0;
    uint64_t count = page_count;
    for (unsigned l = 0; l <= t->height && err == 0; l++) {
        /* Whole nodes, so that a block can be read to its place. */
        err = level_room(t, l, parents_of(count) * VOLUME_FANOUT);
        t->count[l] = count;
        count = parents_of(count);
    }
    if (err == 0 && page_count > 0) {
        t->refs[t->height][0] = root;
    } else if (err == 0 && root.block != 0) {
        err = refuse_block(v, root.block, "belongs to a file without content", d);
    }
    for (unsigned l = t->height; l > 0 && err == 0; l--) {
        err = read_refs(v, t->refs[l], t->count[l], place_node, t->refs[l - 1], d);
        for (uint64_t i = t->count[l - 1]; i < t->room[l - 1] && err == 0; i++) {
            if (!is_zero((const uint8_t *)&t->refs[l - 1][i], sizeof(struct volume_ref))) {
                err = refuse_block(v, t->refs[l - 1][i].block, "is beyond the end of its file", d);
            }
        }
    }
    if (err == 0 && page_count > 0) {
        err = read_refs(v, t->refs[0], page_count, place, context, d);
    }
    if (err != 0) {
        tree_free(t); /* the whole open fails; marks of use go with it */
    }
    return err;
}

/* ---- root records ---------------------------------------------------------------------------- */

/* header: magic 8, key kind 2, ISVSVN 2, CONFIGSVN 2, zeros 2, CPUSVN 16, KEYID 32, zeros 16 */
#define HEADER_KIND      8u
#define HEADER_ISVSVN    10u
#define HEADER_CONFIGSVN 12u
#define HEADER_CPUSVN    16u
#define HEADER_KEYID     32u
#define HEADER_ZEROS     64u
#define HEADER_SIZE      80u

static void new_header(struct volume *v)
{
    const struct sgx_report_body *self = rt_identity();
    uint8_t *h = v->key_header;
    memset(h, 0, HEADER_SIZE);
    store_le64(h, MAGIC);
    store_le16(h + HEADER_KIND, (uint16_t)v->key_kind);
    if (v->key_kind == VOLUME_KEY_IDENTITY) {
        store_le16(h + HEADER_ISVSVN, self->isvsvn);
        store_le16(h + HEADER_CONFIGSVN, self->configsvn);
        memcpy(h + HEADER_CPUSVN, self->cpusvn, sizeof self->cpusvn);
        rt_random(h + HEADER_KEYID, 32);
    }
}

/* Two of the processor's 128-bit keys make the 256 bits. */
static int identity_secret(const uint8_t header[HEADER_SIZE], struct secret32 *ret)
{
    struct sgx_keyrequest q = {
        .keyname = SGX_KEY_SEAL,
        .keypolicy = SGX_KEYPOLICY_MRENCLAVE | SGX_KEYPOLICY_CONFIGID,
        .isvsvn = load_le16(header + HEADER_ISVSVN),
        .configsvn = load_le16(header + HEADER_CONFIGSVN),
        /* Every defined flag binds; what extended state the processor has does not. */
        .attributemask = {.flags = UINT64_C(0xff0000000000000b), .xfrm = 0},
        .miscmask = UINT32_C(0xf0000000),
    };
    memcpy(q.cpusvn, header + HEADER_CPUSVN, sizeof q.cpusvn);
    memcpy(q.keyid, header + HEADER_KEYID, sizeof q.keyid);
    int err = rt_getkey(&q, ret->bytes);
    q.keyid[31] ^= 0x80;
    err = err != 0 ? err : rt_getkey(&q, ret->bytes + 16);
    return err != 0 ? -EKEYREJECTED : 0; /* security versions above ours, for instance */
}

static int secret_for(const struct volume *v, const uint8_t header[HEADER_SIZE], const uint8_t *key,
                      struct secret32 *ret)
{
    if (v->key_kind == VOLUME_KEY_IDENTITY) {
        return identity_secret(header, ret);
    }
    memcpy(ret->bytes, key, sizeof ret->bytes);
    return 0;
}

static void record_key(const struct volume *v, const struct secret32 *secret,
                       const uint8_t record[RECORD_AAD], struct rt_gcm_key *ret)
{
    uint8_t info[32 + NAME_MAX_BYTES] = "alcove volume root 1";
    SECRET32 key;
    REQUIRE(v->name.size <= NAME_MAX_BYTES);
    memcpy(info + 32, v->name.data, v->name.size);
    rt_hkdf_sha256(BYTES(record + HEADER_SIZE, 32), BYTES(secret->bytes, sizeof secret->bytes),
                   BYTES(info, 32 + v->name.size), key.bytes, sizeof key.bytes);
    rt_gcm_key(ret, key.bytes);
}

/* The key is this record's alone, so its nonce may be zeros. */
static struct rt_gcm_job record_job(const struct rt_gcm_key *key, uint8_t record[VOLUME_BLOCK])
{
    return (struct rt_gcm_job){.key = key,
                               .aad = BYTES(record, RECORD_AAD),
                               .in = record + RECORD_BODY,
                               .out = record + RECORD_BODY,
                               .size = BODY_SIZE};
}

static void sha256(struct bytes data, uint8_t ret[32])
{
    struct rt_sha256_state s;
    rt_sha256_init(&s);
    rt_sha256_update(&s, data);
    rt_sha256_final(&s, ret);
}

static int write_record(struct volume *v)
{
    uint8_t *record = v->buffer;
    uint8_t *body = record + RECORD_BODY;
    struct volume_ref root = volume_tree_root(&v->catalogue);
    memset(record, 0, VOLUME_BLOCK);
    memcpy(record, v->key_header, HEADER_SIZE);
    rt_random(record + HEADER_SIZE, 32);
    store_le64(body, v->sequence + 1);
    store_le64(body + 8, v->capacity);
    store_le64(body + 16, v->catalogue_size);
    memcpy(body + 24, &root, sizeof root);
    uint64_t alive = 0;
    for (unsigned i = 0; i < VOLUME_KEYS; i++) {
        if (v->key_blocks[i] > 0) {
            alive |= UINT64_C(1) << i;
            memcpy(body + BODY_KEYS + 32 * i, v->keys[i].bytes, 32);
        }
    }
    store_le64(body + 56, alive);
    struct rt_gcm_key key;
    record_key(v, &v->secret, record, &key);
    struct rt_gcm_job job = record_job(&key, record);
    rt_gcm_seal(&job, 1);
    secure_zero(&key, sizeof key);
    memcpy(record + RECORD_TAG, job.tag, sizeof job.tag);
    int err = rt_volume_write(v->number, offset_of((v->sequence + 1) % SLOTS),
                              BYTES(record, VOLUME_BLOCK));
    err = err != 0 ? err : rt_volume_sync(v->number);
    if (err == 0) {
        v->sequence++;
        sha256(BYTES(record, VOLUME_BLOCK), v->root);
    }
    return err;
}

/* Opens a record in place. -EKEYREJECTED: not authentic. */
static int open_record(struct volume *v, const uint8_t *key, uint8_t record[VOLUME_BLOCK],
                       uint8_t ret_root[32])
{
    SECRET32 secret;
    struct rt_gcm_key ready;
    if (load_le64(record) != MAGIC || load_le16(record + HEADER_KIND) != (uint16_t)v->key_kind) {
        return -EKEYREJECTED;
    }
    sha256(BYTES(record, VOLUME_BLOCK), ret_root);
    int err = secret_for(v, record, key, &secret);
    if (err != 0) {
        return err;
    }
    record_key(v, &secret, record, &ready);
    struct rt_gcm_job job = record_job(&ready, record);
    memcpy(job.tag, record + RECORD_TAG, sizeof job.tag);
    err = rt_gcm_open(&job, 1) == 1 ? 0 : -EKEYREJECTED;
    secure_zero(&ready, sizeof ready);
    return err;
}

static void take_record(struct volume *v, const uint8_t *record, const uint8_t root[32])
{
    const uint8_t *body = record + RECORD_BODY;
    v->sequence = load_le64(body);
    memcpy(v->root, root, sizeof v->root);
    v->catalogue_size = load_le64(body + 16);
    v->keys_known = load_le64(body + 56);
    for (unsigned i = 0; i < VOLUME_KEYS; i++) {
        memcpy(v->keys[i].bytes, body + BODY_KEYS + 32 * i, 32);
        if ((v->keys_known >> i & 1) != 0) {
            rt_gcm_key(&v->ready[i], v->keys[i].bytes);
        }
    }
}

/* ---- opening --------------------------------------------------------------------------------- */

#define NAME_OF(v) (int)(v)->name.size, (const char *)(v)->name.data

static int check_minimum(const struct volume *v, const struct volume_minimum *m, struct diag *d)
{
    if (v->sequence < m->sequence) {
        return diag_fail(
            d, -ESTALE,
            "volume %.*s: the host brought state %llu, and state %llu is known to exist",
            NAME_OF(v), (unsigned long long)v->sequence, (unsigned long long)m->sequence);
    }
    if (m->has_root && v->sequence == m->sequence && !ct_equal(v->root, m->root, 32)) {
        return diag_fail(d, -ESTALE,
                         "volume %.*s: state %llu has another root than the known one: the volume "
                         "was continued twice",
                         NAME_OF(v), (unsigned long long)v->sequence);
    }
    return 0;
}

/* Reads both root records; takes the newer good one. Both zeros: a volume that never was. */
static int find_record(struct volume *v, const uint8_t *key, uint64_t size, struct volume_ref *ret,
                       struct diag *d)
{
    uint8_t *records = v->buffer;
    if (size < SLOTS * VOLUME_BLOCK) {
        return size == 0 ? 0
                         : diag_fail(d, -EKEYREJECTED,
                                     "volume %.*s: its file has %llu bytes: it is not a volume, or "
                                     "was truncated",
                                     NAME_OF(v), (unsigned long long)size);
    }
    if (rt_volume_read(v->number, 0, records, SLOTS * VOLUME_BLOCK) != 0) {
        return diag_fail(d, -EIO, "volume %.*s: its file cannot be read", NAME_OF(v));
    }
    if (is_zero(records, SLOTS * VOLUME_BLOCK)) {
        return 0;
    }
    uint64_t newest = 0;
    for (unsigned i = 0; i < SLOTS; i++) {
        uint8_t *record = records + i * VOLUME_BLOCK, root[32];
        if (open_record(v, key, record, root) != 0) {
            continue;
        }
        const uint8_t *body = record + RECORD_BODY;
        if (load_le64(body) % SLOTS == i && load_le64(body) > newest) {
            newest = load_le64(body);
            take_record(v, record, root);
            memcpy(ret, body + 24, sizeof *ret);
        }
    }
    return newest != 0
               ? 0
               : diag_fail(
                     d, -EKEYREJECTED,
                     "volume %.*s: neither root record authenticates: another enclave's, under "
                     "another key or name, or damaged",
                     NAME_OF(v));
}

int volume_open(struct volume *v, const uint8_t *key, const struct volume_minimum *minimum,
                struct diag *d)
{
    uint64_t size = 0;
    struct volume_ref root = {.block = 0};
    v->own_key = VOLUME_KEYS;
    int err = rt_volume_size(v->number, &size);
    if (err != 0) {
        return diag_fail(d, err,
                         "volume %.*s: no file was given for it; `alcove run` takes "
                         "--volume %.*s=PATH",
                         NAME_OF(v), NAME_OF(v));
    }
    v->buffer = rt_alloc((size_t)VOLUME_BATCH * VOLUME_BLOCK);
    uint64_t blocks = size / VOLUME_BLOCK;
    err = v->buffer == NULL ? -ENOMEM
                            : set_capacity(v, blocks < SLOTS           ? SLOTS
                                              : blocks > v->blocks_max ? v->blocks_max
                                                                       : blocks);
    if (err != 0) {
        volume_close(v);
        return diag_fail(d, err, "volume %.*s: no memory", NAME_OF(v));
    }
    err = find_record(v, key, size, &root, d);
    err = err != 0 ? err : check_minimum(v, minimum, d);
    if (err == 0) {
        new_header(v);
        err = secret_for(v, v->key_header, key, &v->secret);
    }
    if (err == 0) { /* the catalogue's root waits in the place where its tree will have it */
        err = level_room(&v->catalogue, 0, 1);
    }
    if (err != 0) {
        volume_close(v);
        return err;
    }
    v->catalogue.refs[0][0] = root;
    v->cursor = SLOTS;
    return 0;
}

void volume_close(struct volume *v)
{
    tree_free(&v->catalogue);
    rt_free(v->used);
    rt_free(v->buffer);
    size_t number = v->number;
    struct bytes name = v->name;
    enum volume_key_kind kind = v->key_kind;
    uint64_t blocks_max = v->blocks_max;
    secure_zero(v, sizeof *v);
    v->blocks_max = blocks_max;
    v->number = number;
    v->name = name;
    v->key_kind = kind;
}

int volume_read_catalogue(struct volume *v, uint8_t **ret, size_t *ret_size, struct diag *d)
{
    struct volume_ref root = v->catalogue.refs[0][0];
    tree_free(&v->catalogue);
    uint64_t pages = v->catalogue_size / VOLUME_BLOCK + (v->catalogue_size % VOLUME_BLOCK != 0);
    if (pages > v->capacity) {
        return diag_fail(d, -EBADMSG, "volume %.*s: its catalogue is larger than its file",
                         NAME_OF(v));
    }
    uint8_t *buffer = rt_alloc((size_t)(pages > 0 ? pages : 1) * VOLUME_BLOCK);
    if (buffer == NULL) {
        return diag_fail(d, -ENOMEM, "volume %.*s: no memory for its catalogue", NAME_OF(v));
    }
    int err = volume_tree_read(v, &v->catalogue, pages, root, place_node, buffer, d);
    if (err != 0) {
        rt_free(buffer);
        return err;
    }
    *ret = buffer;
    *ret_size = (size_t)v->catalogue_size;
    return 0;
}

/* ---- committing ------------------------------------------------------------------------------ */

static const uint8_t *catalogue_page(void *context, uint64_t page)
{
    return (const uint8_t *)context + page * VOLUME_BLOCK;
}

static int commit(struct volume *v, const uint8_t *catalogue, size_t size, const uint8_t *old,
                  size_t old_size)
{
    uint64_t pages = size / VOLUME_BLOCK + (size % VOLUME_BLOCK != 0);
    uint64_t old_pages = old_size / VOLUME_BLOCK + (old_size % VOLUME_BLOCK != 0);
    for (uint64_t i = 0; i < pages; i++) {
        if (old == NULL || i >= old_pages ||
            memcmp(catalogue + i * VOLUME_BLOCK, old + i * VOLUME_BLOCK, VOLUME_BLOCK) != 0) {
            volume_tree_touch(&v->catalogue, i);
        }
    }
    int err =
        volume_tree_write(v, &v->catalogue, pages, catalogue_page, (void *)(uintptr_t)catalogue);
    if (err != 0 || (v->writes == 0 && size == v->catalogue_size)) {
        return err;
    }
    v->catalogue_size = size;
    err = rt_volume_sync(v->number); /* what the record names is there before the record is */
    err = err != 0 ? err : write_record(v);
    if (err == 0) {
        for (uint64_t i = SLOTS; i < v->capacity; i++) {
            v->used[i] = v->used[i] == BLOCK_LEAVING ? BLOCK_FREE : v->used[i];
        }
        v->writes = 0;
    }
    return err;
}

int volume_commit(struct volume *v, const uint8_t *catalogue, size_t size, const uint8_t *old,
                  size_t old_size)
{
    int err = v->failed ? -EIO : commit(v, catalogue, size, old, old_size);
    v->failed = v->failed || err != 0;
    return err;
}
