/* SPDX-License-Identifier: Apache-2.0 */
/* Plans of execve and the strings in them: how they are kept, and how they travel between enclaves.
 *
 * The adversary: a packed plan comes over a session, from an enclave of the same measurement; the
 * strings in it are a workload's. It is taken apart strictly. */
#include "exec/exec.h"

#include <errno.h>

/* ---- strings --------------------------------------------------------------------------------- */

void exec_strings_free(struct exec_strings *s)
{
    if (s->data != NULL) {
        secure_zero(s->data, s->size); /* environments hold passwords */
    }
    rt_free(s->data);
    *s = (struct exec_strings){.data = NULL};
}

int exec_strings_make(const struct bytes *texts, size_t count, struct exec_strings *ret)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += texts[i].size + 1;
    }
    uint8_t *data = (uint8_t *)rt_alloc(size + 1), *at = data;
    if (data == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        if (texts[i].size != 0) {
            memcpy(at, texts[i].data, texts[i].size);
        }
        at[texts[i].size] = '\0';
        at += texts[i].size + 1;
    }
    *ret = (struct exec_strings){.data = data, .size = size, .count = count};
    return 0;
}

int exec_strings_replace_first(struct exec_strings *s, const struct exec_strings *with)
{
    const struct exec_strings empty = {.data = (uint8_t[1]){0}, .size = 1, .count = 1};
    with = with->count == 0 ? &empty : with;
    size_t first = s->count == 0 ? 0 : strlen((const char *)s->data) + 1;
    size_t rest = s->size - first;
    uint8_t *data = (uint8_t *)rt_alloc(with->size + rest);
    if (data == NULL) {
        return -ENOMEM;
    }
    memcpy(data, with->data, with->size);
    if (rest != 0) {
        memcpy(data + with->size, s->data + first, rest);
    }
    struct exec_strings old = *s;
    *s = (struct exec_strings){.data = data,
                               .size = with->size + rest,
                               .count = old.count - (old.count == 0 ? 0 : 1) + with->count};
    exec_strings_free(&old);
    return 0;
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
