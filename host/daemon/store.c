/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite in WAL mode. Every commit waits for the disk (synchronous=FULL), but those of what may be
 * forgotten by a power failure: heads' times and seen requests, which are written often. */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STORE_FILE     "alcoved.sqlite"
#define APPLICATION_ID 0x616c6376 /* "alcv" */

struct store {
    sqlite3 *db;
    pthread_mutex_t mutex; /* recursive: held through a transaction */
    bool in_transaction;
    char path[PATH_MAX];
};

static const char schema[] =
    "CREATE TABLE leaves(position INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, leaf BLOB NOT "
    "NULL,"
    " CHECK(length(hash) = 32)) STRICT;"
    "CREATE TABLE head(one INTEGER PRIMARY KEY CHECK(one = 1), time INTEGER NOT NULL) STRICT;"
    "CREATE TABLE custodians(id BLOB PRIMARY KEY CHECK(length(id) = 32),"
    " owner BLOB NOT NULL CHECK(length(owner) = 65), program TEXT NOT NULL,"
    " deleting INTEGER NOT NULL DEFAULT 0, held INTEGER NOT NULL DEFAULT 0,"
    " sent INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;"
    "CREATE TABLE queries(id BLOB PRIMARY KEY CHECK(length(id) = 32),"
    " analyst BLOB NOT NULL CHECK(length(analyst) = 32), document BLOB NOT NULL,"
    " position INTEGER NOT NULL REFERENCES leaves(position), state INTEGER NOT NULL DEFAULT 0,"
    " invited INTEGER NOT NULL DEFAULT 0, accepted INTEGER NOT NULL DEFAULT 0,"
    " declined INTEGER NOT NULL DEFAULT 0, answered INTEGER NOT NULL DEFAULT 0,"
    " late INTEGER NOT NULL DEFAULT 0, sentence TEXT NOT NULL DEFAULT '', outcome BLOB) STRICT;"
    "CREATE TABLE seen(key BLOB NOT NULL, mark BLOB NOT NULL, time INTEGER NOT NULL,"
    " PRIMARY KEY(key, mark)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX seen_time ON seen(time);";

static int sql_error(struct store *s, int code, struct diag *d)
{
    int r = code == SQLITE_FULL                                                        ? -ENOSPC
            : code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_UNIQUE ? -EEXIST
            : code == SQLITE_BUSY                                                      ? -EBUSY
                                                                                       : -EIO;
    return diag_fail(d, r, "%s: %s", s->path, sqlite3_errmsg(s->db));
}

static int run(struct store *s, const char *sql, struct diag *d)
{
    int code = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : sql_error(s, code, d);
}

static int number_of(struct store *s, const char *sql, int64_t *ret, struct diag *d)
{
    sqlite3_stmt *q = NULL;
    int code = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
    code = code == SQLITE_OK ? sqlite3_step(q) : code;
    int r = 0;
    if (code == SQLITE_ROW) {
        *ret = sqlite3_column_int64(q, 0);
    } else {
        r = code == SQLITE_DONE ? -ENOENT : sql_error(s, code, d);
    }
    sqlite3_finalize(q);
    return r;
}

/* ---- opening --------------------------------------------------------------------------------- */

static int make_schema(struct store *s, struct diag *d)
{
    int64_t version = 0;
    char sql[96];
    int r = number_of(s, "PRAGMA user_version", &version, d);
    if (r != 0 || version == STORE_VERSION) {
        return r;
    }
    if (version != 0) {
        return diag_fail(
            d, -EPROTONOSUPPORT,
            "%s has version %ld, this program knows %d: it was written by a newer one, "
            "which is the one to use",
            s->path, (long)version, STORE_VERSION);
    }
    r = run(s, "BEGIN IMMEDIATE", d);
    r = r != 0 ? r : run(s, schema, d);
    base_format(sql, sizeof sql, "PRAGMA user_version = %d; PRAGMA application_id = %d; COMMIT",
                STORE_VERSION, APPLICATION_ID);
    return r != 0 ? r : run(s, sql, d);
}

