/* SPDX-License-Identifier: Apache-2.0 */
/* How collateral is called, and times. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "print.h"
#include "verb.h"

const char *words_tee(enum alcove_bundle_tee tee)
{
    return tee == ALCOVE_BUNDLE_TEE_SGX ? "SGX" : tee == ALCOVE_BUNDLE_TEE_TDX ? "TDX" : "";
}

struct words words_what(const struct alcove_bundle_entry *e)
{
    struct words w = {""};
    const char *product = alcove_snp_product_name(e->product);
    const char *tee = words_tee(e->tee);
    switch (e->kind) {
    case ALCOVE_BUNDLE_AMD_CHAIN:
        base_format(w.text, sizeof w.text, "AMD %s chain, %s", e->is_vlek ? "ASVK" : "ASK",
                    product);
        break;
    case ALCOVE_BUNDLE_AMD_CRL:
        base_format(w.text, sizeof w.text, "AMD revocation list, %s", product);
        break;
    case ALCOVE_BUNDLE_AMD_VEK:
        base_format(w.text, sizeof w.text, "AMD %s certificate, %s", e->is_vlek ? "VLEK" : "VCEK",
                    product);
        break;
    case ALCOVE_BUNDLE_PCK_CHAIN:
        base_format(w.text, sizeof w.text, "PCK chain");
        break;
    case ALCOVE_BUNDLE_PCK_CRL:
        base_format(w.text, sizeof w.text, "revocation list of %s", e->issuer);
        break;
    case ALCOVE_BUNDLE_QE_IDENTITY:
        base_format(w.text, sizeof w.text, "QE identity, %s", tee);
        break;
    case ALCOVE_BUNDLE_ROOT_CRL:
        base_format(w.text, sizeof w.text, "root revocation list of %s", e->issuer);
        break;
    case ALCOVE_BUNDLE_TCB_CHAIN:
        base_format(w.text, sizeof w.text, "TCB signing chain");
        break;
    case ALCOVE_BUNDLE_TCB_INFO:
        base_format(w.text, sizeof w.text, "TCB info, %s", tee);
        break;
    case ALCOVE_BUNDLE_KINDS:
        break;
    }
    if (!e->readable) {
        base_format(w.text, sizeof w.text, "%s that cannot be read",
                    alcove_bundle_kind_name(e->kind));
    }
    return w;
}

struct words words_of(const struct alcove_bundle_entry *e)
{
    struct words w = words_what(e);
    size_t used = strlen(w.text), left = sizeof w.text - used;
    if (e->has_fmspc) {
        base_format(w.text + used, left, ", FMSPC %s", print_hex_of(e->fmspc, 6).text);
    } else if (e->kind == ALCOVE_BUNDLE_AMD_VEK && e->readable) {
        const struct alcove_snp_tcb *t = &e->tcb;
        base_format(w.text + used, left, ", %s%.16s, TCB %u.%u.%u.%u.%u", e->is_vlek ? "" : "chip ",
                    e->is_vlek ? "provider's" : print_hex_of(e->chip_id, e->chip_id_size).text,
                    t->bootloader, t->tee, t->snp, t->microcode, t->fmc);
    }
    return w;
}

struct words words_span(int64_t seconds)
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    struct words w = {"0 seconds"};
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        int64_t count = seconds / units[i].seconds;
        if (count > 0) {
            base_format(w.text, sizeof w.text, "%lld %s%s", (long long)count, units[i].name,
                        count > 1 ? "s" : "");
            break;
        }
    }
    return w;
}

static bool number(const char *text, char **ret_end, int64_t *ret)
{
    errno = 0;
    if (*text < '0' || *text > '9') {
        return false;
    }
    long long value = strtoll(text, ret_end, 10);
    *ret = value;
    return errno == 0;
}

bool words_time(const char *text, int64_t *ret)
{
    struct tm tm = {0};
    char *end;
    if (text[0] == '@') {
        return number(text + 1, &end, ret) && *end == '\0' && *ret > 0;
    }
    end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (end == NULL) {
        memset(&tm, 0, sizeof tm);
        end = strptime(text, "%Y-%m-%d", &tm);
    }
    if (end == NULL || *end != '\0') {
        return false;
    }
    *ret = timegm(&tm);
    return *ret > 0;
}

bool words_duration(const char *text, int64_t *ret_seconds)
{
    static const char units[] = "smhd";
    static const int64_t seconds[] = {1, 60, 3600, 86400};
    char *end;
    int64_t count;
    const char *unit = number(text, &end, &count) && *end != '\0' ? strchr(units, *end) : NULL;
    if (unit == NULL || end[1] != '\0' || count > INT64_C(36525) * 86400) {
        return false;
    }
    *ret_seconds = count * seconds[unit - units];
    return *ret_seconds <= INT64_C(36525) * 86400;
}
