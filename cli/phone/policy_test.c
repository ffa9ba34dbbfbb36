/* SPDX-License-Identifier: Apache-2.0 */
/* The phone's policy: what is read, that every mistake is named with its place, and that a draft is
 * a policy. */
#include "phone/policy.h"

#include <errno.h>
#include <string.h>

#include "query/log.h"
#include "tests/tap.h"

#define H32 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define G32 "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define H64 H32 H32
#define G64 G32 G32
/* The base point of P-256. */
#define POINT                                                                                      \
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c" \
    "0f9e162bce33576b315ececbb6406837bf51f5"

static const char *const lines[] = {
    "format: alcove-phone-policy-1",
    "server: unix:/run/alcoved",
    "log_key: \"" POINT "\"",
    "roots: [\"" G32 "\", \"" H32 "\"]",
    "custodians: [{mrenclave: \"" H32 "\", configid: \"" H64 "\"}]",
    "aggregators:\n  - mrenclave: \"" G32 "\"\n    configid: \"" H64 "\"",
    "workers: [\"" H32 "\"]",
    "process_bundle: \"" H64 "\"",
    "bundles: [\"" H64 "\", \"" G64 "\"]",
    "analysts: any",
    "rho_week: \"0.05\"",
    "rho_query: 0.01",
    "rho_analyst: \"0.02\"",
    "users_min: 50",
};

/* The good policy, with one line in another form; NULL: left out. */
static int read_with(size_t which, const char *line, struct phone_policy *ret, struct diag *d)
{
    static char text[8192];
    size_t at = 0;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        const char *use = i == which ? line : lines[i];
        at += use != NULL ? (size_t)snprintf(text + at, sizeof text - at, "%s\n", use) : 0;
    }
    *d = (struct diag){""};
    return phone_policy_read(BYTES(text, at), "p.yaml", ret, d);
}

static void test_good(void)
{
    struct phone_policy p;
    struct diag d;
    uint8_t buffer[WIRE_POLICY_MAX];
    struct wire_policy owner;
    CHECK(read_with(SIZE_MAX, NULL, &p, &d) == 0, "a full policy is read %s", d.text);
    CHECK(strcmp(p.server, "unix:/run/alcoved") == 0 && p.custodian_count == 1 &&
              p.owner.cap == 50000 && p.owner.query_cap == 10000 && p.owner.analyst_cap == 20000 &&
              p.owner.users_min == 50 && p.owner.analysts_count == 0 && p.owner.bundles_count == 2,
          "with all it says");
    CHECK(p.owner.roots_count == 2 && p.owner.roots[0].value[0] == 0 &&
              p.owner.roots[1].value[0] == 0xff,
          "lists are sets: the order of the file does not show");
    struct writer w = writer_of(buffer, sizeof buffer);
    CHECK(phone_policy_owner(&p, 7, &w, &d) == 0 &&
              wire_read_policy(BYTES(buffer, w.size), &owner, &d) == 0 && owner.version == 7 &&
              owner.cap == 50000 && memcmp(owner.log_key, p.log_key.point, 65) == 0 &&
              memcmp(owner.aggregators[0].mrenclave, p.owner.aggregators[0].mrenclave, 32) == 0,
          "the custodian's part is made from it");
}

