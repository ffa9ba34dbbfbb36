/* SPDX-License-Identifier: Apache-2.0 */
/* See chain.h. The adversary chooses all certificates: what makes them AMD's is the ARK's key,
 * which is built in, and beside it the keys of the ASKs and ASVKs: AMD made one of each per
 * product, so a second one would be as remarkable as a second root. */
#include "amd/chain.h"
#include "amd/cert_table.h"
#include "amd/pins.h"
#include "policy.h"
#include "verify/limits.h"
#include "x509/crl.h"
#include "x509/der.h"

/* ---- finding the certificates ---- */

/* One DER certificate or all of a PEM text; not empty. */
static bool certificates_of(struct bytes b, struct pem_chain *ret)
{
    if (b.data[0] == DER_SEQUENCE) {
        ret->count = 1;
        ret->certificates[0] = b;
        return true;
    }
    return pem_read(b, ret);
}

struct found {
    struct bytes vek, ask, ark; /* DER */
};

/* COLLATERAL_MISSING and SNP_CHAIN_FORMAT are told apart: fetch it, or it is damaged. */
static enum alcove_reason find_certificates(const struct alcove_collateral *collateral,
                                            const struct cert_table *table, bool is_vlek,
                                            struct amd_chain *chain, struct found *ret)
{
    struct bytes vek = check_view(collateral->amd_vek), behind = check_view(collateral->amd_chain);
    if (vek.size == 0) {
        vek = is_vlek ? table->vlek : table->vcek;
    }
    if (vek.size == 0) {
        return ALCOVE_REASON_COLLATERAL_MISSING;
    }
    if (!certificates_of(vek, &chain->vek_text)) {
        return ALCOVE_REASON_SNP_CHAIN_FORMAT;
    }
    ret->vek = chain->vek_text.certificates[0];
    if (behind.size > 0) {
        const struct pem_chain *two = &chain->chain_text;
        if (!pem_read(behind, &chain->chain_text) || two->count != 2) {
            return ALCOVE_REASON_SNP_CHAIN_FORMAT;
        }
        ret->ask = two->certificates[0];
        ret->ark = two->certificates[1];
        return ALCOVE_REASON_NONE;
    }
    if (chain->vek_text.count > 1) {
        ret->ask = chain->vek_text.certificates[1];
        ret->ark = chain->vek_text.certificates[2];
        return chain->vek_text.count == 3 ? ALCOVE_REASON_NONE : ALCOVE_REASON_SNP_CHAIN_FORMAT;
    }
    if (table->ask.size == 0 || table->ark.size == 0) {
        return ALCOVE_REASON_COLLATERAL_MISSING;
    }
    if (!certificates_of(table->ask, &chain->chain_text) || chain->chain_text.count != 1 ||
        !certificates_of(table->ark, &chain->ark_text) || chain->ark_text.count != 1) {
        return ALCOVE_REASON_SNP_CHAIN_FORMAT;
    }
    ret->ask = chain->chain_text.certificates[0];
    ret->ark = chain->ark_text.certificates[0];
    return ALCOVE_REASON_NONE;
}

static bool self_issued(const struct certificate *c)
{
    return certificate_links(c, c);
}

static bool read_certificates(const struct found *found, struct amd_chain *chain)
{
    if (!certificate_read(found->vek, &chain->vek) ||
        !certificate_read(found->ask, &chain->above[0]) ||
        !certificate_read(found->ark, &chain->above[1])) {
        return false;
    }
    /* Some hand out the ARK first. */
    bool reversed = self_issued(&chain->above[0]);
    chain->ask = &chain->above[reversed];
    chain->ark = &chain->above[!reversed];
    return true;
}

/* ---- checks of the chain ---- */

static bool fits_profile(const struct certificate *c, enum key_kind key)
{
    return c->is_v3 && c->key.kind == key && c->signature.scheme == SCHEME_RSA_PSS_SHA384 &&
           !c->repeated_extension && !c->malformed_extension && !c->unknown_critical;
}

/* Is `text` the concatenation of prefix and name? */
static bool is_name(const char *text, const char *prefix, const char *name)
{
    size_t size = __builtin_strlen(prefix);
    return __builtin_strncmp(text, prefix, size) == 0 && __builtin_strcmp(text + size, name) == 0;
}

