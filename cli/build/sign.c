/* SPDX-License-Identifier: Apache-2.0 */
/* What a SIGSTRUCT of this project says, see sign.h. */
#include "sign.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "key.h"
#include "machine/machine.h"

/* What the enclave may be; sigstruct_sign() adds the key and the signature. SDM 3D, SIGSTRUCT. */
static struct sgx_sigstruct unsigned_sigstruct(const struct sign_terms *t,
                                               const uint8_t mrenclave[32])
{
    static const uint8_t header[16] = {6, 0, 0, 0, 0xe1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0};
    static const uint8_t header2[16] = {1, 1, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 1, 0, 0, 0};
    struct sgx_sigstruct s = {
        .date = t->date,
        .miscselect = SGX_MISC_EXINFO,
        .miscmask = UINT32_MAX,
        .attributes = {SGX_FLAGS_MODE64BIT | SGX_FLAGS_KSS |
                           (t->provision_key ? SGX_FLAGS_PROVISIONKEY : 0),
                       3},
        .attributemask = {~(SGX_FLAGS_INIT | (t->no_debug ? 0 : SGX_FLAGS_DEBUG)), 3},
        .isvprodid = t->isvprodid,
        .isvsvn = t->isvsvn,
    };
    memcpy(s.header, header, sizeof header);
    memcpy(s.header2, header2, sizeof header2);
    memcpy(s.enclavehash, mrenclave, sizeof s.enclavehash);
    return s;
}

int sign_measurement(const struct sign_terms *terms, const uint8_t mrenclave[32],
                     struct sgx_sigstruct *ret, uint8_t ret_mrsigner[32], struct diag *d)
{
    struct sgx_sigstruct s = unsigned_sigstruct(terms, mrenclave);
    char path[PATH_MAX];
    uint8_t pem[KEY_PEM_MAX];
    struct writer w = writer_of(pem, sizeof pem);
    int err = 0;
    if (terms->key == NULL) {
        err = key_default_path(path, d);
    } else if (base_format(path, sizeof path, "%s", terms->key) >= sizeof path) {
        err = diag_fail(d, -ENAMETOOLONG, "the signing key's path is too long");
    }
    err = err != 0 ? err : key_read(path, &w, d);
    err = err != 0 ? err : sigstruct_sign(&s, BYTES(pem, w.size), d);
    secure_zero(pem, sizeof pem);
    err = err != 0 ? err : sigstruct_verify(&s, ret_mrsigner, d);
    if (err == 0) {
        *ret = s;
    }
    return err;
}
