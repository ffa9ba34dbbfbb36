/* SPDX-License-Identifier: Apache-2.0 */
/* How the values of a policy file are written, see policy_values.h. */
#include "policy_values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int take_unsigned(struct strict_yaml *y, const yaml_node_t *n, uint64_t max, uint64_t *ret)
{
    *ret = 0;
    return strict_yaml_number(y, n, 0, max, ret);
}

int policy_take_u8(struct strict_yaml *y, const yaml_node_t *n, uint8_t *ret)
{
    uint64_t v;
    int err = take_unsigned(y, n, UINT8_MAX, &v);
    *ret = (uint8_t)v;
    return err;
}

int policy_take_u16(struct strict_yaml *y, const yaml_node_t *n, uint16_t *ret)
{
    uint64_t v;
    int err = take_unsigned(y, n, UINT16_MAX, &v);
    *ret = (uint16_t)v;
    return err;
}

int policy_take_u32(struct strict_yaml *y, const yaml_node_t *n, uint32_t *ret)
{
    uint64_t v;
    int err = take_unsigned(y, n, UINT32_MAX, &v);
    *ret = (uint32_t)v;
    return err;
}

/* The scalar as hex digits of exactly size bytes? */
static bool is_hex(const yaml_node_t *n, void *ret, size_t size)
{
    return n->type == YAML_SCALAR_NODE && size > 0 &&
           hex_decode(ret, size, BYTES(n->data.scalar.value, n->data.scalar.length));
}

int policy_take_bits(struct strict_yaml *y, const yaml_node_t *n, uint64_t *ret)
{
    uint8_t bytes[8];
    if (!is_hex(n, bytes, sizeof bytes)) {
        return strict_yaml_fail(y, n, "64 bits as 16 hex digits are expected here");
    }
    *ret = 0;
    for (size_t i = 0; i < sizeof bytes; i++) {
        *ret = *ret << 8 | bytes[i];
    }
    return 0;
}

int policy_take_expect(struct strict_yaml *y, const yaml_node_t *n, enum alcove_expect *ret_mode,
                       uint8_t *ret_value, size_t size, const char *zero_word)
{
    if (strict_yaml_is_word(n, "any")) {
        *ret_mode = ALCOVE_EXPECT_ANY;
        return 0;
    }
    if (zero_word != NULL && strict_yaml_is_word(n, zero_word)) {
        memset(ret_value, 0, size);
    } else if (!is_hex(n, ret_value, size)) {
        return strict_yaml_fail(
            y, n, "'any'%s%s%s is expected here, or %zu bytes as %zu hex digits",
            zero_word != NULL ? " or '" : "", zero_word != NULL ? zero_word : "",
            zero_word != NULL ? "' (zeros)" : "", size, 2 * size);
    }
    *ret_mode = ALCOVE_EXPECT_VALUE;
    return 0;
}

int policy_take_bytes(struct strict_yaml *y, const yaml_node_t *n, uint8_t *buffer, size_t capacity,
                      struct alcove_expect_bytes *ret)
{
    size_t size = n->type == YAML_SCALAR_NODE ? n->data.scalar.length / 2 : 0;
    if (strict_yaml_is_word(n, "any")) {
        ret->mode = ALCOVE_EXPECT_ANY;
        return 0;
    }
    if (strict_yaml_is_word(n, "none")) {
        size = 0;
    } else if (size > capacity || !is_hex(n, buffer, size)) {
        return strict_yaml_fail(y, n,
                                "'any', 'none' (absent or empty), or 1 to %zu bytes as hex digits "
                                "are expected here",
                                capacity);
    }
    *ret = (struct alcove_expect_bytes){ALCOVE_EXPECT_VALUE, {buffer, size}};
    return 0;
}

int policy_take_pcr(struct strict_yaml *y, const yaml_node_t *n, struct alcove_expect_pcr *ret)
{
    static const uint8_t sizes[] = {48, 32, 64};
    if (strict_yaml_is_word(n, "any")) {
        ret->mode = ALCOVE_EXPECT_ANY;
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        if (is_hex(n, ret->value, sizes[i])) {
            ret->mode = ALCOVE_EXPECT_VALUE;
            ret->size = sizes[i];
            return 0;
        }
    }
    return strict_yaml_fail(y, n,
                            "'any' is expected here, or 48 bytes (or 32, or 64) as hex digits");
}

int policy_take_status(struct strict_yaml *y, const yaml_node_t *n, uint32_t *bits)
{
    const char *name = "";
    int err = strict_yaml_text(y, n, &name);
    if (err != 0) {
        return err;
    }
    enum alcove_tcb_status status = alcove_tcb_status_by_name(name);
    if (status == ALCOVE_TCB_NONE || status == ALCOVE_TCB_NOT_SUPPORTED) {
        char list[DIAG_MAX] = "";
        size_t used = 0;
        for (int s = ALCOVE_TCB_NONE + 1; s < ALCOVE_TCB_NOT_SUPPORTED; s++) {
            used += base_format(list + used, sizeof list - used, "%s%s", used > 0 ? ", " : "",
                                alcove_tcb_status_name((enum alcove_tcb_status)s));
        }
        return strict_yaml_fail(y, n, "'%s' is not a TCB status that can be accepted; they are %s",
                                name, list);
    }
    *bits |= ALCOVE_TCB_BIT(status);
    return 0;
}

