/* SPDX-License-Identifier: Apache-2.0 */
/* Inside fs/: nodes, names, open files, and how the file systems plug into them.
 *
 * A node is a file or directory. A dentry is a name in the one tree; dentries of a directory are
 * found through one hash table. In tmpfs and the synthetic file systems the dentries are the
 * directory's truth; for layers they cache what the images say, absence included. A layer never
 * changes, so nothing in that cache can go stale. All of it lives under the library OS's lock. */
#pragma once

#include "linux_abi.h"
#include "fs.h"

struct listing;
struct file;
struct iter;

/* ---- file systems and nodes ------------------------------------------------------------------ */

struct fs {
    uint32_t magic; /* statfs f_type */
    uint32_t minor; /* st_dev is 0:minor */
    bool read_only;
    bool keeps_attributes; /* owner, mode and times may be set, as on a tmpfs */
    const char *type;                 /* /proc/mounts */
    uint64_t block_limit, block_used; /* tmpfs: pages */
    uint64_t block_peak;
    uint64_t file_max;                /* tmpfs: largest size of a file */
    uint64_t next_ino;
    uint64_t node_count, node_limit; /* tmpfs */
    void (*sealed_ops)(struct node *n); /* sealed mounts: gives a new regular file its operations */
};

struct fs_time {
    int64_t sec;
    uint32_t nsec;
};

struct node_ops {
    /* Fills *ret with a new reference, or -ENOENT. NULL: dentries are the truth. */
    int (*lookup)(struct node *dir, struct bytes name, struct node **ret);
    /* Adds the entries that dentries do not tell. NULL: none. */
    int (*list)(struct node *dir, struct listing *l);
    /* Looks up names that come and go, as /proc/self/fd/7 does: never cached. */
    bool volatile_names;
    /* Text of a symbolic link, owned by the node. */
    int (*readlink)(struct node *node, struct bytes *ret);
    /* Links that lead somewhere without a path (/proc/self/fd/N). New reference. */
    int (*follow)(struct node *node, struct dentry **ret);
    int (*open)(struct file *f);                       /* may replace f->ops; NULL: nothing to do */
    int (*truncate)(struct node *node, uint64_t size); /* NULL: -EINVAL */
    void (*refresh)(struct node *node); /* before stat, for sizes that are computed */
    void (*destroy)(struct node *node); /* frees; NULL: rt_free() */
    const struct file_ops *file_ops;
};

struct node {
    const struct node_ops *ops;
    struct fs *fs;
    uint32_t refs;
    uint32_t mode, uid, gid, nlink;
    uint64_t ino, size, rdev;
    uint32_t arrived, drained; /* edges, for epoll: something came, or something was taken */
    struct fs_time atime, mtime, ctime;
    uint64_t blocks;  /* of 512 bytes */
    bool windowed;    /* files in memory: there may be shared mappings of it */
    bool remote;      /* a stand-in for a file of the owner's; pages are those that are here now */
    bool segment;     /* System V shared memory (ipc/shm.h) */
    uint32_t share_maps; /* stand-ins: references of the owner's (shares.h) */
    uint64_t share;   /* id among processes that share it; 0: none */
    uint32_t sharers; /* processes in other enclaves with mappings of it */
    uint64_t away;    /* pages that are with processes in other enclaves */
    /* BSD locks: descriptions conflict with each other, whoever has them. */
    struct file *lock_owner;
    uint32_t lock_shared;
    struct record_lock *locks; /* of byte ranges */
    struct watch *watches;     /* inotify.c */
    uint32_t seals;            /* F_SEAL_*: what may not be done to a file in memory */
};

static inline struct node *node_ref(struct node *n)
{
    n->refs++;
    return n;
}
void node_unref(struct node *n); /* NULL is fine */
static inline bool node_is(const struct node *n, uint32_t type)
{
    return (n->mode & S_IFMT) == type;
}
/* mask: 4 read, 2 write, 1 execute: owner, group, others; uid 0 may read and write everything, as
 * with CAP_DAC_OVERRIDE. What is read-only stays so. */
int node_may(const struct node *n, unsigned mask) MUST_USE;
/* May it do what only the owner may? uid 0 owns all, as with CAP_FOWNER and CAP_CHOWN. */
bool fs_owns(const struct node *n);
struct fs_time fs_now(void);
uint32_t fs_uid(void);
uint32_t fs_gid(void);
uint32_t fs_new_minor(void);
uint32_t fs_set_umask(uint32_t mask); /* returns the old one */

/* ---- names ----------------------------------------------------------------------------------- */

