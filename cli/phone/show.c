/* SPDX-License-Identifier: Apache-2.0 */
/* What a person gets to see, see show.h. */
#include "phone/show.h"

#include <stdio.h>
#include <string.h>

#include "query/account.h"
#include "query/calendar.h"
#include "verify/print.h"

/* Odds are said but for one case in a million, and for so many numbers as a lifetime may have. */
#define DELTA   ((struct dp_ratio){1, 1000000})
#define SAMPLES (UINT64_C(1) << 20)

/* ---- Numbers --------------------------------------------------------------------------------- */

struct phone_date phone_date_of(uint64_t day)
{
    struct phone_date ret;
    unsigned y, m, d;
    calendar_civil(day, &y, &m, &d);
    base_format(ret.text, sizeof ret.text, "%04u-%02u-%02u", y, m, d);
    return ret;
}

struct phone_date phone_time_of(uint64_t seconds)
{
    struct phone_date ret = phone_date_of(seconds / 86400);
    unsigned minute = (unsigned)(seconds % 86400 / 60);
    size_t at = strlen(ret.text);
    base_format(ret.text + at, sizeof ret.text - at, " %02u:%02u", minute / 60, minute % 60);
    return ret;
}

bool phone_date_read(struct bytes text, uint64_t *ret_day)
{
    unsigned part[3] = {0}, at = 0, y, m, d;
    if (text.size != 10) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (i == 4 || i == 7) {
            at++;
            if (text.data[i] != '-') {
                return false;
            }
        } else if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        } else {
            part[at] = part[at] * 10 + (text.data[i] - '0');
        }
    }
    if (part[0] < 2000 || part[1] < 1 || part[1] > 12 || part[2] < 1 || part[2] > 31) {
        return false;
    }
    uint64_t day = calendar_days(part[0], part[1], part[2]);
    calendar_civil(day, &y, &m, &d);
    if (y != part[0] || m != part[1] || d != part[2] || day < QUERY_DAY_FIRST ||
        day > QUERY_DAY_LAST) {
        return false;
    }
    *ret_day = day;
    return true;
}

bool phone_date_in(const char *path, uint64_t *ret_day)
{
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    size_t size = strlen(name), found = 0;
    for (size_t i = 0; i + 10 <= size; i++) {
        bool digit_before = i > 0 && name[i - 1] >= '0' && name[i - 1] <= '9';
        bool digit_after = name[i + 10] >= '0' && name[i + 10] <= '9';
        found += !digit_before && !digit_after && phone_date_read(BYTES(name + i, 10), ret_day);
    }
    return found == 1;
}

struct phone_rho phone_rho_of(uint64_t micro)
{
    struct phone_rho ret;
    int n = (int)base_format(ret.text, sizeof ret.text, "%llu.%06llu",
                             (unsigned long long)(micro / 1000000),
                             (unsigned long long)(micro % 1000000));
    while (n > 0 && ret.text[n - 1] == '0') {
        ret.text[--n] = '\0';
    }
    if (n > 0 && ret.text[n - 1] == '.') {
        ret.text[--n] = '\0';
    }
    return ret;
}

uint32_t phone_odds(uint64_t micro)
{
    uint64_t pico;
    if (micro == 0) {
        return 500000;
    }
    if (dp_epsilon(dp_micro(micro), DELTA, SAMPLES, &pico, NULL) != 0) {
        return 1000000; /* no bound worth the name */
    }
    return dp_odds(pico);
}

/* Never below the truth: rounded up to tenths. */
static void put_odds(const char *what, uint64_t micro)
{
    uint32_t tenths = (phone_odds(micro) + 999) / 1000;
    if (micro == 0) {
        printf("            nothing has left that could tell anybody about you\n");
        return;
    }
    printf(
        "            who would guess something about you right 50 times in 100 without your data\n"
        "            guesses right at most %u.%u times in 100 with %s\n",
        tenths / 10, tenths % 10, what);
}

const char *phone_root_text(enum alcove_root_kind kind)
{
    return kind == ALCOVE_ROOT_INTEL      ? "Intel's"
           : kind == ALCOVE_ROOT_SOFTWARE ? "a software machine's: NOT protected by hardware"
                                          : "no maker's that is known here";
}

/* ---- Text of others -------------------------------------------------------------------------- */