int store_open(const char *dir, struct store **ret, struct diag *d)
{
    struct store *s = calloc(1, sizeof *s);
    pthread_mutexattr_t attr;
    if (s == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for the records");
    }
    if (base_format(s->path, sizeof s->path, "%s/" STORE_FILE, dir) >= sizeof s->path) {
        free(s);
        return diag_fail(d, -ENAMETOOLONG, "%s: the path is too long", dir);
    }
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&s->mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    int code = sqlite3_open_v2(s->path, &s->db,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                   SQLITE_OPEN_EXRESCODE,
                               NULL);
    int r = code == SQLITE_OK ? 0 : sql_error(s, code, d);
    /* The daemon's lock on the folder keeps others away; a backup may read for a moment. */
    r = r != 0 ? r
               : run(s,
                     "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL;"
                     "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
                     d);
    r = r != 0 ? r : make_schema(s, d);
    if (r != 0) {
        store_close(s);
        return r;
    }
    *ret = s;
    return 0;
}

void store_close(struct store *s)
{
    if (s == NULL) {
        return;
    }
    sqlite3_close(s->db);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

/* ---- transactions ---------------------------------------------------------------------------- */

int store_begin(struct store *s, struct diag *d)
{
    pthread_mutex_lock(&s->mutex);
    REQUIRE(!s->in_transaction);
    int r = run(s, "BEGIN IMMEDIATE", d);
    if (r != 0) {
        pthread_mutex_unlock(&s->mutex);
        return r;
    }
    s->in_transaction = true;
    return 0;
}

int store_commit(struct store *s, struct diag *d)
{
    int r = run(s, "COMMIT", d);
    if (r != 0) {
        store_rollback(s);
        return r;
    }
    s->in_transaction = false;
    pthread_mutex_unlock(&s->mutex);
    return 0;
}

void store_rollback(struct store *s)
{
    /* It fails only where SQLite rolled back by itself. */
    ignore_result(sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL), "nothing is left to undo");
    s->in_transaction = false;
    pthread_mutex_unlock(&s->mutex);
}

/* ---- statements ------------------------------------------------------------------------------ */

/* One statement: bind in order, step, read columns, end. Errors stick. */
struct statement {
    struct store *s;
    sqlite3_stmt *q;
    int code, next;
};

static struct statement begin(struct store *s, const char *sql)
{
    struct statement t = {.s = s, .next = 1};
    pthread_mutex_lock(&s->mutex);
    t.code = sqlite3_prepare_v2(s->db, sql, -1, &t.q, NULL);
    return t;
}

static void bind_bytes(struct statement *t, struct bytes b)
{
    if (t->code == SQLITE_OK) {
        t->code = sqlite3_bind_blob64(t->q, t->next++, b.size > 0 ? b.data : (const uint8_t *)"",
                                      b.size, SQLITE_STATIC);
    }
}

static void bind_text(struct statement *t, struct bytes b)
{
    if (t->code == SQLITE_OK) {
        t->code = sqlite3_bind_text64(t->q, t->next++, b.size > 0 ? (const char *)b.data : "",
                                      b.size, SQLITE_STATIC, SQLITE_UTF8);
    }
}

static void bind_number(struct statement *t, uint64_t n)
{
    if (t->code == SQLITE_OK) {
        t->code = sqlite3_bind_int64(t->q, t->next++, (int64_t)n);
    }
}

/* Is there a row? */
static bool step(struct statement *t)
{
    if (t->code == SQLITE_OK || t->code == SQLITE_ROW) {
        t->code = sqlite3_step(t->q);
    }
    return t->code == SQLITE_ROW;
}

static struct bytes column(struct statement *t, int i)
{
    const void *data = sqlite3_column_blob(t->q, i);
    return BYTES(data, (size_t)sqlite3_column_bytes(t->q, i));
}

/* Exactly so many bytes; else the file is not ours any more. */
static void column_fixed(struct statement *t, int i, void *ret, size_t size)
{
    struct bytes b = column(t, i);
    if (b.size == size) {
        memcpy(ret, b.data, size);
    } else {
        t->code = SQLITE_CORRUPT;
    }
}

static int end(struct statement *t, struct diag *d)
{
    int r = 0;
    if (t->code != SQLITE_DONE && t->code != SQLITE_ROW) {
        r = t->code == SQLITE_CORRUPT
                ? diag_fail(d, -EIO, "%s is damaged: a row has another form", t->s->path)
                : sql_error(t->s, t->code, d);
    }
    sqlite3_finalize(t->q);
    pthread_mutex_unlock(&t->s->mutex);
    return r;
}