static void test_bad(void)
{
    static const struct {
        size_t line;
        const char *text, *wanted;
    } cases[] = {
        {0, "format: alcove-phone-policy-2", "p.yaml:1:9: this reads alcove-phone-policy-1"},
        {1, "server: https://example.org", "p.yaml:2:9: unix:PATH"},
        {1, "sever: unix:/run/alcoved", "p.yaml:2:1: unknown key 'sever'"},
        {2, "log_key: \"04\"", "p.yaml:3:10: 65 bytes as 130"},
        {2, "log_key: \"" H64 "00\"", "p.yaml:3:10: not a key"},
        {3, "roots: []", "'roots' names none"},
        {3, "roots: [\"" H32 "\", \"" H32 "\"]", "p.yaml:4:77: this stands in the list already"},
        {3, "roots: \"" H32 "\"", "p.yaml:4:8: a list"},
        {4, "custodians: [{mrenclave: \"" H32 "\"}]", "p.yaml:5:14: a program is"},
        {4, "custodians: [{mrenclave: \"00\", configid: \"" H64 "\"}]", "p.yaml:5:26: 32 bytes"},
        {4, "custodians: []", "'custodians' names none"},
        {6, "workers: [any]", "p.yaml:9:11: 32 bytes"},
        {9, "analysts: []", "any, or a list"},
        {9, "analysts: all", "any, or a list"},
        {10, "rho_week: 0", "p.yaml:13:11: "},
        {10, "rho_week: -1", "p.yaml:13:11: "},
        {10, "rho_week: nan", "p.yaml:13:11: "},
        {10, "rho_week: 1e3", "p.yaml:13:11: "},
        {10, "rho_week: 0.0000001", "p.yaml:13:11: "},
        {10, "rho_week: 101", "p.yaml:13:11: "},
        {11, "rho_query: 0.06", "'rho_query' is more than 'rho_week'"},
        {12, "rho_analyst: 0.06", "'rho_analyst' is more than 'rho_week'"},
        {13, "users_min: 1", "p.yaml:16:12: a whole number from 2"},
        {13, "users_min: 2\nusers_min: 3", "p.yaml:17:1: key 'users_min' occurs twice"},
        {13, "users_min: 2\n--- {}", "second document"},
    };
    struct phone_policy p;
    struct diag d;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        memset(&p, 0x55, sizeof p);
        bool refused = read_with(cases[i].line, cases[i].text, &p, &d) == -EINVAL;
        CHECK(refused && strstr(d.text, cases[i].wanted) != NULL &&
                  p.custodian_count > WIRE_LIST_MAX,
              "refused: %s", d.text);
    }
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        CHECK(read_with(i, NULL, &p, &d) == -EINVAL && strstr(d.text, "is missing") != NULL,
              "nothing has a default: %s", d.text);
    }
}

static void test_draft(void)
{
    static char text[16384];
    static struct wire_programs s = {.programs_count = 4};
    struct phone_policy p;
    struct diag d = {""};
    static const uint64_t roles[] = {QUERY_ROLE_CUSTODIAN, QUERY_ROLE_AGGREGATOR, QUERY_ROLE_WORKER,
                                     QUERY_ROLE_WORKER};
    for (size_t i = 0; i < 4; i++) {
        s.programs[i].role = roles[i];
        s.programs[i].name = i == 0 ? BYTES_STR("evil\nroots: []") : BYTES_STR("trips-1.0");
        memset(s.programs[i].mrenclave, i < 2 ? (int)i + 1 : 9, 32);
        memset(s.programs[i].configid, (int)i + 16, 64);
    }
    if (!hex_decode(s.log_key, 65, BYTES_STR(POINT))) {
        abort();
    }
    memset(s.root, 7, 32);
    FILE *f = fmemopen(text, sizeof text, "w");
    phone_policy_draft("unix:/run/alcoved", &s, f);
    fclose(f);
    CHECK(phone_policy_read(BYTES(text, strlen(text)), "draft", &p, &d) == 0,
          "a draft is a policy %s", d.text);
    CHECK(p.custodian_count == 1 && p.custodians[0].mrenclave[0] == 1 &&
              p.owner.aggregators_count == 1 && p.owner.workers_count == 1 &&
              p.owner.bundles_count == 2 && p.owner.process_bundle[0] == 18 &&
              p.owner.roots[0].value[0] == 7,
          "it trusts what the server named, each runtime once");
    CHECK(strstr(text, "evil?roots") != NULL, "no name of the server's gets out of its comment");
    s.programs_count = 2;
    f = fmemopen(text, sizeof text, "w");
    phone_policy_draft("unix:/run/alcoved", &s, f);
    fclose(f);
    CHECK(phone_policy_read(BYTES(text, strlen(text)), "draft", &p, &d) == -EINVAL &&
              strstr(text, "fill it in") != NULL,
          "without a script there is something to be filled in first");
    f = fmemopen(text, sizeof text, "w");
    if (read_with(SIZE_MAX, NULL, &p, &d) != 0) {
        abort();
    }
    phone_policy_explain(&p, f);
    fclose(f);
    CHECK(strstr(text, "any analyst") != NULL && strstr(text, "at least 50 people") != NULL &&
              strstr(text, "costs at most 0.01 of rho") != NULL &&
              strstr(text, "log of the key 04") != NULL,
          "the summary says whom it lets ask what");
}

int main(void)
{
    test_good();
    test_bad();
    test_draft();
    return tap_done();
}
