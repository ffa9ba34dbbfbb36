/* SPDX-License-Identifier: Apache-2.0 */
/* Trips between zones: a row for where from, a column for where to. */
#include "query/chart.h"

#include <math.h>
#include <string.h>

#define ZONES_MAX  64u
#define LABEL      150.0
#define VALUES_AT  38.0 /* smaller cells show no numbers */
#define LEGEND     96.0
#define LEGEND_TOP 24.0

static struct bytes of(const char *text)
{
    return BYTES(text, strlen(text));
}

struct matrix {
    struct chart *c;
    uint32_t zones;
    struct bytes names[ZONES_MAX];
    double cell, left, top, highest;
    double font; /* of labels */
};

static bool split(struct bytes name, struct bytes *ret_from, struct bytes *ret_to)
{
    const uint8_t *at = memmem(name.data, name.size, " > ", 3);
    size_t width = 3;
    if (at == NULL) {
        at = name.size > 0 ? memchr(name.data, '>', name.size) : NULL;
        width = 1;
    }
    if (at == NULL) {
        return false;
    }
    size_t before = (size_t)(at - name.data);
    *ret_from = BYTES(name.data, before);
    *ret_to = BYTES(at + width, name.size - before - width);
    return ret_from->size > 0 && ret_to->size > 0;
}

