/* SPDX-License-Identifier: Apache-2.0 */
/* The SDK door end to end: the probe enclave (probe_enclave.c) on the software machine,
 * called through its table and, as a hostile host would, past it.
 * Usage: sdk_test PROBE.sgxs SIGSTRUCT */
#include "probe.h"
#define SDK_CALLS "probe.def"
#include "host/sdk.h"
#include "tests/scratch.h"
#include "tests/tap.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int host_twice(void *context, const struct sdk_nothing *in, struct bytes in_bytes,
               struct probe_size *ret_out, struct writer *ret_bytes)
{
    (void)in;
    *(unsigned *)context += 1;
    if (in_bytes.size == 7) {
        return -1;
    }
    writer_put(ret_bytes, in_bytes);
    writer_put(ret_bytes, in_bytes);
    ret_out->size = ret_bytes->size;
    return 0;
}

static void check_bytes(struct sdk_enclave *e, struct diag *d)
{
    static uint8_t in[PROBE_BYTES_MAX + 1], out[2 * PROBE_BYTES_MAX];
    struct probe_reverse once = {1}, twice = {2};
    struct probe_size size = {0};
    for (size_t i = 0; i < sizeof in; i++) {
        in[i] = (uint8_t)(i * 7);
    }
    struct writer w = writer_of(out, sizeof out);
    int r = call_reverse(e, &once, BYTES(in, PROBE_BYTES_MAX), &size, &w, d);
    bool reversed = r == 0 && w.size == PROBE_BYTES_MAX && size.size == PROBE_BYTES_MAX;
    for (size_t i = 0; reversed && i < w.size; i++) {
        reversed = out[i] == in[PROBE_BYTES_MAX - 1 - i];
    }
    CHECK(reversed, "bytes of the greatest size go in and out (%d %s)", r, d->text);
    w = writer_of(out, sizeof out);
    r = call_reverse(e, &once, BYTES(NULL, 0), &size, &w, d);
    CHECK(r == 0 && w.size == 0 && size.size == 0, "no bytes at all go in and out");
    w = writer_of(out, sizeof out);
    r = call_reverse(e, &once, BYTES(in, sizeof in), &size, &w, d);
    CHECK(r == -EMSGSIZE, "one byte more than the table says is refused: %s", d->text);
    r = call_reverse(e, &twice, BYTES(in, PROBE_BYTES_MAX), &size, &w, d);
    CHECK(r == -EMSGSIZE && w.size == 0, "a result beyond the table's limit does not leave");
    w = writer_of(out, 10);
    r = call_reverse(e, &once, BYTES(in, 11), &size, &w, d);
    CHECK(r == -EPROTO && w.size == 0, "a result larger than the caller's room is refused");
}

static void check_errors(struct sdk_enclave *e, struct diag *d)
{
    uint8_t out[100];
    struct writer w = writer_of(out, sizeof out);
    struct probe_status status = {-ERANGE};
    struct probe_size size = {5};
    struct sdk_nothing nothing = {0};
    int r = call_fail(e, &status, BYTES(NULL, 0), &size, &w, d);
    CHECK(r == -ERANGE && size.size == 5 && w.size == 0,
          "a failing function's error arrives, its outputs stay inside");
    r = call_overflow(e, &nothing, BYTES(NULL, 0), &size, &w, d);
    CHECK(r == -EMSGSIZE && size.size == 5 && w.size == 0, "a truncated result is no result");
    static const struct sdk_shape unknown = {77, "unknown", 8, 0, 8, 0};
    r = sdk_call(e, &unknown, &nothing, BYTES(NULL, 0), &nothing, &w, d);
    CHECK(r == -ENOSYS, "a number that is not in the table reaches no function");
    static const struct sdk_shape shorter = {4, "report", 8, 0, 8, 0};
    r = sdk_call(e, &shorter, &nothing, BYTES(NULL, 0), &nothing, &w, d);
    CHECK(r == -EMSGSIZE, "a struct of another size reaches no function");
}

static void check_ocalls(struct sdk_enclave *e, unsigned *asked, struct diag *d)
{
    uint8_t out[2000];
    struct writer w = writer_of(out, sizeof out);
    struct probe_status status;
    struct sdk_nothing nothing = {0};
    int r = call_ask(e, &nothing, BYTES_STR("abc"), &status, &w, d);
    CHECK(r == 0 && status.status == 0 && *asked == 1 && w.size == 6 &&
              memcmp(out, "abcabc", 6) == 0,
          "an enclave asks its host in the middle of a call");
    w = writer_of(out, sizeof out);
    r = call_ask(e, &nothing, BYTES_STR("refused"), &status, &w, d);
    CHECK(r == 0 && status.status == -EIO && w.size == 0, "the host's refusal arrives as -EIO");
    r = call_ask_unknown(e, &nothing, &status, d);
    CHECK(r == 0 && status.status == -ENOSYS, "a call that the host does not know is -ENOSYS");
}

static void check_structs(struct sdk_enclave *e, struct diag *d)
{
    struct sdk_nothing nothing = {0};
    struct probe_hole hole;
    uint8_t expected[sizeof hole] = {[0] = 1, [offsetof(struct probe_hole, large)] = 2};
    memset(&hole, 0xff, sizeof hole);
    int r = call_hole(e, &nothing, &hole, d);
    CHECK(r == 0 && memcmp(&hole, expected, sizeof hole) == 0, "padding leaves as zeros");

    struct probe_report_in in = {.report_data = "whatever"};
    struct sgx_report report;
    r = call_report(e, &in, &report, d);
    CHECK(r == 0 && memcmp(report.body.reportdata, in.report_data, 64) == 0 &&
              (report.body.attributes.flags & SGX_FLAGS_INIT) != 0,
          "an enclave reports on itself");
}

static int run(struct sdk_config *config, unsigned *asked)
{
    struct sdk_enclave *e = NULL;
    struct diag d = {""};
    int r = sdk_open(config, &e, &d);
    CHECK(r == 0, "the probe enclave opens (%s)", d.text);
    if (r != 0) {
        return tap_done();
    }
    check_bytes(e, &d);
    check_errors(e, &d);
    check_ocalls(e, asked, &d);
    check_structs(e, &d);
    sdk_close(e);
    sdk_close(NULL);
    CHECK(1, "the enclave closes");
    return tap_done();
}

int main(int argc, char **argv)
{
    unsigned asked = 0;
    struct sdk_config config = {
        .ops = &machine_soft, .ocall = sdk_serve_ocall, .ocall_context = &asked};
    struct bytes sigstruct;
    struct diag d = {""};
    char dir[] = "/tmp/alcove-sdk-XXXXXX";
    REQUIRE(mkdtemp(dir) != NULL);
    setenv("ALCOVE_MACHINE_DIR", dir, 1);
    if (argc != 3 || host_read_file(argv[1], 1u << 26, &config.sgxs, &d) != 0 ||
        host_read_file(argv[2], sizeof config.sigstruct, &sigstruct, &d) != 0 ||
        sigstruct.size != sizeof config.sigstruct) {
        printf("Bail out! usage: sdk_test PROBE.sgxs SIGSTRUCT %s\n", d.text);
        return 1;
    }
    memcpy(&config.sigstruct, sigstruct.data, sizeof config.sigstruct);
    host_clock_start();
    int r = run(&config, &asked);
    scratch_remove(dir);
    return r;
}
