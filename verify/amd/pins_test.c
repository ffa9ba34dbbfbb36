/* SPDX-License-Identifier: Apache-2.0 */
/* What built-in keys mean. AMD's private keys are AMD's, so this program has its own amd_pins():
 * the linker takes it instead of the library's. */
#include "amd/pins.h"
#include "forge/amd.h"

#include "tests/tap.h"

#include <string.h>

static struct amd_pins mine[ALCOVE_SNP_PRODUCT_COUNT];

const struct amd_pins *amd_pins(enum alcove_snp_product product)
{
    return product != ALCOVE_SNP_UNKNOWN ? &mine[product] : NULL;
}

static struct forge_amd_spec spec;
static struct forge_amd_output out;

static struct alcove_result judge(const struct alcove_policy *p)
{
    struct alcove_result r;
    struct alcove_collateral c = forge_amd_collateral(&out);
    struct alcove_bytes report = {out.evidence.data, out.evidence.size};
    struct alcove_verdict v = alcove_verify(report, &c, p, FORGE_AMD_NOW, &r);
    REQUIRE(v.accepted_word == r.verdict.accepted_word);
    return r;
}

static void build(bool is_vlek)
{
    forge_amd_defaults(&spec, ALCOVE_SNP_MILAN, 3, is_vlek);
    forge_amd_build(&spec, &out);
    memset(mine, 0x55, sizeof mine);
    memcpy(mine[ALCOVE_SNP_MILAN].ark, out.root.spki_sha256, 32);
    memcpy(is_vlek ? mine[ALCOVE_SNP_MILAN].asvk : mine[ALCOVE_SNP_MILAN].ask, out.ask_spki_sha256,
           32);
}

static void test_kind(bool is_vlek)
{
    const char *kind = is_vlek ? "VLEK" : "VCEK";
    build(is_vlek);
    struct alcove_policy p = forge_amd_policy(&out);
    p.root_count = 0;
    struct alcove_result r = judge(&p);
    CHECK(alcove_verdict_accepted(r.verdict) && r.root_kind == ALCOVE_ROOT_AMD,
          "%s: built-in keys need no name", kind);
    p.refuse_builtin_roots = true;
    CHECK(judge(&p).first_reason == ALCOVE_REASON_SNP_UNKNOWN_ROOT, "%s: and can be refused", kind);
    p.root_count = 1;
    CHECK(alcove_verdict_accepted(judge(&p).verdict), "%s: except by name", kind);

    struct amd_pins right = mine[ALCOVE_SNP_MILAN];
    memcpy(mine[ALCOVE_SNP_MILAN].ask, right.asvk, 32);
    memcpy(mine[ALCOVE_SNP_MILAN].asvk, right.ask, 32);
    r = judge(&p);
    CHECK(r.first_reason == ALCOVE_REASON_SNP_UNKNOWN_INTERMEDIATE &&
              !alcove_verdict_accepted(r.verdict),
          "%s: below a built-in root, named or not, only the built-in intermediate of its kind",
          kind);
    mine[ALCOVE_SNP_GENOA] = right;
    memset(&mine[ALCOVE_SNP_MILAN], 0x55, sizeof right);
    p.root_count = 0;
    p.refuse_builtin_roots = false;
    r = judge(&p);
    CHECK(r.first_reason == ALCOVE_REASON_SNP_UNKNOWN_ROOT && r.root_kind == ALCOVE_ROOT_AMD,
          "%s: another product's root is AMD's, and not this one's", kind);
}

int main(void)
{
    test_kind(false);
    test_kind(true);
    return tap_done();
}
