/* SPDX-License-Identifier: Apache-2.0 */
/* Test tool: writes forged evidence into a folder, for tests of the command and as seeds for the
 * fuzz targets.
 *   forge_files DIR [intel|software|tdx]   evidence.cbor, root.pem, identity.json, input, output,
 * and the parts: quote, tcb_info, ... Names are Intel's, or those of a software machine; the root
 * is nobody's in either case.
 *   forge_files DIR raw-KIND               raw evidence of this kind: evidence, a policy.yaml that
 * expects it exactly and names its root, and collateral/ with a file for each piece. KIND is sgx,
 * tdx, snp, vlek, azure, nitro or ratls.
 * Everything is valid at FORGE_NOW (2026-09-21). */
#include "forge/amd.h"
#include "forge/aws.h"
#include "forge/forge.h"
#include "forge/ratls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/sha.h>

static void save(const char *dir, const char *name, struct bytes content)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(content.data, 1, content.size, f) != content.size || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

static struct bytes view(const struct forge_part *p)
{
    return BYTES(p->data, p->size);
}

static void save_identity(const char *dir, const struct forge_spec *s)
{
    char text[2048], mrenclave[65], mrsigner[65], configid[129], root[65];
    uint8_t hash[64];
    struct manifest m;
    struct diag d;
    REQUIRE(manifest_decode(s->manifest, &m, &d) == 0);
    SHA512(s->manifest.data, s->manifest.size, hash);
    hex_encode(mrenclave, s->body.mrenclave, 32);
    hex_encode(mrsigner, s->body.mrsigner, 32);
    hex_encode(configid, hash, 64);
    hex_encode(root, m.layers[0].root, 32);
    int n =
        snprintf(text, sizeof text,
                 "{\"mrenclave\": \"%s\", \"mrsigner\": \"%s\", \"configid\": \"%s\", \"debug\": "
                 "false, \"layers\": [{\"name\": \"app\", \"root\": \"%s\", \"size\": 4096}]}\n",
                 mrenclave, mrsigner, configid, root);
    REQUIRE(n > 0 && (size_t)n < sizeof text);
    save(dir, "identity.json", BYTES(text, (size_t)n));
}

/* The last of a chain's PEM certificates. */
static struct bytes last_certificate(struct bytes pem)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    size_t at = pem.size - strlen(begin);
    while (at > 0 && memcmp(pem.data + at, begin, strlen(begin)) != 0) {
        at--;
    }
    return BYTES(pem.data + at, pem.size - at);
}

static void software_names(struct forge_spec *s)
{
    s->root.subject = s->root.issuer = "Alcove Software SGX Root CA (machine 12345678)";
    s->ca.issuer = s->signer.issuer = s->root_crl.issuer = s->root.subject;
    s->signer_root.subject = s->signer_root.issuer = s->root.subject;
    s->ca.subject = s->leaf.issuer = s->pck_crl.issuer = "Alcove Software SGX PCK Platform CA";
    s->leaf.subject = "Alcove Software SGX PCK Certificate";
    s->signer.subject = "Alcove Software SGX TCB Signing";
}

/* ---- raw evidence ---- */

static FILE *policy_file;

static void put_hex(const char *key, const void *data, size_t size)
{
    const uint8_t *p = data;
    fprintf(policy_file, "%s: '", key);
    for (size_t i = 0; i < size; i++) {
        fprintf(policy_file, "%02x", p[i]);
    }
    fputs("'\n", policy_file);
}

static void put_expect(const char *key, enum alcove_expect mode, const void *value, size_t size)
{
    if (mode == ALCOVE_EXPECT_VALUE) {
        put_hex(key, value, size);
    } else if (mode == ALCOVE_EXPECT_ANY) {
        fprintf(policy_file, "%s: any\n", key);
    }
}
#define PUT(key, e) put_expect(key, (e).mode, (e).value, sizeof(e).value)

static void put_bytes(const char *key, const struct alcove_expect_bytes *e)
{
    if (e->mode == ALCOVE_EXPECT_VALUE && e->value.size == 0) {
        fprintf(policy_file, "%s: none\n", key);
    } else {
        put_expect(key, e->mode, e->value.data, e->value.size);
    }
}

