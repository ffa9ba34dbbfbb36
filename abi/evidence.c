/* SPDX-License-Identifier: Apache-2.0 */
/* The evidence file and the claims of a run. Evidence comes from whoever wants to be believed, so
 * every byte is hostile until verify/ has checked the quote; claims count only once their SHA-512
 * is found in the quote's REPORTDATA. */
#include "abi/evidence.h"

#include <errno.h>

#include "abi/hostcall.h"
#include "base/cbor.h"

#define FORMAT  "alcove-evidence-1"
#define PURPOSE "run"

/* The next key of the map must be this one. */
static void expect_key(struct cbor_reader *r, struct cbor_map *map, const char *key)
{
    struct bytes found = {NULL, 0};
    if (!cbor_key(r, map, &found) || !bytes_equal_str(found, key)) {
        cbor_fail(r);
    }
}

static struct bytes take_bytes(struct cbor_reader *r, struct cbor_map *map, const char *key,
                               size_t min, size_t max)
{
    expect_key(r, map, key);
    return cbor_bytes(r, min, max);
}

static void expect_text(struct cbor_reader *r, struct cbor_map *map, const char *key,
                        const char *value)
{
    expect_key(r, map, key);
    if (!bytes_equal_str(cbor_text(r, NAME_MAX_BYTES), value)) {
        cbor_fail(r);
    }
}

static struct cbor_map take_map(struct cbor_reader *r, size_t members)
{
    struct cbor_map map = cbor_map(r, members);
    if (map.left != members) {
        cbor_fail(r);
    }
    return map;
}

static void take_collateral(struct cbor_reader *r, struct evidence_collateral *c)
{
    struct cbor_map map = take_map(r, 7);
    c->pck_crl = take_bytes(r, &map, "pck_crl", 0, EVIDENCE_SIZE_MAX);
    c->qe_chain = take_bytes(r, &map, "qe_chain", 0, EVIDENCE_SIZE_MAX);
    c->root_crl = take_bytes(r, &map, "root_crl", 0, EVIDENCE_SIZE_MAX);
    c->tcb_info = take_bytes(r, &map, "tcb_info", 0, EVIDENCE_SIZE_MAX);
    c->tcb_chain = take_bytes(r, &map, "tcb_chain", 0, EVIDENCE_SIZE_MAX);
    c->qe_identity = take_bytes(r, &map, "qe_identity", 0, EVIDENCE_SIZE_MAX);
    c->pck_crl_chain = take_bytes(r, &map, "pck_crl_chain", 0, EVIDENCE_SIZE_MAX);
}

int evidence_decode(struct bytes cbor, struct evidence *ret, struct diag *d)
{
    if (cbor.size > EVIDENCE_SIZE_MAX) {
        return diag_fail(d, -EINVAL, "evidence: longer than %u bytes", EVIDENCE_SIZE_MAX);
    }
    struct cbor_reader r = cbor_reader_of(cbor);
    struct evidence e = {0};
    struct cbor_map map = take_map(&r, 5);
    e.quote = take_bytes(&r, &map, "quote", 1, QUOTE_SIZE_MAX);
    e.claims = take_bytes(&r, &map, "claims", 1, CLAIMS_SIZE_MAX);
    expect_text(&r, &map, "format", FORMAT);
    e.manifest = take_bytes(&r, &map, "manifest", 1, MANIFEST_SIZE_MAX);
    expect_key(&r, &map, "collateral");
    take_collateral(&r, &e.collateral);
    if (!cursor_done(&r.in)) {
        return diag_fail(d, -EINVAL, "evidence: not a well-formed " FORMAT " file");
    }
    *ret = e;
    return 0;
}

static void put_bytes(struct writer *w, const char *key, struct bytes value)
{
    cbor_put_str(w, key);
    cbor_put_bytes(w, value);
}

int evidence_encode(const struct evidence *e, struct writer *out, struct diag *d)
{
    const struct evidence_collateral *c = &e->collateral;
    size_t start = out->size;
    cbor_put_map(out, 5);
    put_bytes(out, "quote", e->quote);
    put_bytes(out, "claims", e->claims);
    cbor_put_str(out, "format");
    cbor_put_str(out, FORMAT);
    put_bytes(out, "manifest", e->manifest);
    cbor_put_str(out, "collateral");
    cbor_put_map(out, 7);
    put_bytes(out, "pck_crl", c->pck_crl);
    put_bytes(out, "qe_chain", c->qe_chain);
    put_bytes(out, "root_crl", c->root_crl);
    put_bytes(out, "tcb_info", c->tcb_info);
    put_bytes(out, "tcb_chain", c->tcb_chain);
    put_bytes(out, "qe_identity", c->qe_identity);
    put_bytes(out, "pck_crl_chain", c->pck_crl_chain);
    if (out->failed) {
        return diag_fail(d, -ENOSPC, "evidence: does not fit into %zu bytes",
                         out->capacity - start);
    }
    struct evidence again; /* the decoder's rules are the only copy of the rules */
    int err = evidence_decode(BYTES(out->data + start, out->size - start), &again, d);
    if (err != 0) {
        out->size = start;
    }
    return err;
}

