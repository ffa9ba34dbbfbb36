/* SPDX-License-Identifier: Apache-2.0 */
/* execve's first half: from what the workload asked for to a plan that can be carried out. Nothing
 * of the process changes here, so every error leaves it as it was.
 *
 * A script may be any file that may be executed: it is data of its interpreter, as it is for
 * `sh file`. What runs in the end is a file of a measured layer (program_open).
 *
 * The adversary: the workload, which chooses paths, strings, and the bytes of scripts. */
#include "exec/exec.h"

#include <errno.h>

#include "fs/vfs.h"
#include "proc/call_client.h"
#include "proc/exec_call.h"
#include "exec/script.h"

#define SCRIPT_LEVELS 5u /* of scripts whose interpreter is a script: fs/exec.c, exec_binprm() */
#define LIMIT_STACK   3u
#define TEXT_MIN      (UINT64_C(128) << 10) /* ARG_MAX: always granted */

/* ---- strings --------------------------------------------------------------------------------- */

/* Room for `more` bytes behind what is there. */
static int reserve(struct exec_strings *s, size_t *capacity, size_t more)
{
    if (s->size + more <= *capacity) {
        return 0;
    }
    size_t wanted = *capacity * 2 + more;
    uint8_t *data = (uint8_t *)rt_realloc(s->data, wanted);
    if (data == NULL) {
        return -ENOMEM;
    }
    s->data = data;
    *capacity = wanted;
    return 0;
}

static int append_from_app(struct exec_strings *s, size_t *capacity, app_ptr from)
{
    size_t room = 256;
    for (;;) {
        int r = reserve(s, capacity, room);
        if (r != 0) {
            return r;
        }
        room = *capacity - s->size < EXEC_STRING_MAX ? *capacity - s->size : EXEC_STRING_MAX;
        int64_t n = string_from_app((char *)s->data + s->size, from, room);
        if (n >= 0) {
            s->size += (size_t)n + 1;
            s->count++;
            return s->size > EXEC_TEXT_MAX ? -E2BIG : 0;
        }
        if (n == -ENAMETOOLONG && room < EXEC_STRING_MAX) {
            room = room * 2 < EXEC_STRING_MAX ? room * 2 : EXEC_STRING_MAX;
        } else if (n != -EFAULT || !os_page_in(from, EXEC_STRING_MAX)) {
            return n == -ENAMETOOLONG ? -E2BIG : (int)n;
        }
    }
}

int exec_strings_from_app(app_ptr list, struct exec_strings *ret)
{
    struct exec_strings s = {.data = NULL};
    size_t capacity = 0;
    int r = 0;
    while (r == 0 && list.addr != 0) {
        uint64_t at;
        r = copy_from_app(&at, list, sizeof at);
        if (r != 0 && os_page_in(list, sizeof at)) {
            r = copy_from_app(&at, list, sizeof at);
        }
        if (r == 0 && at == 0) {
            break;
        }
        r = r != 0 ? r : append_from_app(&s, &capacity, app_at(at));
        list = app_add(list, sizeof at);
    }
    if (r != 0) {
        exec_strings_free(&s);
        return r;
    }
    *ret = s;
    return 0;
}

/* As fs/exec.c: a quarter of what the stack may have, and the pointers count. */
int exec_check_size(const struct exec_plan *p)
{
    uint64_t soft, hard;
    os_rlimit(LIMIT_STACK, &soft, &hard);
    uint64_t limit = soft / 4 < EXEC_TEXT_MAX ? soft / 4 : EXEC_TEXT_MAX;
    limit = limit < TEXT_MIN ? TEXT_MIN : limit;
    uint64_t pointers = (p->argv.count + p->env.count) * sizeof(uint64_t);
    return strlen(p->name) + 1 + p->argv.size + p->env.size + pointers > limit ? -E2BIG : 0;
}

/* ---- finding the program --------------------------------------------------------------------- */

/* As execve opens: what may be executed need not be readable. */
static int open_to_run(struct dentry *d, struct file **ret)
{
    struct node *n = d->node;
    int err = node_is(n, S_IFLNK)    ? -ELOOP /* only when links are not followed */
              : !node_is(n, S_IFREG) ? -EACCES
                                     : node_may(n, 1);
    if (err != 0) {
        return err;
    }
    struct file *f = file_new(n->ops->file_ops, d, n, O_RDONLY);
    err = f == NULL ? -ENOMEM : n->ops->open != NULL ? n->ops->open(f) : 0;
    if (err != 0) {
        file_unref(f);
        return err;
    }
    *ret = f;
    return 0;
}

static int walk_to_run(struct dentry *start, const char *path, unsigned flags, struct file **ret)
{
    struct walk w;
    int err = path[0] == '\0' ? -ENOENT : fs_walk(start, path, flags, &w);
    if (err == 0) {
        err = open_to_run(w.found, ret);
        walk_done(&w);
    }
    return err;
}

/* The file that was named, and under which name the new program knows it. *ret_hidden: a script's
 * interpreter could not open it by that name, because the descriptor closes. */
