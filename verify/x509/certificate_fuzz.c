/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a PEM chain, a certificate, a revocation list and an SGX extension. The first byte
 * chooses, so that corpora of the kinds do not mix. Views must lie in the input, and whatever was
 * read must be steppable to its end. */
#include "intel/platform.h"
#include "x509/crl.h"
#include "x509/pem.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition)
{
    if (!condition) {
        abort();
    }
}

static bool within(struct bytes part, struct bytes whole)
{
    return part.size == 0 || (part.data >= whole.data && part.size <= whole.size &&
                              (size_t)(part.data - whole.data) <= whole.size - part.size);
}

static void as_certificate(struct bytes der)
{
    struct certificate c;
    struct platform p;
    struct crypto x;
    if (!certificate_read(der, &c)) {
        return;
    }
    expect(memchr(c.common_name, 0, sizeof c.common_name) != NULL);
    expect(memchr(c.issuer_common_name, 0, sizeof c.issuer_common_name) != NULL);
    expect(within(c.tbs, der) && within(c.subject, der) && within(c.issuer, der) &&
           within(c.serial, der) && within(c.spki, der) && within(c.extensions, der));
    expect(within(c.key.point, c.spki) && within(c.key.modulus, c.spki));
    struct extension e;
    size_t at = 0;
    while (certificate_next_extension(&c, &at, &e)) {
        struct bytes value;
        bool critical = false;
        expect(within(e.value, c.extensions));
        expect(certificate_extension(&c, e.oid, &value, &critical));
        (void)!platform_read(e.value, &p);
    }
    expect(at == c.extensions.size);
    crypto_enter(&x);
    (void)!crypto_verify(&x, &c.key, &c.signature, c.tbs);
    crypto_leave(&x);
}

static void as_chain(struct bytes text)
{
    static struct pem_chain chain;
    if (!pem_read(text, &chain)) {
        return;
    }
    expect(chain.count > 0 && chain.count <= CHAIN_MAX);
    for (size_t i = 0; i < chain.count; i++) {
        as_certificate(chain.certificates[i]);
    }
}

static void as_list(struct bytes der)
{
    struct crl l;
    struct certificate stranger = {.serial = BYTES_STR("\x7f")};
    if (crl_read(der, &l)) {
        expect(within(l.tbs, der) && within(l.issuer, der) && within(l.entries, der));
        (void)crl_lists(&l, &stranger);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct platform p;
    if (size == 0) {
        return 0;
    }
    struct bytes rest = BYTES(data + 1, size - 1);
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
    return 0;
}
