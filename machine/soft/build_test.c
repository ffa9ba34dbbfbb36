/* SPDX-License-Identifier: Apache-2.0 */
/* ECREATE to EINIT: the measurement against an independent computation, and everything that is
 * refused on the way. */
#include "soft/protocol.h"
#include "soft/testkit.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct machine_ops *const soft = &machine_soft;

/* ---- measurement ----------------------------------------------------------------------------- */

static void hash_record(EVP_MD_CTX *ctx, const char *tag, uint64_t a, uint64_t b, bool create)
{
    uint8_t record[64] = {0};
    memcpy(record, tag, strlen(tag));
    if (create) {
        store_le32(record + 8, (uint32_t)a);
        store_le64(record + 12, b);
    } else {
        store_le64(record + 8, a);
        store_le64(record + 16, b);
    }
    (void)EVP_DigestUpdate(ctx, record, sizeof record);
}

static struct machine *fresh(const struct sgx_secs *secs, int *ret_error, struct diag *d)
{
    struct machine_config config = kit_config(&(struct kit_options){0});
    struct machine *m = NULL;
    int r = soft->open(&config, &m, d);
    *ret_error = r == 0 ? soft->create(m, secs, d) : r;
    return m;
}

static const struct sgx_secs small = {.size = 0x10000,
                                      .base = SOFT_BASE_ANY,
                                      .ssa_frame_size = 1,
                                      .attributes = {SGX_FLAGS_MODE64BIT, 3}};

