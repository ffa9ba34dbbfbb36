/* SPDX-License-Identifier: Apache-2.0 */
/* alcove machine: the software SGX machine's own folder, and enclaves that others built, as SGXS
 * streams. What `load` runs is foreign code, in this process, on the software machine only: it is
 * meant for looking at enclaves, and says what they did. */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build/file.h"
#include "build/key.h"
#include "host/quoting.h"
#include "machine/sgxs.h"
#include "machine/soft.h"
#include "machine/state.h"
#include "verify/bundle.h"

#define STREAM_MAX  (UINT64_C(1) << 30)
#define PAGES_MAX   16u
#define BUFFER_SIZE 4096u

const char verb_machine_help[] =
    "usage: alcove machine show [--root]\n"
    "       alcove machine init\n"
    "       alcove machine collateral BUNDLE\n"
    "       alcove machine measure FILE.sgxs\n"
    "       alcove machine load FILE.sgxs (--sigstruct FILE | --key FILE) [OPTION]...\n"
    "\n"
    "show     prints where the software SGX machine keeps its state, its root certificate, and "
    "what\n"
    "         its processor offers to enclaves. With --root only the path of the certificate, for\n"
    "         'alcove verify --root'.\n"
    "init     makes the machine's root secret and certificate, if they are not there yet. The "
    "first\n"
    "         enclave does the same.\n"
    "collateral\n"
    "         writes a bundle of what the software machine says about itself (TCB info, QE "
    "identity,\n"
    "         revocation lists), for 'alcove verify --collateral' with quotes that programs made\n"
    "measure  prints MRENCLAVE of an SGXS stream (SHA-256 of its records, checked for form).\n"
    "load     builds the enclave on the software machine, has it initialised with its SIGSTRUCT,\n"
    "         enters its first TCS once, and prints how it left and what it wrote.\n"
    "\n"
    "Options of load:\n"
    "      --sigstruct FILE    the enclave's SIGSTRUCT, 1808 bytes\n"
    "      --key FILE          instead: sign it on the spot with this key (alcove key new)\n"
    "      --page OFFSET=FILE  add a readable and writable page to the stream, measured; FILE has "
    "at\n"
    "                          most 4096 bytes. May be repeated\n"
    "      --rdi VALUE, --rsi VALUE, --rdx VALUE\n"
    "                          registers at entry: a number, or the word 'buffer' for the address "
    "of\n"
    "                          4096 zero bytes. Default: 0, buffer, 0\n"
    "      --report            print the buffer as a REPORT\n"
    "      --help              this text\n"
    "\n"
    "The state's folder: $ALCOVE_MACHINE_DIR, else $XDG_DATA_HOME/alcove/machine, else\n"
    "~/.local/share/alcove/machine. Whoever reads the root secret there is this machine; evidence "
    "of\n"
    "a software machine never proves that hardware protects anything.\n"
    "\n"
    "Exit status: 0 done, 1 failed or refused, 2 wrong usage.\n";

/* ---- show, init ------------------------------------------------------------------------------ */

static void print_hex(const char *label, const void *data, size_t size)
{
    char text[2 * 64 + 1];
    size = size <= 64 ? size : 64;
    hex_encode(text, data, size);
    printf("%-12s %s\n", label, text);
}

static int print_root(const char *dir, bool path_only, struct diag *d)
{
    char path[PATH_MAX];
    if (base_format(path, sizeof path, "%s/" MACHINE_ROOT_FILE, dir) >= sizeof path) {
        return diag_fail(d, -ENAMETOOLONG, "%s: path too long", dir);
    }
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        return diag_fail(d, -errno, "%s: %s; run: alcove machine init", path, strerror(errno));
    }
    X509 *certificate = PEM_read_X509(f, NULL, NULL, NULL);
    (void)fclose(f);
    uint8_t digest[32];
    unsigned size;
    if (certificate == NULL || X509_digest(certificate, EVP_sha256(), digest, &size) != 1) {
        X509_free(certificate);
        return diag_fail(d, -EINVAL, "%s: not a certificate; run: alcove machine init", path);
    }
    char name[256];
    (void)X509_NAME_oneline(X509_get_subject_name(certificate), name, sizeof name);
    X509_free(certificate);
    if (path_only) {
        printf("%s\n", path);
        return 0;
    }
    printf("%-12s %s\n%-12s %s\n", "root", path, "root name", name);
    print_hex("root SHA-256", digest, sizeof digest);
    return 0;
}

