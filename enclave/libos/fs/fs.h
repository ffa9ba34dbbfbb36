/* SPDX-License-Identifier: Apache-2.0 */
/* Files as the library OS offers them: the contract between fs/ and the rest of the library OS.
 *
 * Everything here is called with the library OS's one lock held, on an enclave thread. Functions
 * that may wait do so only through the hooks at the end, which release the lock meanwhile: a caller
 * must hold its own reference to every object that it uses after such a call.
 *
 * Trust: layers and inputs come from the host. Layer bytes are copied into the enclave, hashed
 * against the measured dm-verity root, and only then used; a mismatch stops the enclave. Inputs are
 * data nobody vouched for: they are copied once and their SHA-256 goes into the run's claims.
 * Paths, buffers and flags come from the workload. */
#pragma once

#include "abi/evidence.h"
#include "abi/manifest.h"
#include "runtime/rt.h"

#define FS_PATH_MAX 4096u /* PATH_MAX, with the NUL */
#define FS_NAME_MAX 255u
#define FS_FD_SOFT  1024u /* RLIMIT_NOFILE at the start: what select(2) can name */
#define FS_FD_MAX   65536u /* the most that it can be: descriptors of a process */
#define FS_FILES_MAX 262144u /* descriptions of a tree, in trusted memory: -ENFILE */
#define FS_IO_MAX   UINT64_C(0x7ffff000) /* Linux's MAX_RW_COUNT */
#define ERESTARTSYS 512 /* a signal is pending: the dispatcher restarts the call or says EINTR */
#define ERESTARTNOINTR        513 /* ... always restarts it */
#define ERESTART_RESTARTBLOCK 516 /* ... lets it go on with the rest of its time (signals.h) */

/* ---- life ------------------------------------------------------------------------------------ */

/* Mounts what the manifest names: layers stacked at "/", bottom first; tmpfs; /proc, /dev, /sys;
 * inputs and outputs; descriptors 0, 1, 2; working directory. Outputs exist from the start, empty;
 * inputs that were not given do not exist. The manifest is borrowed for good. -errno after a
 * sentence in *d; the caller refuses to start then. */
int fs_start(const struct manifest *manifest, struct diag *d) MUST_USE;
/* On a member: the layers alone, for programs and mapped files; everything else is the owner's. */
int fs_start_member(const struct manifest *manifest, struct diag *d) MUST_USE;
/* At the end of the workload: sends every output to the host and fills the names and hashes of
 * inputs (those given, opened or not) and outputs into *claims (rest of it untouched).
 * -errno: the first output that could not be written, with a sentence. */
int fs_finish(struct run_claims *claims, struct diag *d) MUST_USE;

/* What was used so far, for `alcove run --stats`. */
struct fs_usage {
    uint64_t descriptors_peak; /* highest descriptor and one: what RLIMIT_NOFILE would have to be */
    uint64_t opens;            /* of files that have names */
    uint64_t verified_bytes;   /* of layers and their hash trees */
};
struct fs_usage fs_usage(void);
/* The file system of the manifest's mount of that number; false: it is no tmpfs. */
bool fs_mount_usage(size_t mount, uint64_t *ret_size, uint64_t *ret_peak);

/* ---- open files ------------------------------------------------------------------------------ */

struct file;   /* open file description, refcounted */
struct node;   /* inode */
struct dentry; /* a name in the tree */

void file_ref(struct file *f);
void file_unref(struct file *f); /* NULL is fine */

/* What a process has of files. */
struct fs_context {
    struct fd_table *fds;
    struct dentry *cwd;
    struct file *exe; /* NULL: none yet */
    uint32_t umask;
    struct { /* /proc/PID/io: bytes, and calls */
        uint64_t read, written, reads, writes;
    } io;
};
/* Of the process that makes the call. Provided by the rest of the library OS, as os_pid(). */
struct fs_context *os_fs(void);
int os_pid(void);
bool os_is_somebody(int who); /* a process, or the group -who */