static int open_named(int dirfd, const char *path, uint32_t flags, struct exec_plan *p,
                      struct file **ret, bool *ret_hidden)
{
    struct dentry *start = fs_cwd();
    unsigned walk = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? 0 : WALK_FOLLOW;
    *ret_hidden = false;
    base_format(p->name, sizeof p->name, "%s", path);
    if (path[0] == '\0' && (flags & AT_EMPTY_PATH) == 0) {
        return -ENOENT;
    }
    if (dirfd != AT_FDCWD && path[0] != '/') {
        struct file *f = fd_get(dirfd);
        if (f == NULL) {
            return -EBADF;
        }
        start = f->dentry;
        *ret_hidden = file_cloexec(dirfd);
        base_format(p->name, sizeof p->name, "/dev/fd/%d%s%s", dirfd, path[0] == '\0' ? "" : "/",
                    path);
    }
    return path[0] == '\0' ? open_to_run(start, ret) : walk_to_run(start, path, walk, ret);
}

/* One level: *f becomes the interpreter, and argv what it is given. */
static int enter_script(struct exec_plan *p, struct bytes head, const char *script,
                        char interpreter[SCRIPT_HEAD_SIZE + 1], struct file **f)
{
    struct script_line line;
    int err = script_parse(head, &line);
    if (err != 0) {
        return err;
    }
    struct bytes with[3] = {line.interpreter, line.argument, BYTES(script, strlen(script))};
    struct exec_strings first;
    if (line.argument.size == 0) {
        with[1] = with[2];
    }
    err = exec_strings_make(with, line.argument.size == 0 ? 2 : 3, &first);
    if (err == 0) {
        err = exec_strings_replace_first(&p->argv, &first);
        exec_strings_free(&first);
    }
    if (err != 0) {
        return err;
    }
    memcpy(interpreter, line.interpreter.data, line.interpreter.size);
    interpreter[line.interpreter.size] = '\0';
    struct file *next;
    err = walk_to_run(fs_cwd(), interpreter, WALK_FOLLOW, &next);
    if (err == 0) {
        file_unref(*f);
        *f = next;
    }
    return err;
}

/* Follows scripts until *f is a program. */
static int enter_scripts(struct exec_plan *p, struct file **f, bool hidden)
{
    char names[2][SCRIPT_HEAD_SIZE + 1];
    const char *script = p->name;
    for (unsigned level = 0;; level++) {
        uint8_t head[SCRIPT_HEAD_SIZE];
        if (level > SCRIPT_LEVELS) {
            return -ELOOP;
        }
        int64_t n = fs_read_trusted(*f, 0, head, sizeof head);
        if (n < 0 || !script_is(BYTES(head, (size_t)n))) {
            return n < 0 ? (int)n : 0;
        }
        if (hidden) {
            return -ENOENT;
        }
        char *interpreter = names[level % 2];
        int err = enter_script(p, BYTES(head, (size_t)n), script, interpreter, f);
        if (err != 0) {
            return err;
        }
        script = interpreter;
    }
}

/* What is no ELF file is refused for that, before where it lies matters. */
static int check_program(struct file *f)
{
    uint8_t magic[4];
    int64_t n = fs_read_trusted(f, 0, magic, sizeof magic);
    if (n < 0) {
        return (int)n;
    }
    if (n != sizeof magic || memcmp(magic, "\177ELF", sizeof magic) != 0) {
        return -ENOEXEC;
    }
    return fs_is_measured(f) ? 0 : -EACCES;
}

int exec_resolve(int dirfd, const char *path, uint32_t flags, struct exec_plan *plan)
{
    struct file *f = NULL;
    bool hidden = false;
    if ((flags & ~(uint32_t)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) != 0) {
        return -EINVAL;
    }
    int err = open_named(dirfd, path, flags, plan, &f, &hidden);
    if (err == 0 && plan->argv.count == 0) { /* no program is asked to live without a name */
        err = exec_strings_replace_first(&plan->argv, &(struct exec_strings){NULL, 0, 0});
    }
    err = err != 0 ? err : exec_check_size(plan);
    err = err != 0 ? err : enter_scripts(plan, &f, hidden);
    err = err != 0 ? err : check_program(f);
    err = err != 0 ? err : exec_check_size(plan); /* scripts' lines count */
    if (err == 0) {
        fs_file_path(f, plan->path, sizeof plan->path);
    }
    file_unref(f);
    return err;
}

int exec_open(struct exec_plan *plan)
{
    struct diag d = {.text = ""};
    int r = program_open(plan->path, &plan->source, &d);
    if (r != 0 && rt_tracing(TRACE_SYS)) {
        rt_trace("execve: %s", d.text);
    }
    return r;
}

int exec_prepare(int dirfd, app_ptr path, uint32_t flags, struct exec_plan *plan)
{
    char text[FS_PATH_MAX];
    int r = path_from_app(text, path);
    if (r == -EFAULT && os_page_in(path, FS_PATH_MAX)) {
        r = path_from_app(text, path);
    }
    if (r == 0) {
        r = os_is_member() ? exec_resolve_remote(dirfd, text, flags, plan)
                           : exec_resolve(dirfd, text, flags, plan);
    }
    return r != 0 ? r : exec_open(plan);
}
