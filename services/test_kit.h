/* SPDX-License-Identifier: Apache-2.0 */
/* For tests and benchmarks of services: enclaves on made-up machines. An enclave here is the table
 * that a service's core gets (services/env.h): its quotes are forged, and verify like real ones;
 * time, random numbers and failures are the test's. */
#pragma once

#include "forge/forge.h"
#include "services/kit.h"

struct test_machine {
    struct forge_spec spec;
    struct forge_output output;
};
void test_machine_make(struct test_machine *ret);
/* Of the same kind, with the collateral of `first`. */
void test_machine_like(const struct test_machine *first, int serial, struct test_machine *ret);

struct test_enclave {
    struct test_machine *machine;
    struct service_env env;
    struct manifest manifest;
    uint8_t manifest_text[1024];
    size_t manifest_size;
    uint8_t mrenclave[32], mrsigner[32];
    bool debug;
    int64_t time;
    uint64_t clock_ms;
    bool no_quotes, no_random; /* these fail */
    bool zeros;            /* all random numbers are zero bytes: noise from tables is then zero */
    uint64_t random_state; /* else they follow from this */
};
/* `mark` fills MRENCLAVE; MRSIGNER is filled with 0x51; the manifest is of the shim door, NAME its
 * argument. */
void test_enclave_make(struct test_enclave *ret, struct test_machine *machine, const char *name,
                       uint8_t mark);
/* After a change of ret->manifest. */
void test_enclave_manifest(struct test_enclave *e);
void test_enclave_configid(const struct test_enclave *e, uint8_t ret[64]);
/* The host's hello for it. Aborts when memory is short, as all of this. */
void test_hello(const struct test_enclave *e, struct service_buffer *ret);

/* A REPORT whose MAC check_report() of this enclave's table takes. */
void test_report(const struct sgx_report_body *body, uint8_t ret[432]);
