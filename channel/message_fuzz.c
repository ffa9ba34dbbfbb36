/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a message, and as what was sealed in one. The recipient's key is fixed, so that kept
 * inputs that open do so in every run. The first byte says which of the two the rest is. */
#include "channel/message.h"
#include "message_inner.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct bytes part, const uint8_t *data, size_t size)
{
    if (part.size > 0 && (part.data < data || part.data + part.size > data + size)) {
        abort();
    }
}

/* A text that is taken has no other place for its members. */
static void plain(enum message_kind kind, struct bytes text)
{
    struct bytes evidence, body;
    if (message_plain_read(text, kind, &evidence, &body, NULL) == 0) {
        inside(evidence, text.data, text.size);
        inside(body, text.data, text.size);
        if (evidence.size + body.size > text.size) {
            abort();
        }
    }
}

static void whole(const struct hpke_private_key *to, struct bytes text)
{
    static uint8_t buffer[1u << 17];
    struct message_header h;
    struct message m;
    struct diag d;
    if (message_peek(text, &h, &d) != 0) {
        return;
    }
    inside(h.enc, text.data, text.size);
    const struct message_expectation expected = {
        .kind = h.kind,
        .context_mode = MESSAGE_CONTEXT_NONE,
        .from_mode = h.has_from ? MESSAGE_FROM_CLAIMED : MESSAGE_FROM_ANYONE,
        .evidence_mode = MESSAGE_EVIDENCE_NONE,
    };
    if (message_open(text, to, &expected, buffer, sizeof buffer, &m, &d) == 0) {
        inside(m.body, buffer, sizeof buffer);
        if (m.kind != h.kind || m.has_from != h.has_from || m.evidence.size != 0) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t secret[32] = "a recipient that everybody knows";
    struct hpke_private_key to;
    if (size == 0) {
        return 0;
    }
    struct bytes rest = BYTES(data + 1, size - 1);
    if (data[0] < MESSAGE_KIND_COUNT && data[0] != MESSAGE_KIND_NONE) {
        plain((enum message_kind)data[0], rest);
    } else if (hpke_private_derive(data[0] & 1 ? HPKE_KEM_P256 : HPKE_KEM_X25519, BYTES_OF(secret),
                                   &to) == 0) {
        whole(&to, rest);
    }
    return 0;
}