static void put_intel(const struct alcove_policy *p)
{
    fputs("sgx:\n", policy_file);
    PUT("  mrenclave", p->mrenclave);
    PUT("  configid", p->configid);
    fputs("  signer:\n", policy_file);
    put_hex("    mrsigner", p->signer.mrsigner, 32);
    fprintf(policy_file, "    isvprodid: %u\n    min_isvsvn: %u\n", p->signer.isvprodid,
            p->signer.min_isvsvn);
    fputs("tdx:\n", policy_file);
    PUT("  mrtd", p->mrtd);
    fputs("  rtmr:\n", policy_file);
    for (int i = 0; i < 4; i++) {
        char text[97];
        hex_encode(text, p->rtmr[i].value, 48);
        fprintf(policy_file, "  - '%s'\n", text);
    }
    if (p->ratls_key.mode != ALCOVE_EXPECT_UNSET) {
        fputs("ratls:\n", policy_file);
        PUT("  key", p->ratls_key);
        put_bytes("  nonce", &p->ratls_nonce);
    }
}

static void put_amd(const struct alcove_policy *p)
{
    const struct alcove_snp_tcb *t = &p->snp_min_tcb.minimum;
    fputs("snp:\n", policy_file);
    PUT("  measurement", p->snp_measurement);
    PUT("  host_data", p->snp_host_data);
    fprintf(policy_file, "  vmpl: %u\n", p->snp_vmpl.value);
    fprintf(policy_file, "  min_tcb: {bootloader: %u, tee: %u, snp: %u, microcode: %u, fmc: %u}\n",
            t->bootloader, t->tee, t->snp, t->microcode, t->fmc);
    fputs("azure: {key: any}\n", policy_file);
}

static void put_nitro(const struct alcove_policy *p)
{
    fputs("nitro:\n  time: given\n  pcrs:\n", policy_file);
    for (unsigned i = 0; i < ALCOVE_NITRO_PCRS; i++) {
        char key[16];
        snprintf(key, sizeof key, "    %u", i);
        put_expect(key, p->nitro_pcr[i].mode, p->nitro_pcr[i].value, p->nitro_pcr[i].size);
    }
    put_bytes("  nonce", &p->nitro_nonce);
    put_bytes("  user_data", &p->nitro_user_data);
    put_bytes("  public_key", &p->nitro_public_key);
}

static void save_policy(const char *dir, const struct alcove_policy *p,
                        void (*put)(const struct alcove_policy *p))
{
    char path[4096];
    snprintf(path, sizeof path, "%s/policy.yaml", dir);
    policy_file = fopen(path, "wb");
    REQUIRE(policy_file != NULL && p->root_count == 1);
    char root[65];
    hex_encode(root, p->roots->spki_sha256, 32);
    fprintf(policy_file, "roots: ['%s']\n", root);
    PUT("report_data", p->report_data);
    put(p);
    REQUIRE(fclose(policy_file) == 0);
}

static void save_intel_collateral(const char *dir, const struct forge_output *o)
{
    save(dir, "collateral/tcb_info.json", view(&o->tcb_info));
    save(dir, "collateral/tcb_chain.pem", view(&o->tcb_chain));
    save(dir, "collateral/qe_identity.json", view(&o->qe_identity));
    save(dir, "collateral/pck_crl.der", view(&o->pck_crl));
    save(dir, "collateral/root_crl.der", view(&o->root_crl));
    save(dir, "root.pem", last_certificate(view(&o->pck_chain)));
}

static void raw_quote(const char *dir, bool tdx)
{
    static struct forge_spec s;
    static struct forge_output o;
    forge_defaults(&s);
    if (tdx) {
        forge_defaults_tdx(&s, QUOTE_VERSION_5);
    }
    forge_build(&s, &o);
    struct alcove_policy p = forge_policy(&o);
    if (tdx) {
        memcpy(p.report_data.value, s.td + TD_REPORTDATA, 64);
    }
    save(dir, "evidence", view(&o.quote));
    save_intel_collateral(dir, &o);
    save_policy(dir, &p, put_intel);
}

