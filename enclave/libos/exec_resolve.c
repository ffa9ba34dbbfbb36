/* SPDX-License-Identifier: Apache-2.0 */
/* execve's first half: from what the workload asked for to a plan that can be carried out. Nothing
 * of the process changes here, so every error leaves it as it was.
 *
 * A script may be any file that may be executed: it is data of its interpreter, as it is for
 * `sh file`. What runs in the end is a file of a measured layer (program_open).
 *
 * The adversary: the workload, which chooses paths, strings, and the bytes of scripts. */
#include "exec.h"

#include <errno.h>

#include "fs/vfs.h"
#include "script.h"

#define SCRIPT_LEVELS 5u /* of scripts whose interpreter is a script: fs/exec.c, exec_binprm() */
#define LIMIT_STACK   3u
#define TEXT_MIN      (UINT64_C(128) << 10) /* ARG_MAX: always granted */

/* ---- strings --------------------------------------------------------------------------------- */

void exec_strings_free(struct exec_strings *s)
{
    if (s->data != NULL) {
        secure_zero(s->data, s->size); /* environments hold passwords */
    }
    rt_free(s->data);
    *s = (struct exec_strings){.data = NULL};
}

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

/* Takes the first string away and puts others in its place. */
static int replace_first(struct exec_strings *s, const struct bytes *with, size_t count)
{
    size_t first = s->count == 0 ? 0 : strlen((const char *)s->data) + 1, size = 0;
    for (size_t i = 0; i < count; i++) {
        size += with[i].size + 1;
    }
    size_t rest = s->size - first;
    uint8_t *data = (uint8_t *)rt_alloc(size + rest + 1);
    if (data == NULL) {
        return -ENOMEM;
    }
    uint8_t *at = data;
    for (size_t i = 0; i < count; i++) {
        memcpy(at, with[i].data, with[i].size);
        at[with[i].size] = '\0';
        at += with[i].size + 1;
    }
    memcpy(at, s->data == NULL ? data : s->data + first, rest);
    struct exec_strings old = *s;
    *s = (struct exec_strings){
        .data = data, .size = size + rest, .count = old.count - (old.count == 0 ? 0 : 1) + count};
    exec_strings_free(&old);
    return 0;
}

/* As fs/exec.c: a quarter of what the stack may have, and the pointers count. */
static int check_size(const struct exec_plan *p)
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
    size_t count = 3;
    if (line.argument.size == 0) {
        with[1] = with[2];
        count = 2;
    }
    err = replace_first(&p->argv, with, count);
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

int exec_resolve(int dirfd, app_ptr path, uint32_t flags, struct exec_plan *plan)
{
    char text[FS_PATH_MAX];
    struct file *f = NULL;
    bool hidden = false;
    if ((flags & ~(uint32_t)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) != 0) {
        return -EINVAL;
    }
    int err = path_from_app(text, path);
    err = err != 0 ? err : open_named(dirfd, text, flags, plan, &f, &hidden);
    if (err == 0 && plan->argv.count == 0) { /* no program is asked to live without a name */
        const struct bytes none = {.data = (const uint8_t *)"", .size = 0};
        err = replace_first(&plan->argv, &none, 1);
    }
    err = err != 0 ? err : check_size(plan);
    err = err != 0 ? err : enter_scripts(plan, &f, hidden);
    err = err != 0 ? err : check_program(f);
    err = err != 0 ? err : check_size(plan); /* scripts' lines count */
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
    int r = exec_resolve(dirfd, path, flags, plan);
    return r != 0 ? r : exec_open(plan);
}

void exec_plan_free(struct exec_plan *plan)
{
    program_close(&plan->source);
    exec_strings_free(&plan->argv);
    exec_strings_free(&plan->env);
    secure_zero(plan, sizeof *plan);
}

/* ---- as bytes -------------------------------------------------------------------------------- */

struct packed_head {
    uint32_t name_size, path_size; /* with their NULs */
    uint64_t argv_size, argv_count, env_size, env_count;
};

int exec_pack(const struct exec_plan *plan, uint8_t **ret_data, size_t *ret_size)
{
    const struct packed_head h = {.name_size = (uint32_t)strlen(plan->name) + 1,
                                  .path_size = (uint32_t)strlen(plan->path) + 1,
                                  .argv_size = plan->argv.size,
                                  .argv_count = plan->argv.count,
                                  .env_size = plan->env.size,
                                  .env_count = plan->env.count};
    const struct bytes parts[] = {
        BYTES((const uint8_t *)&h, sizeof h), BYTES((const uint8_t *)plan->name, h.name_size),
        BYTES((const uint8_t *)plan->path, h.path_size), BYTES(plan->argv.data, plan->argv.size),
        BYTES(plan->env.data, plan->env.size)};
    size_t size = 0;
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        size += parts[i].size;
    }
    uint8_t *data = (uint8_t *)rt_alloc(size);
    if (data == NULL) {
        return -ENOMEM;
    }
    *ret_data = data;
    *ret_size = size;
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        if (parts[i].size != 0) {
            memcpy(data, parts[i].data, parts[i].size);
        }
        data += parts[i].size;
    }
    return 0;
}

/* Takes size bytes from the front; NULL: there are fewer. */
static const uint8_t *take(struct bytes *b, uint64_t size)
{
    const uint8_t *at = b->data;
    if (size > b->size) {
        return NULL;
    }
    *b = BYTES(b->data + size, b->size - size);
    return at;
}

static bool unpack_text(struct bytes *b, uint32_t size, char *to, size_t capacity)
{
    const uint8_t *at = size == 0 || size > capacity ? NULL : take(b, size);
    if (at == NULL || at[size - 1] != '\0') {
        return false;
    }
    memcpy(to, at, size);
    return true;
}

static int unpack_strings(struct bytes *b, uint64_t size, uint64_t count, struct exec_strings *ret)
{
    const uint8_t *at = take(b, size);
    uint64_t ends = 0;
    for (uint64_t i = 0; at != NULL && i < size; i++) {
        ends += at[i] == '\0';
    }
    if (at == NULL || size > EXEC_TEXT_MAX || ends != count ||
        (size != 0 && at[size - 1] != '\0')) {
        return -EINVAL;
    }
    uint8_t *data = size == 0 ? NULL : (uint8_t *)rt_alloc(size);
    if (data == NULL && size != 0) {
        return -ENOMEM;
    }
    if (size != 0) {
        memcpy(data, at, size);
    }
    *ret = (struct exec_strings){.data = data, .size = size, .count = count};
    return 0;
}

int exec_unpack(struct bytes packed, struct exec_plan *ret)
{
    struct packed_head h;
    const uint8_t *head = take(&packed, sizeof h);
    *ret = (struct exec_plan){.name = ""};
    if (head == NULL) {
        return -EINVAL;
    }
    memcpy(&h, head, sizeof h);
    if (!unpack_text(&packed, h.name_size, ret->name, sizeof ret->name) ||
        !unpack_text(&packed, h.path_size, ret->path, sizeof ret->path)) {
        return -EINVAL;
    }
    int r = unpack_strings(&packed, h.argv_size, h.argv_count, &ret->argv);
    r = r != 0 ? r : unpack_strings(&packed, h.env_size, h.env_count, &ret->env);
    r = r != 0 || packed.size == 0 ? r : -EINVAL;
    if (r != 0) {
        exec_plan_free(ret);
    }
    return r;
}
