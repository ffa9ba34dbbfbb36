/* SPDX-License-Identifier: Apache-2.0 */
/* The phone's folder, see store.h. */
#include "phone/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cbor.h"
#include "build/file.h"

#define STATE_FORMAT "alcove-phone-state-1"
#define KEY_FORMAT   "alcove-phone-key-1"
#define STATE_MAX    1024u
#define NAME_LIMIT   64u

void (*phone_store_step)(unsigned step);

static void step(unsigned number)
{
    if (phone_store_step != NULL) {
        phone_store_step(number);
    }
}

/* ---- The state as bytes ---------------------------------------------------------------------- */

int phone_state_encode(const struct phone_state *s, struct writer *out)
{
    size_t start = out->size;
    cbor_put_map(out, 7);
    cbor_put_str(out, "book"); /* keys: shorter first, then bytewise */
    cbor_put_array(out, 12);
    cbor_put_uint(out, s->book.budget.window);
    cbor_put_uint(out, s->book.budget.spent);
    cbor_put_uint(out, s->book.budget.lifetime);
    cbor_put_uint(out, s->book.number);
    cbor_put_uint(out, s->book.policy);
    cbor_put_uint(out, s->book.head.tree.size);
    cbor_put_bytes(out, BYTES_OF(s->book.head.tree.root.data));
    cbor_put_uint(out, s->book.head.time);
    cbor_put_bytes(out, BYTES_OF(s->book.head.log.data));
    cbor_put_uint(out, s->book.acknowledged.sequence);
    cbor_put_bytes(out, BYTES_OF(s->book.acknowledged.root.data));
    cbor_put_bytes(out, BYTES(s->signed_head, s->head_size));
    cbor_put_str(out, "push");
    cbor_put_bool(out, s->push);
    cbor_put_str(out, "forks");
    cbor_put_uint(out, s->forks);
    cbor_put_str(out, "stage");
    cbor_put_uint(out, s->stage);
    cbor_put_str(out, "format");
    cbor_put_str(out, STATE_FORMAT);
    cbor_put_str(out, "unknown");
    cbor_put_uint(out, s->unknown_until);
    cbor_put_str(out, "restored");
    cbor_put_bool(out, s->restored);
    if (out->failed) {
        out->size = start;
        return -ENOSPC;
    }
    return 0;
}

static void key(struct cbor_reader *r, struct cbor_map *m, const char *name)
{
    struct bytes found;
    if (!cbor_key(r, m, &found) || !bytes_equal_str(found, name)) {
        cbor_fail(r);
    }
}

static void fixed(struct cbor_reader *r, uint8_t *ret, size_t size)
{
    struct bytes b = cbor_bytes(r, size, size);
    if (b.size == size) {
        memcpy(ret, b.data, size);
    }
}

static void book_decode(struct cbor_reader *r, struct phone_state *s)
{
    struct lease_book *b = &s->book;
    if (cbor_array(r, 12) != 12) {
        cbor_fail(r);
    }
    b->budget.window = cbor_uint(r, UINT64_MAX);
    b->budget.spent = cbor_uint(r, UINT64_MAX);
    b->budget.lifetime = cbor_uint(r, UINT64_MAX);
    b->number = cbor_uint(r, INT64_MAX);
    b->policy = cbor_uint(r, INT64_MAX);
    b->head.tree.size = cbor_uint(r, QUERY_LOG_SIZE_MAX);
    fixed(r, b->head.tree.root.data, 32);
    b->head.time = cbor_uint(r, QUERY_TIME_MAX);
    fixed(r, b->head.log.data, 32);
    b->acknowledged.sequence = cbor_uint(r, INT64_MAX);
    fixed(r, b->acknowledged.root.data, 32);
    struct bytes head = cbor_bytes(r, 0, sizeof s->signed_head);
    memcpy(s->signed_head, head.size > 0 ? head.data : (const uint8_t *)"", head.size);
    s->head_size = head.size;
}

int phone_state_decode(struct bytes cbor, struct phone_state *ret)
{
    struct phone_state s = {0};
    struct cbor_reader r = cbor_reader_of(cbor);
    struct cbor_map m = cbor_map(&r, 7);
    if (m.left != 7) {
        cbor_fail(&r);
    }
    key(&r, &m, "book");
    book_decode(&r, &s);
    key(&r, &m, "push");
    s.push = cbor_bool(&r);
    key(&r, &m, "forks");
    s.forks = cbor_uint(&r, INT64_MAX);
    key(&r, &m, "stage");
    s.stage = (enum phone_stage)cbor_uint(&r, PHONE_STAGES - 1);
    key(&r, &m, "format");
    if (!bytes_equal_str(cbor_text(&r, 64), STATE_FORMAT)) {
        cbor_fail(&r);
    }
    key(&r, &m, "unknown");
    s.unknown_until = cbor_uint(&r, QUERY_TIME_MAX + LEDGER_WINDOW_S);
    key(&r, &m, "restored");
    s.restored = cbor_bool(&r);
    if (!cursor_done(&r.in)) {
        return -EINVAL;
    }
    *ret = s;
    return 0;
}

