/* SPDX-License-Identifier: Apache-2.0 */
/* /dev/attestation, for workloads whose manifest says `attestation: true`: names and sizes are
 * Gramine's, check_report is ours (docs/formats/dev-attestation.md). Whoever may write
 * user_report_data speaks for this identity, so for all others nothing of it exists.
 *
 * As there, a file's content is made when it is opened, and a write replaces the value as a whole.
 * The host brings quotes and the quoting enclave's TARGETINFO; the runtime gives out no quote over
 * another identity or other report data. */
#include "vfs.h"

enum attestation_file {
    ATTESTATION_TYPE,
    USER_REPORT_DATA,
    TARGET_INFO,
    MY_TARGET_INFO,
    REPORT,
    QUOTE,
    CHECK_REPORT,
    KEY_MRENCLAVE,
    KEY_MRSIGNER,
};

struct attestation_node {
    struct node node;
    enum attestation_file file;
};

/* Of a description. The size of CHECK_REPORT's is 0 until a report was good. */
struct content {
    size_t size;
    uint8_t data[];
};

#define KEY_SIZE 16u

static struct fs attestation_fs;
static uint8_t user_report_data[64];
static struct sgx_targetinfo target_info;

static const struct {
    enum attestation_file file;
    const char *name;
    uint32_t mode;
    size_t size_max;
} table[] = {
    {ATTESTATION_TYPE, "attestation_type", 0400, 4},
    {USER_REPORT_DATA, "user_report_data", 0600, sizeof user_report_data},
    {TARGET_INFO, "target_info", 0600, sizeof(struct sgx_targetinfo)},
    {MY_TARGET_INFO, "my_target_info", 0400, sizeof(struct sgx_targetinfo)},
    {REPORT, "report", 0400, sizeof(struct sgx_report)},
    {QUOTE, "quote", 0400, QUOTE_SIZE_MAX},
    {CHECK_REPORT, "check_report", 0600, 3},
    {KEY_MRENCLAVE, "_sgx_mrenclave", 0400, KEY_SIZE},
    {KEY_MRSIGNER, "_sgx_mrsigner", 0400, KEY_SIZE},
};

static enum attestation_file file_of(const struct file *f)
{
    return ((const struct attestation_node *)(const void *)f->node)->file;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int64_t put(struct content *c, const void *data, size_t size)
{
    memcpy(c->data, data, size);
    return (int64_t)size;
}

static int64_t make_report(struct content *c)
{
    struct sgx_report report;
    int err = rt_report_to(&target_info, user_report_data, &report);
    return err != 0 ? err : put(c, &report, sizeof report);
}

/* The host may take its time; what was asked for is settled before others run. */
static int64_t make_quote(struct content *c)
{
    uint8_t data[sizeof user_report_data];
    memcpy(data, user_report_data, sizeof data);
    os_unlock();
    int64_t n = rt_quote(data, c->data, QUOTE_SIZE_MAX);
    os_lock();
    return n;
}

static int64_t make_key(struct content *c, enum rt_seal_to to)
{
    int err = rt_seal_key(to, "/dev/attestation/keys", c->data);
    return err != 0 ? err : (int64_t)KEY_SIZE;
}

static int64_t make(enum attestation_file file, struct content *c)
{
    struct sgx_targetinfo own;
    switch (file) {
    case ATTESTATION_TYPE:
        return put(c, "dcap", 4);
    case USER_REPORT_DATA:
        return put(c, user_report_data, sizeof user_report_data);
    case TARGET_INFO:
        return put(c, &target_info, sizeof target_info);
    case MY_TARGET_INFO:
        rt_target_info(&own);
        return put(c, &own, sizeof own);
    case REPORT:
        return make_report(c);
    case QUOTE:
        return make_quote(c);
    case CHECK_REPORT:
        return 0;
    case KEY_MRENCLAVE:
        return make_key(c, RT_SEAL_TO_MRENCLAVE);
    case KEY_MRSIGNER:
        return make_key(c, RT_SEAL_TO_MRSIGNER);
    }
    return -EIO;
}

static size_t size_max(enum attestation_file file)
{
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        if (table[i].file == file) {
            return table[i].size_max;
        }
    }
    return 0;
}

static void drop(struct content *c)
{
    if (c != NULL) {
        secure_zero(c->data, c->size);
        rt_free(c);
    }
}

static int attestation_open(struct file *f)
{
    if ((f->flags & O_ACCMODE) == O_WRONLY && file_of(f) != CHECK_REPORT) {
        return 0;
    }
    struct content *c = rt_alloc(sizeof *c + size_max(file_of(f)));
    if (c == NULL) {
        return -ENOMEM;
    }
    int64_t n = make(file_of(f), c);
    if (n < 0) {
        rt_free(c);
        return (int)n;
    }
    c->size = (size_t)n;
    f->state = c;
    return 0;
}

