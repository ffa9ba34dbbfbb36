/* SPDX-License-Identifier: Apache-2.0 */
/* Results as pictures. What is drawn is what was released: estimates, the interval of the noise,
 * and a hatch where nothing is shown. Bars may stop at 0; then a note says so.
 *
 *   few entries   a bar for each, with its interval and number
 *   many          columns in their order
 *   quantile      the cumulated distribution, as steps, with quartiles
 *   OD matrix     a heat map, when entries are all pairs "A > B" of some zones */
#pragma once

#include "query/report.h"
#include "query/scene.h"

/* Draws into *s, which the caller releases. -ENOMEM; nothing else can fail. */
int chart_draw(const struct result_checked *c, const struct query_facts *facts, struct scene *s,
               struct diag *d) MUST_USE;

/* ---- Between the files of charts ------------------------------------------------------------- */

#define CHART_INK   0x1b2733u
#define CHART_MUTED 0x5b6875u
#define CHART_GRID  0xe1e6ecu
#define CHART_AXIS  0x9aa5b1u
/* Of Okabe and Ito's palette, which everybody can tell apart; lighter for large areas. */
#define CHART_BAR      0x56a3d5u
#define CHART_NEGATIVE 0xe69f00u
#define CHART_BAND     0xcfe4f4u
#define CHART_LINE     0x0072b2u
#define CHART_HATCH    0xaab4beu
#define CHART_EMPTY    0xf1f3f6u

#define CHART_MARGIN 32.0
#define CHART_FONT   13.0

/* What all kinds draw on: numbers are read already (docs/formats/receipt.md), in the entry's unit.
 */
struct chart {
    const struct result_checked *checked;
    const struct query_facts *facts;
    struct scene *scene;
    uint32_t count;
    double bound;  /* half of the interval; the same for all entries */
    double top;    /* where the plot may start */
    double bottom; /* where it ended; notes follow */
    bool clamped;  /* a bar stops at 0 although its number is lower */
    bool hatched;  /* something is not shown */
    bool stepped;  /* a distribution, not its cells */
};
static inline bool chart_hidden(const struct chart *c, uint32_t i)
{
    return c->checked->receipt.suppressed[i];
}
double chart_value(const struct chart *c, uint32_t i);
/* What numbers are read in: "%", "people"; of a quantile's cells not the grid's. */
struct bytes chart_unit(const struct chart *c);
struct bytes chart_name(const struct chart *c, uint32_t i);
/* May entries be negative at all? If not, bars stop at 0. */
bool chart_signed(const struct chart *c);
/* "34.1 %" and "+-1.4" */
struct chart_text {
    char text[96];
};
struct chart_text chart_number(const struct chart *c, uint32_t i);
struct chart_text chart_interval(const struct chart *c);
/* "walk: 34.1 % (32.7 to 35.5)", for pointers and for who does not see. */
struct chart_tip {
    char text[320];
};
struct chart_tip chart_tip(const struct chart *c, uint32_t i);

/* An axis of values from low to high: it ends on a round step, and begins there or at low. */
struct chart_axis {
    double low, high, step;
    double start, end; /* pixels; start may be greater */
    unsigned digits;
};
struct chart_axis chart_axis(double low, double high, double start, double end, unsigned steps);
double chart_first(const struct chart_axis *a); /* step within it */
double chart_at(const struct chart_axis *a, double value);
struct chart_text chart_tick(const struct chart_axis *a, double value);
/* A label no wider than that; what was cut ends in an ellipsis. */
struct scene_shape *chart_label(struct chart *c, const char *role, double size,
                                enum scene_anchor anchor, double x, double y, double width,
                                struct bytes text);

void chart_bars(struct chart *c);
void chart_columns(struct chart *c);
/* False when noise leaves no total to take shares of: nothing was drawn. */
bool chart_steps(struct chart *c);
/* False when entries are no matrix: nothing was drawn. */
bool chart_matrix(struct chart *c);