/* Is it a code point that a terminal obeys or that turns the direction of writing? */
static bool commands(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* The code point at `at` of valid UTF-8, and its size. */
static uint32_t code_point(struct bytes text, size_t at, size_t *ret_size)
{
    uint8_t c = text.data[at];
    size_t size = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    uint32_t value = size == 1 ? c : c & (0x7fu >> size);
    for (size_t i = 1; i < size && at + i < text.size; i++) {
        value = value << 6 | (text.data[at + i] & 0x3f);
    }
    *ret_size = size <= text.size - at ? size : text.size - at;
    return value;
}

/* Lines begin with `indent`; other control characters become question marks. */
static void put_text(struct bytes text, const char *indent)
{
    for (size_t i = 0, size; i < text.size; i += size) {
        uint32_t c = code_point(text, i, &size);
        if (c == '\n') {
            printf("\n%s", i + 1 < text.size ? indent : "");
        } else if (commands(c)) {
            putchar('?');
        } else {
            fwrite(text.data + i, 1, size, stdout);
        }
    }
}

/* ---- Status ---------------------------------------------------------------------------------- */

static const char *stage_text(enum phone_stage stage)
{
    return stage == PHONE_CLAIMED ? "claimed" : stage == PHONE_CLAIMING ? "claiming" : "new";
}

static uint64_t granted(const struct phone *p)
{
    const struct budget_window *b = &p->state.book.budget;
    return b->window == lease_window(p->state.book.head.time) ? b->spent : 0;
}

static bool week_unknown(const struct phone *p)
{
    return p->state.restored || p->state.book.head.time < p->state.unknown_until;
}

static void status_json(const struct phone *p, const struct phone_seen *seen,
                        const struct wire_state *s, const char *why)
{
    struct json_out j = {0};
    const struct lease_book *b = &p->state.book;
    json_open(&j, NULL, '{');
    json_put_hex(&j, "owner", p->keys.owner_id.data, 32);
    json_put_string(&j, "stage", stage_text(p->state.stage));
    json_put_string(&j, "server", p->has_policy ? p->policy.server : NULL);
    json_put_number(&j, "log_size", b->head.tree.size);
    json_put_date(&j, "log_time", (int64_t)b->head.time);
    json_put_number(&j, "forks", p->state.forks);
    json_put_bool(&j, "week_unknown", week_unknown(p));
    json_put_number(&j, "granted_week", granted(p));
    json_put_number(&j, "granted_lifetime", b->budget.lifetime);
    json_put_number(&j, "policy", b->policy);
    json_put_bool(&j, "policy_to_push", p->state.push);
    json_put_number(&j, "acknowledged", b->acknowledged.sequence);
    json_put_string(&j, "not_reached", why);
    if (seen != NULL) {
        json_put_bool(&j, "open", seen->owned);
        json_put_hex(&j, "mrenclave", seen->peer.mrenclave, 32);
        json_put_hex(&j, "configid", seen->peer.configid, 64);
        json_put_hex(&j, "root", seen->root, 32);
        json_put_bool(&j, "software", seen->root_kind == ALCOVE_ROOT_SOFTWARE);
    }
    if (s != NULL) {
        json_put_bool(&j, "paused", s->paused);
        json_put_bool(&j, "withdrawn", s->withdrawn);
        json_put_number(&j, "custodian_policy", s->policy);
        json_put_number(&j, "lease", s->lease);
        json_put_number(&j, "lease_rho", s->lease_rho);
        json_put_number(&j, "lease_left", s->lease_left);
        json_put_date(&j, "lease_end", (int64_t)s->lease_end);
        json_put_number(&j, "cap_week", s->cap);
        json_put_number(&j, "spent_week", s->spent);
        json_put_number(&j, "odds_week", phone_odds(s->spent));
        json_put_number(&j, "spent_lifetime", s->lifetime);
        json_put_number(&j, "odds_lifetime", phone_odds(s->lifetime));
        json_put_number(&j, "days", s->days);
        json_put_number(&j, "processed", s->processed);
        json_put_number(&j, "pending", s->pending);
        json_put_number(&j, "events", s->events);
    }
    json_close(&j, '}');
    putchar('\n');
}

/* A lease counts when it is granted, used or not. */
static void spending_text(const struct wire_state *s)
{
    printf("this week   %s of rho spent, of at most %s", phone_rho_of(s->spent).text,
           phone_rho_of(s->cap).text);
    if (s->lease_left > 0) {
        printf("; %s of it by no query yet", phone_rho_of(s->lease_left).text);
    }
    putchar('\n');
    put_odds("all that this allows", s->spent);
    printf("ever        %s of rho\n", phone_rho_of(s->lifetime).text);
    put_odds("all that was ever allowed", s->lifetime);
    if (s->lifetime > 0) {
        printf("            (but for one case in a million)\n");
    }
}

static void state_text(const struct wire_state *s)
{
    printf("days        %llu uploaded, %llu processed, %llu waiting\n", (unsigned long long)s->days,
           (unsigned long long)s->processed, (unsigned long long)s->pending);
    printf("answering   %s\n", s->withdrawn    ? "no: you withdrew; a new policy would begin again"
                               : s->paused     ? "no: paused, until 'alcove phone resume'"
                               : s->lease == 0 ? "no: there is no lease, see 'alcove phone lease'"
                               : s->lease_left == 0
                                   ? "no: the lease is used up, see 'alcove phone lease'"
                                   : "yes, as long as the lease pays");
    if (s->lease != 0) {
        printf("lease       number %llu: %s of rho, %s left, until %s by the log's clock\n",
               (unsigned long long)s->lease, phone_rho_of(s->lease_rho).text,
               phone_rho_of(s->lease_left).text, phone_time_of(s->lease_end).text);
    }
    spending_text(s);
    printf("questions   %llu so far, see 'alcove phone activity'\n", (unsigned long long)s->events);
}

static void status_text(const struct phone *p, const struct phone_seen *seen,
                        const struct wire_state *s, const char *why)
{
    const struct lease_book *b = &p->state.book;
    printf("phone       %s\n", p->store.path);
    printf("owner       %s\n", print_hex_of(p->keys.owner_id.data, 32).text);
    printf("server      %s\n", p->has_policy ? p->policy.server : "none: there is no policy yet");
    if (b->head.tree.size > 0) {
        printf("log         %llu entries, as of %s\n", (unsigned long long)b->head.tree.size,
               phone_time_of(b->head.time).text);
    }
    if (p->state.forks > 0) {
        printf("LOG FORKED  %llu times; the evidence is in fork-*.cbor in the phone's folder\n",
               (unsigned long long)p->state.forks);
    }
    if (seen != NULL) {
        printf("custodian   verified just now, %s\n", seen->owned ? "open and yours"
                                                      : p->state.stage == PHONE_CLAIMED
                                                          ? "locked: 'alcove phone unlock' opens it"
                                                          : "nobody's yet: 'alcove phone claim'");
        printf("  program   %s\n", print_hex_of(seen->peer.mrenclave, 32).text);
        printf("  root      %s\n", phone_root_text(seen->root_kind));
    } else {
        printf("custodian   %s\n", why);
    }
    printf("policy      version %llu%s\n", (unsigned long long)b->policy,
           p->state.push ? "; the custodian does not have your newest: 'alcove phone policy-push'"
                         : "");
    if (week_unknown(p)) {
        printf("granted     unknown: what a lost phone granted this week counts as all of it\n");
    } else {
        printf("granted     %s of rho in leases this week, %s ever\n",
               phone_rho_of(granted(p)).text, phone_rho_of(b->budget.lifetime).text);
    }
    if (s != NULL) {
        state_text(s);
    }
}

void phone_show_status(const struct phone *p, const struct phone_seen *seen,
                       const struct wire_state *state, const char *why, bool json)
{
    (json ? status_json : status_text)(p, seen, state, why);
}

/* ---- Days ------------------------------------------------------------------------------------ */

void phone_show_days_begin(uint64_t total, struct json_out *j)
{
    if (j != NULL) {
        json_open(j, NULL, '{');
        json_put_number(j, "total", total);
        json_open(j, "days", '[');
    } else if (total == 0) {
        puts("no days: 'alcove phone upload FILE' brings some");
    }
}

/* A script's last words, without the line that they end with. */
static struct bytes last_words(struct bytes text)
{
    while (text.size > 0 && text.data[text.size - 1] == '\n') {
        text.size--;
    }
    return text;
}

void phone_show_day(const struct wire_day *day, struct json_out *j)
{
    struct phone_date date = phone_date_of(day->day);
    if (j != NULL) {
        json_open(j, NULL, '{');
        json_put_string(j, "day", date.text);
        json_put_number(j, "raw", day->raw);
        json_put_number(j, "processed", day->processed);
        json_put_bool(j, "failed", day->failed);
        json_put_text(j, "failure", day->failure);
        json_close(j, '}');
        return;
    }
    printf("%s  %8llu bytes as uploaded, ", date.text, (unsigned long long)day->raw);
    if (day->failed) {
        struct bytes text = last_words(day->failure);
        printf("the script failed%s", text.size > 0 ? ":\n    " : "");
        put_text(text, "    ");
        putchar('\n');
    } else if (day->processed == 0) {
        puts("waits to be processed");
    } else {
        printf("%llu processed\n", (unsigned long long)day->processed);
    }
}

void phone_show_days_end(struct json_out *j)
{
    if (j != NULL) {
        json_close(j, ']');
        json_close(j, '}');
        putchar('\n');
    }
}

/* ---- Activity -------------------------------------------------------------------------------- */

void phone_show_activity_begin(uint64_t total, struct json_out *j)
{
    if (j != NULL) {
        json_open(j, NULL, '{');
        json_put_number(j, "total", total);
        json_open(j, "events", '[');
    } else if (total == 0) {
        puts("nobody has asked anything yet");
    }
}

static void event_json(const struct wire_event *e, struct json_out *j)
{
    json_open(j, NULL, '{');
    json_put_date(j, "time", (int64_t)e->time);
    json_put_string(j, "code", wire_code_text(e->code));
    json_put_hex(j, "query", e->query, 32);
    json_put_hex(j, "analyst", e->analyst, 32);
    json_put_text(j, "question", e->question);
    json_put_text(j, "function", e->function);
    json_put_number(j, "cost", e->cost);
    json_put_number(j, "users", e->users);
    json_put_number(j, "entries", e->entries);
    json_put_number(j, "most", e->most);
    json_put_bool(j, "sent", e->sent);
    json_put_bool(j, "fallback", e->fallback);
    json_put_text(j, "failure", e->failure);
    json_close(j, '}');
}

static void failure_text(const struct wire_event *e)
{
    struct bytes text = last_words(e->failure);
    if (text.size > 0) {
        printf("    because     ");
        put_text(text, "                ");
        putchar('\n');
    }
}

static void left_text(const struct wire_event *e)
{
    if (!e->sent) {
        printf("    accepted    nothing has left yet\n");
        return;
    }
    printf("    left        %llu number%s at most %llu", (unsigned long long)e->entries,
           e->entries == 1 ? "," : "s, each", (unsigned long long)e->most);
    if (e->fallback) {
        printf(": the query's defaults, not yours\n");
        failure_text(e);
    } else {
        printf("; of all people's, only the sum with noise\n                is ever shown\n");
    }
}

static void event_text(const struct wire_event *e)
{
    printf("%s  ", phone_time_of(e->time).text);
    if (e->question.size > 0) {
        printf("“");
        put_text(e->question, "    ");
        printf("”\n");
    } else {
        printf("a query that could not be read\n");
    }
    printf("    asked by    analyst %.16s…, of at least %llu people together\n",
           print_hex_of(e->analyst, 32).text, (unsigned long long)e->users);
    if (e->function.size > 0) {
        printf("    computed    ");
        put_text(e->function, "                ");
        putchar('\n');
    }
    if (e->code != WIRE_CODE_OK) {
        printf("    declined    %s\n", wire_code_explain(e->code));
        failure_text(e);
        printf("    left        nothing; it cost nothing\n");
        return;
    }
    left_text(e);
    printf("    cost        %s of rho\n", phone_rho_of(e->cost).text);
}

void phone_show_event(const struct wire_event *event, struct json_out *j)
{
    if (j != NULL) {
        event_json(event, j);
    } else {
        event_text(event);
    }
}

void phone_show_activity_end(const struct wire_state *s, struct json_out *j)
{
    if (j == NULL) {
        putchar('\n');
        spending_text(s);
        return;
    }
    json_close(j, ']');
    json_put_number(j, "cap_week", s->cap);
    json_put_number(j, "spent_week", s->spent);
    json_put_number(j, "odds_week", phone_odds(s->spent));
    json_put_number(j, "spent_lifetime", s->lifetime);
    json_put_number(j, "odds_lifetime", phone_odds(s->lifetime));
    json_close(j, '}');
    putchar('\n');
}