enum dentry_flag {
    DENTRY_HASHED = 1,
    DENTRY_LISTED = 2, /* in the parent's list of children: part of its listing */
    DENTRY_BUSY = 4,   /* mount point, input or output: cannot be removed or renamed */
    DENTRY_GONE = 8,   /* unlinked while in use */
    DENTRY_ANON = 16,  /* never had a place in the tree: pipes; the name is the whole path */
};

struct dentry {
    struct dentry *parent; /* reference; the root is its own parent */
    struct node *node;     /* reference; NULL: known to be absent */
    struct dentry *hash_next;
    struct dentry *child, *next, *prev; /* listed children; siblings */
    uint32_t hash, refs;
    uint16_t flags;
    uint16_t name_size;
    char *name; /* own[], or allocated by a rename to a longer one */
    char own[];
};

static inline struct dentry *dentry_ref(struct dentry *d)
{
    d->refs++;
    return d;
}
void dentry_unref(struct dentry *d); /* NULL is fine */
int dentry_start(void) MUST_USE;
struct dentry *dentry_root(void);
void dentry_set_root_node(struct node *node); /* takes the reference */
/* The child of that name, with its file system asked when the cache does not know. New reference.
 * -ENOENT, or an error of the file system. */
int dentry_lookup(struct dentry *dir, struct bytes name, struct dentry **ret) MUST_USE;
/* A new listed child; takes its own reference to node. */
int dentry_add(struct dentry *dir, struct bytes name, struct node *node,
               struct dentry **ret) MUST_USE;
void dentry_remove(struct dentry *d);
/* Moves d to dir/name; what is there was removed before. */
int dentry_move(struct dentry *d, struct dentry *dir, struct bytes name) MUST_USE;
bool dentry_has_children(const struct dentry *d);                            /* listed ones */
bool dentry_is_below(const struct dentry *d, const struct dentry *ancestor); /* or the same */
struct dentry *dentry_new_anon(const char *name, struct node *node);
/* Path for people and readlink; " (deleted)" when gone. NUL-terminated, cut. Returns the length. */
size_t dentry_path(const struct dentry *d, char *ret, size_t capacity);

/* ---- walking paths
 * -------------------------------------------------------------------------------- */

enum walk_flag {
    WALK_FOLLOW = 1,    /* a symbolic link at the end is followed */
    WALK_DIRECTORY = 2, /* the end must be a directory */
    WALK_NEW = 4,       /* the end may be absent: ret->found is NULL then */
    WALK_CREATE = 16,   /* open with O_CREAT: a slash behind the end is -EISDIR, there or not */
    WALK_ANY = 8, /* a slash behind the end asks for nothing: the caller looks at ret->slash */
};
enum walk_last { LAST_NAME, LAST_DOT, LAST_DOTDOT, LAST_ROOT };

struct walk {
    struct dentry
        *dir; /* reference; where the last component is looked up. NULL unless LAST_NAME */
    struct dentry *found; /* reference; NULL: absent (only with WALK_NEW) */
    char last[FS_NAME_MAX + 1];
    size_t last_size;
    enum walk_last kind;
    bool slash; /* slashes follow the last component */
};
/* Walks path from start (for relative ones). 0 with *ret to be released by walk_done(), or -errno
 * with nothing to release. */
int fs_walk(struct dentry *start, const char *path, unsigned flags, struct walk *ret) MUST_USE;
void walk_done(struct walk *w);
struct dentry *fs_cwd(void);
uint64_t layers_verified_bytes(void);
void fs_set_cwd(struct dentry *d); /* takes its own reference */
/* A tmpfs has one more page. */
static inline void fs_took_block(struct fs *fs)
{
    fs->block_used++;
    fs->block_peak = fs->block_used > fs->block_peak ? fs->block_used : fs->block_peak;
}

/* From system calls: copies the path in and walks from dirfd. */
int walk_at(int dirfd, app_ptr path, unsigned flags, struct walk *ret) MUST_USE;
/* Existing object: dentry with a new reference; an empty path means dirfd itself with empty_ok. */
int lookup_at(int dirfd, app_ptr path, unsigned walk_flags, bool empty_ok,
              struct dentry **ret) MUST_USE;
/* Path of a system call into trusted memory. */
int path_from_app(char to[FS_PATH_MAX], app_ptr from) MUST_USE;

/* ---- open files
 * ----------------------------------------------------------------------------------- */

/* Where bytes go to or come from: workload memory in pieces, or one trusted buffer. */
struct iter_piece {
    app_ptr base;
    uint64_t size;
};
struct iter {
    const struct iter_piece *pieces;
    size_t piece_count;
    uint64_t piece_done; /* of pieces[0] */
    uint64_t left;       /* bytes in total */
    uint8_t *trusted;    /* not NULL: instead of pieces */
};
struct iter iter_trusted(void *buffer, size_t n);
/* A vector (struct iovec) of the workload's, copied in once: into `small`, or into memory that the
 * caller frees when *ret is not small. -EINVAL, -EFAULT, -ENOMEM. */
