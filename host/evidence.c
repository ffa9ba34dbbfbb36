/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the evidence file of a run: the quoting enclave signs what the workload's enclave reported,
 * the machine adds the collateral, and one file appears under its name when it is complete. */
#include "evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/evidence.h"
#include "host/quoting.h"

struct evidence_maker {
    struct quoting *quoting;
    struct bytes manifest; /* borrowed */
    uint8_t *file;         /* EVIDENCE_SIZE_MAX bytes of room */
    size_t file_size;      /* 0: the enclave has not reported, or its report was not quoted */
    struct diag why;       /* what went wrong last; empty: nothing */
};

int evidence_maker_open(const struct machine_config *machine, const struct machine_ops *ops,
                        struct bytes manifest, struct evidence_maker **ret, struct diag *d)
{
    struct evidence_maker *e = calloc(1, sizeof *e);
    if (e != NULL) {
        e->file = malloc(EVIDENCE_SIZE_MAX);
    }
    if (e == NULL || e->file == NULL) {
        evidence_maker_close(e);
        return diag_fail(d, -ENOMEM, "no memory for the evidence");
    }
    e->manifest = manifest;
    int r = quoting_open(ops, machine, &e->quoting, d);
    if (r != 0) {
        evidence_maker_close(e);
        return r;
    }
    *ret = e;
    return 0;
}

int evidence_maker_target(struct evidence_maker *e, struct sgx_targetinfo *ret, struct diag *d)
{
    int r = quoting_get_target(e->quoting, ret, d);
    if (r != 0) {
        e->why = *d;
    }
    return r;
}

/* The file is encoded at once: the collateral is the quoting client's and lives until its next call. */
int evidence_maker_quote(struct evidence_maker *e, struct bytes message, struct diag *d)
{
    struct sgx_report report;
    uint8_t quote[QUOTE_SIZE_MAX];
    struct writer quote_writer = writer_of(quote, sizeof quote);
    struct writer file = writer_of(e->file, EVIDENCE_SIZE_MAX);
    struct evidence evidence = {.manifest = e->manifest};
    if (message.size < sizeof report) {
        return diag_fail(d, -EINVAL, "the enclave's report has only %zu bytes", message.size);
    }
    memcpy(&report, message.data, sizeof report);
    evidence.claims = BYTES(message.data + sizeof report, message.size - sizeof report);
    int r = quoting_quote(e->quoting, &report, &quote_writer, &evidence.collateral, d);
    evidence.quote = BYTES(quote, quote_writer.size);
    r = r != 0 ? r : evidence_encode(&evidence, &file, d);
    e->file_size = r == 0 ? file.size : 0;
    if (r != 0) {
        e->why = *d;
    }
    return r;
}

static int write_all(int fd, struct bytes b)
{
    while (b.size > 0) {
        ssize_t n = write(fd, b.data, b.size);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (n > 0) {
            b = BYTES(b.data + n, b.size - (size_t)n);
        }
    }
    return 0;
}

int evidence_maker_write(struct evidence_maker *e, const char *path, struct diag *d)
{
    char *temporary;
    if (e->file_size == 0) {
        return diag_fail(d, -ENODATA, "there is no evidence to write to %s: %s", path,
                         e->why.text[0] != '\0' ? e->why.text : "the enclave made none");
    }
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
        return diag_fail(d, -ENOMEM, "no memory for the name of %s", path);
    }
    int fd = mkostemp(temporary, O_CLOEXEC);
    int r = fd < 0 ? -errno : write_all(fd, BYTES(e->file, e->file_size));
    mode_t mask = umask(0);
    umask(mask);
    if (r == 0 && fchmod(fd, 0666 & ~mask) != 0) {
        r = -errno;
    }
    if (fd >= 0 && close(fd) != 0 && r == 0) {
        r = -errno;
    }
    if (r == 0 && rename(temporary, path) != 0) {
        r = -errno;
    }
    if (r != 0) {
        if (fd >= 0) {
            unlink(temporary);
        }
        diag_fail(d, r, "cannot write the evidence to %s: %s", path, strerror(-r));
    }
    free(temporary);
    return r;
}

void evidence_maker_close(struct evidence_maker *e)
{
    if (e == NULL) {
        return;
    }
    quoting_close(e->quoting);
    free(e->file);
    free(e);
}
