/* SPDX-License-Identifier: Apache-2.0 */
/* Who makes a request: its signature, that it is of now, and that it was not seen before. What the
 * key may do is decided where it is done.
 *
 * Trust: requests come from anybody who reaches the socket, and may be copies of somebody else's.
 */
#pragma once

#include "store.h"
#include "wire/request.h"

/* 0 and the key; -EACCES: not signed, not well, too old, or seen before; else -errno of the
 * records. */
int auth_check(struct store *store, const struct request *request, const char *key,
               const char *time, const char *signature, uint64_t now, struct query_key *ret_key,
               struct diag *d) MUST_USE;
