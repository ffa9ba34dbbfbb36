/* SPDX-License-Identifier: Apache-2.0 */
/* Any request, from anybody or signed by somebody: it is always answered, refusals are records, and
 * nothing is asked of custodians or queries for whom did not sign. What is behind the requests is
 * here only as far as it answers.
 *
 * Input: METHOD, target, three headers (a dash: not sent; "!" as key: this one is signed by its
 * owner), each ended by a newline; then the body. */
#include "reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "asking.h"
#include "custodian.h"
#include "event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool authentic; /* this request is signed */
static struct query_secret_key owner;

static void only_for_signers(void)
{
    if (!authentic) {
        abort();
    }
}

/* ---- what is behind -------------------------------------------------------------------------- */

void event(const char *format, ...)
{
    ignore_result(format == NULL, "nobody reads it");
}
int64_t now_ms(void)
{
    return 0;
}
uint64_t now_s(void)
{
    return 1700000000;
}
const struct query_key *logbook_key(const struct logbook *l)
{
    ignore_result(l == NULL, "there is one");
    return &owner.key;
}
int logbook_head(struct logbook *l, struct signed_head *ret, struct diag *d)
{
    ignore_result(l == NULL || d == NULL, "it never fails");
    *ret = (struct signed_head){.size = 300, .bytes_size = 4};
    return 0;
}
static int proof(bool ok, struct encoded_proof *ret, struct diag *d)
{
    *ret = (struct encoded_proof){1, {0x80}};
    return ok ? 0 : diag_fail(d, -EINVAL, "no such tree");
}
int logbook_prove_leaf(struct logbook *l, uint64_t position, uint64_t size,
                       struct encoded_proof *ret, struct diag *d)
{
    return proof(l == NULL && position < size && size <= 300, ret, d);
}
int logbook_prove_extension(struct logbook *l, uint64_t from, uint64_t size,
                            struct encoded_proof *ret, struct diag *d)
{
    return proof(l == NULL && from <= size && size <= 300, ret, d);
}
int store_leaf_at(struct store *s, uint64_t position, uint8_t ret[QUERY_LOG_LEAF_MAX],
                  size_t *ret_size, struct diag *d)
{
    memset(ret, 7, QUERY_LOG_LEAF_MAX);
    *ret_size = QUERY_LOG_LEAF_MAX;
    return s == NULL && position < 300 ? 0 : diag_fail(d, -ENOENT, "no such leaf");
}
int store_leaf_position(struct store *s, const struct query_hash *hash, uint64_t *ret,
                        struct diag *d)
{
    *ret = hash->data[0];
    return s == NULL && hash->data[1] == 0 ? 0 : diag_fail(d, -ENOENT, "no such leaf");
}
static int bytes_of(const struct query_hash *id, struct bytes *ret, struct diag *d)
{
    *ret = BYTES(calloc(1, 8), 8);
    if (id->data[0] == 0) {
        return 0;
    }
    free((void *)(uintptr_t)ret->data);
    return diag_fail(d, -ENOENT, "no such query");
}
int store_document(struct store *s, const struct query_hash *id, struct bytes *ret, struct diag *d)
{
    return s == NULL ? bytes_of(id, ret, d) : -EIO;
}
int store_outcome(struct store *s, const struct query_hash *id, struct bytes *ret, struct diag *d)
{
    return s == NULL ? bytes_of(id, ret, d) : -EIO;
}
int store_see(struct store *s, const struct query_hash *key, const uint8_t mark[32], uint64_t time,
              struct diag *d)
{
    only_for_signers();
    return s == NULL && key != NULL && mark[0] < 250 && time > 0 ? 0
                                                                 : diag_fail(d, -EEXIST, "seen");
}
int store_forget_seen(struct store *s, uint64_t before, struct diag *d)
{
    return s == NULL && before > 0 ? 0 : diag_fail(d, -EIO, "no records");
}
void platform_root(struct platform *p, uint8_t ret[32])
{
    memset(ret, p == NULL, 32);
}
struct custodian *custodians_find(struct daemon *g, const uint8_t id[32])
{
    only_for_signers();
    return (struct custodian *)(g != NULL && id[31] < 250 ? &owner : NULL);
}
int custodian_enrol(struct daemon *g, const struct query_key *key, bool *ret_new, struct diag *d)
{
    only_for_signers();
    *ret_new = true;
    return g != NULL && key != NULL ? 0 : diag_fail(d, -EINVAL, "no");
}
void answer_free(struct answer *a)
{
    *a = (struct answer){.kind = WIRE_RECORDS};
}
int custodian_attest(struct daemon *g, struct custodian *c, struct bytes nonce,
                     struct wire_evidence *ret, struct answer *answer, struct diag *d)
{
    only_for_signers();
    *answer = (struct answer){.kind = WIRE_RECORDS};
    ret->evidence = nonce;
    return g != NULL && c != NULL ? 0 : diag_fail(d, -ENOTCONN, "no");
}
int custodian_deliver(struct daemon *g, struct custodian *c, struct bytes message, uint64_t head,
                      struct wire_delivered *ret, struct answer *answer, struct diag *d)
{
    only_for_signers();
    *answer = (struct answer){.kind = WIRE_RECORDS};
    ret->message = message;
    return g != NULL && c != NULL && head < 300 ? 0 : diag_fail(d, -ENOTCONN, "no");
}
int custodian_stop(struct daemon *g, struct custodian *c, struct diag *d)
{
    only_for_signers();
    return g != NULL && c != NULL ? 0 : diag_fail(d, -ENOENT, "no");
}
int custodian_move(struct daemon *g, struct custodian *c, const char *program, struct diag *d)
{
    only_for_signers();
    return g != NULL && c != NULL && strlen(program) > 2 ? 0 : diag_fail(d, -EINVAL, "no");
}
int custodian_delete(struct daemon *g, struct custodian *c, struct diag *d)
{
    return custodian_stop(g, c, d);
}
int asking_take(struct daemon *g, struct bytes document, const struct query_hash *analyst,
                struct query_hash *ret_id, struct diag *d)
{
    only_for_signers();
    *ret_id = *analyst;
    return g != NULL && document.size > 8 ? 0 : diag_fail(d, -EINVAL, "no");
}
int asking_progress(struct daemon *g, const struct query_hash *id, struct store_query *ret,
                    struct diag *d)
{
    only_for_signers();
    memset(ret, 0, sizeof *ret);
    ret->analyst = *id;
    return g != NULL ? 0 : diag_fail(d, -ENOENT, "no");
}

