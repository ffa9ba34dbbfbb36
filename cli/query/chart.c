/* SPDX-License-Identifier: Apache-2.0 */
/* What all pictures share: the question above, the axis, the notes below. */
#include "query/chart.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "query/reading.h"

#define TITLE_SIZE   19.0
#define TITLE_LINES  4
#define NOTE_SIZE    11.5
#define BARS_MAX     16u /* more are columns */
#define SMALL_MATRIX 49u
#define TOLD_MAX     64u /* entries in the description */

#define TEXT(b) (int)(b).size, (const char *)(b).data

static struct bytes of(const char *text)
{
    return BYTES(text, strlen(text));
}

static struct reading reading(const struct chart *c, uint32_t i)
{
    return reading_of(&c->checked->doc, i, c->checked->receipt.asked, c->checked->receipt.bound95);
}

struct bytes chart_unit(const struct chart *c)
{
    return reading(c, 0).unit;
}

double chart_value(const struct chart *c, uint32_t i)
{
    struct reading r = reading(c, i);
    return reading_float(&r, c->checked->receipt.values[i]);
}

struct bytes chart_name(const struct chart *c, uint32_t i)
{
    return c->checked->doc.labels[i].name;
}

bool chart_signed(const struct chart *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->checked->doc.entries[i].low < 0) {
            return true;
        }
    }
    return false;
}

struct chart_text chart_number(const struct chart *c, uint32_t i)
{
    struct chart_text t;
    struct reading r = reading(c, i);
    snprintf(t.text, sizeof t.text, "%s%s", reading_value(&r, c->checked->receipt.values[i]).text,
             c->checked->doc.schema.aggregate == QUERY_SHARE ? " %" : "");
    return t;
}

struct chart_text chart_interval(const struct chart *c)
{
    struct chart_text t;
    struct reading r = reading(c, 0);
    snprintf(t.text, sizeof t.text, "\u00b1%s", reading_size(&r, c->checked->receipt.bound95).text);
    return t;
}

struct chart_tip chart_tip(const struct chart *c, uint32_t i)
{
    struct chart_tip t;
    const struct receipt *p = &c->checked->receipt;
    struct reading r = reading(c, i);
    struct reading_name name = reading_name_of(&c->checked->doc, i);
    if (chart_hidden(c, i)) {
        snprintf(t.text, sizeof t.text, "%s: not shown", name.text);
        return t;
    }
    snprintf(t.text, sizeof t.text, "%s: %s%s (%s to %s)", name.text,
             reading_value(&r, p->values[i]).text, reading_unit_of(&r).text,
             reading_value(&r, (__int128)p->values[i] - (int64_t)p->bound95).text,
             reading_value(&r, (__int128)p->values[i] + (int64_t)p->bound95).text);
    return t;
}

/* ---- axes ------------------------------------------------------------------------------------ */

double chart_first(const struct chart_axis *a)
{
    return ceil(a->low / a->step - 1e-9) * a->step;
}

struct chart_axis chart_axis(double low, double high, double start, double end, unsigned steps)
{
    struct chart_axis a = {.start = start, .end = end};
    double wish = (high - low) / steps;
    wish = wish > 0 ? wish : 1;
    double power = pow(10, floor(log10(wish))), part = wish / power;
    a.step = power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
    a.low = low;
    a.high = ceil(high / a.step) * a.step;
    if (a.high <= a.low) {
        a.high = a.low + a.step;
    }
    for (double s = a.step; a.digits < 9 && s < 1; s *= 10) {
        a.digits++;
    }
    return a;
}

double chart_at(const struct chart_axis *a, double value)
{
    return a->start + (value - a->low) / (a->high - a->low) * (a->end - a->start);
}

struct chart_text chart_tick(const struct chart_axis *a, double value)
{
    struct chart_text t;
    snprintf(t.text, sizeof t.text, "%.*f", (int)a->digits, fabs(value) < a->step / 2 ? 0 : value);
    return t;
}

struct scene_shape *chart_label(struct chart *c, const char *role, double size,
                                enum scene_anchor anchor, double x, double y, double width,
                                struct bytes text)
{
    char cut[256];
    struct bytes shown = scene_text_fit(text, size, false, width);
    if (shown.size < text.size) {
        shown = scene_text_fit(text, size, false, width - 1.05 * size);
        int n = snprintf(cut, sizeof cut, "%.*s\u2026", TEXT(shown));
        shown = BYTES(cut, (size_t)n);
    }
    struct scene_shape *label = scene_text(c->scene, role, CHART_INK, size, anchor, x, y, shown);
    if (shown.data == (const uint8_t *)cut) {
        scene_tip(c->scene, label, text);
    }
    return label;
}

/* ---- words above and below ------------------------------------------------------------------- */

/* Lines of words, none wider than that; returns where the next line would stand. */
static double wrapped(struct scene *s, const char *role, uint32_t color, double size, bool bold,
                      double x, double y, double width, unsigned lines, struct bytes text)
{
    while (text.size > 0 && lines-- > 0) {
        struct bytes line = scene_text_fit(text, size, bold, width);
        if (line.size < text.size) {
            size_t space = line.size;
            while (space > 0 && text.data[space] != ' ') {
                space--;
            }
            line.size = space > 0 ? space : line.size > 0 ? line.size : text.size;
        }
        scene_text(s, role, color, size, SCENE_START, x, y, line)->bold = bold;
        text = BYTES(text.data + line.size, text.size - line.size);
        while (text.size > 0 && text.data[0] == ' ') {
            text = BYTES(text.data + 1, text.size - 1);
        }
        y += size * 1.35;
    }
    return y;
}