/* Pages added out of order, chunks measured in odd orders: the stream of records decides. */
static void test_measurement(void)
{
    struct diag d;
    int error;
    struct machine *m = fresh(&small, &error, &d);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    (void)EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
    hash_record(ctx, "ECREATE", 1, small.size, true);
    static const uint64_t pages[] = {0x3000, 0x1000, 0x2000};
    static const uint64_t flags[] = {0x203, 0x205, 0x201};
    uint8_t content[3][SGX_PAGE_SIZE];
    bool good = error == 0;
    for (size_t i = 0; i < 3; i++) {
        memset(content[i], (int)(i + 1), SGX_PAGE_SIZE);
        content[i][777] = 99;
        struct sgx_secinfo info = {.flags = flags[i]};
        good = good && soft->add_page(m, pages[i], &info, content[i], &d) == 0;
        hash_record(ctx, "EADD", pages[i], flags[i], false);
        for (uint64_t k = 0; i > 0 && k < 16; k++) {
            uint64_t chunk = i == 1 ? k : (k * 5) % 16; /* third page: out of order */
            good = good && soft->extend(m, pages[i] + chunk * 256, &d) == 0;
            hash_record(ctx, "EEXTEND", pages[i] + chunk * 256, 0, false);
            (void)EVP_DigestUpdate(ctx, content[i] + chunk * 256, 256);
        }
    }
    /* The first page again, late, and one chunk twice. */
    for (int twice = 0; twice < 2; twice++) {
        good = good && soft->extend(m, pages[0] + 0x300, &d) == 0;
        hash_record(ctx, "EEXTEND", pages[0] + 0x300, 0, false);
        (void)EVP_DigestUpdate(ctx, content[0] + 0x300, 256);
    }
    struct sgx_sigstruct sig = {.attributes = small.attributes,
                                .attributemask = {UINT64_MAX, UINT64_MAX}};
    (void)EVP_DigestFinal_ex(ctx, sig.enclavehash, NULL);
    EVP_MD_CTX_free(ctx);
    CHECK(good && sigstruct_sign(&sig, kit_key(0), &d) == 0 && soft->init(m, &sig, &d) == 0,
          "MRENCLAVE equals an independent SHA-256 of the records");
    soft->close(m);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void create_refused(const struct sgx_secs *secs, const char *what)
{
    struct diag d;
    int error;
    struct machine *m = fresh(secs, &error, &d);
    struct sgx_sigstruct sig = {0};
    int r = error != 0 ? error : soft->init(m, &sig, &d);
    CHECK(r < 0 && strstr(d.text, "header") == NULL, "ECREATE refuses %s: %s", what, d.text);
    soft->close(m);
}

static void test_create(void)
{
    struct sgx_secs s = small;
    s.size = 0x11000;
    create_refused(&s, "a size that is no power of two");
    s = small;
    s.base = 0x1000;
    create_refused(&s, "a base that is not aligned to the size");
    s = small;
    s.attributes.flags = 0;
    create_refused(&s, "32-bit enclaves");
    s.attributes.flags = SGX_FLAGS_MODE64BIT | SGX_FLAGS_INIT;
    create_refused(&s, "ATTRIBUTES.INIT");
    s = small;
    s.attributes.xfrm = 1;
    create_refused(&s, "XFRM without SSE");
    s.attributes.xfrm = 3 | UINT64_C(1) << 40;
    create_refused(&s, "XFRM beyond the processor's");
    s = small;
    s.miscselect = 2;
    create_refused(&s, "an unknown MISCSELECT");
    s = small;
    s.ssa_frame_size = 0;
    create_refused(&s, "SSA frames of no size");
    s = small;
    s.configid[3] = 1;
    create_refused(&s, "CONFIGID without KSS");
    s = small;
    s.reserved4[100] = 1;
    create_refused(&s, "reserved bytes");
}

static void test_add(void)
{
    struct diag d;
    int error;
    uint8_t page[SGX_PAGE_SIZE] = {0};
    struct sgx_secinfo rw = {.flags = 0x203};
    struct machine *m = fresh(&small, &error, &d);
    CHECK(error == 0 && soft->add_page(m, 0x10000, &rw, page, &d) == -EINVAL,
          "EADD outside the enclave is refused");
    CHECK(soft->add_page(m, 0x1001, &rw, page, &d) == -EINVAL, "EADD unaligned is refused");
    CHECK(soft->extend(m, 0x1000, &d) == -EINVAL, "EEXTEND of no page is refused");
    CHECK(soft->add_page(m, 0x1000, &rw, page, &d) == 0 &&
              soft->add_page(m, 0x1000, &rw, page, &d) == -EEXIST,
          "EADD twice is refused");
    struct machine_run run = {.tcs = 0};
    CHECK(soft->enter(m, 0, 0, 0, ENCLU_EENTER, 0, 0, &run) == -EINVAL &&
              soft->map(m, 0x2000, 0x1000, 1) == -EINVAL,
          "before EINIT nothing can be entered or mapped");
    soft->close(m);
    static const struct {
        uint64_t flags;
        const char *what;
    } bad[] = {{0x202, "W without R"},
               {0x003, "page type SECS"},
               {0x101, "a TCS with permissions"},
               {0x403, "page type TRIM"},
               {0x20b, "PENDING"}};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        m = fresh(&small, &error, &d);
        struct sgx_secinfo info = {.flags = bad[i].flags};
        struct sgx_sigstruct sig = {0};
        int r = soft->add_page(m, 0x1000, &info, page, &d);
        r = r == 0 ? soft->init(m, &sig, &d) : r;
        CHECK(r == -EINVAL && strstr(d.text, "EADD") != NULL, "EADD refuses %s", bad[i].what);
        soft->close(m);
    }
    m = fresh(&small, &error, &d);
    struct sgx_secinfo tcs_info = {.flags = 0x100};
    struct sgx_tcs tcs = {.fslimit = 0xfff, .gslimit = 0xfff, .cssa = 1};
    struct sgx_sigstruct sig = {0};
    int r = soft->add_page(m, 0x1000, &tcs_info, &tcs, &d);
    r = r == 0 ? soft->init(m, &sig, &d) : r;
    CHECK(r == -EINVAL && strstr(d.text, "TCS") != NULL, "EADD refuses a TCS with CSSA 1");
    soft->close(m);
}

