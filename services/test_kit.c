/* SPDX-License-Identifier: Apache-2.0 */
#include "test_kit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void test_machine_make(struct test_machine *ret)
{
    memset(ret, 0, sizeof *ret);
    forge_defaults(&ret->spec);
    forge_build(&ret->spec, &ret->output);
}

void test_machine_like(const struct test_machine *first, int serial, struct test_machine *ret)
{
    ret->spec = first->spec;
    ret->spec.leaf.serial = serial;
    forge_platform(&ret->spec, &first->output, &ret->output);
}

/* ---- the table ------------------------------------------------------------------------------- */

static int target_info(void *context, uint8_t ret[512])
{
    const struct test_enclave *e = context;
    struct sgx_targetinfo t = {.attributes = e->machine->spec.body.attributes};
    memcpy(t.mrenclave, e->mrenclave, sizeof t.mrenclave);
    test_enclave_configid(e, t.configid);
    memcpy(ret, &t, sizeof t);
    return 0;
}

static int quote(void *context, const uint8_t report_data[64], uint8_t *ret, size_t capacity,
                 size_t *ret_size)
{
    const struct test_enclave *e = context;
    struct forge_spec *s = &e->machine->spec;
    const struct forge_part *made = &e->machine->output.quote;
    if (e->no_quotes) {
        return -ENODEV;
    }
    const struct sgx_report_body usual = s->body;
    memcpy(s->body.mrenclave, e->mrenclave, sizeof s->body.mrenclave);
    memcpy(s->body.mrsigner, e->mrsigner, sizeof s->body.mrsigner);
    test_enclave_configid(e, s->body.configid);
    memcpy(s->body.reportdata, report_data, sizeof s->body.reportdata);
    s->body.attributes.flags |= e->debug ? SGX_FLAGS_DEBUG : 0;
    forge_requote(s, &e->machine->output);
    s->body = usual;
    if (made->size > capacity) {
        return -EIO;
    }
    memcpy(ret, made->data, made->size);
    *ret_size = made->size;
    return 0;
}

static const uint8_t good_mac[16] = "a MAC that holds";

static int check_report(void *context, const uint8_t report[432])
{
    (void)context;
    return memcmp(report + 416, good_mac, sizeof good_mac) == 0 ? 0 : -EACCES;
}

void test_report(const struct sgx_report_body *body, uint8_t ret[432])
{
    memset(ret, 0, 432);
    memcpy(ret, body, sizeof *body);
    memcpy(ret + 416, good_mac, sizeof good_mac);
}

/* splitmix64. */
static int fill_random(void *context, uint8_t *ret, size_t size)
{
    struct test_enclave *e = context;
    if (e->no_random) {
        return -EIO;
    }
    for (size_t i = 0; i < size; i++) {
        uint64_t z = e->random_state += UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        ret[i] = e->zeros ? 0 : (uint8_t)(z >> 56);
    }
    return 0;
}

static int64_t time_s(void *context)
{
    const struct test_enclave *e = context;
    return e->time;
}

static uint64_t clock_ms(void *context)
{
    const struct test_enclave *e = context;
    return e->clock_ms;
}

/* ---- the enclave ----------------------------------------------------------------------------- */

void test_enclave_manifest(struct test_enclave *e)
{
    struct writer w = writer_of(e->manifest_text, sizeof e->manifest_text);
    REQUIRE(manifest_encode(&e->manifest, &w, NULL) == 0);
    e->manifest_size = w.size;
}

void test_enclave_configid(const struct test_enclave *e, uint8_t ret[64])
{
    REQUIRE(binding_report_data(BYTES(e->manifest_text, e->manifest_size), ret) == 0); /* SHA-512 */
}

void test_enclave_make(struct test_enclave *ret, struct test_machine *machine, const char *name,
                       uint8_t mark)
{
    memset(ret, 0, sizeof *ret);
    ret->machine = machine;
    ret->env = (struct service_env){.context = ret,
                                    .target_info = target_info,
                                    .quote = quote,
                                    .check_report = check_report,
                                    .random = fill_random,
                                    .time_s = time_s,
                                    .clock_ms = clock_ms};
    ret->manifest = (struct manifest){.door = DOOR_SHIM,
                                      .attestation = true,
                                      .memory = 1u << 20,
                                      .threads = 1,
                                      .entry = BYTES_STR("/app/service"),
                                      .cwd = BYTES_STR("/"),
                                      .argv_count = 1,
                                      .argv = {BYTES(name, strlen(name))}};
    test_enclave_manifest(ret);
    memset(ret->mrenclave, mark, sizeof ret->mrenclave);
    memset(ret->mrsigner, 0x51, sizeof ret->mrsigner);
    ret->time = FORGE_NOW;
    ret->random_state = mark;
}

static struct bytes part(const struct forge_part *p)
{
    return BYTES(p->data, p->size);
}

void test_hello(const struct test_enclave *e, struct service_buffer *ret)
{
    const struct forge_output *o = &e->machine->output;
    const struct wire_hello hello = {.manifest = BYTES(e->manifest_text, e->manifest_size),
                                     .tcb_info = part(&o->tcb_info),
                                     .tcb_chain = part(&o->tcb_chain),
                                     .qe_identity = part(&o->qe_identity),
                                     .qe_chain = part(&o->qe_chain),
                                     .pck_crl = part(&o->pck_crl),
                                     .pck_crl_chain = part(&o->pck_crl_chain),
                                     .root_crl = part(&o->root_crl)};
    REQUIRE(service_answer(WIRE_hello, &hello, ret, NULL) == 0);
}
