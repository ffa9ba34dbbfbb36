/* SPDX-License-Identifier: Apache-2.0 */
/* Enclaves that somebody else built for hardware (shared/sgx-vectors) measure, initialise, run and
 * report here as their README says, by the trap path. */
#include "soft/testkit.h"
#include "tests/tap.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (256u * 1024)
static const struct machine_ops *const soft = &machine_soft;

static bool read_vector(const char *name, uint8_t *to, size_t *ret_size)
{
    char path[512];
    const char *shared = getenv("ALCOVE_SHARED");
    (void)snprintf(path, sizeof path, "%s/sgx-vectors/%s", shared != NULL ? shared : "../shared",
                   name);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return false;
    }
    *ret_size = fread(to, 1, FILE_MAX, f);
    (void)fclose(f);
    return true;
}

static bool hex_is(const uint8_t digest[32], const char *hex)
{
    char text[65];
    hex_encode(text, digest, 32);
    return strcmp(text, hex) == 0;
}

static struct machine *load(struct bytes stream, const struct sgx_secs *secs)
{
    struct machine_config config = kit_config(&(struct kit_options){0});
    struct machine *m = NULL;
    struct diag d;
    int r = soft->open(&config, &m, &d);
    r = r == 0 ? machine_load_sgxs(soft, m, stream, secs, &d) : r;
    CHECK(r == 0, "the stream loads%s%s", r != 0 ? ": " : "", r != 0 ? d.text : "");
    return m;
}

static void test_test_enclave(void)
{
    static uint8_t stream[FILE_MAX], signature[FILE_MAX];
    size_t size, sig_size;
    if (!read_vector("test_enclave.sgxs", stream, &size) ||
        !read_vector("test_enclave.sig", signature, &sig_size)) {
        SKIP("the folder shared/sgx-vectors is not there", "test_enclave of rust-sgx");
        return;
    }
    struct diag d;
    uint8_t mrenclave[32];
    struct sgx_sigstruct sig;
    memcpy(&sig, signature, sizeof sig);
    CHECK(sig_size == sizeof sig && sgxs_measure(BYTES(stream, size), mrenclave, &d) == 0 &&
              hex_is(mrenclave, "784acfd7d5096a8f0fbd3265760bff21b120f62407a9a9e5ba31aa3c8ed198fc"),
          "test_enclave measures as its README says");
    struct sgx_secs secs = {
        .base = SOFT_BASE_ANY, .attributes = sig.attributes, .miscselect = sig.miscselect};
    struct machine *m = load(BYTES(stream, size), &secs);
    CHECK(soft->init(m, &sig, &d) == 0, "EINIT accepts it with its own SIGSTRUCT");
    struct machine_run run = {.tcs = soft_base(m) + 0x15000};
    uint32_t word = 7;
    uint64_t out[5];
    CHECK(soft->enter(m, 0, (uint64_t)&word, 0, ENCLU_EENTER, 0, 0, &run) == 0 && word == 100,
          "entered with RDI >= 0 it writes 100");
    soft_exit_registers(out);
    CHECK(out[0] == UINT64_MAX && out[1] == 0, "and leaves with RDI -1 and RSI 0");
    word = 7;
    CHECK(soft->enter(m, UINT64_MAX, (uint64_t)&word, 0, ENCLU_EENTER, 0, 0, &run) == 0 &&
              word == 7,
          "entered with RDI < 0 it writes nothing");
    soft->close(m);
    stream[300] ^= 1;
    m = load(BYTES(stream, size), &secs);
    CHECK(soft->init(m, &sig, &d) < 0, "one flipped bit is refused: %.60s", d.text);
    soft->close(m);
}

static bool mac_is_right(const struct sgx_report *report, const uint8_t key[16])
{
    uint8_t mac[16];
    size_t n = 0;
    unsigned char *done =
        EVP_Q_mac(NULL, "CMAC", NULL, "AES-128-CBC", NULL, key, 16, (const uint8_t *)&report->body,
                  sizeof report->body, mac, sizeof mac, &n);
    return done != NULL && n == 16 && memcmp(mac, report->mac, 16) == 0;
}