/* ---- claims ---------------------------------------------------------------------------------- */

static size_t take_hashes(struct cbor_reader *r, struct cbor_map *map, const char *key,
                          struct claim_file *files)
{
    expect_key(r, map, key);
    struct cbor_map entries = cbor_map(r, MANIFEST_FILES_MAX);
    size_t n = 0;
    struct bytes name;
    while (cbor_key(r, &entries, &name)) {
        struct bytes hash = cbor_bytes(r, sizeof files[n].sha256, sizeof files[n].sha256);
        if (name.size < 1 || name.size > NAME_MAX_BYTES) {
            cbor_fail(r);
        }
        if (!cbor_ok(r)) {
            return 0;
        }
        files[n].name = name;
        __builtin_memcpy(files[n].sha256, hash.data, sizeof files[n].sha256);
        n++;
    }
    return n;
}

int run_claims_decode(struct bytes cbor, struct run_claims *ret, struct diag *d)
{
    struct cbor_reader r = cbor_reader_of(cbor);
    struct run_claims c = {0};
    struct cbor_map map = take_map(&r, 5);
    expect_key(&r, &map, "exit");
    if (cbor_array(&r, 2) != 2) {
        cbor_fail(&r);
    }
    c.exit_kind = cbor_uint(&r, EXIT_RUNTIME);
    c.exit_value = cbor_uint(&r, UINT32_MAX);
    c.nonce = take_bytes(&r, &map, "nonce", 0, NONCE_MAX);
    c.input_count = take_hashes(&r, &map, "inputs", c.inputs);
    c.output_count = take_hashes(&r, &map, "outputs", c.outputs);
    expect_text(&r, &map, "purpose", PURPOSE);
    if (!cursor_done(&r.in) || cbor.size > CLAIMS_SIZE_MAX) {
        return diag_fail(d, -EINVAL, "claims: not well-formed claims of a run");
    }
    *ret = c;
    return 0;
}

/* Writes entries in the order of their names; false when a name occurs twice. Quadratic over at
 * most MANIFEST_FILES_MAX entries, so that the input need not be changed. */
static bool put_hashes(struct writer *w, const char *key, const struct claim_file *files, size_t n)
{
    cbor_put_str(w, key);
    cbor_put_map(w, n);
    const struct claim_file *last = NULL;
    for (size_t written = 0; written < n; written++) {
        const struct claim_file *next = NULL;
        for (size_t i = 0; i < n; i++) {
            bool after_last = last == NULL || cbor_key_less(last->name, files[i].name);
            if (after_last && (next == NULL || cbor_key_less(files[i].name, next->name))) {
                next = &files[i];
            }
        }
        if (next == NULL) {
            return false;
        }
        cbor_put_text(w, next->name);
        cbor_put_bytes(w, BYTES_OF(next->sha256));
        last = next;
    }
    return true;
}

int run_claims_encode(const struct run_claims *c, struct writer *out, struct diag *d)
{
    if (c->input_count > MANIFEST_FILES_MAX || c->output_count > MANIFEST_FILES_MAX) {
        return diag_fail(d, -EINVAL, "claims: more than %u inputs or outputs", MANIFEST_FILES_MAX);
    }
    size_t start = out->size;
    cbor_put_map(out, 5);
    cbor_put_str(out, "exit");
    cbor_put_array(out, 2);
    cbor_put_uint(out, c->exit_kind);
    cbor_put_uint(out, c->exit_value);
    put_bytes(out, "nonce", c->nonce);
    bool unique = put_hashes(out, "inputs", c->inputs, c->input_count) &&
                  put_hashes(out, "outputs", c->outputs, c->output_count);
    cbor_put_str(out, "purpose");
    cbor_put_str(out, PURPOSE);
    if (out->failed) {
        return diag_fail(d, -ENOSPC, "claims: do not fit into %zu bytes", out->capacity - start);
    }
    int err = 0;
    struct run_claims again;
    if (!unique) {
        err = diag_fail(d, -EINVAL, "claims: a name occurs twice");
    } else {
        err = run_claims_decode(BYTES(out->data + start, out->size - start), &again, d);
    }
    if (err != 0) {
        out->size = start;
    }
    return err;
}
