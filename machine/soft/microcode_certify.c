/* SPDX-License-Identifier: Apache-2.0 */
/* The microcode's half of certifying a quoting enclave: what Intel's PCE does. The asking process
 * proves nothing by asking; the REPORT must have been made by this machine (its MAC, under a report
 * key that no enclave can have) and by the quoting enclave that lies beside this program (MRSIGNER,
 * product and version of its SIGSTRUCT). */
#include "soft/microcode_certify.h"

#include "machine/certify.h"
#include "machine/machine.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SIGSTRUCT_NAME "quoting.sig"

/* Where ALCOVE_LIBEXEC_DIR says; else beside this program, or in libexec of the build. */
static FILE *open_sigstruct(void)
{
    static const char *const places[] = {"", "/../libexec/alcove"};
    char program[PATH_MAX], path[PATH_MAX + 64];
    const char *dir = getenv("ALCOVE_LIBEXEC_DIR");
    FILE *f = NULL;
    if (dir != NULL && dir[0] != '\0') {
        return snprintf(path, sizeof path, "%s/" SIGSTRUCT_NAME, dir) < (int)sizeof path
                   ? fopen(path, "rbe")
                   : NULL;
    }
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash = n > 0 ? memrchr(program, '/', (size_t)n) : NULL;
    if (slash == NULL) {
        return NULL;
    }
    *slash = '\0';
    for (size_t i = 0; f == NULL && i < ARRAY_SIZE(places); i++) {
        (void)snprintf(path, sizeof path, "%s%s/" SIGSTRUCT_NAME, program, places[i]);
        f = fopen(path, "rbe");
    }
    return f;
}

static int read_quoting_identity(struct pki_qe *ret, struct diag *d)
{
    struct sgx_sigstruct s;
    FILE *f = open_sigstruct();
    if (f == NULL) {
        return diag_fail(d, -ENOENT,
                         SIGSTRUCT_NAME ", the quoting enclave's signature, is not beside "
                                        "the microcode helper: %s",
                         strerror(errno));
    }
    bool whole = fread(&s, sizeof s, 1, f) == 1;
    (void)fclose(f);
    if (!whole) {
        return diag_fail(d, -EINVAL, SIGSTRUCT_NAME " is shorter than a SIGSTRUCT");
    }
    int r = sigstruct_verify(&s, ret->mrsigner, d);
    ret->isvprodid = s.isvprodid;
    ret->isvsvn = s.isvsvn;
    return r;
}

/* EREPORT's MAC, checked as the target would: by its report key. */
static int check_mac(const struct microcode *mc, const struct sgx_report *report, struct diag *d)
{
    struct sgx_targetinfo target;
    struct mc_identity certifier = {0};
    struct sgx_keyrequest request = {.keyname = SGX_KEY_REPORT};
    uint8_t key[16], mac[16];
    soft_certifier(&target);
    memcpy(certifier.secs.mrenclave, target.mrenclave, sizeof target.mrenclave);
    memcpy(request.keyid, report->keyid, sizeof request.keyid);
    int r = mc_getkey(mc, &certifier, &request, key);
    r = r == 0 ? mc_cmac(key, BYTES_OF(report->body), mac) : -EIO;
    bool same = r == 0 && ct_equal(mac, report->mac, sizeof mac);
    secure_zero(key, sizeof key);
    secure_zero(mac, sizeof mac);
    if (r != 0) {
        return diag_fail(d, r, "the crypto library failed to check the quoting enclave's report");
    }
    return same ? 0
                : diag_fail(d, -EPERM,
                            "the report to certify was not made on this machine for its "
                            "certifier");
}

void mc_certify(const struct microcode *mc, const struct mc_certify *question,
                struct mc_certify_reply *ret)
{
    struct pki_qe qe = {0};
    struct diag *d = &ret->diag;
    _Static_assert(PKI_SECRET_SIZE == ROOT_SECRET_SIZE,
                   "the certificates' keys come of this secret");
    memset(ret, 0, sizeof *ret);
    int r = check_mac(mc, &question->report, d);
    r = r != 0 ? r : read_quoting_identity(&qe, d);
    r = r != 0 ? r : pki_sign_qe_report(mc->secret, &qe, &question->report.body, ret->signature, d);
    r = r != 0 ? r : pki_collateral(mc->secret, &qe, (int64_t)time(NULL), &ret->collateral, d);
    ret->error = r;
}