static void einit_refused(void (*change)(struct sgx_sigstruct *), bool resign, const char *word,
                          const char *what)
{
    struct diag d;
    struct kit_enclave e = kit_build(&(struct kit_options){0});
    change(&e.sigstruct);
    int r = resign ? sigstruct_sign(&e.sigstruct, kit_key(0), &d) : 0;
    r = r == 0 ? soft->init(e.m, &e.sigstruct, &d) : 1;
    CHECK(r == -EPERM && strstr(d.text, word) != NULL, "EINIT refuses %s (%s)", what, word);
    struct machine_run run = {.tcs = e.base + KIT_THREADS};
    CHECK(soft->enter(e.m, 0, 0, 0, ENCLU_EENTER, 0, 0, &run) == -EINVAL, "and nothing runs");
    kit_end(&e);
}

static void flip_body(struct sgx_sigstruct *s)
{
    s->isvsvn ^= 1;
}
static void flip_signature(struct sgx_sigstruct *s)
{
    s->signature[17] ^= 1;
}
static void flip_modulus(struct sgx_sigstruct *s)
{
    s->modulus[17] ^= 1;
}
static void flip_q1(struct sgx_sigstruct *s)
{
    s->q1[100] ^= 1;
}
static void flip_q2(struct sgx_sigstruct *s)
{
    s->q2[100] ^= 1;
}
static void flip_header(struct sgx_sigstruct *s)
{
    s->header[4] ^= 1;
}
static void other_exponent(struct sgx_sigstruct *s)
{
    s->exponent = 65537;
}
static void other_vendor(struct sgx_sigstruct *s)
{
    s->vendor = 1;
}
static void set_reserved(struct sgx_sigstruct *s)
{
    s->reserved4[0] = 1;
}
static void other_hash(struct sgx_sigstruct *s)
{
    s->enclavehash[0] ^= 1;
}
static void want_debug(struct sgx_sigstruct *s)
{
    s->attributes.flags |= SGX_FLAGS_DEBUG;
}
static void other_xfrm(struct sgx_sigstruct *s)
{
    s->attributes.xfrm ^= 4;
}
static void other_misc(struct sgx_sigstruct *s)
{
    s->miscselect ^= 1;
}
static void want_cet(struct sgx_sigstruct *s)
{
    s->cet_attributes = s->cet_attributes_mask = 1;
}
static void family_without_kss(struct sgx_sigstruct *s)
{
    s->isvfamilyid[0] = 1;
}

static void test_einit(void)
{
    einit_refused(flip_body, false, "SGX_INVALID_SIGNATURE", "a changed body");
    einit_refused(flip_signature, false, "SGX_INVALID_SIGNATURE", "a changed signature");
    einit_refused(flip_modulus, false, "SGX_INVALID_SIGNATURE", "a changed modulus");
    einit_refused(flip_q1, false, "Q1", "a wrong Q1");
    einit_refused(flip_q2, false, "Q2", "a wrong Q2");
    einit_refused(flip_header, false, "SGX_INVALID_SIG_STRUCT", "another header");
    einit_refused(other_exponent, false, "SGX_INVALID_SIG_STRUCT", "another exponent");
    einit_refused(other_vendor, false, "SGX_INVALID_SIG_STRUCT", "an unknown vendor");
    einit_refused(set_reserved, false, "SGX_INVALID_SIG_STRUCT", "reserved bytes");
    einit_refused(other_hash, true, "SGX_INVALID_MEASUREMENT", "another measurement");
    einit_refused(want_debug, true, "SGX_INVALID_ATTRIBUTE", "other attributes under the mask");
    einit_refused(other_xfrm, true, "SGX_INVALID_ATTRIBUTE", "another XFRM under the mask");
    einit_refused(other_misc, true, "SGX_INVALID_ATTRIBUTE", "another MISCSELECT under the mask");
    einit_refused(want_cet, true, "SGX_INVALID_ATTRIBUTE", "CET");
    einit_refused(family_without_kss, true, "SGX_INVALID_SIG_STRUCT", "ISVFAMILYID without KSS");
}

