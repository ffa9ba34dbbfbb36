/* SPDX-License-Identifier: Apache-2.0 */
/* The software machine's PKI, judged by the relying party's library: what it makes must take the
 * whole path that Intel's evidence takes, and never be mistaken for it. */
#include "pki.h"
#include "pki_key.h"

#include "abi/quote.h"
#include "tests/tap.h"
#include "verify/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/sha.h>

#define NOW INT64_C(1790000000) /* in 2026 */

static const uint8_t secret[PKI_SECRET_SIZE] = {1, 2, 3, 4, 5, 6, 7, 8};
static const uint8_t other_secret[PKI_SECRET_SIZE] = {9, 9, 9};
static const struct pki_qe qe = {.mrsigner = {0x51, 0x45}, .isvprodid = 1, .isvsvn = 2};

static struct sgx_report_body qe_report_of(const struct pki_key *attestation_key,
                                           struct bytes auth_data)
{
    struct sgx_report_body b = {.isvprodid = qe.isvprodid, .isvsvn = qe.isvsvn};
    uint8_t text[64 + 32];
    b.attributes.flags =
        SGX_FLAGS_INIT | SGX_FLAGS_MODE64BIT | SGX_FLAGS_PROVISIONKEY | SGX_FLAGS_KSS;
    b.attributes.xfrm = 7;
    b.miscselect = SGX_MISC_EXINFO;
    memset(b.cpusvn, PKI_CPUSVN_BYTE, sizeof b.cpusvn);
    memcpy(b.mrsigner, qe.mrsigner, sizeof b.mrsigner);
    struct writer w = writer_of(text, sizeof text);
    writer_put(&w, BYTES_OF(attestation_key->public));
    writer_put(&w, auth_data);
    REQUIRE(!w.failed);
    SHA256(text, w.size, b.reportdata);
    return b;
}

static struct sgx_report_body workload_report(void)
{
    struct sgx_report_body b = {.isvprodid = 7, .isvsvn = 3};
    b.attributes.flags = SGX_FLAGS_INIT | SGX_FLAGS_MODE64BIT | SGX_FLAGS_KSS;
    b.attributes.xfrm = 7;
    memset(b.mrenclave, 0xe1, sizeof b.mrenclave);
    memset(b.mrsigner, 0x51, sizeof b.mrsigner);
    memset(b.configid, 0xc0, sizeof b.configid);
    memset(b.reportdata, 0xda, sizeof b.reportdata);
    return b;
}

/* What the quoting enclave and the machine do together. */
static size_t make_quote(const uint8_t machine[32], const struct pki_collateral *c, uint8_t *out,
                         size_t capacity)
{
    static const uint8_t user_data[20] = {0};
    static const uint8_t auth_data[32] = {0, 1, 2, 3};
    struct pki_key ak;
    struct diag d;
    struct quote_v3_signed s;
    struct sgx_report_body body = workload_report();
    struct quote_v3_auth a = {.qe_auth_data = BYTES_OF(auth_data),
                              .cert_type = QUOTE_CERT_PCK_CHAIN,
                              .cert_data = pki_part_bytes(&c->pck_chain)};
    struct writer w = writer_of(out, capacity);
    REQUIRE(pki_key_derive(machine, "test attestation key", &ak));
    quote_v3_prepare(&body, 2, 1, user_data, &s);
    memcpy(a.attestation_key, ak.public, 64);
    a.qe_report = qe_report_of(&ak, a.qe_auth_data);
    REQUIRE(pki_sign_qe_report(machine, &qe, &a.qe_report, a.qe_report_signature, &d) == 0);
    REQUIRE(pki_key_sign(&ak, BYTES_OF(s), a.signature));
    REQUIRE(quote_v3_assemble(&s, &a, &w));
    REQUIRE(w.size == quote_v3_size(&a));
    return w.size;
}

static struct alcove_bytes part(const struct pki_part *p)
{
    return (struct alcove_bytes){p->data, p->size};
}

static struct alcove_collateral collateral_of(const struct pki_collateral *c)
{
    return (struct alcove_collateral){.tcb_info = part(&c->tcb_info),
                                      .tcb_chain = part(&c->tcb_chain),
                                      .qe_identity = part(&c->qe_identity),
                                      .qe_chain = part(&c->qe_chain),
                                      .pck_crl = part(&c->pck_crl),
                                      .pck_crl_chain = part(&c->pck_crl_chain),
                                      .root_crl = part(&c->root_crl)};
}