void phone_state_settle(struct phone_state *s, int64_t now)
{
    if (!s->restored || s->book.head.time == 0) {
        return;
    }
    uint64_t clock = now > 0 && (uint64_t)now <= QUERY_TIME_MAX ? (uint64_t)now : 0;
    uint64_t time = clock > s->book.head.time ? clock : s->book.head.time;
    s->book.budget.window = lease_window(time);
    s->book.budget.spent = DP_RHO_MAX; /* whatever the cap: nothing is left of it */
    s->unknown_until = (s->book.budget.window + 1) * LEDGER_WINDOW_S;
    s->book.number = s->book.head.time > s->book.number ? s->book.head.time : s->book.number;
    s->restored = false;
}

/* ---- Folder ---------------------------------------------------------------------------------- */

static int fail(const struct phone_store *s, const char *name, int err, struct diag *d)
{
    return diag_fail(d, err, "%s/%s: %s", s->path, name, strerror(-err));
}

static int check_folder(const struct phone_store *s, struct diag *d)
{
    struct stat st;
    if (fstat(s->folder, &st) != 0) {
        return diag_fail(d, -errno, "%s: %s", s->path, strerror(errno));
    }
    if (st.st_uid != geteuid()) {
        return diag_fail(d, -EACCES, "%s: the folder belongs to somebody else", s->path);
    }
    if ((st.st_mode & 077) != 0) {
        return diag_fail(d, -EACCES,
                         "%s: others may read this folder, which has keys in it; say chmod 700 %s",
                         s->path, s->path);
    }
    return 0;
}

