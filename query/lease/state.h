/* SPDX-License-Identifier: Apache-2.0 */
/* Parts that leases and ledgers have in common, as bytes. */
#pragma once

#include "log/fields.h"
#include "query/lease.h"

void state_take(struct cbor_reader *r, struct volume_state *ret);
void state_put(struct writer *w, const struct volume_state *state);
void tree_take(struct cbor_reader *r, struct query_log_tree *ret);
void tree_put(struct writer *w, const struct query_log_tree *tree);