/* Descriptors: of one process, or shared by some (CLONE_FILES). Copies share the descriptions. The
 * last reference closes all of them and gives up the record locks that were taken through the
 * table. NULL: no memory. */
struct fd_table *fd_table_new(void) MUST_USE;
struct fd_table *fd_table_copy(const struct fd_table *t) MUST_USE;
struct fd_table *fd_table_ref(struct fd_table *t);
void fd_table_unref(struct fd_table *t); /* NULL is fine */
/* As fd_get(), in a table. */
struct file *fd_table_get(const struct fd_table *t, int fd);
int fd_table_next(const struct fd_table *t, int from); /* -1: no more; t NULL: none */
bool fd_table_cloexec(const struct fd_table *t, int fd);
/* A process's start: its parent's directory, umask and program, and the same descriptors, as a copy
 * or shared. -ENOMEM. */
int fs_context_copy(const struct fs_context *from, bool share_fds, struct fs_context *ret) MUST_USE;
void fs_context_done(struct fs_context *c);
/* execve: the descriptor table becomes its own, those marked are closed, and this is the program
 * (its own reference; NULL: as it was). -ENOMEM, and nothing has changed. */
int fs_context_exec(struct fs_context *c, struct file *program) MUST_USE;

/* Borrowed: valid until the lock is released; file_ref() for longer. NULL: EBADF. */
struct file *fd_get(int fd);
/* Lowest free descriptor at or above `from`; takes its own reference. -EMFILE. */
int fd_install(struct file *f, int from, bool cloexec) MUST_USE;
int fd_close(int fd) MUST_USE;
/* execve closes the marked ones, after it made the table its own. -ENOMEM. */
int fd_table_unshare(void) MUST_USE;
void fd_close_on_exec(void);

/* Opens for execution or mapping by the library OS itself: read-only, follows symbolic links,
 * relative to the working directory, checks execute permission when `exec`. */
int fs_open_path(const char *path, bool exec, struct file **ret_f) MUST_USE;
/* Size of a regular file; -EACCES for anything else. */
int fs_file_size(struct file *f, uint64_t *ret_size) MUST_USE;
/* Reads up to n bytes into trusted memory. Returns bytes read (short only at end of file). */
int64_t fs_read_trusted(struct file *f, uint64_t off, void *to, size_t n) MUST_USE;
/* Fills [dst, dst+size) of committed, writable workload memory for a mapping: file bytes from off
 * (page aligned) and zeros beyond the end of the file. Layer files go from host memory straight to
 * their place and are verified there, in batches. 0 or -errno; never leaves unverified bytes. */
int fs_read_into_app(struct file *f, app_ptr dst, uint64_t size, uint64_t off) MUST_USE;

enum fs_map_kind {
    FS_MAP_NONE,   /* cannot be mapped: -ENODEV */
    FS_MAP_STATIC, /* content never changes: MAP_SHARED reading is the same as MAP_PRIVATE */
    FS_MAP_FILE,   /* in memory, may change: private mappings are copies of now, shared ones are
                      windows (windows.h) */
    FS_MAP_ZERO,   /* /dev/zero: an anonymous mapping */
};
enum fs_map_kind fs_map_kind(struct file *f);
/* Executable mappings: only files of layers, whose bytes are measured. */
bool fs_is_measured(struct file *f);
/* May be read/written by this description (O_RDONLY...); for mmap's EACCES. */
bool fs_may_read(struct file *f);
bool fs_may_write(struct file *f);
bool fs_content_is_sealed(struct file *f); /* against writing, by F_ADD_SEALS */
/* Identity for /proc/self/maps. */
void fs_file_id(struct file *f, uint32_t *ret_major, uint32_t *ret_minor, uint64_t *ret_ino);