/* The product of which ASK or ASVK and ARK are. */
static enum alcove_snp_product product_named(const struct amd_chain *chain)
{
    const char *prefix = chain->is_vlek ? "SEV-VLEK-" : "SEV-";
    for (int p = ALCOVE_SNP_UNKNOWN + 1; p < ALCOVE_SNP_PRODUCT_COUNT; p++) {
        const char *name = alcove_snp_product_name((enum alcove_snp_product)p);
        if (is_name(chain->ask->common_name, prefix, name) &&
            is_name(chain->ark->common_name, "ARK-", name)) {
            return (enum alcove_snp_product)p;
        }
    }
    return ALCOVE_SNP_UNKNOWN;
}

/* Notes kind and product, the latter only if all names agree about it. */
static bool names_fit(struct amd_chain *chain)
{
    const char *name = chain->vek.common_name;
    chain->is_vlek = __builtin_strcmp(name, "SEV-VLEK") == 0;
    bool linked = (chain->is_vlek || __builtin_strcmp(name, "SEV-VCEK") == 0) &&
                  certificate_links(&chain->vek, chain->ask) &&
                  certificate_links(chain->ask, chain->ark) && self_issued(chain->ark);
    chain->product = linked ? product_named(chain) : ALCOVE_SNP_UNKNOWN;
    return chain->product != ALCOVE_SNP_UNKNOWN;
}

static bool authorities_fit(const struct amd_chain *chain)
{
    const struct certificate *ask = chain->ask, *ark = chain->ark;
    return !chain->vek.is_ca && ask->has_basic_constraints && ask->is_ca &&
           ark->has_basic_constraints && ark->is_ca && ark->path_length != 0;
}

/* AMD's VEKs say nothing about their use; if one does, it must be to sign. */
static bool usages_fit(const struct amd_chain *chain)
{
    const struct certificate *vek = &chain->vek, *ark = chain->ark;
    return (!vek->has_key_usage || (vek->usage_digital_signature && !vek->usage_cert_sign)) &&
           chain->ask->has_key_usage && chain->ask->usage_cert_sign && ark->has_key_usage &&
           ark->usage_cert_sign && ark->usage_crl_sign;
}

static bool signatures_fit(struct check *c, const struct amd_chain *chain)
{
    return check_signature(c, &chain->ask->key, &chain->vek.signature, chain->vek.tbs) &&
           check_signature(c, &chain->ark->key, &chain->ask->signature, chain->ask->tbs) &&
           check_signature(c, &chain->ark->key, &chain->ark->signature, chain->ark->tbs);
}

static bool same_hash(const uint8_t a[32], const uint8_t b[32])
{
    return __builtin_memcmp(a, b, 32) == 0;
}

/* A built-in ARK counts for its own product only, and then the ASK or ASVK is built in, too. What
 * is below a named root is the policy's affair. */
static void check_root(struct check *c, const struct amd_chain *chain)
{
    const uint8_t *ark = chain->ark->spki_sha256;
    struct alcove_result *out = c->result;
    bool any_built_in = false;
    for (int p = ALCOVE_SNP_UNKNOWN + 1; p < ALCOVE_SNP_PRODUCT_COUNT; p++) {
        any_built_in = any_built_in || same_hash(amd_pins((enum alcove_snp_product)p)->ark, ark);
    }
    const struct amd_pins *pins = amd_pins(chain->product);
    bool built_in = pins != NULL && same_hash(pins->ark, ark);
    out->root_kind = any_built_in ? ALCOVE_ROOT_AMD : ALCOVE_ROOT_OTHER;
    __builtin_memcpy(out->root_spki_sha256, ark, sizeof out->root_spki_sha256);
    __builtin_memcpy(out->root_certificate_sha256, chain->ark->sha256,
                     sizeof out->root_certificate_sha256);
    check_that(c, (built_in && !c->policy->refuse_builtin_roots) || check_root_named(c, ark),
               ALCOVE_REASON_SNP_UNKNOWN_ROOT);
    check_that(
        c, !built_in || same_hash(chain->is_vlek ? pins->asvk : pins->ask, chain->ask->spki_sha256),
        ALCOVE_REASON_SNP_UNKNOWN_INTERMEDIATE);
}

