/* SPDX-License-Identifier: Apache-2.0 */
/* A bar for each entry, its interval, its number. */
#include "query/chart.h"

#include <string.h>

#define ROW     32.0
#define BAR     18.0
#define LABEL   230.0 /* at most */
#define WHISKER 9.0
#define GAP     14.0

static struct bytes of(const char *text)
{
    return BYTES(text, strlen(text));
}

struct columns {
    double label, number, interval; /* widths */
};

static struct columns measure(const struct chart *c)
{
    struct columns w = {0};
    for (uint32_t i = 0; i < c->count; i++) {
        double label = scene_text_width(chart_name(c, i), CHART_FONT, false);
        double number = scene_text_width(of(chart_number(c, i).text), CHART_FONT, true);
        w.label = label > w.label ? label : w.label;
        w.number = number > w.number ? number : w.number;
    }
    w.label = w.label > LABEL ? LABEL : w.label;
    w.interval = scene_text_width(of(chart_interval(c).text), CHART_FONT, false);
    return w;
}

static struct chart_axis axis_of(const struct chart *c, double start, double end)
{
    double low = 0, high = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        if (!chart_hidden(c, i)) {
            double value = chart_value(c, i);
            low = value - c->bound < low ? value - c->bound : low;
            high = value + c->bound > high ? value + c->bound : high;
        }
    }
    return chart_axis(low, high, start, end, 6);
}

static void grid(struct chart *c, const struct chart_axis *a, double top, double bottom)
{
    for (double v = chart_first(a); v < a->high + a->step / 2; v += a->step) {
        double x = chart_at(a, v);
        scene_line(c->scene, "grid", CHART_GRID, 1, x, top, x, bottom);
        scene_text(c->scene, "tick", CHART_MUTED, 11, SCENE_MIDDLE, x, bottom + 16,
                   of(chart_tick(a, v).text));
    }
    double zero = chart_at(a, 0);
    scene_line(c->scene, "zero", CHART_AXIS, 1, zero, top, zero, bottom);
}

static void whisker(struct chart *c, const struct chart_axis *a, double value, double y)
{
    double low = chart_at(a, value - c->bound), high = chart_at(a, value + c->bound);
    scene_points(c->scene, SCENE_LINES, "whisker", CHART_INK, 1.5);
    scene_point(c->scene, low, y);
    scene_point(c->scene, high, y);
    scene_point(c->scene, low, y - WHISKER / 2);
    scene_point(c->scene, low, y + WHISKER / 2);
    scene_point(c->scene, high, y - WHISKER / 2);
    scene_point(c->scene, high, y + WHISKER / 2);
}

static void bar(struct chart *c, uint32_t i, const struct chart_axis *a, double y)
{
    double value = chart_value(c, i), zero = chart_at(a, 0);
    double drawn = value < 0 && !chart_signed(c) ? 0 : value;
    double end = chart_at(a, drawn);
    c->clamped = c->clamped || drawn > value;
    struct scene_shape *shape =
        scene_rect(c->scene, "bar", drawn < 0 ? CHART_NEGATIVE : CHART_BAR, end < zero ? end : zero,
                   y - BAR / 2, end < zero ? zero - end : end - zero, BAR);
    scene_tip(c->scene, shape, of(chart_tip(c, i).text));
    whisker(c, a, value, y);
}

void chart_bars(struct chart *c)
{
    struct columns w = measure(c);
    struct scene *s = c->scene;
    double left = CHART_MARGIN + w.label + GAP;
    double numbers = s->width - CHART_MARGIN - w.interval - 8;
    double right = numbers - w.number - 2 * GAP;
    double bottom = c->top + c->count * ROW;
    struct chart_axis a = axis_of(c, left, right);
    struct bytes unit = chart_unit(c);
    grid(c, &a, c->top, bottom);
    for (uint32_t i = 0; i < c->count; i++) {
        double y = c->top + (i + 0.5) * ROW, base = y + CHART_FONT * 0.36;
        chart_label(c, "label", CHART_FONT, SCENE_END, left - GAP, base, w.label, chart_name(c, i));
        if (chart_hidden(c, i)) {
            scene_text(s, "value", CHART_MUTED, CHART_FONT, SCENE_END, numbers, base,
                       BYTES_STR("not shown"));
            continue;
        }
        bar(c, i, &a, y);
        scene_text(s, "value", CHART_INK, CHART_FONT, SCENE_END, numbers, base,
                   of(chart_number(c, i).text))
            ->bold = true;
        scene_text(s, "interval", CHART_MUTED, CHART_FONT, SCENE_START, numbers + 8, base,
                   of(chart_interval(c).text));
    }
    c->bottom = bottom + 22;
    if (unit.size > 0) {
        scene_text(s, "unit", CHART_MUTED, 11, SCENE_MIDDLE, (left + right) / 2, bottom + 32, unit);
        c->bottom += 14;
    }
}