static int take_lock(struct phone_store *s, struct diag *d)
{
    s->lock = openat(s->folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->lock < 0) {
        return fail(s, "lock", -errno, d);
    }
    if (flock(s->lock, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK
                   ? diag_fail(d, -EBUSY,
                               "%s: another 'alcove phone' is using it; wait until it is done",
                               s->path)
                   : fail(s, "lock", -errno, d);
    }
    return 0;
}

static int make_folder(const char *path, struct diag *d)
{
    char parent[4096];
    base_format(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash != NULL && slash != parent) {
        *slash = '\0';
        int err = make_folders(parent, d);
        if (err != 0) {
            return err;
        }
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST
               ? 0
               : diag_fail(d, -errno, "%s: %s", path, strerror(errno));
}

int phone_store_open(struct phone_store *ret, const char *path, bool create, struct diag *d)
{
    struct phone_store s = PHONE_STORE_NONE;
    if (base_format(s.path, sizeof s.path, "%s", path) >= sizeof s.path) {
        return diag_fail(d, -ENAMETOOLONG, "the folder's path is too long");
    }
    int err = create ? make_folder(path, d) : 0;
    if (err != 0) {
        return err;
    }
    s.folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s.folder < 0) {
        return errno == ENOENT
                   ? diag_fail(d, -ENOENT, "%s: there is no phone; 'alcove phone init' makes one",
                               path)
                   : diag_fail(d, -errno, "%s: %s", path, strerror(errno));
    }
    err = check_folder(&s, d);
    err = err != 0 ? err : take_lock(&s, d);
    if (err != 0) {
        phone_store_close(&s);
        return err;
    }
    *ret = s;
    return 0;
}

void phone_store_close(struct phone_store *s)
{
    if (s->lock >= 0) {
        close(s->lock); /* which unlocks */
    }
    if (s->folder >= 0) {
        close(s->folder);
    }
    *s = PHONE_STORE_NONE;
}

/* ---- Files ----------------------------------------------------------------------------------- */

bool phone_store_has(const struct phone_store *s, const char *name)
{
    struct stat st;
    return fstatat(s->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int phone_store_get(const struct phone_store *s, const char *name, struct writer *out,
                    struct diag *d)
{
    size_t start = out->size;
    int err = 0, fd = openat(s->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return fail(s, name, -errno, d);
    }
    for (;;) {
        uint8_t chunk[4096];
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            err = n < 0 ? fail(s, name, -errno, d) : 0;
            break;
        }
        writer_put(out, BYTES(chunk, (size_t)n));
        secure_zero(chunk, sizeof chunk);
        if (out->failed) {
            err = diag_fail(d, -EFBIG, "%s/%s: is larger than it may be", s->path, name);
            break;
        }
    }
    close(fd);
    if (err != 0) {
        out->size = start;
    }
    return err;
}

static int write_all(int fd, struct bytes content)
{
    while (content.size > 0) {
        ssize_t n = write(fd, content.data, content.size);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (n > 0) {
            content.data += n;
            content.size -= (size_t)n;
        }
    }
    return 0;
}

/* Written and flushed under another name; half a file is never seen under its own. */
static int write_beside(const struct phone_store *s, const char *temporary, struct bytes content)
{
    step(0);
    if (unlinkat(s->folder, temporary, 0) != 0 && errno != ENOENT) {
        return -errno;
    }
    int fd =
        openat(s->folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return -errno;
    }
    step(1);
    size_t half = content.size / 2; /* so that a test can end in the middle */
    int err = fchmod(fd, 0600) == 0 ? write_all(fd, BYTES(content.data, half)) : -errno;
    step(2);
    err = err != 0 ? err : write_all(fd, BYTES(content.data + half, content.size - half));
    step(3);
    if (err == 0 && fsync(fd) != 0) {
        err = -errno;
    }
    if (close(fd) != 0 && err == 0) {
        err = -errno;
    }
    return err;
}

int phone_store_put(const struct phone_store *s, const char *name, struct bytes content,
                    struct diag *d)
{
    char temporary[NAME_LIMIT + 8];
    REQUIRE(strlen(name) < NAME_LIMIT);
    base_format(temporary, sizeof temporary, "%s.tmp", name);
    int err = write_beside(s, temporary, content);
    step(4);
    if (err == 0 && renameat(s->folder, temporary, s->folder, name) != 0) {
        err = -errno;
    }
    if (err != 0) {
        unlinkat(s->folder, temporary, 0);
        return fail(s, name, err, d);
    }
    step(5);
    return fsync(s->folder) == 0 ? 0 : fail(s, name, -errno, d);
}

int phone_store_remove(const struct phone_store *s, const char *name, struct diag *d)
{
    if (unlinkat(s->folder, name, 0) != 0 && errno != ENOENT) {
        return fail(s, name, -errno, d);
    }
    return fsync(s->folder) == 0 ? 0 : fail(s, name, -errno, d);
}

/* ---- Seed and state -------------------------------------------------------------------------- */

int phone_store_put_seed(const struct phone_store *s, const uint8_t seed[PHONE_SEED_SIZE],
                         struct diag *d)
{
    uint8_t buffer[128];
    struct writer w = writer_of(buffer, sizeof buffer);
    cbor_put_map(&w, 2);
    cbor_put_str(&w, "seed");
    cbor_put_bytes(&w, BYTES(seed, PHONE_SEED_SIZE));
    cbor_put_str(&w, "format");
    cbor_put_str(&w, KEY_FORMAT);
    REQUIRE(!w.failed);
    int err = phone_store_put(s, "key", BYTES(buffer, w.size), d);
    secure_zero(buffer, sizeof buffer);
    return err;
}

int phone_store_get_seed(const struct phone_store *s, uint8_t ret[PHONE_SEED_SIZE], struct diag *d)
{
    uint8_t buffer[128], seed[PHONE_SEED_SIZE] = {0};
    struct writer w = writer_of(buffer, sizeof buffer);
    int err = phone_store_get(s, "key", &w, d);
    if (err == -ENOENT) {
        return diag_fail(d, err, "%s: there is no phone; 'alcove phone init' makes one", s->path);
    }
    if (err != 0) {
        return err;
    }
    struct cbor_reader r = cbor_reader_of(BYTES(buffer, w.size));
    struct cbor_map m = cbor_map(&r, 2);
    key(&r, &m, "seed");
    fixed(&r, seed, sizeof seed);
    key(&r, &m, "format");
    if (!bytes_equal_str(cbor_text(&r, 64), KEY_FORMAT)) {
        cbor_fail(&r);
    }
    if (!cursor_done(&r.in)) {
        err = diag_fail(
            d, -EINVAL,
            "%s/key: is not a phone's key; 'alcove phone init --restore' makes it again from "
            "the phrase, in another folder",
            s->path);
    } else {
        memcpy(ret, seed, sizeof seed);
    }
    secure_zero(buffer, sizeof buffer);
    secure_zero(seed, sizeof seed);
    return err;
}

int phone_store_put_state(const struct phone_store *s, const struct phone_state *state,
                          struct diag *d)
{
    uint8_t buffer[STATE_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);
    int err = phone_state_encode(state, &w);
    REQUIRE(err == 0);
    return phone_store_put(s, "state", BYTES(buffer, w.size), d);
}

int phone_store_get_state(const struct phone_store *s, struct phone_state *ret, struct diag *d)
{
    uint8_t buffer[STATE_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);
    int err = phone_store_get(s, "state", &w, d);
    if (err == 0 && phone_state_decode(BYTES(buffer, w.size), ret) != 0) {
        err = diag_fail(
            d, -EINVAL,
            "%s/state: is not what a phone wrote; 'alcove phone init --restore' makes a new "
            "phone from the phrase, in another folder",
            s->path);
    }
    return err;
}