static void draw_head(struct chart *c)
{
    struct scene *s = c->scene;
    const struct query_document *doc = &c->checked->doc;
    const struct receipt *p = &c->checked->receipt;
    char line[384];
    double width = s->width - 2 * CHART_MARGIN;
    double y = wrapped(s, "title", CHART_INK, TITLE_SIZE, true, CHART_MARGIN, 46, width,
                       TITLE_LINES, doc->question);
    snprintf(line, sizeof line, "%s to %s \u00b7 %s of %s people answered",
             reading_day(doc->first_day).text, reading_day(doc->last_day).text,
             number_of((__int128)p->answered, 1, 0).text, number_of((__int128)p->asked, 1, 0).text);
    scene_text(s, "subtitle", CHART_MUTED, CHART_FONT, SCENE_START, CHART_MARGIN, y, of(line));
    c->top = y + 18;
}

static void note(struct chart *c, double *y, const char *text)
{
    *y = wrapped(c->scene, "note", CHART_MUTED, NOTE_SIZE, false, CHART_MARGIN, *y,
                 c->scene->width - 2 * CHART_MARGIN, 3, of(text));
}

static void draw_notes(struct chart *c)
{
    const struct receipt *p = &c->checked->receipt;
    enum query_aggregate aggregate = c->checked->doc.schema.aggregate;
    struct reading all = reading_of_all(&c->checked->doc, p->asked, p->bound95);
    double y = c->bottom + 24;
    char line[512], id[65];
    if (aggregate == QUERY_QUANTILE && !c->stepped) {
        note(c, &y, "The noise is larger than the counts: no quantile is known.");
    }
    if (c->stepped) {
        note(c, &y,
             "Each step: how many lie in this cell or below; as released, so noise may make it "
             "fall. "
             "Shaded: 95 % interval, by the noise.");
    } else {
        snprintf(line, sizeof line, "95 %% interval of each estimate, by the noise: \u00b1%s%s.%s",
                 reading_size(&all, p->bound95).text, reading_points(&all).text,
                 p->answered < p->asked ? " Who did not answer counts with the default." : "");
        note(c, &y, line);
    }
    if (c->clamped) {
        note(c, &y, "Bars stop at 0; numbers and intervals are as released.");
    }
    if (c->hatched) {
        snprintf(line, sizeof line,
                 "Hatched: not shown, because the noisy sum is below %s (%u of %u).",
                 number_of((__int128)c->checked->doc.schema.threshold, 1, 0).text,
                 receipt_suppressed(p), c->count);
        note(c, &y, line);
    }
    hex_encode(id, c->checked->id.data, 8);
    snprintf(line, sizeof line,
             "Cost for each person: rho %s, epsilon %s at delta 1e-%u. Query %.16s\u2026, release "
             "%llu of the log.",
             number_plain((__int128)p->cost, 1000000, 6).text,
             number_up(c->facts->epsilon_pico, UINT64_C(1000000000000), 3).text, p->delta_exponent,
             id, (unsigned long long)c->checked->release_index);
    note(c, &y, line);
    c->scene->height = ceil(y + 12);
}

static void describe(struct chart *c)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        c->scene->failed = true;
        return;
    }
    fprintf(out, "%s by %.*s.", query_aggregate_text(c->checked->doc.schema.aggregate),
            TEXT(c->checked->doc.function));
    for (uint32_t i = 0; i < c->count && i < TOLD_MAX; i++) {
        fprintf(out, " %s.", chart_tip(c, i).text);
    }
    if (c->count > TOLD_MAX) {
        fprintf(out, " And %u more.", c->count - TOLD_MAX);
    }
    if (fclose(out) != 0) {
        c->scene->failed = true;
    } else {
        scene_describe(c->scene, c->checked->doc.question, BYTES(text, size));
    }
    free(text);
}

int chart_draw(const struct result_checked *checked, const struct query_facts *facts,
               struct scene *s, struct diag *d)
{
    struct chart c = {
        .checked = checked, .facts = facts, .scene = s, .count = checked->receipt.entry_count};
    struct reading r = reading(&c, 0);
    bool many = c.count > (checked->doc.schema.aggregate == QUERY_OD ? SMALL_MATRIX : BARS_MAX);
    *s = (struct scene){.width = many ? 960 : 800};
    c.bound = reading_float(&r, (__int128)checked->receipt.bound95);
    for (uint32_t i = 0; i < c.count; i++) {
        c.hatched = c.hatched || chart_hidden(&c, i);
    }
    /* The ground: also where a viewer's own is dark. Its height is known at the end. */
    scene_rect(s, "ground", 0xffffff, 0, 0, s->width, 0);
    draw_head(&c);
    c.stepped = checked->doc.schema.aggregate == QUERY_QUANTILE && chart_steps(&c);
    if (!c.stepped && (checked->doc.schema.aggregate != QUERY_OD || !chart_matrix(&c))) {
        if (c.count > BARS_MAX) {
            chart_columns(&c);
        } else {
            chart_bars(&c);
        }
    }
    draw_notes(&c);
    describe(&c);
    if (s->failed) {
        return diag_fail(d, -ENOMEM, "no memory for the picture");
    }
    s->shapes[0].width = s->width;
    s->shapes[0].height = s->height;
    return 0;
}