static int64_t attestation_read(struct file *f, struct iter *to, uint64_t *pos)
{
    const struct content *c = f->state;
    if (c == NULL || (file_of(f) == CHECK_REPORT && c->size == 0)) {
        return -EACCES; /* nobody shall take the end of the file for a good report */
    }
    if (*pos >= c->size) {
        return 0;
    }
    size_t n = c->size - (size_t)*pos;
    n = to->left < n ? (size_t)to->left : n;
    int err = iter_put(to, c->data + *pos, n);
    *pos += err == 0 ? n : 0;
    return err != 0 ? err : (int64_t)n;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* All of a value at once. What is missing is zeros; what is too long was meant to be something
 * else. */
static int64_t take(struct iter *from, void *ret, size_t size)
{
    size_t n = (size_t)from->left;
    if (from->left > size) {
        return -EINVAL;
    }
    memset(ret, 0, size);
    int err = iter_get(from, ret, n);
    return err != 0 ? err : (int64_t)n;
}

static int64_t write_report_data(struct file *f, struct iter *from)
{
    uint8_t data[sizeof user_report_data];
    int64_t n = take(from, data, sizeof data);
    if (n >= 0) {
        memcpy(user_report_data, data, sizeof data);
        if (f->state != NULL) {
            put(f->state, data, sizeof data);
        }
    }
    return n;
}

static int64_t write_target_info(struct file *f, struct iter *from)
{
    struct sgx_targetinfo t;
    int64_t n = take(from, &t, sizeof t);
    if (n >= 0) {
        target_info = t;
        if (f->state != NULL) {
            put(f->state, &t, sizeof t);
        }
    }
    return n;
}

static int64_t check_report(struct file *f, struct iter *from, uint64_t *pos)
{
    struct content *c = f->state;
    struct sgx_report report;
    bool whole = from->left == sizeof report;
    c->size = 0;
    *pos = 0;
    int64_t n = whole ? take(from, &report, sizeof report) : -EINVAL;
    if (n < 0) {
        return n;
    }
    if (!rt_report_is_ours(&report)) {
        return -EACCES;
    }
    c->size = (size_t)put(c, "ok\n", 3);
    return n;
}

static int64_t attestation_write(struct file *f, struct iter *from, uint64_t *pos)
{
    if (from->left == 0) {
        return 0;
    }
    int64_t n;
    switch (file_of(f)) {
    case USER_REPORT_DATA:
        n = write_report_data(f, from);
        break;
    case TARGET_INFO:
        n = write_target_info(f, from);
        break;
    case CHECK_REPORT:
        return check_report(f, from, pos);
    case ATTESTATION_TYPE:
    case MY_TARGET_INFO:
    case REPORT:
    case QUOTE:
    case KEY_MRENCLAVE:
    case KEY_MRSIGNER:
    default:
        return -EACCES;
    }
    *pos = n > 0 ? (uint64_t)n : *pos;
    return n;
}

static void attestation_release(struct file *f)
{
    drop(f->state);
}

/* ---- the tree -------------------------------------------------------------------------------- */

/* O_TRUNC ahead of a write; there is nothing to cut. */
static int no_truncate(struct node *n, uint64_t size)
{
    (void)n, (void)size;
    return 0;
}

static const struct file_ops attestation_file_ops = {.seekable = true,
                                                     .read = attestation_read,
                                                     .write = attestation_write,
                                                     .release = attestation_release};
static const struct node_ops attestation_node_ops = {
    .open = attestation_open, .truncate = no_truncate, .file_ops = &attestation_file_ops};

static struct node *make_node(size_t i)
{
    struct attestation_node *a = rt_alloc(sizeof *a);
    if (a == NULL) {
        return NULL;
    }
    struct fs_time now = fs_now();
    a->file = table[i].file;
    a->node = (struct node){.ops = &attestation_node_ops,
                            .fs = &attestation_fs,
                            .refs = 1,
                            .mode = S_IFREG | table[i].mode,
                            .uid = fs_uid(),
                            .gid = fs_gid(),
                            .nlink = 1,
                            .ino = ++attestation_fs.next_ino,
                            .atime = now,
                            .mtime = now,
                            .ctime = now};
    return &a->node;
}

int attestation_start(const struct manifest *m)
{
    struct dentry *dir = NULL, *keys = NULL;
    if (!m->attestation) {
        return 0;
    }
    attestation_fs =
        (struct fs){.magic = TMPFS_MAGIC, .minor = fs_new_minor(), .type = "attestation"};
    struct node *root = static_dir(&attestation_fs, 0755);
    int err = root == NULL ? -ENOMEM : mount_at(BYTES_STR("/dev/attestation"), root, "rw");
    node_unref(root);
    err = err != 0 ? err : mount_dir_at(BYTES_STR("/dev/attestation"), &dir);
    err = err != 0 ? err : static_add(dir, "keys", static_dir(&attestation_fs, 0755));
    err = err != 0 ? err : mount_dir_at(BYTES_STR("/dev/attestation/keys"), &keys);
    for (size_t i = 0; i < ARRAY_SIZE(table) && err == 0; i++) {
        bool key = table[i].file == KEY_MRENCLAVE || table[i].file == KEY_MRSIGNER;
        err = static_add(key ? keys : dir, table[i].name, make_node(i));
    }
    dentry_unref(keys);
    dentry_unref(dir);
    return err;
}
