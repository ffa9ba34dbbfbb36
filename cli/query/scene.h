/* SPDX-License-Identifier: Apache-2.0 */
/* A picture as a list of shapes, drawn once and written as SVG or PNG: both show the same.
 *
 * Coordinates are pixels of SVG, y down. Pictures are display: floats here never get near what was
 * released. Trust: texts come from documents that anybody may have written (valid UTF-8 without
 * control characters); writers escape them. */
#pragma once

#include <stdio.h>

#include "base/bytes.h"
#include "base/diag.h"

/* A matrix of 4096 cells with values, hatches and labels has 14,000. */
#define SCENE_SHAPES_MAX 65536u
#define SCENE_POINTS_MAX 262144u
#define SCENE_TEXT_MAX   (8u * 1024 * 1024)

enum scene_kind {
    SCENE_RECT,  /* filled */
    SCENE_LINES, /* pairs of points, each a line */
    SCENE_PATH,  /* a line through all points */
    SCENE_AREA,  /* filled, within all points */
    SCENE_TEXT,
};
enum scene_anchor { SCENE_START, SCENE_MIDDLE, SCENE_END };
struct scene_point {
    double x, y;
};
struct scene_shape {
    enum scene_kind kind;
    const char *role; /* what it is: "bar", "label"; a constant word, the class in SVG */
    uint32_t color;   /* 0xrrggbb */
    double x, y;      /* corner; of texts where the baseline starts, has its middle, or ends */
    double width, height;
    double size; /* of text; width of lines */
    enum scene_anchor anchor;
    bool bold, turned, dashed;   /* turned: texts rise by 45 degrees */
    size_t first, count;         /* points, or bytes of text */
    size_t tip_first, tip_count; /* what a pointer that rests on it is told; may be empty */
};

struct scene {
    double width, height;
    size_t title_first, title_count, description_first, description_count; /* bytes of text, for
                                                                              who does not see it */
    struct scene_shape *shapes;
    struct scene_point *points;
    char *text;
    size_t shape_count, shape_room, point_count, point_room, text_count, text_room;
    bool failed; /* no memory, or beyond a limit; sticks */
};
void scene_done(struct scene *s);

/* Adds a shape and returns it, to be finished at once; a scratch shape when that failed. */
struct scene_shape *scene_rect(struct scene *s, const char *role, uint32_t color, double x,
                               double y, double width, double height);
struct scene_shape *scene_line(struct scene *s, const char *role, uint32_t color, double size,
                               double x1, double y1, double x2, double y2);
/* Points follow with scene_point(), before any other shape. */
struct scene_shape *scene_points(struct scene *s, enum scene_kind kind, const char *role,
                                 uint32_t color, double size);
void scene_point(struct scene *s, double x, double y);
struct scene_shape *scene_text(struct scene *s, const char *role, uint32_t color, double size,
                               enum scene_anchor anchor, double x, double y, struct bytes text);
void scene_tip(struct scene *s, struct scene_shape *shape, struct bytes text);
void scene_describe(struct scene *s, struct bytes title, struct bytes description);
static inline struct bytes scene_bytes(const struct scene *s, size_t first, size_t count)
{
    return BYTES(s->text + first, count);
}

/* How wide a text will be, at most, in common fonts. */
double scene_text_width(struct bytes text, double size, bool bold);
/* The longest beginning of the text, in whole characters, that is not wider. */
struct bytes scene_text_fit(struct bytes text, double size, bool bold, double width);

/* Writes SVG 1.1 without scripts, styles or links; texts are texts. 0 or -EIO. */
int scene_write_svg(const struct scene *s, FILE *out) MUST_USE;
/* Draws the same with cairo, twice as large, as PNG. -ENOSYS, with the package's name, where cairo
 * is not installed; -EIO. */
int scene_write_png(const struct scene *s, FILE *out, struct diag *d) MUST_USE;