/* ---- requests -------------------------------------------------------------------------------- */

/* Up to the newline, with a NUL in its place; NULL for a dash. */
static char *line(char **at, char *end)
{
    char *start = *at, *stop = memchr(start, '\n', (size_t)(end - start));
    stop = stop != NULL ? stop : end;
    *stop = '\0';
    *at = stop < end ? stop + 1 : end;
    return start;
}

static const char *header(const char *text)
{
    return strcmp(text, "-") == 0 ? NULL : text;
}

/* As its owner would sign it; false where it cannot be signed. */
static bool sign(struct call *call, char key[2 * QUERY_KEY_SIZE + 1],
                 char signature[2 * QUERY_SIGNATURE_SIZE + 1])
{
    const struct query_signer signer = {query_sign_with, &owner};
    const struct request q = {call->method, call->target, now_s(), call->body};
    uint8_t s[QUERY_SIGNATURE_SIZE];
    if (request_sign(&q, &signer, s, NULL) != 0) {
        return false;
    }
    hex_encode(key, owner.key.point, QUERY_KEY_SIZE);
    hex_encode(signature, s, sizeof s);
    call->key = key;
    call->time = "1700000000";
    call->signature = signature;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct daemon g;
    static const uint8_t scalar[32] = {1};
    char key[2 * QUERY_KEY_SIZE + 1], signature[2 * QUERY_SIGNATURE_SIZE + 1];
    if (query_secret_key_read(BYTES_OF(scalar), &owner) != 0) {
        abort();
    }
    char *text = calloc(1, size + 1), *at = text, *end = text + size;
    if (text == NULL) {
        return 0;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    struct call call = {0};
    struct reply reply = {0};
    struct wire_refused refused;
    call.method = line(&at, end);
    call.target = line(&at, end);
    call.key = header(line(&at, end));
    call.time = header(line(&at, end));
    call.signature = header(line(&at, end));
    call.body = BYTES(at, (size_t)(end - at));
    authentic = call.key != NULL && strcmp(call.key, "!") == 0 && sign(&call, key, signature);
    reply_make(&g, &call, &reply);
    if (reply.status < 200 || reply.status > 599 ||
        (reply.status >= 400 && wire_read_refused(reply.body, &refused, NULL) != 0)) {
        abort();
    }
    free((void *)(uintptr_t)reply.body.data);
    free(text);
    return 0;
}
