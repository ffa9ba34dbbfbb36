/* SPDX-License-Identifier: Apache-2.0 */
/* A custodian without an owner's data, for tests of the aggregator with real evidence: it is as
 * many custodians as it is asked to be, each with a boot key and an owner of its own. The host
 * sends `invite` with the person's number as query_index; the answer is `collected`, whose
 * contribution follows from that number. */
#include "number.h"
#include "services/kit.h"
#include "services/serve.h"
#include "wire/trust.h"

#include "abi/evidence.h"

#include <string.h>

static struct service_kit kit = {.env = &service_env_enclave};
static struct query_document document;

static int answer_for(const struct wire_invite *r, struct service_buffer *answer, struct diag *d)
{
    static uint8_t numbers[8 * QUERY_ENTRIES_MAX], body[sizeof numbers + 256];
    static uint8_t sealed[WIRE_CONTRIBUTION_MAX];
    AUTO_SERVICE_BUFFER evidence = {0};
    AUTO_HPKE_KEY boot;
    struct evidence e;
    struct binding aggregator, own = {.purpose = BINDING_PURPOSE_CUSTODIAN,
                                      .has_owner = true,
                                      .fresh = BINDING_FRESH_TIME};
    struct wire_contribution record;
    uint8_t id[MESSAGE_ID_SIZE];
    memset(&boot, 0, sizeof boot);
    int err = query_document_decode(r->document, &document, d);
    err = err != 0 ? err : query_document_id(r->document, (struct query_hash *)&record.query);
    err = err != 0 ? err : evidence_decode(r->evidence, &e, d);
    err = err != 0 ? err : binding_decode(e.claims, &aggregator, d); /* a test believes it */
    err = err != 0 ? err : hpke_private_make(HPKE_KEM_X25519, &boot);
    if (err != 0) {
        return err;
    }
    own.key = boot.public_key;
    own.time = (uint64_t)kit.env->time_s(kit.env->context);
    store_le64(own.owner, r->query_index);
    struct writer n = writer_of(numbers, sizeof numbers), b = writer_of(body, sizeof body);
    for (uint32_t i = 0; i < document.schema.entry_count; i++) {
        writer_be(&n, (uint64_t)number(r->query_index, i), 8);
    }
    record.vector = BYTES(n.data, n.size);
    err = wire_write_contribution(&record, &b, d);
    err = err != 0 ? err : service_evidence(&kit, &own, &evidence, d);
    const struct message_draft draft = {.kind = MESSAGE_KIND_CONTRIBUTION,
                                        .context_mode = MESSAGE_CONTEXT_VALUE,
                                        .context = BYTES_OF(record.query),
                                        .to = &aggregator.key,
                                        .from = HPKE_FROM_SELF(&boot),
                                        .aead = HPKE_SUITE_DEFAULT.aead,
                                        .evidence = service_buffer_bytes(&evidence),
                                        .body = BYTES(b.data, b.size)};
    struct writer out = writer_of(sealed, sizeof sealed);
    err = err != 0 ? err : message_seal(&draft, &out, id, d);
    const struct wire_collected collected = {.message = BYTES(out.data, out.size)};
    return err != 0 ? err : service_answer(WIRE_collected, &collected, answer, d);
}

static int serve(void *context, struct bytes text, struct service_buffer *answer)
{
    (void)context;
    struct diag d = {""};
    struct wire_invite r;
    int err;
    if (service_take(&kit, text, answer, &err) == WIRE_RECORDS) {
        return err;
    }
    if (wire_read_invite(text, &r, &d) != 0 || answer_for(&r, answer, &d) != 0) {
        return service_refuse(WIRE_CODE_FORMAT, &d, answer);
    }
    return SERVICE_GOES_ON;
}

int main(void)
{
    const struct service_program program = {.name = "contributor", .serve = serve};
    return service_main(&program);
}