/* Of a statement that changes something: runs it. -ENOENT when there is no such row. */
static int change(struct statement *t, struct diag *d)
{
    ignore_result(step(t), "changes have no rows; end() looks at the code");
    int changed = sqlite3_changes(t->s->db);
    int r = end(t, d);
    return r == 0 && changed == 0 ? diag_fail(d, -ENOENT, "there is no such record") : r;
}

/* One that a power failure may take back. */
static int change_lightly(struct statement *t, struct diag *d)
{
    struct store *s = t->s;
    bool light = !s->in_transaction; /* within one, the setting cannot change */
    if (light) {
        ignore_result(run(s, "PRAGMA synchronous = NORMAL", NULL), "then it is written with care");
    }
    ignore_result(step(t), "changes have no rows; end() looks at the code");
    pthread_mutex_lock(&s->mutex);
    int r = end(t, d);
    if (light) {
        r = r != 0 ? r : run(s, "PRAGMA synchronous = FULL", d);
        ignore_result(r != 0 ? run(s, "PRAGMA synchronous = FULL", NULL) : 0, "it failed already");
    }
    pthread_mutex_unlock(&s->mutex);
    return r;
}

/* ---- the log --------------------------------------------------------------------------------- */

int store_leaves(struct store *s, store_leaf_row *row, void *context, struct diag *d)
{
    struct statement t = begin(s, "SELECT position, hash FROM leaves ORDER BY position");
    int r = 0;
    while (r == 0 && step(&t)) {
        struct query_hash hash;
        column_fixed(&t, 1, hash.data, sizeof hash.data);
        r = t.code == SQLITE_ROW ? row(context, (uint64_t)sqlite3_column_int64(t.q, 0), &hash) : 0;
    }
    int ended = end(&t, d);
    return r != 0 ? r : ended;
}

int store_add_leaf(struct store *s, uint64_t position, const struct query_hash *hash,
                   struct bytes leaf, struct diag *d)
{
    struct statement t = begin(s, "INSERT INTO leaves VALUES(?, ?, ?)");
    bind_number(&t, position);
    bind_bytes(&t, BYTES_OF(hash->data));
    bind_bytes(&t, leaf);
    return change(&t, d);
}

int store_leaf_at(struct store *s, uint64_t position, uint8_t ret[QUERY_LOG_LEAF_MAX],
                  size_t *ret_size, struct diag *d)
{
    struct statement t = begin(s, "SELECT leaf FROM leaves WHERE position = ?");
    bind_number(&t, position);
    bool there = step(&t);
    if (there) {
        struct bytes leaf = column(&t, 0);
        *ret_size = leaf.size;
        t.code = leaf.size == 0 || leaf.size > QUERY_LOG_LEAF_MAX ? SQLITE_CORRUPT : t.code;
        if (t.code == SQLITE_ROW) {
            memcpy(ret, leaf.data, leaf.size);
        }
    }
    int r = end(&t, d);
    return r == 0 && !there ? diag_fail(d, -ENOENT, "the log has no such leaf") : r;
}

int store_leaf_position(struct store *s, const struct query_hash *hash, uint64_t *ret,
                        struct diag *d)
{
    struct statement t = begin(s, "SELECT position FROM leaves WHERE hash = ?");
    bind_bytes(&t, BYTES_OF(hash->data));
    bool there = step(&t);
    if (there) {
        *ret = (uint64_t)sqlite3_column_int64(t.q, 0);
    }
    int r = end(&t, d);
    return r == 0 && !there ? diag_fail(d, -ENOENT, "the log has no such leaf") : r;
}

int store_head_time(struct store *s, uint64_t *ret, struct diag *d)
{
    struct statement t = begin(s, "SELECT time FROM head");
    *ret = step(&t) ? (uint64_t)sqlite3_column_int64(t.q, 0) : 0;
    return end(&t, d);
}

int store_set_head_time(struct store *s, uint64_t time, struct diag *d)
{
    struct statement t = begin(s, "INSERT INTO head VALUES(1, ?) ON CONFLICT(one) DO UPDATE SET "
                                  "time = max(time, excluded.time)");
    bind_number(&t, time);
    return change_lightly(&t, d);
}

/* ---- custodians ------------------------------------------------------------------------------ */