static void test_base(void)
{
    const uint64_t base = UINT64_C(0x200000000000);
    struct kit_enclave e = kit_start(&(struct kit_options){.base = base});
    CHECK(e.base == base && kit_call(&e, 0, KIT_NOTHING, NULL, 0, NULL) == 0,
          "an enclave at a base of the caller's choice runs");
    struct sgx_secs s = {.size = KIT_SIZE,
                         .base = base,
                         .ssa_frame_size = 1,
                         .attributes = {SGX_FLAGS_MODE64BIT, 3}};
    struct diag d;
    int error;
    struct machine *m = fresh(&s, &error, &d);
    CHECK(error == -EEXIST && strstr(d.text, "cannot reserve") != NULL,
          "a second one at the same place is refused: %s", d.text);
    soft->close(m);
    struct kit_enclave other = kit_start(&(struct kit_options){0});
    uint64_t bases[2];
    CHECK(kit_call(&other, 0, KIT_BASES, bases, 0, NULL) == 0 &&
              kit_call(&e, 0, KIT_BASES, bases, 0, NULL) == 0 && bases[0] == base + KIT_DATA,
          "two enclaves run in one process and thread");
    kit_end(&e);
    CHECK(kit_call(&other, 0, KIT_NOTHING, NULL, 0, NULL) == 0, "one survives the other");
    kit_end(&other);
}

static void test_open(void)
{
    struct diag d;
    struct machine *m = NULL;
    struct machine_config config = {.microcode_path = "/nowhere/alcove-microcode"};
    CHECK(soft->open(&config, &m, &d) == -ENOENT && strstr(d.text, "/nowhere") != NULL,
          "a missing helper is named: %s", d.text);
    CHECK(machine_by_name("soft") == &machine_soft && machine_by_name("sgx") == &machine_sgx &&
              machine_by_name("tdx") == NULL,
          "machines are found by name");
    int r = machine_sgx.open(NULL, &m, &d);
    CHECK(r == 0 || d.text[0] != '\0', "the hardware machine opens or says why not: %s",
          r == 0 ? "it is there" : d.text);
    if (r == 0) {
        machine_sgx.close(m);
    }
    machine_soft.close(NULL);
    machine_sgx.close(NULL);
}

/* ---- the helper, spoken to by somebody else -------------------------------------------------- */

static int start_helper(pid_t *ret_pid)
{
    struct machine_config config = kit_config(&(struct kit_options){0});
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0) {
        return -1;
    }
    *ret_pid = fork();
    if (*ret_pid == 0) {
        dup2(pair[1], MICROCODE_FD);
        close_range(MICROCODE_FD + 1, ~0u, 0);
        execl(config.microcode_path, "alcove-microcode", config.state_dir, (char *)NULL);
        _exit(127);
    }
    close(pair[1]);
    return pair[0];
}

static bool send_create(int socket, int pages)
{
    struct mc_create create = {.type = MC_CREATE, .secs = small};
    create.secs.base = 0;
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS,
                            .cmsg_len = CMSG_LEN(sizeof(int))}};
    memcpy(CMSG_DATA(&control.header), &pages, sizeof pages);
    struct iovec iov = {&create, sizeof create};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof control};
    return sendmsg(socket, &msg, 0) == (ssize_t)sizeof create;
}