static struct alcove_policy policy_naming(const struct alcove_root *root)
{
    struct alcove_policy p = alcove_policy_strict();
    struct sgx_report_body b = workload_report();
    p.roots = root;
    p.root_count = root ? 1 : 0;
    p.mrenclave.mode = p.signer.mode = ALCOVE_EXPECT_VALUE;
    p.configid.mode = p.report_data.mode = ALCOVE_EXPECT_VALUE;
    memcpy(p.mrenclave.value, b.mrenclave, 32);
    memcpy(p.signer.mrsigner, b.mrsigner, 32);
    p.signer.isvprodid = b.isvprodid;
    p.signer.min_isvsvn = b.isvsvn;
    memcpy(p.configid.value, b.configid, 64);
    memcpy(p.report_data.value, b.reportdata, 64);
    return p;
}

static struct alcove_result judge(const uint8_t *quote, size_t size, const struct pki_collateral *c,
                                  const struct alcove_root *root, int64_t at)
{
    struct alcove_result r;
    struct alcove_policy p = policy_naming(root);
    struct alcove_collateral collateral = collateral_of(c);
    struct alcove_verdict v =
        alcove_verify((struct alcove_bytes){quote, size}, &collateral, &p, at, &r);
    REQUIRE(v.accepted_word == r.verdict.accepted_word);
    return r;
}

static void test_round_trip(void)
{
    static struct pki_collateral c;
    struct pki_part root_pem;
    struct alcove_root root;
    struct diag d;
    uint8_t quote[8192];
    CHECK(pki_collateral(secret, &qe, NOW, &c, &d) == 0, "the machine makes its collateral");
    size_t size = make_quote(secret, &c, quote, sizeof quote);
    CHECK(pki_root(secret, &root_pem, &d) == 0 && alcove_root_read(part(&root_pem), &root),
          "the root certificate can be named");

    struct alcove_result r = judge(quote, size, &c, &root, NOW);
    printf("# first reason: %s\n", alcove_reason_name(r.first_reason));
    CHECK(alcove_verdict_accepted(r.verdict), "a relying party that names the root accepts");
    CHECK(r.root_kind == ALCOVE_ROOT_SOFTWARE, "and is told that the machine is software");
    CHECK(r.tcb_status == ALCOVE_TCB_UP_TO_DATE, "the software machine is up to date");
    CHECK(memcmp(r.fmspc, "ALC", 3) == 0, "the FMSPC is one of ours");

    r = judge(quote, size, &c, NULL, NOW);
    CHECK(!alcove_verdict_accepted(r.verdict) && r.first_reason == ALCOVE_REASON_SOFTWARE_ROOT,
          "without naming the root the verdict is rejected: software-root");

    struct alcove_root wrong = root;
    wrong.spki_sha256[0] ^= 1;
    r = judge(quote, size, &c, &wrong, NOW);
    CHECK(r.first_reason == ALCOVE_REASON_SOFTWARE_ROOT,
          "naming another machine's root does not help");

    r = judge(quote, size, &c, &root, NOW + 29 * INT64_C(86400));
    CHECK(alcove_verdict_accepted(r.verdict), "the evidence is good for 29 days");
    r = judge(quote, size, &c, &root, NOW + 40 * INT64_C(86400));
    CHECK(!alcove_verdict_accepted(r.verdict), "and not for 40");
}

/* Another machine's quote with this machine's collateral, and so on. */
static void test_machines_do_not_mix(void)
{
    static struct pki_collateral mine, other;
    struct pki_part root_pem;
    struct alcove_root root;
    struct diag d;
    uint8_t quote[8192];
    REQUIRE(pki_collateral(secret, &qe, NOW, &mine, &d) == 0);
    REQUIRE(pki_collateral(other_secret, &qe, NOW, &other, &d) == 0);
    REQUIRE(pki_root(secret, &root_pem, &d) == 0 && alcove_root_read(part(&root_pem), &root));
    size_t size = make_quote(other_secret, &mine, quote, sizeof quote);
    struct alcove_result r = judge(quote, size, &mine, &root, NOW);
    CHECK(r.first_reason == ALCOVE_REASON_QE_REPORT_SIGNATURE,
          "another machine cannot certify a quoting enclave under this machine's chain");
    size = make_quote(secret, &mine, quote, sizeof quote);
    r = judge(quote, size, &other, &root, NOW);
    CHECK(!alcove_verdict_accepted(r.verdict) &&
              alcove_result_failed(&r, ALCOVE_REASON_SIGNER_ROOT) &&
              alcove_result_failed(&r, ALCOVE_REASON_PCK_CRL_SIGNATURE),
          "another machine's collateral does not fit");
}

/* Every bit of a quote matters: flip one in each byte. */
static void test_flipped_bits(void)
{
    static struct pki_collateral c;
    struct pki_part root_pem;
    struct alcove_root root;
    struct diag d;
    uint8_t quote[8192];
    REQUIRE(pki_collateral(secret, &qe, NOW, &c, &d) == 0);
    REQUIRE(pki_root(secret, &root_pem, &d) == 0 && alcove_root_read(part(&root_pem), &root));
    size_t size = make_quote(secret, &c, quote, sizeof quote), accepted = 0;
    for (size_t i = 0; i < size; i++) {
        quote[i] ^= (uint8_t)(1u << (i % 8));
        struct alcove_result r = judge(quote, size, &c, &root, NOW);
        if (alcove_verdict_accepted(r.verdict)) {
            printf("# accepted with a flipped bit in byte %zu\n", i);
            accepted++;
        }
        quote[i] ^= (uint8_t)(1u << (i % 8));
    }
    /* White space between PEM lines may become other white space: the certificates stay the same.
     */
    CHECK(accepted == 0, "a flipped bit in any of the quote's %zu bytes is refused", size);
}

