/* SPDX-License-Identifier: Apache-2.0 */
/* Test tool: writes forged evidence into a folder, for tests of the command and as seeds for the
 * fuzz targets.
 *   forge_files DIR [intel|software|tdx]   evidence.cbor, root.pem, identity.json, input, output,
 * and the parts: quote, tcb_info, ... Names are Intel's, or those of a software machine; the root
 * is nobody's in either case. Evidence is valid at FORGE_NOW (2026-09-21). */
#include "forge/forge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int main(int argc, char **argv)
{
    static struct forge_spec s;
    static struct forge_output o;
    static uint8_t evidence[65536];
    if (argc < 2) {
        fprintf(stderr, "usage: forge_files DIR [intel|software|tdx]\n");
        return 2;
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
