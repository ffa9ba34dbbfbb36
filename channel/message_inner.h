/* SPDX-License-Identifier: Apache-2.0 */
/* What message_open() does after decryption, apart, so that the fuzzer reaches it. */
#pragma once

#include "channel/message.h"

/* Reads the padded plaintext of a message of this kind: body and evidence become views into it. */
int message_plain_read(struct bytes plain, enum message_kind kind, struct bytes *ret_evidence,
                       struct bytes *ret_body, struct diag *d) MUST_USE;