static void test_deterministic(void)
{
    static struct pki_collateral a, b, other;
    struct diag d;
    REQUIRE(pki_collateral(secret, &qe, NOW, &a, &d) == 0);
    REQUIRE(pki_collateral(secret, &qe, NOW + 1, &b, &d) == 0);
    REQUIRE(pki_collateral(other_secret, &qe, NOW, &other, &d) == 0);
    CHECK(memcmp(&a, &b, sizeof a) == 0, "the same secret and day give the same bytes");
    REQUIRE(pki_collateral(secret, &qe, NOW + 5 * INT64_C(86400), &b, &d) == 0);
    CHECK(memcmp(&a.pck_chain, &b.pck_chain, sizeof a.pck_chain) == 0,
          "certificates do not depend on the day");
    CHECK(memcmp(&a.tcb_info, &b.tcb_info, sizeof a.tcb_info) != 0, "TCB info does");
    CHECK(memcmp(&a.pck_chain, &other.pck_chain, sizeof a.pck_chain) != 0,
          "another secret gives another chain");
}

static void test_certifies_only_the_quoting_enclave(void)
{
    struct diag d;
    struct pki_key ak;
    uint8_t signature[64];
    REQUIRE(pki_key_derive(secret, "test attestation key", &ak));
    struct sgx_report_body good = qe_report_of(&ak, (struct bytes){0}), bad = good;
    CHECK(pki_sign_qe_report(secret, &qe, &good, signature, &d) == 0,
          "the quoting enclave is certified");
    bad.attributes.flags |= SGX_FLAGS_DEBUG;
    CHECK(pki_sign_qe_report(secret, &qe, &bad, signature, &d) == -EPERM, "not in debug mode");
    bad = good;
    bad.attributes.flags &= ~SGX_FLAGS_PROVISIONKEY;
    CHECK(pki_sign_qe_report(secret, &qe, &bad, signature, &d) == -EPERM,
          "not without PROVISIONKEY");
    bad = good;
    bad.mrsigner[31] ^= 1;
    CHECK(pki_sign_qe_report(secret, &qe, &bad, signature, &d) == -EPERM, "not of another signer");
    bad = good;
    bad.isvsvn--;
    CHECK(pki_sign_qe_report(secret, &qe, &bad, signature, &d) == -EPERM, "not an older one");
}

/* RFC 6979, A.2.5: P-256, SHA-256, message "sample". */
static void test_rfc6979(void)
{
    struct pki_key k = {0};
    uint8_t signature[64], wanted[64];
    REQUIRE(hex_decode(k.secret, 32,
                       BYTES_STR("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b12"
                                 "7b8a622b120f6721")));
    REQUIRE(hex_decode(k.public, 64,
                       BYTES_STR("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6c"
                                 "e669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64"
                                 "f2f1b20c2d7e9f5177a3c294d4462299")));
    REQUIRE(hex_decode(wanted, 64,
                       BYTES_STR("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c3"
                                 "4d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e9"
                                 "00dbb9aff4064dc4ab2f843acda8")));
    CHECK(pki_key_sign(&k, BYTES_STR("sample"), signature) && memcmp(signature, wanted, 64) == 0,
          "signatures are those of RFC 6979");
}

static void test_files(void)
{
    char dir[] = "/tmp/alcove-pki-XXXXXX", path[64];
    struct diag d;
    struct pki_part root;
    struct stat st;
    uint8_t text[PKI_PART_MAX];
    REQUIRE(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/root.pem", dir);
    CHECK(pki_create(dir, secret, &d) == 0 && stat(path, &st) == 0 && (st.st_mode & 0777) == 0644,
          "root.pem is written, readable for everybody");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, text, sizeof text);
    close(fd);
    REQUIRE(pki_root(secret, &root, &d) == 0);
    CHECK(n == (ssize_t)root.size && memcmp(text, root.data, root.size) == 0, "and holds the root");
    unlink(path);
    rmdir(dir);
    CHECK(pki_create(dir, secret, &d) == -ENOENT, "a missing folder is an error");
    printf("# %s\n", d.text);
}

int main(void)
{
    test_rfc6979();
    test_round_trip();
    test_machines_do_not_mix();
    test_deterministic();
    test_certifies_only_the_quoting_enclave();
    test_flipped_bits();
    test_files();
    return tap_done();
}