static int show(bool root_only)
{
    char dir[PATH_MAX];
    uint8_t secret[ROOT_SECRET_SIZE], cpusvn[16];
    struct diag d = {""};
    int r = machine_dir(NULL, dir, &d);
    if (r == 0 && root_only) {
        r = print_root(dir, true, &d);
        return r == 0 ? CLI_OK : cli_fail("machine", &d);
    }
    if (r == 0) {
        printf("%-12s %s\n%-12s %s\n", "machine", "soft (no hardware protection)", "folder", dir);
        r = root_secret_load(dir, secret, &d);
        secure_zero(secret, sizeof secret);
    }
    r = r == 0 ? print_root(dir, false, &d) : r;
    if (r < 0) {
        return cli_fail("machine", &d);
    }
    memset(cpusvn, SOFT_CPUSVN_BYTE, sizeof cpusvn);
    print_hex("CPUSVN", cpusvn, sizeof cpusvn);
    printf("%-12s %lx\n", "XFRM", (unsigned long)machine_host_xfrm());
    return CLI_OK;
}

static int init(void)
{
    char dir[PATH_MAX];
    uint8_t secret[ROOT_SECRET_SIZE];
    struct diag d = {""};
    int r = machine_state_make(NULL, true, dir, secret, &d);
    secure_zero(secret, sizeof secret);
    return r == 0 ? show(false) : cli_fail("machine", &d);
}

/* ---- collateral ------------------------------------------------------------------------------ */

static int make_bundle(const struct evidence_collateral *c, const char *path, struct diag *d)
{
    const struct bytes parts[] = {c->tcb_info, c->tcb_chain, c->qe_identity,
                                  c->qe_chain, c->pck_crl,   c->root_crl};
    struct alcove_bundle *b = alcove_bundle_new();
    uint32_t kinds;
    int r = b == NULL ? -ENOMEM : 0;
    for (size_t i = 0; i < ARRAY_SIZE(parts) && r == 0; i++) {
        r = alcove_bundle_add(b, (struct alcove_bytes){parts[i].data, parts[i].size}, &kinds);
    }
    struct alcove_bytes file = {NULL, 0};
    if (r == 0) {
        file = alcove_bundle_encode(b);
        r = file.size == 0 ? -ENOMEM : 0;
    }
    r = r != 0 ? diag_fail(d, r, "the machine's collateral makes no bundle: %s", strerror(-r))
               : file_write(path, BYTES(file.data, file.size), 0644, d);
    alcove_bundle_free(b);
    return r;
}

static int collateral(const char *path)
{
    const struct machine_config config = {.state_dir = NULL};
    struct evidence_collateral c;
    struct quoting *q = NULL;
    struct diag d = {""};
    int r = quoting_open(&machine_soft, &config, &q, &d);
    r = r != 0 ? r : quoting_collateral(q, &c, &d);
    r = r != 0 ? r : make_bundle(&c, path, &d);
    quoting_close(q);
    return r == 0 ? CLI_OK : cli_fail("machine", &d);
}

/* ---- measure --------------------------------------------------------------------------------- */

static int measure(const char *path)
{
    struct mapped_file file = {{NULL, 0}};
    struct diag d = {""};
    uint8_t mrenclave[32];
    int r = mapped_file_open(&file, path, STREAM_MAX, &d);
    if (r == 0) {
        r = sgxs_measure(file.bytes, mrenclave, &d);
        mapped_file_close(&file);
        if (r < 0) {
            diag_prefix(&d, "%s", path);
        }
    }
    if (r < 0) {
        return cli_fail("machine", &d);
    }
    char text[65];
    hex_encode(text, mrenclave, sizeof mrenclave);
    printf("%s\n", text);
    return CLI_OK;
}