/* The rewriting table of an ELF file of a layer (abi/sites.h): verified bytes in an rt_alloc()
 * buffer that the caller frees; the caller validates what is in them. -ENOENT: there is none. */
int fs_sites(struct file *f, void **ret_data, size_t *ret_size) MUST_USE;

/* Absolute path of an open file as readlink of /proc/self/fd/N shows it, NUL-terminated and cut to
 * capacity. Returns the length. */
size_t fs_file_path(struct file *f, char *ret_path, size_t capacity);
/* What /proc/self/exe points at; set by exec. Takes its own reference. */
void fs_set_exe(struct file *f);
/* Path of the working directory. */
size_t fs_cwd_path(char *ret_path, size_t capacity);
uint32_t fs_umask(void);

/* ---- text of /proc files --------------------------------------------------------------------- */

/* A growing text; the first failure sticks and the read ends in -ENOMEM. */
struct fs_text {
    char *data;
    size_t size, capacity;
    bool failed;
};
void fs_text_put(struct fs_text *t, struct bytes b);
void fs_printf(struct fs_text *t, const char *format, ...)
    PRINTF(2, 3); /* base_format()'s subset */

/* What of the calling process's /proc only its own enclave knows, as it is read elsewhere: text number
 * `which` of thread `id` (0: the process). False: there is none of that number. */
bool fs_own_text(unsigned which, int id, struct fs_text *t);

/* ---- what the rest of the library OS provides ------------------------------------------------ */

/* Threads that sleep until something changes. Zero-initialised. Implemented in libos/wait.c. */
struct wait_queue {
    uint64_t waiting[THREADS_MAX / 64];
};
/* Releases the lock, sleeps until os_wake_all() or the deadline (CLOCK_MONOTONIC in ns, UINT64_MAX:
 * none), takes the lock again. May return 0 without reason, so callers loop. -ETIMEDOUT at the
 * deadline, -ERESTARTSYS when a signal wants delivery. */
int os_block(struct wait_queue *q, uint64_t deadline_ns) MUST_USE;
void os_wake_all(struct wait_queue *q);
/* Around hostcalls that may take long (console). */
void os_lock(void);
void os_unlock(void);

/* A worker's streams (worker.h): what was not read of its task, so much of it is read now, and what
 * goes into its result (fd 1 or 2). */
struct bytes os_task_rest(void);
void os_task_advance(size_t n);
void os_result_put(int fd, struct bytes data);

unsigned os_cpu_count(void); /* what sched_getaffinity says */
/* SIGPIPE or SIGXFSZ to the calling thread. */
#define FS_SIGXFSZ 25
void os_raise(int signo);
/* ppoll, pselect6: sets the calling thread's signal mask (sigset_t of 8 bytes at set) for the rest
 * of this system call; the dispatcher puts the old one back after delivering what was pending. */
int os_temporary_sigmask(app_ptr set, uint64_t sigset_size) MUST_USE;

/* windows.c. Pages [first, end) of a file in memory become what was written through its shared
 * mappings; release: and no mapping keeps them, so that they may be changed. -EFAULT: another process
 * has some of them, and the call is made again when they came (shares.h). */
int os_windows_put_back(struct node *n, uint64_t first, uint64_t end, bool release) MUST_USE;
/* A stand-in for another enclave's file is about to go. */
void os_share_gone(struct node *n);
struct fs;
void os_windows_sync(const struct fs *fs); /* all files of it */
/* A copy to or from the workload failed: did memory come that makes it worth trying again? */
bool os_page_in(app_ptr at, uint64_t size);

/* A description that an epoll set may name is about to go. */
void os_file_gone(const struct file *f);