/* What EINIT answers when one page was added out of a file with these seals. */
static struct mc_init_reply ask_helper(int seals, off_t size)
{
    struct mc_init_reply reply = {.error = 1};
    static struct mc_build build = {
        .type = MC_BUILD, .count = 1, .records = {{.offset = 0x1000, .flags = 0x203}}};
    static struct mc_init init = {.type = MC_INIT};
    pid_t pid = 0;
    int pages = memfd_create("pages", MFD_ALLOW_SEALING);
    int socket = start_helper(&pid);
    size_t built = offsetof(struct mc_build, records) + sizeof build.records[0];
    if (ftruncate(pages, size) != 0 || fcntl(pages, F_ADD_SEALS, seals) != 0 ||
        !send_create(socket, pages) || send(socket, &build, built, 0) != (ssize_t)built ||
        send(socket, &init, sizeof init, 0) != (ssize_t)sizeof init ||
        recv(socket, &reply, sizeof reply, 0) != (ssize_t)sizeof reply) {
        reply.error = 1;
    }
    close(socket);
    close(pages);
    waitpid(pid, NULL, 0);
    return reply;
}

static void test_unsealed(void)
{
    const int all[] = {F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE};
    static const char *const may[] = {"shrink", "grow", "be written to"};
    const int sealed = all[0] | all[1] | all[2];
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        struct mc_init_reply r = ask_helper(sealed & ~all[i], SGX_PAGE_SIZE);
        CHECK(r.error == -EINVAL && strstr(r.diag.text, "not sealed") != NULL,
              "the helper measures no pages of a file that may %s", may[i]);
    }
    struct mc_init_reply r = ask_helper(sealed, SGX_PAGE_SIZE);
    CHECK(r.error < 0 && strstr(r.diag.text, "EINIT") != NULL,
          "of a sealed one it does, and EINIT comes to SIGSTRUCT: %s", r.diag.text);
    r = ask_helper(sealed, 0);
    CHECK(r.error == -EIO && strstr(r.diag.text, "has not the content") != NULL,
          "a page that is not in the file is refused: %s", r.diag.text);
    r = ask_helper(sealed, 100);
    CHECK(r.error == -EINVAL && strstr(r.diag.text, "size") != NULL,
          "so is a file of no whole pages");
}

/* ---- memory that is found before EINIT ------------------------------------------------------- */

static void test_expect(void)
{
    enum { CHUNK = 0x200000 };
    struct diag d;
    struct kit_enclave e = kit_build(&(struct kit_options){0});
    struct machine_run run;
    uint64_t word = 1;
    CHECK(!soft->expect(e.m, CHUNK, CHUNK), "before EINIT is asked for nothing is expected");
    CHECK(soft->init_start(e.m, &e.sigstruct, &d) == 0 &&
              soft->init_start(e.m, &e.sigstruct, &d) == -EINVAL,
          "EINIT is asked for once");
    struct sgx_secinfo info = {.flags = 0x203};
    static const uint8_t page[SGX_PAGE_SIZE];
    CHECK(soft->add_page(e.m, 0x80000, &info, page, &d) == -EINVAL,
          "and nothing is added any more");
    CHECK(!soft->expect(e.m, CHUNK + SGX_PAGE_SIZE, CHUNK), "half huge pages are not expected");
    (void)soft->expect(e.m, CHUNK, CHUNK); /* or the helper was faster: then it is as if unsaid */
    CHECK(soft->init(e.m, &e.sigstruct, &d) == 0, "EINIT");
    CHECK(!soft->expect(e.m, 2 * CHUNK, CHUNK), "afterwards nothing is expected");
    CHECK(!kit_load_ok(&e, CHUNK, &run), "memory that was found is not there before EAUG");
    CHECK(soft->map(e.m, CHUNK, CHUNK, 3) == 0 && kit_accept(&e, CHUNK, 0x20b) == 0,
          "it is accepted like any other");
    kit_read(&e, CHUNK, &word, sizeof word);
    CHECK(word == 0, "and zero");
    kit_end(&e);
}

int main(void)
{
    test_measurement();
    test_create();
    test_add();
    test_einit();
    test_base();
    test_open();
    test_unsealed();
    test_expect();
    return tap_done();
}
