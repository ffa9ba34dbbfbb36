/* SPDX-License-Identifier: Apache-2.0 */
/* What the published vectors need besides the interface: an ephemeral key that is not random. A
 * sender who chose it twice would seal two messages with one key and nonce, so nothing but tests
 * and hpke_setup_sender() may call this. */
#pragma once

#include "channel/hpke.h"

int hpke_setup_sender_with(struct hpke_suite suite, const struct hpke_private_key *ephemeral,
                           const struct hpke_public_key *to, struct hpke_from from,
                           struct bytes info, struct hpke_public_key *ret_enc,
                           struct hpke_sender *ret) MUST_USE;