static void check_chain(struct check *c, struct amd_chain *chain)
{
    const struct certificate *all[] = {&chain->vek, chain->ask, chain->ark};
    check_that(c,
               fits_profile(&chain->vek, KEY_P384) && fits_profile(chain->ask, KEY_RSA) &&
                   fits_profile(chain->ark, KEY_RSA),
               ALCOVE_REASON_SNP_CHAIN_PROFILE);
    check_that(c, names_fit(chain), ALCOVE_REASON_SNP_CHAIN_NAMES);
    check_that(c, authorities_fit(chain), ALCOVE_REASON_SNP_CHAIN_CA);
    check_that(c, usages_fit(chain), ALCOVE_REASON_SNP_CHAIN_KEY_USAGE);
    check_that(c, signatures_fit(c, chain), ALCOVE_REASON_SNP_CHAIN_SIGNATURE);
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        check_period(c, all[i]->not_before, all[i]->not_after,
                     ALCOVE_REASON_SNP_CHAIN_NOT_YET_VALID, ALCOVE_REASON_SNP_CHAIN_EXPIRED);
    }
    check_root(c, chain);
    check_completed(c, CHECKED_CHAIN);
}

/* ---- revocation ---- */

/* AMD revokes ASKs and ASVKs in the list of the ARK; there is no list of VCEKs or VLEKs: what is
 * wrong with them shows in the TCB for which they are. */
static void check_revocation(struct check *c, const struct amd_chain *chain)
{
    struct crl crl;
    if (chain->crl.size == 0) {
        check_that(c, c->policy->revocation.amd == ALCOVE_REVOCATION_IF_GIVEN,
                   ALCOVE_REASON_SNP_CRL_MISSING);
        check_completed(c, CHECKED_REVOCATION);
        return;
    }
    uint8_t storage[PEM_BYTES_MAX];
    struct writer decoded = writer_of(storage, sizeof storage);
    struct bytes der = chain->crl;
    bool is_der = der.data[0] == DER_SEQUENCE;
    if ((!is_der && !pem_read_crl(chain->crl, &decoded, &der)) || !crl_read(der, &crl)) {
        check_fail(c, ALCOVE_REASON_SNP_CRL_FORMAT);
        return;
    }
    check_that(c, bytes_equal(crl.issuer, chain->ark->subject), ALCOVE_REASON_SNP_CRL_ISSUER);
    check_that(c,
               crl.signature.scheme == SCHEME_RSA_PSS_SHA384 &&
                   check_signature(c, &chain->ark->key, &crl.signature, crl.tbs),
               ALCOVE_REASON_SNP_CRL_SIGNATURE);
    policy_collateral_issue(c, crl.this_update, crl.next_update,
                            ALCOVE_REASON_SNP_CRL_NOT_YET_VALID, ALCOVE_REASON_SNP_CRL_EXPIRED);
    check_that(c, !crl_lists(&crl, chain->ask) && !crl_lists(&crl, chain->ark),
               ALCOVE_REASON_SNP_REVOKED);
    check_completed(c, CHECKED_REVOCATION);
}

void amd_chain_check(struct check *c, const struct alcove_collateral *collateral, bool is_vlek,
                     struct amd_chain *ret)
{
    struct cert_table table = {0};
    struct found found = {0};
    struct bytes table_text = check_view(collateral->amd_cert_table);
    check_that(c, table_text.size == 0 || cert_table_read(table_text, &table),
               ALCOVE_REASON_SNP_CERT_TABLE);
    ret->crl = check_view(collateral->amd_crl);
    if (ret->crl.size == 0) {
        ret->crl = table.crl;
    }
    enum alcove_reason missing = find_certificates(collateral, &table, is_vlek, ret, &found);
    if (missing != ALCOVE_REASON_NONE) {
        check_fail(c, missing);
        return;
    }
    ret->readable = read_certificates(&found, ret);
    if (!ret->readable) {
        check_fail(c, ALCOVE_REASON_SNP_CHAIN_FORMAT);
        return;
    }
    check_chain(c, ret);
    check_revocation(c, ret);
}
