/* SPDX-License-Identifier: Apache-2.0 */
/* From a REPORT to a verdict: an enclave on the software machine reports to the quoting enclave,
 * the quoting process makes the quote, and the relying party's library judges it. Usage: quote_test
 * PROBE.sgxs SIGSTRUCT */
#include "abi/quote.h"
#include "probe.h"
#define SDK_CALLS "probe.def"
#include "host/quoting.h"
#include "host/sdk.h"
#include "machine/certify.h"
#include "tests/scratch.h"
#include "tests/tap.h"
#include "verify/verify.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

int host_twice(void *context, const struct sdk_nothing *in, struct bytes in_bytes,
               struct probe_size *ret_out, struct writer *ret_bytes)
{
    (void)context, (void)in, (void)in_bytes, (void)ret_out, (void)ret_bytes;
    return -1;
}

struct fixture {
    struct sdk_config config;
    struct sdk_enclave *enclave;
    struct quoting *quoting;
    struct sgx_targetinfo target;
    struct probe_report_in in;
    struct sgx_report report;
    uint8_t quote[QUOTE_SIZE_MAX];
    size_t quote_size;
    struct evidence_collateral collateral;
    struct alcove_root root;
    struct diag d;
};

static struct alcove_bytes view(struct bytes b)
{
    return (struct alcove_bytes){b.data, b.size};
}

/* The root is the last certificate of the PCK chain's issuer chain. */
static bool read_root(struct fixture *f)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    struct bytes chain = f->collateral.tcb_chain;
    for (size_t at = chain.size; at > 0; at--) {
        if (chain.size - at >= sizeof begin &&
            memcmp(chain.data + at, begin, sizeof begin - 1) == 0) {
            return alcove_root_read((struct alcove_bytes){chain.data + at, chain.size - at},
                                    &f->root);
        }
    }
    return false;
}

static struct alcove_verdict judge(struct fixture *f, bool root_named, struct alcove_result *ret)
{
    struct alcove_policy policy = alcove_policy_strict();
    const struct evidence_collateral *c = &f->collateral;
    struct alcove_collateral collateral = {
        .tcb_info = view(c->tcb_info),
        .tcb_chain = view(c->tcb_chain),
        .qe_identity = view(c->qe_identity),
        .qe_chain = view(c->qe_chain),
        .pck_crl = view(c->pck_crl),
        .root_crl = view(c->root_crl),
    };
    policy.roots = &f->root;
    policy.root_count = root_named ? 1 : 0;
    policy.mrenclave.mode = ALCOVE_EXPECT_VALUE;
    memcpy(policy.mrenclave.value, f->report.body.mrenclave, 32);
    policy.configid.mode = ALCOVE_EXPECT_VALUE;
    memcpy(policy.configid.value, f->report.body.configid, 64);
    policy.report_data.mode = ALCOVE_EXPECT_VALUE;
    memcpy(policy.report_data.value, f->in.report_data, 64);
    policy.signer.mode = ALCOVE_EXPECT_ANY;
    return alcove_verify((struct alcove_bytes){f->quote, f->quote_size}, &collateral, &policy,
                         time(NULL), ret);
}

static int make_quote(struct fixture *f)
{
    struct writer w = writer_of(f->quote, sizeof f->quote);
    int r = quoting_quote(f->quoting, &f->report, &w, &f->collateral, &f->d);
    f->quote_size = w.size;
    return r;
}

static void check_accepted(struct fixture *f)
{
    static struct alcove_result result;
    CHECK(read_root(f), "the collateral carries the machine's root");
    struct alcove_verdict v = judge(f, true, &result);
    const char *reason = alcove_reason_name(result.first_reason);
    CHECK(alcove_verdict_accepted(v),
          "the quote is accepted where the machine's root is named (%s)",
          reason == NULL ? "?" : reason);
    CHECK(result.has_sgx && memcmp(result.sgx.report_data, f->in.report_data, 64) == 0 &&
              memcmp(result.sgx.mrsigner, f->report.body.mrsigner, 32) == 0,
          "it says what the enclave reported");
    v = judge(f, false, &result);
    CHECK(!alcove_verdict_accepted(v) && result.first_reason == ALCOVE_REASON_SOFTWARE_ROOT &&
              result.root_kind == ALCOVE_ROOT_SOFTWARE,
          "without naming the root the verdict is rejected: software root");
}

/* One flipped bit in each eighth byte of the quote. */
static void check_flips(struct fixture *f)
{
    static struct alcove_result result;
    size_t accepted = 0, tried = 0;
    for (size_t i = 0; i < f->quote_size; i += f->quote_size / 40) {
        f->quote[i] ^= 0x10;
        accepted += alcove_verdict_accepted(judge(f, true, &result));
        f->quote[i] ^= 0x10;
        tried++;
    }
    CHECK(accepted == 0, "a flipped bit anywhere in the quote is noticed (%zu places)", tried);
}

static void check_collateral(struct fixture *f)
{
    static uint8_t kept[8192];
    size_t size = f->collateral.tcb_info.size;
    REQUIRE(size > 0 && size <= sizeof kept);
    memcpy(kept, f->collateral.tcb_info.data, size);
    struct evidence_collateral c;
    CHECK(quoting_collateral(f->quoting, &c, &f->d) == 0 &&
              bytes_equal(c.tcb_info, BYTES(kept, size)) && c.root_crl.size > 0,
          "the collateral comes without a quote too");
    f->collateral = c; /* it borrows from the last answer */
}

