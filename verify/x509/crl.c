/* SPDX-License-Identifier: Apache-2.0 */
/* Revocation lists. The adversary chooses every byte. A list that is only a part of what was
 * revoked (indirect, delta, by reason) says so in a critical extension, so that none is taken. */
#include "x509/crl.h"
#include "x509/der.h"
#include "x509/signed.h"
#include "verify/limits.h"

/* SEQUENCE OF Extension: all readable, none critical. */
static bool extensions_ok(struct cursor *c)
{
    struct cursor list = cursor_of(der_take(c, DER_SEQUENCE));
    struct extension e;
    bool any = false;
    while (x509_next_extension(&list, &e)) {
        any = true;
        if (e.critical) {
            return false;
        }
    }
    return any && cursor_done(&list);
}

/* SEQUENCE { serial number, date, extensions OPTIONAL }. False at the end and after failures. */
static bool next_entry(struct cursor *entries, struct bytes *ret_serial)
{
    if (entries->failed || entries->rest.size == 0) {
        return false;
    }
    struct cursor c = cursor_of(der_take(entries, DER_SEQUENCE));
    *ret_serial = der_take_integer(&c);
    (void)der_take_time(&c);
    if (c.failed || (c.rest.size > 0 && !extensions_ok(&c)) || !cursor_done(&c) ||
        ret_serial->size > SERIAL_SIZE_MAX) {
        entries->failed = true;
    }
    return !entries->failed;
}

static void take_entries(struct cursor *c, struct crl *ret)
{
    if (der_peek(c) != DER_SEQUENCE) {
        return;
    }
    struct bytes serial;
    ret->entries = der_take(c, DER_SEQUENCE);
    struct cursor entries = cursor_of(ret->entries);
    while (next_entry(&entries, &serial)) {
    }
    if (!cursor_done(&entries)) {
        c->failed = true;
    }
}

static bool read_tbs(const struct x509_signed *s, struct crl *ret)
{
    struct cursor outer = cursor_of(s->tbs);
    struct cursor c = cursor_of(der_take(&outer, DER_SEQUENCE));
    bool is_v2 = der_take_uint(&c, DER_INTEGER, 1) == 1;
    struct bytes algorithm = der_take(&c, DER_SEQUENCE);
    ret->issuer = der_take_whole(&c, DER_SEQUENCE);
    ret->this_update = der_take_time(&c);
    ret->next_update = der_take_time(&c);
    take_entries(&c, ret);
    if (c.rest.size > 0) {
        struct cursor extensions = cursor_of(der_take(&c, DER_CONTEXT_0));
        if (!extensions_ok(&extensions) || !cursor_done(&extensions)) {
            c.failed = true;
        }
    }
    ret->signature = x509_signature(s, algorithm, ret->signature_storage);
    return cursor_done(&c) && is_v2;
}

bool crl_read(struct bytes der, struct crl *ret)
{
    struct x509_signed s;
    *ret = (struct crl){0};
    if (der.size > CRL_SIZE_MAX || !x509_signed_read(der, &s) || !read_tbs(&s, ret)) {
        *ret = (struct crl){0};
        return false;
    }
    ret->tbs = s.tbs;
    return true;
}

bool crl_lists(const struct crl *c, const struct certificate *certificate)
{
    struct cursor entries = cursor_of(c->entries);
    while (entries.rest.size > 0) {
        struct cursor entry = cursor_of(der_take(&entries, DER_SEQUENCE));
        if (bytes_equal(der_take_integer(&entry), certificate->serial)) {
            return true;
        }
    }
    return false;
}
