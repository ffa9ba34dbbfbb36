/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the evidence file of a run: the quoting enclave signs what the workload's enclave reported,
 * the machine adds the collateral, and one file appears under its name when it is complete. Whoever
 * runs this can withhold evidence or write nonsense, which no verifier accepts. */
#include "evidence.h"
#include "host/quoting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct evidence_maker {
    const struct machine_config *machine;
    const struct machine_ops *ops;
    struct quoting *quoting; /* NULL: the last one ended */
    struct bytes manifest;
    uint8_t file[EVIDENCE_SIZE_MAX];
    size_t size; /* 0: nothing was quoted */
    struct sgx_targetinfo target;
    bool ready; /* target is there */
};

int evidence_maker_open(const struct machine_config *machine, const struct machine_ops *ops,
                        struct bytes manifest, struct evidence_maker **ret, struct diag *d)
{
    struct evidence_maker *e = malloc(sizeof *e);
    if (e == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for evidence");
    }
    e->machine = machine;
    e->ops = ops;
    e->ready = false;
    e->quoting = NULL;
    e->manifest = manifest;
    e->size = 0;
    int r = quoting_open(ops, machine, &e->quoting, d);
    if (r != 0) {
        free(e);
        return r;
    }
    *ret = e;
    return 0;
}

/* A quoting process can be killed like any other, and a workload may outlive many: when one has
 * ended, the next question starts another, which has the same key. */
static int start_again(struct evidence_maker *e, struct diag *d)
{
    quoting_close(e->quoting);
    e->quoting = NULL;
    return quoting_open(e->ops, e->machine, &e->quoting, d);
}

static int get_target(struct evidence_maker *e, struct diag *d)
{
    int r = e->quoting != NULL ? quoting_get_target(e->quoting, &e->target, d) : -EPIPE;
    if (r == -EPIPE) {
        r = start_again(e, d);
        r = r != 0 ? r : quoting_get_target(e->quoting, &e->target, d);
    }
    return r;
}

static int get_quote(struct evidence_maker *e, const struct sgx_report *report,
                     struct writer *quote, struct evidence_collateral *ret_collateral,
                     struct diag *d)
{
    int r =
        e->quoting != NULL ? quoting_quote(e->quoting, report, quote, ret_collateral, d) : -EPIPE;
    if (r == -EPIPE) {
        r = start_again(e, d);
        r = r != 0 ? r : quoting_quote(e->quoting, report, quote, ret_collateral, d);
    }
    return r;
}

int evidence_maker_ready(struct evidence_maker *e, struct diag *d)
{
    int r = e->ready ? 0 : get_target(e, d);
    e->ready = r == 0;
    return r;
}

int evidence_maker_target(struct evidence_maker *e, struct sgx_targetinfo *ret, struct diag *d)
{
    int r = evidence_maker_ready(e, d);
    if (r == 0) {
        *ret = e->target;
    }
    return r;
}

int evidence_maker_quote(struct evidence_maker *e, struct bytes message, struct diag *d)
{
    struct sgx_report report;
    uint8_t quote[QUOTE_SIZE_MAX];
    struct evidence evidence = {.manifest = e->manifest};
    struct cursor c = cursor_of(message);
    struct bytes first = cursor_take(&c, sizeof report);
    if (!cursor_ok(&c)) {
        return diag_fail(d, -EINVAL, "the enclave sent %zu bytes where a REPORT has %zu",
                         message.size, sizeof report);
    }
    memcpy(&report, first.data, sizeof report);
    struct writer w = writer_of(quote, sizeof quote);
    int r = get_quote(e, &report, &w, &evidence.collateral, d);
    if (r != 0) {
        return r;
    }
    evidence.quote = BYTES(quote, w.size);
    evidence.claims = c.rest;
    struct writer out = writer_of(e->file, sizeof e->file);
    r = evidence_encode(&evidence, &out, d);
    e->size = r == 0 ? out.size : 0;
    return r;
}

int evidence_maker_attest(struct evidence_maker *e, struct bytes report, struct writer *quote,
                          struct diag *d)
{
    struct sgx_report r;
    struct evidence_collateral unused;
    if (report.size != sizeof r) {
        return diag_fail(d, -EINVAL, "the enclave sent %zu bytes where a REPORT has %zu",
                         report.size, sizeof r);
    }
    memcpy(&r, report.data, sizeof r);
    return get_quote(e, &r, quote, &unused, d);
}

static int write_all(int fd, struct bytes data)
{
    while (data.size > 0) {
        ssize_t n = write(fd, data.data, data.size);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        n = n < 0 ? 0 : n;
        data = BYTES(data.data + n, data.size - (size_t)n);
    }
    return 0;
}

int evidence_maker_write(struct evidence_maker *e, struct outfile *file, struct diag *d)
{
    if (e->size == 0) {
        return diag_fail(d, -ENODATA, "the enclave ended without evidence; %s was not written",
                         file->target);
    }
    int r = write_all(file->fd, BYTES(e->file, e->size));
    if (r != 0) {
        return diag_fail(d, r, "cannot write the evidence file %s: %s", file->target, strerror(-r));
    }
    return outfile_commit(file, d);
}

void evidence_maker_close(struct evidence_maker *e)
{
    if (e != NULL) {
        quoting_close(e->quoting);
        free(e);
    }
}
