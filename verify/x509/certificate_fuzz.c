/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a PEM chain, a certificate, a revocation list and an SGX extension. The first byte
 * chooses, so that corpora of the kinds do not mix. */
#include "crypto/legacy.h"
#include "x509/pem.h"
#include "intel/platform.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void as_certificate(struct bytes der)
{
    struct certificate c;
    struct platform p;
    if (!certificate_read(der, &c)) {
        return;
    }
    if (memchr(c.common_name, 0, sizeof c.common_name) == NULL) {
        abort();
    }
    (void)!platform_read(c.sgx_extension, &p);
    (void)!crypto_p256_verify(c.key, c.tbs, c.signature);
    certificate_done(&c);
}

static void as_chain(struct bytes text)
{
    static struct pem_chain chain;
    if (!pem_read(text, &chain)) {
        return;
    }
    if (chain.count == 0 || chain.count > CHAIN_MAX) {
        abort();
    }
    for (size_t i = 0; i < chain.count; i++) {
        as_certificate(chain.certificates[i]);
    }
}

static void as_list(struct bytes der)
{
    struct crl l;
    if (crl_read(der, &l)) {
        crl_done(&l);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct platform p;
    if (size == 0) {
        return 0;
    }
    struct bytes rest = BYTES(data + 1, size - 1);
    legacy_enter();
    switch (data[0] % 4) {
    case 0:
        as_chain(rest);
        break;
    case 1:
        as_certificate(rest);
        break;
    case 2:
        as_list(rest);
        break;
    default:
        (void)!platform_read(rest, &p);
    }
    legacy_leave();
    return 0;
}
