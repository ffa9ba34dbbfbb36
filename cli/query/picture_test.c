/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures: everything that was released is in them, nothing lies over another, and what is drawn
 * is what the numbers say. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "query/chart.h"
#include "query/reading.h"
#include "query/test_forge.h"
#include "tests/tap.h"

static struct forged f;
static uint8_t file[RESULT_FILE_MAX];
static struct result result;
static struct result_checked checked;
static struct query_facts facts;
static struct scene scene;
static struct diag diag;

static void draw(const char *name)
{
    enum result_part part;
    scene_done(&scene);
    forged_example(&f, name);
    size_t size = forged_file(&f, file, sizeof file);
    REQUIRE(result_read(BYTES(file, size), &result, &diag) == 0 &&
            result_check(&result, &f.id, &f.log.key, FORGED_TIME, &checked, &part, &diag) == 0 &&
            query_result_facts(&checked, &facts, &diag) == 0 &&
            chart_draw(&checked, &facts, &scene, &diag) == 0);
}

static unsigned count(const char *role)
{
    unsigned n = 0;
    for (size_t i = 0; i < scene.shape_count; i++) {
        n += strcmp(scene.shapes[i].role, role) == 0;
    }
    return n;
}

static const struct scene_shape *nth(const char *role, unsigned n)
{
    for (size_t i = 0; i < scene.shape_count; i++) {
        if (strcmp(scene.shapes[i].role, role) == 0 && n-- == 0) {
            return &scene.shapes[i];
        }
    }
    REQUIRE(false);
    return NULL;
}

/* Of a text that stands level; as high as its capitals and a little. */
struct box {
    double left, right, top, bottom;
};
static struct box box_of(const struct scene_shape *t)
{
    static const double part[] = {0, 0.5, 1};
    double width = scene_text_width(scene_bytes(&scene, t->first, t->count), t->size, t->bold);
    double left = t->x - width * part[t->anchor];
    return (struct box){left, left + width, t->y - t->size * 0.75, t->y + t->size * 0.2};
}

/* Turned texts begin in a row: their lines are apart by the row's step, at 45 degrees. */
static bool collide(const struct scene_shape *a, const struct scene_shape *b)
{
    if (a->turned && b->turned) {
        return fabs(a->x - b->x) * sqrt(0.5) < a->size * 0.75;
    }
    struct box p = box_of(a), q = box_of(b);
    if (a->turned || b->turned) {
        return false;
    }
    return p.left < q.right - 0.01 && q.left < p.right - 0.01 && p.top < q.bottom - 0.01 &&
           q.top < p.bottom - 0.01;
}

static bool outside(const struct scene_shape *t)
{
    struct box b = box_of(t);
    if (t->turned) { /* rises to the right */
        double reach = (b.right - b.left) * sqrt(0.5);
        b = (struct box){t->x, t->x + reach + t->size * 0.2, t->y - reach - t->size * 0.7, t->y};
    }
    return b.left < 0 || b.right > scene.width || b.top < 0 || b.bottom > scene.height;
}

static void places(const char *name)
{
    unsigned collisions = 0, out = 0, texts = 0;
    for (size_t i = 0; i < scene.shape_count; i++) {
        const struct scene_shape *a = &scene.shapes[i];
        if (a->kind != SCENE_TEXT) {
            continue;
        }
        texts++;
        out += outside(a);
        for (size_t k = 0; k < i; k++) {
            const struct scene_shape *b = &scene.shapes[k];
            if (b->kind == SCENE_TEXT && collide(a, b)) {
                collisions++;
                printf("# over each other: %.*s | %.*s\n", (int)a->count, scene.text + a->first,
                       (int)b->count, scene.text + b->first);
            }
        }
    }
    for (size_t i = 0; i < scene.shape_count; i++) {
        const struct scene_shape *r = &scene.shapes[i];
        if (r->kind == SCENE_RECT) {
            out +=
                !(r->width >= 0 && r->height >= 0 && r->x >= 0 && r->y >= 0 &&
                  r->x + r->width <= scene.width + 0.01 && r->y + r->height <= scene.height + 0.01);
        }
        for (size_t p = 0; r->kind != SCENE_TEXT && p < r->count; p++) {
            struct scene_point at = scene.points[r->first + p];
            out += !(at.x >= 0 && at.x <= scene.width && at.y >= 0 && at.y <= scene.height);
        }
    }
    CHECK(collisions == 0 && out == 0 && texts > 3,
          "%s: no text lies over another, nothing outside (%u texts)", name, texts);
}