int iter_pieces(app_ptr iov, uint64_t count, struct iter_piece *small, size_t small_count,
                struct iter_piece **ret, uint64_t *ret_total) MUST_USE;
/* Copies n <= left bytes and advances. -EFAULT: some of them, up to the page that is not there. */
int iter_put(struct iter *it, const void *from, size_t n) MUST_USE;
int iter_get(struct iter *it, void *to, size_t n) MUST_USE;
int iter_put_zeros(struct iter *it, size_t n) MUST_USE;

enum poll_bit {
    FS_POLLIN = 1,
    FS_POLLPRI = 2,
    FS_POLLOUT = 4,
    FS_POLLERR = 8,
    FS_POLLHUP = 16,
    FS_POLLRDHUP = 0x2000,
};

#define SPLICE_NONBLOCK 2u
#define SPLICE_KNOWN    15u

struct file_ops {
    bool seekable; /* pread, lseek, positions */
    bool no_position; /* seekable, to nowhere: lseek answers 0 */
    /* Bytes moved (may be short), 0 at the end, -errno. *pos advances. */
    int64_t (*read)(struct file *f, struct iter *to, uint64_t *pos);
    int64_t (*write)(struct file *f, struct iter *from, uint64_t *pos);
    unsigned (*poll)(struct file *f); /* NULL: always readable and writable */
    int64_t (*ioctl)(struct file *f, uint64_t request, app_ptr arg); /* NULL: -ENOTTY */
    int (*allocate)(struct file *f, int mode, uint64_t off, uint64_t n);
    int (*flush)(struct file *f); /* at each close of a descriptor: its error is close's. NULL: none */
    void (*release)(struct file *f);
};

struct file {
    const struct file_ops *ops;
    uint32_t refs;
    uint32_t flags; /* O_ACCMODE, O_APPEND, O_NONBLOCK, O_PATH, ... */
    uint64_t pos;
    struct dentry *dentry;
    struct node *node;
    uint64_t sequential; /* where the last read ended: read-ahead */
    uint32_t read_ahead; /* blocks */
    struct listing *listing;
    bool lock_shared; /* holds a shared flock */
    int signal_owner, signal_number; /* F_SETOWN, F_SETSIG: kept and told; O_ASYNC is not there */
    bool watched;     /* an epoll set may name it: os_file_gone() then */
    void *state;      /* of the file system */
};
/* Takes its own references. NULL: no memory. */
struct file *file_new(const struct file_ops *ops, struct dentry *d, struct node *n, uint32_t flags);
/* Opens an existing object: permissions, O_TRUNC, O_DIRECTORY. */
/* descriptors_peak and opens of fs_usage(). */
void file_usage(struct fs_usage *ret);
int file_open(struct dentry *d, uint32_t flags, struct file **ret) MUST_USE;
void file_unlock(struct file *f); /* gives up its flock, if any */
/* locks.c: fcntl's F_GETLK, F_SETLK, F_SETLKW and their F_OFD forms. */
int64_t record_lock(struct file *f, int cmd, app_ptr arg) MUST_USE;
/* Those of a description (struct file), or of the processes of a descriptor table (struct fd_table),
 * which lose them at any close of the file. */
void locks_drop(struct node *n, const void *owner);
bool file_cloexec(int fd);
int fd_set_cloexec(int fd, bool on) MUST_USE;
int fd_install_at(struct file *f, int fd, bool cloexec) MUST_USE; /* replaces what is there */
int fd_next(int from); /* first open descriptor >= from, or -1 */
unsigned fd_limit(void); /* RLIMIT_NOFILE as the workload set it, at most FS_FD_MAX */
/* Of a table: as many as there is room for now, a multiple of 64. NULL: the caller's. */
unsigned fd_table_room(const struct fd_table *t);
uint64_t file_count(void); /* descriptions of all processes */
/* One queue for everybody who polls: sources wake it when they change. */
extern struct wait_queue fs_poll_queue;
void fs_poll_changed(struct wait_queue *own);

/* ---- listings of directories
 * ------------------------------------------------------------------------ */

struct listing_entry {
    uint64_t ino;
    uint32_t name_offset;
    uint8_t name_size;
    uint8_t type; /* DT_* */
};
struct listing {
    struct listing_entry *entries;
    size_t count, capacity;
    char *names;
    size_t names_size, names_capacity;
};
int listing_add(struct listing *l, struct bytes name, uint64_t ino, unsigned type) MUST_USE;
/* "." and "..", listed children, then what the node's list() adds under names not there yet. */
int listing_make(struct dentry *dir, struct listing **ret) MUST_USE;
void listing_free(struct listing *l);
static inline unsigned dt_of_mode(uint32_t mode)
{
    return (mode & S_IFMT) >> 12;
}