/* As Intel writes them. Another spelling would never match, and nobody would notice. */
static bool is_advisory(const char *id)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    size_t size = strlen(id);
    return strncmp(id, "INTEL-", 6) == 0 && size > 6 && size < ALCOVE_ADVISORY_SIZE &&
           strspn(id, letters) == size;
}

int policy_take_advisories(struct strict_yaml *y, const yaml_node_t *n, const char **ret,
                           size_t *ret_count)
{
    size_t count = 0;
    int err = strict_yaml_list(y, n, POLICY_ADVISORIES_MAX, &count);
    for (size_t i = 0; err == 0 && i < count; i++) {
        const yaml_node_t *item = strict_yaml_item(y, n, i);
        err = strict_yaml_text(y, item, &ret[i]);
        if (err == 0 && !is_advisory(ret[i])) {
            err = strict_yaml_fail(y, item, "'%s' is not an advisory's id, such as INTEL-SA-00615",
                                   ret[i]);
        }
    }
    *ret_count = err == 0 ? count : 0;
    return err;
}

int policy_take_all_members(struct strict_yaml *y, const yaml_node_t *n,
                            const struct strict_yaml_member *members, size_t required,
                            void *context)
{
    size_t count = 0;
    int err = strict_yaml_members(y, n, members, context);
    err = err != 0 ? err : strict_yaml_map(y, n, SIZE_MAX, &count);
    for (size_t k = 0; err == 0 && k < required; k++) {
        bool there = false;
        for (size_t i = 0; i < count; i++) {
            there |= strcmp(strict_yaml_key(strict_yaml_pair(y, n, i).key), members[k].name) == 0;
        }
        err = there ? 0 : strict_yaml_fail(y, n, "the key '%s' is missing", members[k].name);
    }
    return err;
}

/* ---- lists of platforms ---- */

struct id_list {
    struct strict_yaml *yaml;
    struct alcove_id_lists *lists;
    struct policy_ids *ids;
    size_t id_size;
};

static int take_ids(const struct id_list *x, const yaml_node_t *n, uint8_t **owner,
                    size_t *ret_count)
{
    size_t count = 0;
    int err = strict_yaml_list(x->yaml, n, POLICY_IDS_MAX, &count);
    if (err != 0) {
        return err;
    }
    *owner = calloc(count + 1, x->id_size);
    if (*owner == NULL) {
        return strict_yaml_fail(x->yaml, n, "no memory");
    }
    for (size_t i = 0; i < count; i++) {
        const yaml_node_t *item = strict_yaml_item(x->yaml, n, i);
        if (!is_hex(item, *owner + i * x->id_size, x->id_size)) {
            return strict_yaml_fail(x->yaml, item, "%zu bytes as %zu hex digits are expected here",
                                    x->id_size, 2 * x->id_size);
        }
    }
    *ret_count = count;
    return 0;
}

static int take_allow(void *context, const yaml_node_t *n)
{
    const struct id_list *x = context;
    if (strict_yaml_is_word(n, "any")) {
        x->lists->allow_mode = ALCOVE_EXPECT_ANY;
        return 0;
    }
    int err = take_ids(x, n, &x->ids->allowed, &x->lists->allowed_count);
    x->lists->allow_mode = ALCOVE_EXPECT_VALUE;
    x->lists->allowed = x->ids->allowed;
    return err;
}

static int take_deny(void *context, const yaml_node_t *n)
{
    const struct id_list *x = context;
    int err = take_ids(x, n, &x->ids->denied, &x->lists->denied_count);
    x->lists->denied = x->ids->denied;
    return err;
}

static int take_lists(struct strict_yaml *y, const yaml_node_t *n, struct alcove_id_lists *lists,
                      struct policy_ids *ids, size_t id_size)
{
    static const struct strict_yaml_member members[] = {
        {"allow", take_allow}, {"deny", take_deny}, {NULL, NULL}};
    struct id_list x = {y, lists, ids, id_size};
    return strict_yaml_members(y, n, members, &x);
}

int policy_take_fmspc(void *context, const yaml_node_t *n)
{
    struct policy_file *p = context;
    return take_lists(&p->yaml, n, &p->policy.fmspc, &p->fmspc, 6);
}

int policy_take_ppid(void *context, const yaml_node_t *n)
{
    struct policy_file *p = context;
    return take_lists(&p->yaml, n, &p->policy.ppid, &p->ppid, 16);
}

int policy_take_chip_id(void *context, const yaml_node_t *n)
{
    struct policy_file *p = context;
    return take_lists(&p->yaml, n, &p->policy.chip_id, &p->chip_id, 64);
}

bool policy_report_data(const char *text, struct alcove_expect_64 *ret)
{
    struct alcove_expect_64 e = {.mode = ALCOVE_EXPECT_VALUE};
    struct bytes digits = BYTES(text, strlen(text));
    if (strcmp(text, "any") == 0) {
        e.mode = ALCOVE_EXPECT_ANY;
    } else if (!hex_decode(e.value, 64, digits) && !hex_decode(e.value, 32, digits)) {
        return false;
    }
    *ret = e;
    return true;
}