static bool text_is(const struct scene_shape *t, const char *wanted)
{
    struct bytes text = scene_bytes(&scene, t->first, t->count);
    if (!bytes_equal_str(text, wanted)) {
        printf("# it says %.*s\n", (int)text.size, (const char *)text.data);
        return false;
    }
    return true;
}

static bool noted(const char *words)
{
    for (unsigned i = 0; i < count("note"); i++) {
        const struct scene_shape *n = nth("note", i);
        if (memmem(scene.text + n->first, n->count, words, strlen(words)) != NULL) {
            return true;
        }
    }
    return false;
}

static void bars(void)
{
    draw("share");
    CHECK(count("bar") == 6 && count("whisker") == 6 && count("label") == 6 &&
              count("value") == 6 && count("interval") == 6,
          "shares: a bar, a whisker, a name, a number and an interval each");
    CHECK(text_is(nth("label", 3), "bus & tram") && text_is(nth("value", 0), "26.1 %") &&
              text_is(nth("interval", 0), "\u00b15.1"),
          "with the numbers of the result");
    double scale = nth("bar", 5)->width / 6180;
    bool fits = true;
    for (unsigned i = 0; i < 6; i++) {
        const struct scene_shape *bar = nth("bar", i), *whisker = nth("whisker", i);
        double end = bar->x + bar->width, low = scene.points[whisker->first].x,
               high = scene.points[whisker->first + 1].x;
        fits = fits && fabs(bar->width - (double)f.receipt.values[i] * scale) < 0.01 &&
               fabs(end - low - (double)f.receipt.bound95 * scale) < 0.01 &&
               fabs(high - end - (double)f.receipt.bound95 * scale) < 0.01;
    }
    CHECK(fits, "bars are as long as their numbers, whiskers as the interval");
    draw("mean");
    CHECK(nth("bar", 2)->color == CHART_NEGATIVE && nth("bar", 0)->color == CHART_BAR &&
              nth("bar", 2)->width > 0 && text_is(nth("value", 2), "-6.4"),
          "signed means go both ways");
    draw("count");
    CHECK(count("bar") == 1 && text_is(nth("value", 0), "93"), "a count is one bar");
    draw("hostile");
    CHECK(nth("bar", 1)->width == 0 && text_is(nth("value", 1), "-70") &&
              fabs(scene.points[nth("whisker", 1)->first + 1].x -
                   scene.points[nth("whisker", 1)->first].x) > 20,
          "a negative count: the bar stops at 0, number and interval do not");
    CHECK(noted("stop at 0"), "and that is said");
    CHECK(text_is(nth("label", 1), "]]>\ufffd\ufffd"), "what XML has no character for is replaced");
    CHECK(nth("label", 2)->tip_count == 47, "a name that was cut is whole for the pointer");
}