/* ---- load ------------------------------------------------------------------------------------ */

struct extra_page {
    uint64_t offset;
    const char *path;
};

struct load_request {
    const char *stream, *sigstruct, *key;
    struct extra_page pages[PAGES_MAX];
    size_t page_count;
    const char *registers[3]; /* rdi, rsi, rdx as given */
    bool report;
    bool root_only; /* show */
};

static bool parse_u64(const char *text, const char *end_at, uint64_t *ret)
{
    char *end;
    errno = 0;
    *ret = strtoull(text, &end, 0);
    bool negative = text[0] == '-';
    return (text[negative] >= '0' && text[negative] <= '9') && end == end_at && errno == 0;
}

static bool parse_page(struct load_request *q, const char *text)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || q->page_count == PAGES_MAX) {
        return false;
    }
    struct extra_page *page = &q->pages[q->page_count++];
    page->path = equals + 1;
    return parse_u64(text, equals, &page->offset) && page->offset % SGX_PAGE_SIZE == 0;
}

/* The stream with the extra pages behind it, in memory of its own. */
static int read_stream(const struct load_request *q, struct writer *ret, struct diag *d)
{
    struct mapped_file file = {{NULL, 0}};
    int r = mapped_file_open(&file, q->stream, STREAM_MAX, d);
    if (r < 0) {
        return r;
    }
    size_t capacity = file.bytes.size + q->page_count * SGXS_PAGE_RECORDS_SIZE;
    void *memory = malloc(capacity != 0 ? capacity : 1);
    if (memory == NULL) {
        mapped_file_close(&file);
        return diag_fail(d, -ENOMEM, "%s: no memory for it", q->stream);
    }
    *ret = writer_of(memory, capacity);
    writer_put(ret, file.bytes);
    mapped_file_close(&file);
    for (size_t i = 0; i < q->page_count && r == 0; i++) {
        uint8_t content[SGX_PAGE_SIZE] = {0};
        r = mapped_file_open(&file, q->pages[i].path, SGX_PAGE_SIZE, d);
        if (r == 0) {
            memcpy(content, file.bytes.data, file.bytes.size);
            mapped_file_close(&file);
            sgxs_append_page(ret, q->pages[i].offset,
                             SGX_SECINFO_R | SGX_SECINFO_W | SGX_SECINFO_TYPE(SGX_PT_REG), content);
        }
    }
    return r;
}

static int sign_here(const char *path, const uint8_t mrenclave[32], struct sgx_sigstruct *ret,
                     struct diag *d)
{
    uint8_t pem[KEY_PEM_MAX];
    struct writer w = writer_of(pem, sizeof pem);
    *ret = (struct sgx_sigstruct){
        .attributes = {SGX_FLAGS_MODE64BIT, 3},
        .attributemask = {~(SGX_FLAGS_INIT | SGX_FLAGS_DEBUG), 3},
    };
    memcpy(ret->enclavehash, mrenclave, 32);
    int r = key_read(path, &w, d);
    r = r == 0 ? sigstruct_sign(ret, BYTES(pem, w.size), d) : r;
    secure_zero(pem, sizeof pem);
    return r;
}

static int read_sigstruct(const char *path, struct sgx_sigstruct *ret, struct diag *d)
{
    struct mapped_file file = {{NULL, 0}};
    int r = mapped_file_open(&file, path, sizeof *ret, d);
    if (r < 0) {
        return r;
    }
    if (file.bytes.size == sizeof *ret) {
        memcpy(ret, file.bytes.data, sizeof *ret);
    } else {
        r = diag_fail(d, -EINVAL, "%s: a SIGSTRUCT has %zu bytes, this has %zu", path, sizeof *ret,
                      file.bytes.size);
    }
    mapped_file_close(&file);
    return r;
}

