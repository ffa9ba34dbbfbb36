/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/exec_call.h"

#include <errno.h>

#include "proc/call_client.h"
#include "proc/call_ops.h"
#include "proc/table.h"

#define ANSWER_MAX   (UINT64_C(32) << 10) /* a name, a path, and the words of five scripts */
#define COMMAND_SENT UINT64_C(4096)       /* of the command line: more is not shown anywhere */

/* ---- resolving ------------------------------------------------------------------------------- */

struct resolve_request {
    int32_t dirfd;
    uint32_t flags; /* the path follows, with its NUL */
};

int exec_resolve_remote(int dirfd, const char *path, uint32_t flags, struct exec_plan *plan)
{
    const struct resolve_request q = {.dirfd = dirfd, .flags = flags};
    uint8_t request[sizeof q + FS_PATH_MAX];
    struct exec_plan resolved = {.name = ""};
    size_t n = strlen(path) + 1, size = 0;
    uint8_t *answer = (uint8_t *)rt_alloc(ANSWER_MAX);
    if (answer == NULL || n > FS_PATH_MAX) {
        rt_free(answer);
        return answer == NULL ? -ENOMEM : -ENAMETOOLONG;
    }
    memcpy(request, &q, sizeof q);
    memcpy(request + sizeof q, path, n);
    int64_t r = remote_request(REMOTE_exec_resolve, BYTES(request, sizeof q + n), answer,
                               ANSWER_MAX, &size);
    r = r != 0 ? r : exec_unpack(BYTES(answer, size), &resolved);
    rt_free(answer);
    if (r != 0) {
        return (int)r;
    }
    memcpy(plan->name, resolved.name, sizeof plan->name);
    memcpy(plan->path, resolved.path, sizeof plan->path);
    /* Without a script the owner's is the empty name that it was asked with. */
    if (resolved.argv.count > 1 || plan->argv.count == 0) {
        r = exec_strings_replace_first(&plan->argv, &resolved.argv);
    }
    exec_plan_free(&resolved);
    return r != 0 ? (int)r : exec_check_size(plan);
}

int64_t remote_serve_exec_resolve(struct call_server *s, struct bytes in, struct writer *out)
{
    struct resolve_request q;
    struct exec_plan plan = {.name = ""};
    uint8_t *packed = NULL;
    size_t size = 0;
    (void)s;
    if (in.size <= sizeof q || in.size > sizeof q + FS_PATH_MAX || in.data[in.size - 1] != '\0') {
        return -EINVAL;
    }
    memcpy(&q, in.data, sizeof q);
    int r = exec_resolve(q.dirfd, (const char *)in.data + sizeof q, q.flags, &plan);
    r = r != 0 ? r : exec_pack(&plan, &packed, &size);
    exec_plan_free(&plan);
    if (r == 0) {
        writer_put(out, BYTES(packed, size));
        rt_free(packed);
    }
    return r;
}

/* ---- the point of no return ------------------------------------------------------------------ */

/* A plan with as much of its argv as somebody may look at. */
int exec_commit_remote(const struct exec_plan *plan)
{
    struct exec_plan told = {.name = ""};
    uint8_t *packed;
    size_t size, shown = plan->argv.size < COMMAND_SENT ? plan->argv.size : COMMAND_SENT, none;
    memcpy(told.name, plan->name, sizeof told.name);
    memcpy(told.path, plan->path, sizeof told.path);
    const struct bytes command = {.data = plan->argv.data, .size = shown == 0 ? 0 : shown - 1};
    int64_t r = exec_strings_make(&command, 1, &told.argv);
    for (size_t i = 0; r == 0 && i < told.argv.size; i++) {
        told.argv.count += i + 1 < told.argv.size && told.argv.data[i] == '\0';
    }
    r = r != 0 ? r : exec_pack(&told, &packed, &size);
    exec_plan_free(&told);
    if (r == 0) {
        r = remote_request(REMOTE_exec_commit, BYTES(packed, size), NULL, 0, &none);
        rt_free(packed);
    }
    return (int)r;
}

int64_t remote_serve_exec_commit(struct call_server *s, struct bytes in, struct writer *out)
{
    struct exec_plan plan;
    struct file *program = NULL;
    const char *comm = plan.name;
    (void)s, (void)out;
    int r = exec_unpack(in, &plan);
    if (r != 0) {
        return r;
    }
    for (const char *c = plan.name; *c != '\0'; c++) {
        comm = *c == '/' ? c + 1 : comm;
    }
    r = fs_open_path(plan.path, true, &program);
    if (r == 0) {
        r = process_exec(os_current(), comm, program, BYTES(plan.argv.data, plan.argv.size));
        file_unref(program);
    }
    exec_plan_free(&plan);
    return r;
}
