/* SPDX-License-Identifier: Apache-2.0 */
/* alcove collateral show: what is in a bundle, by its own account. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "print.h"
#include "verb.h"

static const char *day(int64_t seconds, struct print_date *store)
{
    *store = print_date_of(seconds);
    store->text[store->text[0] == 'u' ? 7 : 10] = '\0';
    return store->text;
}

/* ---- For people: a table ---- */

static void platform(const struct alcove_bundle_entry *e, char *ret, size_t size)
{
    const struct alcove_snp_tcb *t = &e->tcb;
    const char *tee = words_tee(e->tee), *product = alcove_snp_product_name(e->product);
    ret[0] = '\0';
    if (e->has_fmspc) {
        base_format(ret, size, "%s%sFMSPC %s", tee, tee[0] != '\0' ? ", " : "",
                    print_hex_of(e->fmspc, 6).text);
    } else if (e->kind == ALCOVE_BUNDLE_AMD_VEK) {
        base_format(ret, size, "%s, %.16s, %u.%u.%u.%u.%u", product,
                    e->is_vlek ? "VLEK" : print_hex_of(e->chip_id, e->chip_id_size).text,
                    t->bootloader, t->tee, t->snp, t->microcode, t->fmc);
    } else if (e->product != ALCOVE_SNP_UNKNOWN) {
        base_format(ret, size, "%s%s", product,
                    e->kind != ALCOVE_BUNDLE_AMD_CHAIN ? ""
                    : e->is_vlek                       ? ", VLEK"
                                                       : ", VCEK");
    } else if (tee[0] != '\0') {
        base_format(ret, size, "%s", tee);
    }
}

static void print_row(const struct alcove_bundle_entry *e)
{
    char where[128], number[32] = "";
    struct print_date from, until;
    platform(e, where, sizeof where);
    if (e->evaluation_number > 0) {
        base_format(number, sizeof number, "eval %u", e->evaluation_number);
    } else if (e->revoked_count > 0) {
        base_format(number, sizeof number, "%u revoked", e->revoked_count);
    }
    if (!e->readable) {
        printf("%-12s cannot be read by this version (%zu bytes)\n",
               alcove_bundle_kind_name(e->kind), e->content.size);
        return;
    }
    printf("%-12s %-40s %-11s %-11s %-11s ", alcove_bundle_kind_name(e->kind), where,
           day(e->issued, &from), day(e->expires, &until), number);
    print_escaped(BYTES(e->issuer, strlen(e->issuer)));
    printf("\n");
}

static void show_text(const char *path, struct alcove_bytes bundle)
{
    struct alcove_bundle_position at = {0};
    struct alcove_bundle_entry e;
    size_t count = 0;
    printf("%-12s %-40s %-11s %-11s %-11s %s\n", "what", "for", "issued", "expires", "says",
           "issuer");
    while (alcove_bundle_next(bundle, &at, &e)) {
        print_row(&e);
        count++;
    }
    printf("%s: %zu entries, %zu bytes. Nothing here was checked: alcove collateral check\n", path,
           count, bundle.size);
}

/* ---- For programs ---- */

static void put_tcb(struct json_out *j, const struct alcove_snp_tcb *t)
{
    json_open(j, "tcb", '{');
    json_put_number(j, "bootloader", t->bootloader);
    json_put_number(j, "tee", t->tee);
    json_put_number(j, "snp", t->snp);
    json_put_number(j, "microcode", t->microcode);
    json_put_number(j, "fmc", t->fmc);
    json_close(j, '}');
}

static void put_text(struct json_out *j, const char *key, const char *text)
{
    json_put_string(j, key, text[0] != '\0' ? text : NULL);
}

static void put_entry(struct json_out *j, const struct alcove_bundle_entry *e)
{
    bool list = e->kind == ALCOVE_BUNDLE_AMD_CRL || e->kind == ALCOVE_BUNDLE_PCK_CRL ||
                e->kind == ALCOVE_BUNDLE_ROOT_CRL;
    json_open(j, NULL, '{');
    json_put_string(j, "kind", alcove_bundle_kind_name(e->kind));
    json_put_bool(j, "readable", e->readable);
    json_put_number(j, "size", e->content.size);
    json_put_date(j, "issued", e->issued);
    json_put_date(j, "expires", e->expires);
    put_text(j, "subject", e->subject);
    put_text(j, "issuer", e->issuer);
    if (e->tee != ALCOVE_BUNDLE_TEE_NONE) {
        json_put_string(j, "tee", words_tee(e->tee));
        json_put_number(j, "evaluation_number", e->evaluation_number);
    }
    if (e->has_fmspc) {
        JSON_HEX(j, "fmspc", e->fmspc);
        JSON_HEX(j, "pceid", e->pceid);
    }
    if (list) {
        json_put_number(j, "revoked_count", e->revoked_count);
    }
    if (e->product != ALCOVE_SNP_UNKNOWN) {
        json_put_string(j, "product", alcove_snp_product_name(e->product));
    }
    if (e->kind == ALCOVE_BUNDLE_AMD_CHAIN || e->kind == ALCOVE_BUNDLE_AMD_VEK) {
        json_put_bool(j, "vlek", e->is_vlek);
    }
    if (e->kind == ALCOVE_BUNDLE_AMD_VEK && e->readable) {
        json_put_hex(j, "chip_id", e->chip_id, e->chip_id_size);
        put_tcb(j, &e->tcb);
    }
    json_close(j, '}');
}

static void show_json(struct alcove_bytes bundle)
{
    struct alcove_bundle_position at = {0};
    struct alcove_bundle_entry e;
    struct json_out j = {0};
    json_open(&j, NULL, '{');
    json_put_string(&j, "format", "alcove-collateral-1");
    json_put_number(&j, "size", bundle.size);
    json_open(&j, "entries", '[');
    while (alcove_bundle_next(bundle, &at, &e)) {
        put_entry(&j, &e);
    }
    json_close(&j, ']');
    json_close(&j, '}');
    printf("\n");
}

int collateral_show(int argc, char **argv)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    struct shelf shelf;
    struct diag d = {""};
    bool json = false;
    int option;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option != 'j') {
            return cli_usage("collateral", "show %s: no such option", argv[optind - 1]);
        }
        json = true;
    }
    if (argc - optind != 1) {
        return cli_usage("collateral", "show: name one bundle");
    }
    if (shelf_open(argv[optind], &shelf, &d) != 0) {
        return cli_fail("collateral", &d);
    }
    if (json) {
        show_json(shelf.bundle);
    } else {
        show_text(argv[optind], shelf.bundle);
    }
    shelf_close(&shelf);
    return CLI_OK;
}