struct process_info {
    char state; /* as /proc/N/stat has it: R, S, T, Z */
    int pid, tid, ppid, pgid, sid, thread_count;
    uint64_t vm_size, vm_peak, rss; /* bytes */
    uint64_t memory_limit;          /* bytes the workload may commit */
    uint64_t start_ns;              /* CLOCK_MONOTONIC at start */
    uint64_t cpu_ns;                /* 0 when not accounted */
    uint64_t stack_start, start_code, end_code;
    uint64_t pending, blocked, ignored, caught; /* signal masks */
    char comm[16];
};
void os_process_info(struct process_info *ret);
/* How often the thread of this enclave with that number has slept; 0: there is none. */
uint64_t os_thread_sleeps(int tid);
/* The same of any process, as far as this enclave knows. False: there is none. */
bool os_process_info_of(int pid, struct process_info *ret);
/* Has this enclave the memory and the threads of that process? */
bool os_memory_is_here(int pid);
/* Of the process with that number; NULL: there is none. */
const struct fs_context *os_fs_of(int pid);
/* Numbers of all processes that there are, from `after` on, in order; 0: no more. */
int os_next_pid(int after);
void os_cmdline_of(int pid, struct fs_text *t);
void os_set_comm(const char *comm); /* write to /proc/self/comm */
/* Thread ids, for /proc/self/task. Returns how many, fills at most max. 0: as os_text_elsewhere()'s
 * -EFAULT. */
size_t os_thread_ids(int *ret_tids, size_t max);
/* fs_own_text() of a caller whose memory is in another enclave: 1; 0: it is in this one. -EFAULT: ask again,
 * when the caller has sent it. */
int os_text_elsewhere(unsigned which, int id, struct fs_text *t) MUST_USE;
/* fs_own_text() of another process than the caller's, in this enclave or another: 1; 0: only the table
 * knows of it. Gives up the lock while its enclave answers. -ERESTARTSYS, -ENOMEM. */
int os_text_of(int pid, unsigned which, int id, struct fs_text *t) MUST_USE;
/* Its threads: as os_thread_ids(), at least one. */
size_t os_thread_ids_of(int pid, int *ret_tids, size_t max);
void os_maps_text(struct fs_text *t);    /* /proc/self/maps */
/* /proc/self/smaps, or all mappings as one. */
void os_smaps_text(struct fs_text *t, bool rollup);
enum sockets_text { SOCKETS_TCP, SOCKETS_TCP6, SOCKETS_UDP, SOCKETS_UDP6, SOCKETS_UNIX };
void os_sockets_text(enum sockets_text which, struct fs_text *t); /* /proc/net */
/* /proc/sysvipc, and what /proc/sys/kernel says of it. */
enum ipc_text { IPC_SHM, IPC_SEM, IPC_MSG, IPC_LIMITS_SEM, IPC_MSGMAX, IPC_MSGMNB, IPC_MSGMNI,
                IPC_SHMALL, IPC_SHMMAX, IPC_SHMMNI };
void os_ipc_text(enum ipc_text which, struct fs_text *t);
void os_cmdline_text(struct fs_text *t); /* NUL separated */
void os_environ_text(struct fs_text *t);
void os_auxv_text(struct fs_text *t);
/* RLIMIT_*: soft and hard of a resource 0..15, UINT64_MAX unlimited. */
#define FS_LIMIT_FSIZE 1u
void os_rlimit(unsigned resource, uint64_t *ret_soft, uint64_t *ret_hard);
void os_rlimit_of(int pid, unsigned resource, uint64_t *ret_soft, uint64_t *ret_hard);

/* ---- system calls ---------------------------------------------------------------------------- */

/* Rows are in fs/syscalls_fs.def. Argument types there and the C types of the bodies:
 *   FD(x), DIRFD(x), INT(x)  int        MODE(x)  uint32_t       SIZE(x)  uint64_t    OFF(x) int64_t
 *   PATH(x), IN(x), OUT(x), INOUT(x), IN_BUF(x, size), OUT_BUF(x, size)  app_ptr
 * Prototypes are the table's too, in libos/syscalls.h: int64_t sys_NAME(types...). */