/* All pairs, row after row? */
static bool read_zones(struct matrix *m)
{
    uint32_t n = (uint32_t)lround(sqrt(m->c->count));
    struct bytes from, to;
    if (n < 2 || n > ZONES_MAX || n * n != m->c->count) {
        return false;
    }
    m->zones = n;
    for (uint32_t i = 0; i < n; i++) {
        if (!split(chart_name(m->c, i), &from, &m->names[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < n * n; i++) {
        if (!split(chart_name(m->c, i), &from, &to) || !bytes_equal(from, m->names[i / n]) ||
            !bytes_equal(to, m->names[i % n])) {
            return false;
        }
    }
    return true;
}

/* From pale to dark blue: lightness alone tells more from less. */
static uint32_t shade(double part)
{
    static const double stops[3][3] = {{236, 243, 250}, {107, 174, 214}, {8, 48, 107}};
    part = part < 0 ? 0 : part > 1 ? 1 : part;
    int low = part < 0.5 ? 0 : 1;
    double t = part * 2 - low;
    uint32_t color = 0;
    for (int i = 0; i < 3; i++) {
        double value = stops[low][i] + (stops[low + 1][i] - stops[low][i]) * t;
        color = color << 8 | (uint32_t)lround(value);
    }
    return color;
}

static void hatch(struct scene *s, double x, double y, double size, struct bytes tip)
{
    scene_tip(s, scene_rect(s, "hidden", CHART_EMPTY, x, y, size, size), tip);
    scene_points(s, SCENE_LINES, "hatch", CHART_HATCH, size < 16 ? 0.6 : 1);
    int lines = (int)fmin(fmax(size / 4.5, 3), 15);
    for (int i = 1; i <= lines; i++) { /* diagonals, each within the cell */
        double t = 2 * size * i / (lines + 1), over = t > size ? t - size : 0;
        scene_point(s, x + over, y + t - over);
        scene_point(s, x + t - over, y + over);
    }
}

static void cell(struct matrix *m, uint32_t i)
{
    struct scene *s = m->c->scene;
    double x = m->left + i % m->zones * m->cell, y = m->top + i / m->zones * m->cell;
    double gap = m->cell > 16 ? 1 : 0.5, size = m->cell - gap;
    if (chart_hidden(m->c, i)) {
        hatch(s, x, y, size, of(chart_tip(m->c, i).text));
        return;
    }
    double part = chart_value(m->c, i) / m->highest;
    struct scene_shape *shape = scene_rect(s, "cell", shade(part), x, y, size, size);
    scene_tip(s, shape, of(chart_tip(m->c, i).text));
    if (m->cell >= VALUES_AT) {
        struct chart_text number = chart_number(m->c, i);
        double wish = scene_text_width(of(number.text), 13, false);
        double font = wish > size - 4 ? 13 * (size - 4) / wish : 13;
        scene_text(s, "value", part > 0.55 ? 0xffffff : CHART_INK, font, SCENE_MIDDLE, x + size / 2,
                   y + size / 2 + font * 0.36, of(number.text));
    }
}

static void labels(struct matrix *m, bool turned)
{
    double reach = m->zones * m->cell;
    for (uint32_t i = 0; i < m->zones; i++) {
        double middle = (i + 0.5) * m->cell;
        chart_label(m->c, "label", m->font, SCENE_END, m->left - 8,
                    m->top + middle + m->font * 0.36, LABEL, m->names[i]);
        chart_label(m->c, "label", turned ? fmin(m->font, m->cell * 0.58) : m->font,
                    turned ? SCENE_START : SCENE_MIDDLE,
                    m->left + middle + (turned ? m->font * 0.3 : 0), m->top - 8,
                    turned ? LABEL : m->cell, m->names[i])
            ->turned = turned;
    }
    scene_text(m->c->scene, "unit", CHART_MUTED, 11, SCENE_START, CHART_MARGIN, m->top - 8,
               BYTES_STR("from \u2193  to \u2192"));
    m->c->bottom = m->top + reach;
}

static void legend(struct matrix *m)
{
    struct scene *s = m->c->scene;
    double x = m->left + m->zones * m->cell + 28, height = m->zones * m->cell - LEGEND_TOP - 40;
    height = height < 80 ? 80 : height > 260 ? 260 : height;
    double top = m->top + LEGEND_TOP;
    for (int i = 0; i < 32; i++) {
        scene_rect(s, "scale", shade(1 - (i + 0.5) / 32), x, top + i * height / 32, 16,
                   height / 32 + 0.5);
    }
    struct chart_axis a = chart_axis(0, m->highest, top + height, top, 4);
    a.high = m->highest;
    for (double v = 0; v <= m->highest; v += a.step) {
        scene_text(s, "tick", CHART_MUTED, 11, SCENE_START, x + 24, chart_at(&a, v) + 4,
                   of(chart_tick(&a, v).text));
    }
    scene_text(s, "unit", CHART_MUTED, 11, SCENE_START, x, top - 10,
               m->c->checked->doc.labels[0].unit);
    if (m->c->hatched) {
        hatch(s, x, top + height + 16, 16, (struct bytes){0});
        scene_text(s, "tick", CHART_MUTED, 11, SCENE_START, x + 24, top + height + 28,
                   BYTES_STR("not shown"));
    }
    double end = top + height + 40;
    m->c->bottom = end > m->c->bottom ? end : m->c->bottom;
}

bool chart_matrix(struct chart *c)
{
    struct matrix m = {.c = c};
    if (!read_zones(&m)) {
        return false;
    }
    double widest = 0, room = c->scene->width - 2 * CHART_MARGIN - LEGEND;
    for (uint32_t i = 0; i < m.zones; i++) {
        widest = fmax(widest, scene_text_width(m.names[i], CHART_FONT, false));
    }
    widest = fmin(fmax(widest, 60), LABEL);
    m.cell = fmin(fmax((room - widest - 8) / m.zones, 9), 76);
    m.font = fmin(CHART_FONT, m.cell * 0.85);
    bool turned = widest > m.cell - 6;
    m.left = CHART_MARGIN + widest + 8;
    m.top = c->top + (turned ? 24 + widest * 0.72 : 34);
    for (uint32_t i = 0; i < c->count; i++) {
        m.highest = fmax(m.highest, chart_hidden(c, i) ? 0 : chart_value(c, i));
    }
    m.highest = m.highest > 0 ? m.highest : 1;
    for (uint32_t i = 0; i < c->count; i++) {
        cell(&m, i);
    }
    labels(&m, turned);
    legend(&m);
    return true;
}
