/* SPDX-License-Identifier: Apache-2.0 */
/* A quantile's cells, cumulated: how many of all lie up to here. */
#include "query/chart.h"

#include <math.h>
#include <string.h>

#define HEIGHT 320.0
#define TICKS  48.0

static struct bytes of(const char *text)
{
    return BYTES(text, strlen(text));
}

struct steps {
    struct chart *c;
    double left, right, width; /* width of a cell */
    struct chart_axis y;
    double total;
};

/* How far the share up to cell i may be off, as query_read_quantile() reckons it: the noise of the
 * cells up to here and of those beyond weighs differently. */
static double slack(const struct steps *s, uint32_t i, double share)
{
    double m = s->c->count, j = i + 1;
    return s->c->bound * sqrt((1 - share) * (1 - share) * j + share * share * (m - j)) / s->total;
}

static double inside(double share)
{
    return share < -0.05 ? -0.05 : share > 1.05 ? 1.05 : share;
}

static void draw(struct steps *s)
{
    struct scene *scene = s->c->scene;
    uint32_t m = s->c->count;
    double sum = 0;
    for (uint32_t i = 0; i < m; i++) {
        sum += chart_value(s->c, i);
        double share = sum / s->total, off = slack(s, i, share);
        double high = chart_at(&s->y, inside(share + off)),
               low = chart_at(&s->y, inside(share - off));
        struct scene_shape *band = scene_rect(scene, "band", CHART_BAND, s->left + i * s->width,
                                              high, s->width, low - high);
        scene_tip(scene, band, of(chart_tip(s->c, i).text));
    }
    scene_points(scene, SCENE_PATH, "steps", CHART_LINE, 2.5);
    sum = 0;
    for (uint32_t i = 0; i < m; i++) {
        sum += chart_value(s->c, i);
        double y = chart_at(&s->y, inside(sum / s->total));
        scene_point(scene, s->left + i * s->width, y);
        scene_point(scene, s->left + (i + 1) * s->width, y);
    }
}

/* From where a quarter, half, three quarters are reached, down to the cell. */
static void quartiles(struct steps *s)
{
    static const char *const names[] = {"25 %", "median", "75 %"};
    struct query_schema schema = query_document_schema(&s->c->checked->doc);
    for (uint32_t n = 1; n <= 3; n++) {
        struct query_quantile q;
        if (query_read_quantile(&schema, &s->c->facts->plan, s->c->checked->receipt.values, n, 4,
                                &q, NULL) != 0) {
            return;
        }
        double x = s->left + (q.cell + 0.5) * s->width, y = chart_at(&s->y, n / 4.0);
        scene_line(s->c->scene, "quartile", CHART_INK, 1, s->left, y, x, y)->dashed = true;
        scene_line(s->c->scene, "quartile", CHART_INK, 1, x, y, x, s->y.start)->dashed = true;
        scene_text(s->c->scene, "quartile-name", CHART_INK, 11.5, SCENE_START, s->left + 6, y - 5,
                   of(names[n - 1]));
    }
}

static void grid(struct steps *s)
{
    for (int percent = 0; percent <= 100; percent += 25) {
        struct chart_text t;
        double y = chart_at(&s->y, percent / 100.0);
        snprintf(t.text, sizeof t.text, "%d %%", percent);
        scene_line(s->c->scene, "grid", CHART_GRID, 1, s->left, y, s->right, y);
        scene_text(s->c->scene, "tick", CHART_MUTED, 11, SCENE_END, s->left - 8, y + 4, of(t.text));
    }
}

/* "5 to 10": where the cell ends; cells that follow each other are labelled at their edges. */
static bool edges(struct bytes name, struct bytes *ret_from, struct bytes *ret_to)
{
    const uint8_t *at = memmem(name.data, name.size, " to ", 4);
    if (at == NULL) {
        return false;
    }
    size_t before = (size_t)(at - name.data);
    *ret_from = BYTES(name.data, before);
    *ret_to = BYTES(at + 4, name.size - before - 4);
    return ret_from->size > 0 && ret_to->size > 0;
}

static bool all_edges(const struct chart *c)
{
    struct bytes from, to, last = {0};
    for (uint32_t i = 0; i < c->count; i++) {
        if (!edges(chart_name(c, i), &from, &to) || (i > 0 && !bytes_equal(from, last))) {
            return false;
        }
        last = to;
    }
    return true;
}

static void labels(struct steps *s, double bottom)
{
    struct chart *c = s->c;
    bool at_edges = all_edges(c);
    double widest = 0;
    struct bytes from = {0}, to = {0};
    for (uint32_t i = 0; i < c->count; i++) {
        struct bytes name = chart_name(c, i);
        if (at_edges && edges(name, &from, &to)) {
            name = to;
        }
        widest = fmax(widest, scene_text_width(name, 11, false));
    }
    uint32_t stride = (uint32_t)ceil((fmin(widest, 140) + 10) / s->width);
    for (uint32_t i = 0; i < c->count + at_edges; i += stride) {
        struct bytes name = chart_name(c, i < c->count ? i : c->count - 1);
        double x = s->left + (i + (at_edges ? 0 : 0.5)) * s->width;
        if (at_edges && edges(name, &from, &to)) {
            name = i < c->count ? from : to;
        }
        chart_label(c, "label", 11, SCENE_MIDDLE, x, bottom + 18, stride * s->width, name);
    }
}

bool chart_steps(struct chart *c)
{
    struct steps s = {.c = c, .left = CHART_MARGIN + TICKS};
    double top = c->top + 10, bottom = top + HEIGHT;
    s.right = c->scene->width - CHART_MARGIN;
    s.width = (s.right - s.left) / c->count;
    s.y = (struct chart_axis){.low = -0.05, .high = 1.05, .start = bottom, .end = top};
    for (uint32_t i = 0; i < c->count; i++) {
        s.total += chart_value(c, i);
    }
    if (s.total <= 0) {
        return false;
    }
    grid(&s);
    draw(&s);
    quartiles(&s);
    labels(&s, bottom);
    scene_text(c->scene, "unit", CHART_MUTED, 11, SCENE_MIDDLE, (s.left + s.right) / 2, bottom + 36,
               c->checked->doc.labels[0].unit);
    c->bottom = bottom + 44;
    return true;
}