static void raw_snp(const char *dir, bool is_vlek, bool azure)
{
    static struct forge_amd_spec s;
    static struct forge_amd_output o;
    forge_amd_defaults(&s, ALCOVE_SNP_MILAN, 3, is_vlek);
    s.wrap = azure;
    forge_amd_build(&s, &o);
    struct alcove_policy p = forge_amd_policy(&o);
    p.report_data.mode = azure ? ALCOVE_EXPECT_ANY : p.report_data.mode;
    save(dir, "evidence", BYTES(o.evidence.data, o.evidence.size));
    save(dir, "collateral/vek.der", BYTES(o.vek.data, o.vek.size));
    save(dir, "collateral/cert_chain.pem", BYTES(o.chain.data, o.chain.size));
    save(dir, "collateral/crl.der", BYTES(o.crl.data, o.crl.size));
    save(dir, "root.pem", BYTES(o.ark_pem.data, o.ark_pem.size));
    save_policy(dir, &p, put_amd);
}

static void raw_nitro(const char *dir)
{
    static struct forge_nitro f;
    static struct forge_blob document;
    struct alcove_root root;
    forge_nitro_defaults(&f);
    forge_nitro_build(&f, &document, &root);
    struct alcove_policy p = forge_nitro_policy(&root);
    save(dir, "evidence", BYTES(document.data, document.size));
    save_policy(dir, &p, put_nitro);
}

static void raw_ratls(const char *dir)
{
    static struct forge_ratls s;
    static struct forge_ratls_output o;
    forge_ratls_defaults(&s);
    forge_ratls_build(&s, &o);
    struct alcove_policy p = forge_ratls_policy(&s, &o);
    save(dir, "evidence", BYTES(o.pem.data, o.pem.size));
    save(dir, "evidence.der", BYTES(o.der.data, o.der.size));
    save_intel_collateral(dir, &o.parts);
    save_policy(dir, &p, put_intel);
}

static int raw(const char *dir, const char *kind)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/collateral", dir);
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        perror(path);
        return 1;
    }
    if (strcmp(kind, "sgx") == 0 || strcmp(kind, "tdx") == 0) {
        raw_quote(dir, kind[0] == 't');
    } else if (strcmp(kind, "snp") == 0 || strcmp(kind, "vlek") == 0 ||
               strcmp(kind, "azure") == 0) {
        raw_snp(dir, kind[0] == 'v', kind[0] == 'a');
    } else if (strcmp(kind, "nitro") == 0) {
        raw_nitro(dir);
    } else if (strcmp(kind, "ratls") == 0) {
        raw_ratls(dir);
    } else {
        fprintf(stderr, "forge_files: no raw evidence of kind %s\n", kind);
        return 2;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static struct forge_spec s;
    static struct forge_output o;
    static uint8_t evidence[65536];
    if (argc < 2) {
        fprintf(stderr, "usage: forge_files DIR [intel|software|tdx|raw-KIND]\n");
        return 2;
    }
    if (argc > 2 && strncmp(argv[2], "raw-", 4) == 0) {
        return raw(argv[1], argv[2] + 4);
    }
    forge_defaults(&s);
    if (argc > 2 && strcmp(argv[2], "tdx") == 0) {
        forge_defaults_tdx(&s, QUOTE_VERSION_5);
    }
    s.claims = forge_claims();
    s.manifest = forge_manifest();
    if (argc > 2 && strcmp(argv[2], "software") == 0) {
        software_names(&s);
    }
    forge_build(&s, &o);
    save(argv[1], "evidence.cbor",
         BYTES(evidence, forge_evidence(&s, &o, evidence, sizeof evidence)));
    save(argv[1], "root.pem", last_certificate(view(&o.pck_chain)));
    save_identity(argv[1], &s);
    save(argv[1], "input", BYTES_STR("input"));
    save(argv[1], "output", BYTES_STR("output"));
    save(argv[1], "quote", view(&o.quote));
    save(argv[1], "tcb_info", view(&o.tcb_info));
    save(argv[1], "tcb_chain", view(&o.tcb_chain));
    save(argv[1], "qe_identity", view(&o.qe_identity));
    save(argv[1], "pck_crl", view(&o.pck_crl));
    save(argv[1], "root_crl", view(&o.root_crl));
    save(argv[1], "pck_chain", view(&o.pck_chain));
    return 0;
}