static int build(const struct load_request *q, struct machine **ret, uint64_t *ret_tcs,
                 struct diag *d)
{
    struct writer stream = {0};
    uint8_t mrenclave[32];
    struct sgx_sigstruct sig;
    int r = read_stream(q, &stream, d);
    struct bytes bytes = BYTES(stream.data, stream.size);
    r = r == 0 ? sgxs_measure(bytes, mrenclave, d) : r;
    r = r == 0 ? sgxs_first_tcs(bytes, ret_tcs, d) : r;
    if (r == 0) {
        print_hex("MRENCLAVE", mrenclave, sizeof mrenclave);
        r = q->key != NULL ? sign_here(q->key, mrenclave, &sig, d)
                           : read_sigstruct(q->sigstruct, &sig, d);
    }
    r = r == 0 ? machine_soft.open(NULL, ret, d) : r;
    if (r == 0) {
        struct sgx_secs secs = {
            .base = SOFT_BASE_ANY,
            .attributes = {sig.attributes.flags & ~SGX_FLAGS_INIT, sig.attributes.xfrm | 3},
            .miscselect = sig.miscselect,
        };
        secs.attributes.xfrm &= machine_host_xfrm();
        r = machine_load_sgxs(&machine_soft, *ret, bytes, &secs, d);
    }
    r = r == 0 ? machine_soft.init(*ret, &sig, d) : r;
    free(stream.data);
    if (r == 0) {
        uint8_t mrsigner[32];
        r = sigstruct_verify(&sig, mrsigner, d);
        print_hex("MRSIGNER", mrsigner, sizeof mrsigner);
    }
    return r;
}

static void print_report(const struct sgx_report *r)
{
    print_hex("CPUSVN", r->body.cpusvn, sizeof r->body.cpusvn);
    printf("%-12s %x\n", "MISCSELECT", r->body.miscselect);
    printf("%-12s flags %lx, xfrm %lx\n", "ATTRIBUTES", (unsigned long)r->body.attributes.flags,
           (unsigned long)r->body.attributes.xfrm);
    print_hex("MRENCLAVE", r->body.mrenclave, sizeof r->body.mrenclave);
    print_hex("MRSIGNER", r->body.mrsigner, sizeof r->body.mrsigner);
    printf("%-12s %u\n%-12s %u\n", "ISVPRODID", r->body.isvprodid, "ISVSVN", r->body.isvsvn);
    print_hex("CONFIGID", r->body.configid, sizeof r->body.configid);
    print_hex("REPORTDATA", r->body.reportdata, sizeof r->body.reportdata);
    print_hex("KEYID", r->keyid, sizeof r->keyid);
    print_hex("MAC", r->mac, sizeof r->mac);
}

static void print_buffer(const uint8_t buffer[BUFFER_SIZE])
{
    size_t end = BUFFER_SIZE;
    while (end > 0 && buffer[end - 1] == 0) {
        end--;
    }
    if (end == 0) {
        printf("%-12s nothing but zeros\n", "buffer");
        return;
    }
    printf("%-12s %u as a 32-bit number\n", "buffer", load_le32(buffer));
    print_hex("", buffer, end < 64 ? (end + 7) / 8 * 8 : 64);
}