/* Appends the page that the report enclave reads its operands from, as stream records. */
static size_t append_operands(uint8_t *stream, size_t size, const struct sgx_targetinfo *target,
                              const uint8_t reportdata[64])
{
    uint8_t page[SGX_PAGE_SIZE] = {0};
    memcpy(page, target, sizeof *target);
    memcpy(page + 0x200, reportdata, 64);
    uint8_t *p = stream + size;
    memset(p, 0, 64);
    memcpy(p, "EADD", 4);
    store_le64(p + 8, 0x3000);
    store_le64(p + 16, SGX_SECINFO_R | SGX_SECINFO_W | SGX_SECINFO_TYPE(SGX_PT_REG));
    p += 64;
    for (uint64_t at = 0; at < SGX_PAGE_SIZE; at += 256) {
        memset(p, 0, 64);
        memcpy(p, "EEXTEND", 7);
        store_le64(p + 8, 0x3000 + at);
        memcpy(p + 64, page + at, 256);
        p += 320;
    }
    return (size_t)(p - stream);
}

static void test_report(void)
{
    static uint8_t stream[FILE_MAX];
    size_t size;
    if (!read_vector("report.sgxs", stream, &size)) {
        SKIP("the folder shared/sgx-vectors is not there", "report of rust-sgx");
        return;
    }
    struct diag d;
    uint8_t mrenclave[32];
    CHECK(sgxs_measure(BYTES(stream, size), mrenclave, &d) == 0 &&
              hex_is(mrenclave, "a06a560b26f5e397b2d7872fac66fe4b43bf4f507296ee048f110be6fb1a2290"),
          "report measures as its README says");
    /* Its report is for an enclave of ours, which checks it. */
    struct kit_enclave checker = kit_start(&(struct kit_options){0});
    struct sgx_targetinfo target = {.miscselect = SGX_MISC_EXINFO};
    memcpy(target.mrenclave, checker.mrenclave, 32);
    target.attributes =
        (struct sgx_attributes){SGX_FLAGS_MODE64BIT | SGX_FLAGS_INIT, machine_host_xfrm()};
    uint8_t reportdata[64];
    memset(reportdata, 0xd5, sizeof reportdata);
    size = append_operands(stream, size, &target, reportdata);
    CHECK(sgxs_measure(BYTES(stream, size), mrenclave, &d) == 0, "with its operands it measures");
    struct sgx_sigstruct sig = {.attributes = {SGX_FLAGS_MODE64BIT, 3},
                                .attributemask = {~SGX_FLAGS_DEBUG, 3},
                                .isvsvn = 5};
    memcpy(sig.enclavehash, mrenclave, 32);
    CHECK(sigstruct_sign(&sig, kit_key(1), &d) == 0, "it is signed with a key of the test's own");
    struct sgx_secs secs = {.base = SOFT_BASE_ANY, .attributes = sig.attributes};
    struct machine *m = load(BYTES(stream, size), &secs);
    CHECK(soft->init(m, &sig, &d) == 0, "EINIT accepts it");
    struct sgx_report report = {0};
    struct machine_run run = {.tcs = soft_base(m) + 0x1000};
    CHECK(soft->enter(m, (uint64_t)&report, 0, 0, ENCLU_EENTER, 0, 0, &run) == 0, "it runs");
    uint8_t mrsigner[32];
    CHECK(sigstruct_verify(&sig, mrsigner, &d) == 0 &&
              memcmp(report.body.mrenclave, mrenclave, 32) == 0 &&
              memcmp(report.body.mrsigner, mrsigner, 32) == 0 &&
              memcmp(report.body.reportdata, reportdata, 64) == 0 && report.body.isvsvn == 5 &&
              report.body.attributes.flags == (SGX_FLAGS_MODE64BIT | SGX_FLAGS_INIT),
          "the REPORT names the enclave that made it");
    struct sgx_keyrequest request = {.keyname = SGX_KEY_REPORT};
    memcpy(request.keyid, report.keyid, 32);
    kit_write(&checker, KIT_DATA, &request, sizeof request);
    struct kit_enclu regs = {ENCLU_EGETKEY, checker.base + KIT_DATA,
                             checker.base + KIT_DATA + 0x400, 0, 0};
    uint8_t key[16];
    CHECK(kit_enclu(&checker, 0, &regs, NULL) == 0 && regs.rax == 0, "the target gets its key");
    kit_read(&checker, KIT_DATA + 0x400, key, sizeof key);
    CHECK(mac_is_right(&report, key), "and with it the REPORT's MAC verifies");
    report.body.isvsvn++;
    CHECK(!mac_is_right(&report, key), "but not after a change");
    soft->close(m);
    kit_end(&checker);
}

int main(void)
{
    test_test_enclave();
    test_report();
    return tap_done();
}