/* ---- the file systems
 * --------------------------------------------------------------------------------- */

/* Pages of trusted memory, zeroed. NULL: no memory. */
void *page_alloc(void) MUST_USE;
/* As somebody left it: for who writes all of it before anybody else can look. */
void *page_alloc_any(void) MUST_USE;
void page_free(void *page); /* NULL is fine */

/* Layers: the merged root. */
int layers_start(const struct manifest *m, struct node **ret_root, struct diag *d) MUST_USE;
bool layer_node_is(const struct node *n);
bool layer_node_is_synthetic(const struct node *n); /* one of those below */
/* A directory with no image behind it, for mount points that no layer has. */
struct node *layer_synthetic_dir(void);
int layer_read_into_app(struct node *n, app_ptr dst, uint64_t size, uint64_t off) MUST_USE;
int layer_sites(struct dentry *d, void **ret_data, size_t *ret_size) MUST_USE;

struct fs *tmpfs_new(uint64_t size, const char *type);
struct pipe;
struct pipe **tmpfs_fifo(struct node *n); /* what a named pipe holds; NULL: nobody has it open */
struct node *tmpfs_new_node(struct fs *fs, uint32_t mode);
bool tmpfs_node_is(const struct node *n);
/* The first offset from off on that holds data, or a hole; n->size: none. off is below the size. */
uint64_t tmpfs_seek(struct node *n, uint64_t off, bool data);
int tmpfs_set_symlink(struct node *n, struct bytes target) MUST_USE;
int tmpfs_pread(struct node *n, uint64_t off, void *to, size_t size) MUST_USE; /* below the size */
int tmpfs_read_into_app(struct node *n, app_ptr dst, uint64_t size, uint64_t off) MUST_USE;
/* Loading: puts a page behind the last, full one. Its fs limits do not apply. */
int tmpfs_append_page(struct node *n, void *take_page, size_t used) MUST_USE;

/* The page's 4096 bytes; NULL: a hole, or with make: no room. What is made this way counts as content
 * that was there. */
uint8_t *tmpfs_page(struct node *n, uint64_t index, bool make);
/* The same with make, for who writes all of it before anybody else can look: what a new page holds
 * is anything. */
uint8_t *tmpfs_page_to_fill(struct node *n, uint64_t index);
/* What a shared mapping holds of that page becomes its content. */
void tmpfs_store_page(struct node *n, uint64_t index, const void *from);
/* The first page that there is from *index on. */
bool tmpfs_next_page(const struct node *n, uint64_t *index);
void tmpfs_drop_page(struct node *n, uint64_t index);
/* What the sealed file system keeps about the node. */
struct sealed_node;
struct sealed_node **tmpfs_sealed(struct node *n);

int hostfiles_start(const struct manifest *m, struct diag *d) MUST_USE;
int hostfiles_finish(struct run_claims *claims, struct diag *d) MUST_USE;

int dev_start(const struct manifest *m) MUST_USE;  /* /dev, descriptors 0 to 2 */
int proc_start(const struct manifest *m) MUST_USE; /* /proc, /sys */
int fs_process_of_directory(const struct file *f); /* PID if it is /proc/PID itself, else 0 */
int attestation_start(const struct manifest *m) MUST_USE; /* /dev/attestation, after /dev */
/* Opening a named pipe whose node is f's: waits for the other end. Its content is made and gone
 * with the descriptions that have it open. */
int fifo_open(struct file *f) MUST_USE;
const struct file_ops *fifo_ops(void);
int pipe_make(uint32_t flags, struct file *ret[2]) MUST_USE;
/* How much was read from a pipe so far (0: not a pipe); and the last n bytes are there again, unless
 * somebody else read since or their place was filled. */
uint64_t pipe_mark(struct file *f);
void pipe_unread(struct file *f, uint64_t mark, uint64_t n);
/* F_GETPIPE_SZ, F_SETPIPE_SZ. -EBADF: not a pipe. */
int64_t pipe_size(struct file *f, bool set, uint64_t size);

/* Mounting, at start only: makes the directories on the way when no layer has them. */
int mount_at(struct bytes path, struct node *node, const char *options) MUST_USE;
int mount_dir_at(struct bytes path, struct dentry **ret) MUST_USE;
void mounts_text(struct fs_text *t, bool mountinfo);

/* Synthetic file systems (/dev, /proc, /sys): directories whose dentries are the truth. */
struct node *static_dir(struct fs *fs, uint32_t mode);
struct node *static_link(struct fs *fs, const char *target);
int static_add(struct dentry *dir, const char *name, struct node *take_node) MUST_USE;
void text_free(struct fs_text *t);
