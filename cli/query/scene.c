/* SPDX-License-Identifier: Apache-2.0 */
#include "query/scene.h"

#include <stdlib.h>
#include <string.h>

static struct scene_shape scratch; /* where shapes go that have no place */

void scene_done(struct scene *s)
{
    free(s->shapes);
    free(s->points);
    free(s->text);
    *s = (struct scene){0};
}

/* Room for more elements; doubles. */
static void *grown(struct scene *s, void *array, size_t size, size_t need, size_t *room, size_t max)
{
    if (need <= *room) {
        return array;
    }
    size_t next = *room < 64 ? 64 : *room * 2;
    next = next < need ? need : next;
    void *more = need <= max ? realloc(array, next * size) : NULL;
    if (more == NULL) {
        s->failed = true;
        return array;
    }
    *room = next;
    return more;
}

static struct scene_shape *add(struct scene *s, struct scene_shape shape)
{
    s->shapes = grown(s, s->shapes, sizeof *s->shapes, s->shape_count + 1, &s->shape_room,
                      SCENE_SHAPES_MAX);
    if (s->failed) {
        scratch = shape;
        return &scratch;
    }
    s->shapes[s->shape_count] = shape;
    return &s->shapes[s->shape_count++];
}

/* U+FFFE and U+FFFF are characters of UTF-8 and none of XML. */
static bool is_no_character(const uint8_t *c, size_t left)
{
    return left >= 3 && c[0] == 0xef && c[1] == 0xbf && (c[2] == 0xbe || c[2] == 0xbf);
}

static size_t keep(struct scene *s, struct bytes text)
{
    size_t first = s->text_count;
    s->text = grown(s, s->text, 1, s->text_count + text.size + 1, &s->text_room, SCENE_TEXT_MAX);
    if (s->failed) {
        return 0;
    }
    for (size_t i = 0; i < text.size; i++) {
        s->text[first + i] = (char)text.data[i];
        if (i >= 2 && is_no_character(text.data + i - 2, 3)) {
            s->text[first + i] = (char)0xbd; /* the replacement character */
        }
    }
    s->text_count += text.size;
    return first;
}

struct scene_shape *scene_rect(struct scene *s, const char *role, uint32_t color, double x,
                               double y, double width, double height)
{
    return add(s, (struct scene_shape){.kind = SCENE_RECT,
                                       .role = role,
                                       .color = color,
                                       .x = x,
                                       .y = y,
                                       .width = width,
                                       .height = height});
}

struct scene_shape *scene_points(struct scene *s, enum scene_kind kind, const char *role,
                                 uint32_t color, double size)
{
    return add(
        s, (struct scene_shape){
               .kind = kind, .role = role, .color = color, .size = size, .first = s->point_count});
}

void scene_point(struct scene *s, double x, double y)
{
    s->points = grown(s, s->points, sizeof *s->points, s->point_count + 1, &s->point_room,
                      SCENE_POINTS_MAX);
    if (!s->failed) {
        s->points[s->point_count++] = (struct scene_point){x, y};
        s->shapes[s->shape_count - 1].count++;
    }
}

struct scene_shape *scene_line(struct scene *s, const char *role, uint32_t color, double size,
                               double x1, double y1, double x2, double y2)
{
    struct scene_shape *shape = scene_points(s, SCENE_LINES, role, color, size);
    scene_point(s, x1, y1);
    scene_point(s, x2, y2);
    return shape;
}

struct scene_shape *scene_text(struct scene *s, const char *role, uint32_t color, double size,
                               enum scene_anchor anchor, double x, double y, struct bytes text)
{
    size_t first = keep(s, text);
    return add(s, (struct scene_shape){.kind = SCENE_TEXT,
                                       .role = role,
                                       .color = color,
                                       .size = size,
                                       .anchor = anchor,
                                       .x = x,
                                       .y = y,
                                       .first = first,
                                       .count = text.size});
}

void scene_tip(struct scene *s, struct scene_shape *shape, struct bytes text)
{
    shape->tip_first = keep(s, text);
    shape->tip_count = s->failed ? 0 : text.size;
}

void scene_describe(struct scene *s, struct bytes title, struct bytes description)
{
    size_t t = keep(s, title), d = keep(s, description);
    if (!s->failed) {
        s->title_first = t;
        s->title_count = title.size;
        s->description_first = d;
        s->description_count = description.size;
    }
}

/* ---- widths ---------------------------------------------------------------------------------- */

/* DejaVu Sans and its bold face, in hundredths of the size: as wide as common fonts get. */
static const uint8_t widths[2][95] = {
    {32, 41, 46, 84, 64, 95, 78, 28, 39, 39, 50, 84, 32, 37,  32, 34, 64, 64, 64,
     64, 64, 64, 64, 64, 64, 64, 34, 34, 84, 84, 84, 54, 100, 69, 69, 70, 77, 64,
     58, 78, 76, 30, 30, 66, 56, 87, 75, 79, 61, 79, 70, 64,  62, 74, 69, 99, 69,
     62, 69, 39, 34, 39, 84, 50, 50, 62, 64, 55, 64, 62, 36,  64, 64, 28, 28, 58,
     28, 98, 64, 62, 64, 64, 42, 53, 40, 64, 60, 82, 60, 60,  53, 64, 34, 64, 84},
    {35, 46,  53, 84, 70, 101, 88, 31,  46, 46, 53, 84, 38, 42,  38, 37, 70, 70,  70,
     70, 70,  70, 70, 70, 70,  70, 40,  40, 84, 84, 84, 58, 100, 78, 77, 74, 83,  69,
     69, 83,  84, 38, 38, 78,  64, 100, 84, 85, 74, 85, 77, 72,  69, 82, 78, 111, 78,
     73, 73,  46, 37, 46, 84,  50, 50,  68, 72, 60, 72, 68, 44,  72, 72, 35, 35,  67,
     35, 105, 72, 69, 72, 72,  50, 60,  48, 72, 66, 93, 65, 66,  59, 72, 37, 72,  84}};

/* Of the character that starts at i; how many bytes it has. */
static double width_at(struct bytes text, size_t i, bool bold, size_t *ret_size)
{
    uint8_t c = text.data[i];
    size_t size = 1;
    while (i + size < text.size && (text.data[i + size] & 0xc0) == 0x80) {
        size++;
    }
    *ret_size = size;
    if (c >= 32 && c < 127) {
        return widths[bold][c - 32] / 100.0;
    }
    return size == 2 ? 0.8 : 1.05; /* accented, Greek, Cyrillic; the rest of the world */
}

double scene_text_width(struct bytes text, double size, bool bold)
{
    double width = 0;
    for (size_t i = 0, n; i < text.size; i += n) {
        width += width_at(text, i, bold, &n) * size;
    }
    return width;
}

struct bytes scene_text_fit(struct bytes text, double size, bool bold, double width)
{
    double used = 0;
    for (size_t i = 0, n; i < text.size; i += n) {
        used += width_at(text, i, bold, &n) * size;
        if (used > width) {
            return BYTES(text.data, i);
        }
    }
    return text;
}