static int enter(const struct load_request *q, struct machine *m, uint64_t tcs, struct diag *d)
{
    static uint8_t buffer[BUFFER_SIZE] __attribute__((aligned(4096)));
    uint64_t in[3], out[5];
    for (size_t i = 0; i < 3; i++) {
        const char *text = q->registers[i];
        if (strcmp(text, "buffer") == 0) {
            in[i] = (uint64_t)buffer;
        } else {
            ignore_result(!parse_u64(text, text + strlen(text), &in[i]),
                          "checked with the options");
        }
    }
    struct machine_run run = {.tcs = soft_base(m) + tcs};
    int r = machine_soft.enter(m, in[0], in[1], in[2], ENCLU_EENTER, 0, 0, &run);
    if (r == -EFAULT) {
        return diag_fail(d, r, "the enclave ended in exception %u (error code %x, address %lx)",
                         run.exception_vector, run.exception_error_code,
                         (unsigned long)run.exception_addr);
    }
    if (r < 0) {
        return diag_fail(d, r, "the enclave cannot be entered: %s", strerror(-r));
    }
    soft_exit_registers(out);
    printf("%-12s EEXIT, rdi %ld, rsi %ld, rdx %ld\n", "left by", (long)out[0], (long)out[1],
           (long)out[2]);
    if (q->report) {
        print_report((const struct sgx_report *)buffer);
    } else {
        print_buffer(buffer);
    }
    return 0;
}

static int load(const struct load_request *q)
{
    struct machine *m = NULL;
    struct diag d = {""};
    uint64_t tcs = 0;
    int r = build(q, &m, &tcs, &d);
    r = r == 0 ? enter(q, m, tcs, &d) : r;
    machine_soft.close(m);
    return r == 0 ? CLI_OK : cli_fail("machine", &d);
}

/* ---- the command ----------------------------------------------------------------------------- */

static bool register_ok(const char *text)
{
    uint64_t unused;
    return strcmp(text, "buffer") == 0 || parse_u64(text, text + strlen(text), &unused);
}

/* 0, or an exit status. */
static int parse_load(int argc, char **argv, struct load_request *q)
{
    static const struct option options[] = {{"sigstruct", required_argument, NULL, 's'},
                                            {"key", required_argument, NULL, 'k'},
                                            {"page", required_argument, NULL, 'p'},
                                            {"rdi", required_argument, NULL, '0'},
                                            {"rsi", required_argument, NULL, '1'},
                                            {"rdx", required_argument, NULL, '2'},
                                            {"report", no_argument, NULL, 'r'},
                                            {"root", no_argument, NULL, 'R'},
                                            {NULL, 0, NULL, 0}};
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 's') {
            q->sigstruct = optarg;
        } else if (option == 'k') {
            q->key = optarg;
        } else if (option == 'r') {
            q->report = true;
        } else if (option == 'R') {
            q->root_only = true;
        } else if (option == 'p') {
            if (!parse_page(q, optarg)) {
                return cli_usage("machine",
                                 "'%s' is not OFFSET=FILE with a multiple of 4096, or "
                                 "there are more than %u",
                                 optarg, PAGES_MAX);
            }
        } else if (option >= '0' && option <= '2') {
            if (!register_ok(optarg)) {
                return cli_usage("machine", "'%s' is neither a number nor 'buffer'", optarg);
            }
            q->registers[option - '0'] = optarg;
        } else {
            return cli_usage("machine", "unknown or incomplete option '%s'", argv[optind - 1]);
        }
    }
    return 0;
}

int verb_machine(int argc, char **argv)
{
    struct load_request q = {.registers = {"0", "buffer", "0"}};
    int status = parse_load(argc, argv, &q);
    if (status != 0) {
        return status;
    }
    const char *what = optind < argc ? argv[optind] : "";
    int files = argc - optind - 1;
    if (strcmp(what, "show") == 0 && files == 0) {
        return show(q.root_only);
    }
    if (strcmp(what, "init") == 0 && files == 0) {
        return init();
    }
    if (strcmp(what, "collateral") == 0 && files == 1) {
        return collateral(argv[optind + 1]);
    }
    if (strcmp(what, "measure") == 0 && files == 1) {
        return measure(argv[optind + 1]);
    }
    if (strcmp(what, "load") == 0 && files == 1) {
        if ((q.sigstruct != NULL) == (q.key != NULL)) {
            return cli_usage("machine", "load: say either --sigstruct or --key");
        }
        q.stream = argv[optind + 1];
        return load(&q);
    }
    return cli_usage(
        "machine",
        "say 'show', 'init', 'collateral BUNDLE', 'measure FILE' or 'load FILE --sigstruct FILE'");
}