/* What an enclave looks at before it believes that a quote is its own. */
static void check_covers(const struct fixture *f)
{
    static uint8_t copy[QUOTE_SIZE_MAX + 1];
    static const size_t named[] = {0, 2, 4, 48, 64, 112, 240, 368, 431, 432, 435};
    const struct sgx_report_body *body = &f->report.body;
    memcpy(copy, f->quote, f->quote_size);
    CHECK(quote_v3_covers(BYTES(copy, f->quote_size), body), "the quote covers the REPORT's body");
    size_t covered = 0;
    for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
        copy[named[i]] ^= 1;
        covered += quote_v3_covers(BYTES(copy, f->quote_size), body);
        copy[named[i]] ^= 1;
    }
    CHECK(covered == 0, "one that differs in version, key, kind, body or size does not");
    CHECK(!quote_v3_covers(BYTES(copy, f->quote_size - 1), body) &&
              !quote_v3_covers(BYTES(copy, f->quote_size + 1), body) &&
              !quote_v3_covers(BYTES(copy, 435), body) && !quote_v3_covers(BYTES(copy, 0), body),
          "nor does one that is shorter or longer than it says");
}

static void check_forgeries(struct fixture *f)
{
    const struct sgx_report good = f->report;
    f->report.body.mrenclave[0] ^= 1;
    CHECK(make_quote(f) == -EPERM, "a changed REPORT is not quoted: %s", f->d.text);
    f->report = good;
    f->report.mac[15] ^= 1;
    CHECK(make_quote(f) == -EPERM, "nor one with a changed MAC");
    f->report = good;
    f->report.keyid[0] ^= 1;
    CHECK(make_quote(f) == -EPERM, "nor one with a changed KEYID");
    f->in.target.mrenclave[0] ^= 1;
    REQUIRE(call_report(f->enclave, &f->in, &f->report, &f->d) == 0);
    CHECK(make_quote(f) == -EPERM, "nor one that was made for somebody else");
    f->report = good;
    CHECK(make_quote(f) == 0, "and the quoting enclave goes on afterwards");
}

/* What the machine certifies: REPORTs to its certifier, of its quoting enclave. */
static int certify(struct fixture *f)
{
    static uint8_t room[SOFT_CERTIFY_STORAGE];
    struct writer storage = writer_of(room, sizeof room);
    struct evidence_collateral collateral;
    struct bytes chain;
    uint8_t signature[64];
    return soft_certify(sdk_machine(f->enclave), &f->report, signature, &storage, &chain,
                        &collateral, &f->d);
}

static void check_certifier(struct fixture *f)
{
    soft_certifier(&f->in.target);
    REQUIRE(call_report(f->enclave, &f->in, &f->report, &f->d) == 0);
    CHECK(certify(f) == -EPERM, "the machine does not certify any enclave: %s", f->d.text);
    f->report.mac[0] ^= 1;
    CHECK(certify(f) == -EPERM, "nor a report with a changed MAC: %s", f->d.text);
    f->in.target.configid[0] ^= 1;
    REQUIRE(call_report(f->enclave, &f->in, &f->report, &f->d) == 0);
    CHECK(certify(f) == -EPERM, "nor one that is addressed to somebody else");
}

static int run(struct fixture *f)
{
    int r = quoting_open(f->config.ops, &f->config.machine, &f->quoting, &f->d);
    CHECK(r == 0, "the quoting process starts (%s)", f->d.text);
    r = r != 0 ? r : sdk_open(&f->config, &f->enclave, &f->d);
    r = r != 0 ? r : quoting_get_target(f->quoting, &f->in.target, &f->d);
    CHECK(r == 0, "the quoting enclave says whom to report to (%s)", f->d.text);
    if (r != 0) {
        return tap_done();
    }
    memcpy(f->in.report_data, "sixty-four bytes that the relying party expects, or their hash..",
           64);
    r = call_report(f->enclave, &f->in, &f->report, &f->d);
    r = r != 0 ? r : make_quote(f);
    CHECK(r == 0, "a REPORT of an enclave on this machine is quoted: %zu bytes (%s)", f->quote_size,
          f->d.text);
    if (r == 0) {
        check_accepted(f);
        check_collateral(f);
        check_covers(f);
        check_flips(f);
        check_forgeries(f);
        check_certifier(f);
    }
    sdk_close(f->enclave);
    quoting_close(f->quoting);
    return tap_done();
}

int main(int argc, char **argv)
{
    static struct fixture f = {.config = {.ops = &machine_soft}};
    struct bytes sigstruct;
    char dir[] = "/tmp/alcove-quote-XXXXXX";
    REQUIRE(mkdtemp(dir) != NULL);
    setenv("ALCOVE_MACHINE_DIR", dir, 1);
    if (argc != 3 || host_read_file(argv[1], 1u << 26, &f.config.sgxs, &f.d) != 0 ||
        host_read_file(argv[2], sizeof f.config.sigstruct, &sigstruct, &f.d) != 0 ||
        sigstruct.size != sizeof f.config.sigstruct) {
        printf("Bail out! usage: quote_test PROBE.sgxs SIGSTRUCT %s\n", f.d.text);
        return 1;
    }
    memcpy(&f.config.sigstruct, sigstruct.data, sizeof f.config.sigstruct);
    host_clock_start();
    int r = run(&f);
    scratch_remove(dir);
    return r;
}
