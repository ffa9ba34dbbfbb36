/* SPDX-License-Identifier: Apache-2.0 */
#include "logbook.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event.h"

#define KEY_FILE "log.key"

struct logbook {
    struct store *store;
    pthread_mutex_t mutex; /* recursive: what is stored along with a leaf wants proofs */
    struct query_secret_key key;
    struct query_hash id;
    struct query_hash *hashes; /* of the leaves */
    uint64_t count, room;
    uint64_t time;              /* of the newest head; at 0 there is none */
    struct signed_head head;    /* of all leaves, once there is one */
    struct query_log_tree tree; /* its tree, which is not hashed again each second */
};

/* ---- the key --------------------------------------------------------------------------------- */

static int write_key(const char *dir, const char *path, const uint8_t scalar[32], struct diag *d)
{
    char temp[PATH_MAX];
    if (base_format(temp, sizeof temp, "%s.new", path) >= sizeof temp) {
        return diag_fail(d, -ENAMETOOLONG, "%s: the path is too long", path);
    }
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int parent = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = 0;
    if (fd < 0 || parent < 0 || fchmod(fd, 0600) != 0 || write(fd, scalar, 32) != 32 ||
        fsync(fd) != 0 || rename(temp, path) != 0 || fsync(parent) != 0) {
        r = diag_fail(d, errno != 0 ? -errno : -EIO, "cannot write %s: %s", path, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    if (parent >= 0) {
        close(parent);
    }
    return r;
}

static int make_key(struct logbook *l, const char *dir, const char *path, struct diag *d)
{
    uint8_t scalar[32];
    if (l->count > 0) {
        return diag_fail(
            d, -ENOENT,
            "%s is not there, but the log has %lu leaves: bring the key back, or begin a "
            "new log in an empty state folder",
            path, (unsigned long)l->count);
    }
    do {
        if (getrandom(scalar, sizeof scalar, 0) != sizeof scalar) {
            return diag_fail(d, -EIO, "the system gives no random numbers");
        }
    } while (query_secret_key_read(BYTES_OF(scalar), &l->key) != 0);
    int r = write_key(dir, path, scalar, d);
    secure_zero(scalar, sizeof scalar);
    return r;
}

static int read_key(struct logbook *l, const char *dir, struct diag *d)
{
    char path[PATH_MAX];
    uint8_t scalar[33];
    struct stat st;
    if (base_format(path, sizeof path, "%s/" KEY_FILE, dir) >= sizeof path) {
        return diag_fail(d, -ENAMETOOLONG, "%s: the path is too long", dir);
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        return make_key(l, dir, path, d);
    }
    int r = 0;
    if (fd < 0 || fstat(fd, &st) != 0) {
        r = diag_fail(d, -errno, "cannot open %s: %s", path, strerror(errno));
    } else if ((st.st_mode & 077) != 0) {
        r = diag_fail(d, -EPERM, "%s can be read by others: its mode must be 0600", path);
    } else if (read(fd, scalar, sizeof scalar) != 32 ||
               query_secret_key_read(BYTES(scalar, 32), &l->key) != 0) {
        r = diag_fail(d, -EINVAL, "%s is no key of a log", path);
    }
    secure_zero(scalar, sizeof scalar);
    if (fd >= 0) {
        close(fd);
    }
    return r;
}

/* ---- leaves ---------------------------------------------------------------------------------- */

static int hold(struct logbook *l, const struct query_hash *hash)
{
    if (l->count == l->room) {
        uint64_t room = l->room > 0 ? 2 * l->room : 1024;
        struct query_hash *bigger = realloc(l->hashes, room * sizeof *bigger);
        if (bigger == NULL) {
            return -ENOMEM;
        }
        l->hashes = bigger;
        l->room = room;
    }
    l->hashes[l->count++] = *hash;
    return 0;
}

static int hold_row(void *context, uint64_t position, const struct query_hash *hash)
{
    struct logbook *l = context;
    return position == l->count ? hold(l, hash) : -EBADMSG;
}

int logbook_open(struct store *store, const char *dir, struct logbook **ret, struct diag *d)
{
    struct logbook *l = calloc(1, sizeof *l);
    pthread_mutexattr_t attr;
    if (l == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for the log");
    }
    l->store = store;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&l->mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    int r = store_leaves(store, hold_row, l, d);
    r = r == -EBADMSG  ? diag_fail(d, r, "the log's records lack leaf %lu", (unsigned long)l->count)
        : r == -ENOMEM ? diag_fail(d, r, "no memory for the log's leaves")
                       : r;
    r = r != 0 ? r : store_head_time(store, &l->time, d);
    r = r != 0 ? r : read_key(l, dir, d);
    if (r == 0 && query_key_id(&l->key.key, &l->id) != 0) {
        r = diag_fail(d, -EIO, "the log's key: the crypto library failed");
    }
    if (r != 0) {
        logbook_close(l);
        return r;
    }
    *ret = l;
    return 0;
}

void logbook_close(struct logbook *l)
{
    if (l == NULL) {
        return;
    }
    query_secret_key_wipe(&l->key);
    pthread_mutex_destroy(&l->mutex);
    free(l->hashes);
    free(l);
}

const struct query_key *logbook_key(const struct logbook *l)
{
    return &l->key.key;
}

/* ---- heads ----------------------------------------------------------------------------------- */

/* Of the first `size` leaves, as of now. The time is stored before anybody sees it. */
static int sign_head(struct logbook *l, uint64_t size, struct signed_head *ret,
                     struct query_log_tree *ret_tree, struct diag *d)
{
    const struct query_signer signer = {query_sign_with, &l->key};
    struct query_log_head head = {.log = l->id, .time = now_s()};
    struct signed_head h = {.size = size};
    struct writer w = writer_of(h.bytes, sizeof h.bytes);
    if (head.time < l->time) {
        head.time = l->time; /* somebody set the clock back */
    }
    if (l->head.bytes_size > 0 && l->tree.size == size) {
        head.tree = l->tree;
    } else if (query_log_tree_of(l->hashes, size, &head.tree) != 0) {
        return diag_fail(d, -EIO, "the log's root: the crypto library failed");
    }
    int r = query_log_head_sign(&head, &signer, &w, d);
    r = r != 0 ? r : store_set_head_time(l->store, head.time, d);
    if (r == 0) {
        h.time = l->time = head.time;
        h.bytes_size = w.size;
        *ret = h;
        *ret_tree = head.tree;
    }
    return r;
}

static int newest_head(struct logbook *l, struct diag *d)
{
    uint64_t now = now_s();
    bool fresh = l->head.bytes_size > 0 && l->head.size == l->count && now <= l->head.time;
    return fresh ? 0 : sign_head(l, l->count, &l->head, &l->tree, d);
}

int logbook_head(struct logbook *l, struct signed_head *ret, struct diag *d)
{
    pthread_mutex_lock(&l->mutex);
    int r = newest_head(l, d);
    if (r == 0) {
        *ret = l->head;
    }
    pthread_mutex_unlock(&l->mutex);
    return r;
}

/* ---- appending ------------------------------------------------------------------------------- */

/* Within a transaction. The leaf is in memory only when this succeeds. */
static int append_locked(struct logbook *l, struct bytes leaf, const struct query_hash *hash,
                         logbook_also *also, void *context, uint64_t *ret_position, struct diag *d)
{
    uint64_t position;
    struct signed_head head;
    struct query_log_tree tree;
    uint64_t before = l->count;
    int r = store_leaf_position(l->store, hash, &position, d);
    if (r == -ENOENT) {
        position = l->count;
        r = store_add_leaf(l->store, position, hash, leaf, d);
        r = r == 0 && hold(l, hash) != 0 ? diag_fail(d, -ENOMEM, "no memory for a leaf") : r;
    }
    r = r != 0 ? r : sign_head(l, l->count, &head, &tree, d);
    r = r != 0 || also == NULL ? r : also(context, position, &head, d);
    if (r != 0) {
        l->count = before;
        store_rollback(l->store);
        return r;
    }
    r = store_commit(l->store, d);
    if (r != 0) {
        l->count = before;
        return r;
    }
    l->head = head;
    l->tree = tree;
    *ret_position = position;
    return 0;
}

int logbook_append(struct logbook *l, const struct query_log_leaf *leaf, logbook_also *also,
                   void *context, uint64_t *ret_position, struct diag *d)
{
    uint8_t bytes[QUERY_LOG_LEAF_MAX];
    struct writer w = writer_of(bytes, sizeof bytes);
    struct query_hash hash;
    int r = query_log_leaf_encode(leaf, &w, d);
    if (r == 0 && query_log_leaf_hash(BYTES(w.data, w.size), &hash) != 0) {
        r = diag_fail(d, -EIO, "a leaf of the log: the crypto library failed");
    }
    if (r != 0) {
        return r;
    }
    pthread_mutex_lock(&l->mutex);
    r = store_begin(l->store, d);
    r = r != 0 ? r : append_locked(l, BYTES(w.data, w.size), &hash, also, context, ret_position, d);
    pthread_mutex_unlock(&l->mutex);
    return r;
}

/* ---- proofs ---------------------------------------------------------------------------------- */

static int encode(const struct query_log_proof *proof, struct encoded_proof *ret, struct diag *d)
{
    struct writer w = writer_of(ret->bytes, sizeof ret->bytes);
    if (query_log_proof_encode(proof, &w) != 0) {
        return diag_fail(d, -EIO, "a proof of the log cannot be written");
    }
    ret->size = w.size;
    return 0;
}

int logbook_prove_leaf(struct logbook *l, uint64_t position, uint64_t size,
                       struct encoded_proof *ret, struct diag *d)
{
    struct query_log_proof proof;
    pthread_mutex_lock(&l->mutex);
    int r = size > l->count || position >= size
                ? diag_fail(d, -EINVAL, "leaf %lu is not in a tree of %lu; the log has %lu leaves",
                            (unsigned long)position, (unsigned long)size, (unsigned long)l->count)
                : query_log_prove_inclusion(l->hashes, size, position, &proof);
    pthread_mutex_unlock(&l->mutex);
    return r != 0 ? r : encode(&proof, ret, d);
}

int logbook_prove_extension(struct logbook *l, uint64_t from, uint64_t size,
                            struct encoded_proof *ret, struct diag *d)
{
    struct query_log_proof proof;
    pthread_mutex_lock(&l->mutex);
    int r = size > l->count || from > size
                ? diag_fail(d, -EINVAL, "no tree of %lu extends one of %lu; the log has %lu leaves",
                            (unsigned long)size, (unsigned long)from, (unsigned long)l->count)
                : query_log_prove_consistency(l->hashes, size, from, &proof);
    pthread_mutex_unlock(&l->mutex);
    return r != 0 ? r : encode(&proof, ret, d);
}
