/* SPDX-License-Identifier: Apache-2.0 */
/* How the values of a policy file are written; internal to the policy reader. Each function returns
 * 0, or -EINVAL after saying what is expected and where. */
#pragma once

#include "policy.h"

/* All keys of the file, into p->policy. */
int policy_take_root(struct policy_file *p) MUST_USE;

int policy_take_u8(struct strict_yaml *y, const yaml_node_t *n, uint8_t *ret) MUST_USE;
int policy_take_u16(struct strict_yaml *y, const yaml_node_t *n, uint16_t *ret) MUST_USE;
int policy_take_u32(struct strict_yaml *y, const yaml_node_t *n, uint32_t *ret) MUST_USE;

/* 64 bits as 16 hex digits, the most significant first, as Intel writes registers. */
int policy_take_bits(struct strict_yaml *y, const yaml_node_t *n, uint64_t *ret) MUST_USE;

/* "any", hex digits of exactly size bytes, or, where zero_word is not NULL, that word for zeros. */
int policy_take_expect(struct strict_yaml *y, const yaml_node_t *n, enum alcove_expect *ret_mode,
                       uint8_t *ret_value, size_t size, const char *zero_word) MUST_USE;
/* "any", "none", or 1 to capacity bytes as hex digits. */
int policy_take_bytes(struct strict_yaml *y, const yaml_node_t *n, uint8_t *buffer, size_t capacity,
                      struct alcove_expect_bytes *ret) MUST_USE;
int policy_take_pcr(struct strict_yaml *y, const yaml_node_t *n,
                    struct alcove_expect_pcr *ret) MUST_USE;
/* Adds a TCB status, by its name. */
int policy_take_status(struct strict_yaml *y, const yaml_node_t *n, uint32_t *bits) MUST_USE;
int policy_take_advisories(struct strict_yaml *y, const yaml_node_t *n, const char **ret,
                           size_t *ret_count) MUST_USE;
/* A mapping in which the first `required` members must be there. */
int policy_take_all_members(struct strict_yaml *y, const yaml_node_t *n,
                            const struct strict_yaml_member *members, size_t required,
                            void *context) MUST_USE;

/* {allow: any|[...], deny: [...]}; context is the struct policy_file. */
int policy_take_fmspc(void *context, const yaml_node_t *n) MUST_USE;
int policy_take_ppid(void *context, const yaml_node_t *n) MUST_USE;
int policy_take_chip_id(void *context, const yaml_node_t *n) MUST_USE;
