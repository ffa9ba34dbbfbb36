/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as what a phone reads that is not a record of wire/: its policy, a phrase, its own
 * state. The first byte says which. Reading ends; what is read is written the same way again. */
#include <stdlib.h>
#include <string.h>

#include "phone/policy.h"
#include "phone/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void policy(struct bytes text)
{
    struct phone_policy p;
    struct diag d = {""};
    uint8_t buffer[WIRE_POLICY_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);
    struct wire_policy owner;
    if (phone_policy_read(text, "policy", &p, &d) != 0) {
        must(d.text[0] != '\0');
        return;
    }
    must(phone_policy_owner(&p, 1, &w, NULL) == 0 &&
         wire_read_policy(BYTES(buffer, w.size), &owner, NULL) == 0 &&
         owner.query_cap <= owner.cap && p.custodian_count > 0 && client_server_valid(p.server));
}

static void phrase(struct bytes text)
{
    uint8_t seed[PHONE_SEED_SIZE], again[PHONE_SEED_SIZE];
    char words[PHRASE_MAX];
    struct diag d = {""};
    if (phrase_read(text, seed, &d) != 0) {
        must(d.text[0] != '\0');
        return;
    }
    must(phrase_write(seed, words, NULL) == 0 &&
         phrase_read(BYTES(words, PHRASE_MAX - 1), again, NULL) == 0 &&
         memcmp(seed, again, sizeof seed) == 0);
}

static void state(struct bytes cbor)
{
    struct phone_state s;
    uint8_t buffer[1024];
    struct writer w = writer_of(buffer, sizeof buffer);
    if (phone_state_decode(cbor, &s) == 0) {
        must(phone_state_encode(&s, &w) == 0 && bytes_equal(BYTES(buffer, w.size), cbor));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct bytes rest = BYTES(data + 1, size - 1);
    switch (data[0]) {
    case 'p':
        policy(rest);
        break;
    case 'w':
        phrase(rest);
        break;
    default:
        state(rest);
        break;
    }
    return 0;
}
