/* SPDX-License-Identifier: Apache-2.0 */
#include "services/kit.h"

#include "abi/evidence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void service_kit_done(struct service_kit *kit)
{
    service_buffer_done(&kit->kept);
    kit->ready = false;
}

static enum wire_code take_hello(struct service_kit *kit, struct bytes record, struct diag *d)
{
    struct sgx_targetinfo self;
    uint8_t digest[64];
    struct service_buffer kept = {0};
    struct wire_hello hello;
    if (service_buffer_reserve(&kept, record.size) != 0) {
        (void)diag_fail(d, -ENOMEM, "no memory to keep the host's hello");
        return WIRE_CODE_INTERNAL;
    }
    memcpy(kept.data, record.data, record.size);
    kept.size = record.size;
    enum wire_code code = WIRE_CODE_OK;
    if (wire_read_hello(service_buffer_bytes(&kept), &hello, d) != 0) {
        code = WIRE_CODE_FORMAT;
    } else if (kit->env->target_info(kit->env->context, (uint8_t *)&self) != 0 ||
               binding_report_data(hello.manifest, digest) != 0) { /* SHA-512, as CONFIGID is */
        (void)diag_fail(d, -EIO, "the enclave does not learn its own identity");
        code = WIRE_CODE_INTERNAL;
    } else if (memcmp(digest, self.configid, sizeof digest) != 0) {
        (void)diag_fail(d, -EACCES,
                        "that is not this enclave's manifest: its SHA-512 is not CONFIGID; "
                        "send manifest.cbor of the bundle that runs");
        code = WIRE_CODE_IDENTITY;
    }
    if (code != WIRE_CODE_OK) {
        service_buffer_done(&kept);
        return code;
    }
    service_buffer_done(&kit->kept);
    kit->kept = kept;
    kit->hello = hello;
    memcpy(kit->mrenclave, self.mrenclave, sizeof kit->mrenclave);
    memcpy(kit->configid, self.configid, sizeof kit->configid);
    kit->ready = true;
    return WIRE_CODE_OK;
}

enum wire_record service_take(struct service_kit *kit, struct bytes record,
                              struct service_buffer *answer, int *ret_err)
{
    struct diag d = {""};
    enum wire_code code = WIRE_CODE_OK;
    enum wire_record which = wire_peek(record);
    if (which == WIRE_hello) {
        code = take_hello(kit, record, &d);
    } else if (which == WIRE_RECORDS) {
        (void)diag_fail(&d, -EINVAL, "that is no record of docs/formats/parties.md");
        code = WIRE_CODE_FORMAT;
    } else if (!kit->ready) {
        (void)diag_fail(&d, -EINVAL, "the record '%s' comes before the host's hello",
                        wire_format(which));
        code = WIRE_CODE_STATE;
    } else {
        *ret_err = 0;
        return which;
    }
    struct wire_done done;
    memset(&done, 0, sizeof done);
    *ret_err = code == WIRE_CODE_OK ? service_answer(WIRE_done, &done, answer, NULL)
                                    : service_refuse(code, &d, answer);
    return WIRE_RECORDS;
}

int service_evidence(const struct service_kit *kit, const struct binding *binding,
                     struct service_buffer *ret, struct diag *d)
{
    uint8_t claims[BINDING_SIZE_MAX], report_data[64], quote[QUOTE_SIZE_MAX];
    struct writer w = writer_of(claims, sizeof claims);
    size_t quote_size = 0;
    int err = binding_encode(binding, &w, d);
    if (err != 0) {
        return err;
    }
    struct bytes encoded = BYTES(w.data, w.size);
    if (binding_report_data(encoded, report_data) != 0) {
        return diag_fail(d, -EIO, "the crypto library failed");
    }
    err = kit->env->quote(kit->env->context, report_data, quote, sizeof quote, &quote_size);
    if (err != 0) {
        return diag_fail(d, err, "no quote: %s (%s)", strerror(-err),
                         err == -ENODEV ? "nobody quotes on this host" : "quoting failed");
    }
    const struct wire_hello *h = &kit->hello;
    const struct evidence e = {.quote = BYTES(quote, quote_size),
                               .claims = encoded,
                               .manifest = h->manifest,
                               .collateral = {.tcb_info = h->tcb_info,
                                              .tcb_chain = h->tcb_chain,
                                              .qe_identity = h->qe_identity,
                                              .qe_chain = h->qe_chain,
                                              .pck_crl = h->pck_crl,
                                              .pck_crl_chain = h->pck_crl_chain,
                                              .root_crl = h->root_crl}};
    service_buffer_reset(ret);
    err = service_buffer_reserve(ret, kit->kept.size + sizeof quote + sizeof claims + 1024);
    if (err != 0) {
        return diag_fail(d, err, "no memory for the evidence");
    }
    struct writer out = writer_of(ret->data, ret->capacity);
    err = evidence_encode(&e, &out, d);
    ret->size = err == 0 ? out.size : 0;
    return err;
}