static void others(void)
{
    draw("histogram");
    CHECK(count("bar") == 24 && count("whisker") == 24 && count("label") >= 8,
          "24 hours: columns with whiskers");
    draw("week");
    CHECK(count("bar") == 168 && count("whisker") == 0 && count("band") == 1,
          "168 hours: a band where whiskers have no room");
    draw("quantile");
    CHECK(count("steps") == 1 && nth("steps", 0)->count == 24 && count("band") == 12 &&
              count("quartile") == 6 && count("label") == 13,
          "a quantile: steps with their band, three quartiles, the grid's edges");
    draw("empty");
    CHECK(count("steps") == 0 && count("bar") == 12 && text_is(nth("unit", 0), "people") &&
              noted("no quantile is known"),
          "noise alone has no distribution: its cells are bars");
    draw("od");
    uint32_t hidden = receipt_suppressed(&checked.receipt);
    CHECK(hidden > 0 && count("cell") == 36 - hidden && count("hidden") == hidden + 1 &&
              count("hatch") == hidden + 1 && count("label") == 12 && count("value") == 36 - hidden,
          "a matrix: a cell each, %u of 36 hatched, and the legend's", hidden);
    draw("zones");
    hidden = receipt_suppressed(&checked.receipt);
    CHECK(count("cell") == 1600 - hidden && count("hidden") == hidden + 1 && count("label") == 80 &&
              count("value") == 0,
          "40 zones: no numbers, all names");
}

static void fallbacks(void)
{
    enum result_part part;
    forged_example(&f, "od");
    f.doc.labels[7].name = BYTES_STR("no pair");
    forged_seal(&f, 200, 187);
    size_t size = forged_file(&f, file, sizeof file);
    scene_done(&scene);
    REQUIRE(result_read(BYTES(file, size), &result, &diag) == 0 &&
            result_check(&result, &f.id, &f.log.key, FORGED_TIME, &checked, &part, &diag) == 0 &&
            query_result_facts(&checked, &facts, &diag) == 0 &&
            chart_draw(&checked, &facts, &scene, &diag) == 0);
    CHECK(count("cell") == 0 && count("bar") == 36 - receipt_suppressed(&checked.receipt),
          "cells that are no pairs are columns, without those that are not shown");
}

static void words(void)
{
    struct bytes text = BYTES_STR("W\u00e4lder");
    CHECK(scene_text_fit(text, 10, false, 1e6).size == text.size &&
              scene_text_fit(text, 10, false, 18).size == 3 &&
              scene_text_fit(text, 10, false, 17).size == 1 &&
              scene_text_fit(text, 10, false, 0).size == 0,
          "texts are cut between characters");
    CHECK(scene_text_width(text, 20, true) > scene_text_width(text, 20, false),
          "bold texts are wider");
}

static void numbers(void)
{
    CHECK(strcmp(number_of(123456789, 100, 2).text, "1,234,567.89") == 0 &&
              strcmp(number_of(-5, 10, 0).text, "-1") == 0 &&
              strcmp(number_of(-4, 10, 0).text, "0") == 0 &&
              strcmp(number_of(999, 1, 0).text, "999") == 0 &&
              strcmp(number_of(1, 3, 12).text, "0.333333333333") == 0,
          "quotients are rounded half away from zero, without a float");
    CHECK(strcmp(number_up(1, 1000000, 2).text, "0.01") == 0 &&
              strcmp(number_up(2, 1, 2).text, "2.00") == 0,
          "bounds are rounded up");
    CHECK(strcmp(number_plain(10000, 1000000, 6).text, "0.01") == 0 &&
              strcmp(number_plain(-7, 1, 0).text, "-7") == 0 &&
              strcmp(number_plain(1000, 1, 3).text, "1000") == 0,
          "decimals for programs have no zeros at the end");
    CHECK(number_digits(5, 100) == 3 && number_digits(50, 100) == 2 && number_digits(5, 1) == 1 &&
              number_digits(12, 1) == 0 && number_digits(1, UINT64_MAX) == 9,
          "two figures of the interval are shown");
    CHECK(strcmp(number_root(2, 2).text, "1.42") == 0 &&
              strcmp(number_root(49, 2).text, "7.00") == 0,
          "lengths are rounded up");
}

int main(void)
{
    static const char *const names[] = {"share", "histogram", "mean",  "quantile", "od",
                                        "count", "week",      "zones", "hostile",  "empty"};
    numbers();
    words();
    bars();
    others();
    fallbacks();
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        draw(names[i]);
        places(names[i]);
    }
    scene_done(&scene);
    return tap_done();
}