int store_custodians(struct store *s, store_custodian_row *row, void *context, struct diag *d)
{
    struct statement t =
        begin(s, "SELECT id, owner, program, deleting, held, sent FROM custodians ORDER BY id");
    int r = 0;
    while (r == 0 && step(&t)) {
        struct store_custodian c = {.deleting = sqlite3_column_int(t.q, 3) != 0,
                                    .held = (uint64_t)sqlite3_column_int64(t.q, 4),
                                    .sent = (uint64_t)sqlite3_column_int64(t.q, 5)};
        struct bytes program = column(&t, 2);
        column_fixed(&t, 0, c.id, sizeof c.id);
        column_fixed(&t, 1, c.owner.point, sizeof c.owner.point);
        t.code = program.size > STORE_PROGRAM_MAX ? SQLITE_CORRUPT : t.code;
        if (t.code == SQLITE_ROW) {
            memcpy(c.program, program.data, program.size);
            r = row(context, &c);
        }
    }
    int ended = end(&t, d);
    return r != 0 ? r : ended;
}

int store_add_custodian(struct store *s, const struct store_custodian *c, struct diag *d)
{
    struct statement t = begin(s, "INSERT INTO custodians(id, owner, program) VALUES(?, ?, ?)");
    bind_bytes(&t, BYTES_OF(c->id));
    bind_bytes(&t, BYTES_OF(c->owner.point));
    bind_text(&t, BYTES(c->program, strlen(c->program)));
    return change(&t, d);
}

int store_set_program(struct store *s, const uint8_t id[32], const char *program, struct diag *d)
{
    struct statement t = begin(s, "UPDATE custodians SET program = ? WHERE id = ?");
    bind_text(&t, BYTES(program, strlen(program)));
    bind_bytes(&t, BYTES(id, 32));
    return change(&t, d);
}

int store_set_held(struct store *s, const uint8_t id[32], uint64_t held, uint64_t sent,
                   struct diag *d)
{
    struct statement t = begin(s, "UPDATE custodians SET held = ?, sent = ? WHERE id = ?");
    bind_number(&t, held);
    bind_number(&t, sent);
    bind_bytes(&t, BYTES(id, 32));
    return change_lightly(&t, d);
}

int store_set_deleting(struct store *s, const uint8_t id[32], struct diag *d)
{
    struct statement t = begin(s, "UPDATE custodians SET deleting = 1 WHERE id = ?");
    bind_bytes(&t, BYTES(id, 32));
    return change(&t, d);
}

int store_remove_custodian(struct store *s, const uint8_t id[32], struct diag *d)
{
    struct statement t = begin(s, "DELETE FROM custodians WHERE id = ?");
    bind_bytes(&t, BYTES(id, 32));
    return change(&t, d);
}

/* ---- queries --------------------------------------------------------------------------------- */

int store_add_query(struct store *s, const struct query_hash *id, const struct query_hash *analyst,
                    struct bytes document, uint64_t position, struct diag *d)
{
    struct statement t =
        begin(s, "INSERT INTO queries(id, analyst, document, position) VALUES(?, ?, ?, ?)");
    bind_bytes(&t, BYTES_OF(id->data));
    bind_bytes(&t, BYTES_OF(analyst->data));
    bind_bytes(&t, document);
    bind_number(&t, position);
    return change(&t, d);
}

int store_query(struct store *s, const struct query_hash *id, struct store_query *ret,
                struct diag *d)
{
    struct statement t = begin(s, "SELECT analyst, position, state, invited, accepted, declined, "
                                  "answered, late, sentence FROM queries WHERE id = ?");
    bind_bytes(&t, BYTES_OF(id->data));
    memset(ret, 0, sizeof *ret);
    bool there = step(&t);
    if (there) {
        struct wire_progress *p = &ret->progress;
        uint64_t *const numbers[] = {&ret->position, &p->state,    &p->invited, &p->accepted,
                                     &p->declined,   &p->answered, &p->late};
        struct bytes sentence = column(&t, 8);
        column_fixed(&t, 0, ret->analyst.data, sizeof ret->analyst.data);
        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
            *numbers[i] = (uint64_t)sqlite3_column_int64(t.q, (int)i + 1);
        }
        t.code = sentence.size > WIRE_SENTENCE_MAX ? SQLITE_CORRUPT : t.code;
        if (t.code == SQLITE_ROW && sentence.size > 0) {
            memcpy(ret->sentence, sentence.data, sentence.size);
        }
        p->sentence = BYTES(ret->sentence, strlen(ret->sentence));
    }
    int r = end(&t, d);
    return r == 0 && !there ? diag_fail(d, -ENOENT, "there is no such query") : r;
}

