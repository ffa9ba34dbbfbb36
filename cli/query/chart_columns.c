/* SPDX-License-Identifier: Apache-2.0 */
/* Many entries, in their order: columns with whiskers while there is room for them, then a line in
 * the band of its intervals. */
#include "query/chart.h"

#include <math.h>
#include <string.h>

#define HEIGHT      300.0
#define TICKS       56.0 /* for numbers at the left */
#define WHISKERS_AT 7.0  /* narrower columns have none */

static struct bytes of(const char *text)
{
    return BYTES(text, strlen(text));
}

static struct chart_axis axis_of(const struct chart *c, double start, double end)
{
    double low = 0, high = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        if (!chart_hidden(c, i)) {
            double value = chart_value(c, i);
            low = fmin(low, value - c->bound);
            high = fmax(high, value + c->bound);
        }
    }
    return chart_axis(low, high, start, end, 5);
}

static void grid(struct chart *c, const struct chart_axis *a, double left, double right)
{
    for (double v = chart_first(a); v < a->high + a->step / 2; v += a->step) {
        double y = chart_at(a, v);
        scene_line(c->scene, "grid", CHART_GRID, 1, left, y, right, y);
        scene_text(c->scene, "tick", CHART_MUTED, 11, SCENE_END, left - 8, y + 4,
                   of(chart_tick(a, v).text));
    }
}

static void column(struct chart *c, const struct chart_axis *a, uint32_t i, double x, double width)
{
    double value = chart_value(c, i), zero = chart_at(a, 0);
    double drawn = value < 0 && !chart_signed(c) ? 0 : value, end = chart_at(a, drawn);
    c->clamped = c->clamped || drawn > value;
    double gap = width > 12 ? width * 0.18 : width > 4 ? 1 : 0;
    struct scene_shape *shape =
        scene_rect(c->scene, "bar", drawn < 0 ? CHART_NEGATIVE : CHART_BAR, x + gap / 2,
                   end < zero ? end : zero, width - gap, end < zero ? zero - end : end - zero);
    scene_tip(c->scene, shape, of(chart_tip(c, i).text));
    if (width < WHISKERS_AT) {
        return;
    }
    double low = chart_at(a, value - c->bound), high = chart_at(a, value + c->bound);
    double middle = x + width / 2, half = fmin(width * 0.2, 4);
    scene_points(c->scene, SCENE_LINES, "whisker", CHART_INK, width > 14 ? 1.5 : 1);
    scene_point(c->scene, middle, low);
    scene_point(c->scene, middle, high);
    scene_point(c->scene, middle - half, low);
    scene_point(c->scene, middle + half, low);
    scene_point(c->scene, middle - half, high);
    scene_point(c->scene, middle + half, high);
}

/* Where there is no room for whiskers: the band between all lows and all highs. */
static void band(struct chart *c, const struct chart_axis *a, double left, double width)
{
    scene_points(c->scene, SCENE_AREA, "band", CHART_BAND, 0);
    for (uint32_t i = 0; i < c->count; i++) {
        double y = chart_at(a, chart_hidden(c, i) ? 0 : chart_value(c, i) + c->bound);
        scene_point(c->scene, left + i * width, y);
        scene_point(c->scene, left + (i + 1) * width, y);
    }
    for (uint32_t i = c->count; i-- > 0;) {
        double y = chart_at(a, chart_hidden(c, i) ? 0 : chart_value(c, i) - c->bound);
        scene_point(c->scene, left + (i + 1) * width, y);
        scene_point(c->scene, left + i * width, y);
    }
}

/* As many names as fit side by side: each one, each second, each fifth ... If little more room lets
 * them come round evenly (each twelfth of 168 hours), rather so. */
static uint32_t stride_of(const struct chart *c, double width, double size)
{
    static const uint32_t factors[] = {1,  2,  3,  4,   5,   6,   7,   8,    10,   12,  15,
                                       20, 24, 50, 100, 150, 200, 500, 1000, 2000, 5000};
    double widest = 0;
    uint32_t first = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        widest = fmax(widest, scene_text_width(chart_name(c, i), size, false));
    }
    widest = fmin(widest, 140) + size;
    for (size_t i = 0; i < ARRAY_SIZE(factors); i++) {
        if (factors[i] * width >= widest && first == 0) {
            first = factors[i];
        }
        if (first != 0 && factors[i] <= 2 * first && c->count % factors[i] == 0) {
            return factors[i];
        }
    }
    return first != 0 ? first : c->count;
}

void chart_columns(struct chart *c)
{
    double left = CHART_MARGIN + TICKS, right = c->scene->width - CHART_MARGIN;
    double top = c->top + 16, bottom = top + HEIGHT, width = (right - left) / c->count;
    struct chart_axis a = axis_of(c, bottom, top);
    struct bytes unit = chart_unit(c);
    scene_text(c->scene, "unit", CHART_MUTED, 11, SCENE_END, left - 8, top - 14, unit);
    grid(c, &a, left, right);
    if (width < WHISKERS_AT) {
        band(c, &a, left, width);
    }
    for (uint32_t i = 0; i < c->count; i++) {
        if (!chart_hidden(c, i)) {
            column(c, &a, i, left + i * width, width);
        }
    }
    double zero = chart_at(&a, 0);
    scene_line(c->scene, "zero", CHART_AXIS, 1, left, zero, right, zero);
    uint32_t stride = stride_of(c, width, 11);
    for (uint32_t i = 0; i < c->count; i += stride) {
        double x = left + (i + 0.5) * width;
        double room = fmin(stride * width - 4, 2 * (x - CHART_MARGIN / 2));
        chart_label(c, "label", 11, SCENE_MIDDLE, x, bottom + 18, room, chart_name(c, i));
    }
    c->bottom = bottom + 30;
}