/* The first column of the row, in memory of its own. */
static int blob_of(struct store *s, const char *sql, const struct query_hash *id, struct bytes *ret,
                   struct diag *d)
{
    struct statement t = begin(s, sql);
    struct bytes b = {NULL, 0};
    uint8_t *copy = NULL;
    bind_bytes(&t, BYTES_OF(id->data));
    bool there = step(&t);
    if (there) {
        b = column(&t, 0);
        copy = malloc(b.size + 1);
        if (copy != NULL && b.size > 0) {
            memcpy(copy, b.data, b.size);
        }
    }
    int r = end(&t, d);
    r = r == 0 && !there         ? diag_fail(d, -ENOENT, "there is no such record")
        : r == 0 && copy == NULL ? diag_fail(d, -ENOMEM, "no memory for a record")
                                 : r;
    if (r != 0) {
        free(copy);
        return r;
    }
    *ret = BYTES(copy, b.size);
    return 0;
}

int store_document(struct store *s, const struct query_hash *id, struct bytes *ret, struct diag *d)
{
    return blob_of(s, "SELECT document FROM queries WHERE id = ?", id, ret, d);
}

int store_outcome(struct store *s, const struct query_hash *id, struct bytes *ret, struct diag *d)
{
    return blob_of(s, "SELECT outcome FROM queries WHERE id = ? AND outcome IS NOT NULL", id, ret,
                   d);
}

static void bind_progress(struct statement *t, const struct wire_progress *p)
{
    bind_number(t, p->state);
    bind_number(t, p->invited);
    bind_number(t, p->accepted);
    bind_number(t, p->declined);
    bind_number(t, p->answered);
    bind_number(t, p->late);
    bind_text(t, p->sentence);
}

#define PROGRESS_COLUMNS                                                                           \
    "state = ?, invited = ?, accepted = ?, declined = ?, answered = ?, late = ?, sentence = ?"

int store_set_progress(struct store *s, const struct query_hash *id, const struct wire_progress *p,
                       struct diag *d)
{
    struct statement t = begin(s, "UPDATE queries SET " PROGRESS_COLUMNS " WHERE id = ?");
    bind_progress(&t, p);
    bind_bytes(&t, BYTES_OF(id->data));
    return change(&t, d);
}

int store_set_outcome(struct store *s, const struct query_hash *id, const struct wire_progress *p,
                      struct bytes outcome, struct diag *d)
{
    struct statement t =
        begin(s, "UPDATE queries SET " PROGRESS_COLUMNS ", outcome = ? WHERE id = ?");
    bind_progress(&t, p);
    bind_bytes(&t, outcome);
    bind_bytes(&t, BYTES_OF(id->data));
    return change(&t, d);
}

int store_fail_unfinished(struct store *s, const char *sentence, uint64_t *ret_count,
                          struct diag *d)
{
    struct statement t =
        begin(s, "UPDATE queries SET state = ?, sentence = ? WHERE state NOT IN (?, ?)");
    bind_number(&t, WIRE_QUERY_FAILED);
    bind_text(&t, BYTES(sentence, strlen(sentence)));
    bind_number(&t, WIRE_QUERY_FAILED);
    bind_number(&t, WIRE_QUERY_RELEASED);
    ignore_result(step(&t), "changes have no rows; end() looks at the code");
    *ret_count = (uint64_t)sqlite3_changes(s->db);
    return end(&t, d);
}

/* ---- requests -------------------------------------------------------------------------------- */

int store_see(struct store *s, const struct query_hash *key, const uint8_t mark[32], uint64_t time,
              struct diag *d)
{
    struct statement t = begin(s, "INSERT INTO seen VALUES(?, ?, ?)");
    bind_bytes(&t, BYTES_OF(key->data));
    bind_bytes(&t, BYTES(mark, 32));
    bind_number(&t, time);
    return change_lightly(&t, d);
}

int store_forget_seen(struct store *s, uint64_t before, struct diag *d)
{
    struct statement t = begin(s, "DELETE FROM seen WHERE time < ?");
    bind_number(&t, before);
    return change_lightly(&t, d);
}
