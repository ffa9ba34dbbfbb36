/* SPDX-License-Identifier: Apache-2.0 */
/* Scenes as PNG, drawn by cairo. Cairo comes with X11 and font libraries that no other verb needs:
 * it is loaded when a PNG is wanted, so that a machine without it has everything but PNG. */
#include <cairo/cairo.h>
#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "query/scene.h"

#define LIBRARY "libcairo.so.2" /* its ABI's name since 2003 */
#define SCALE   2.0             /* screens and paper have more dots than SVG has pixels */

/* What is used of cairo, typed by its own header. */
#define CAIRO_CALLS(X)                                                                             \
    X(cairo_image_surface_create)                                                                  \
    X(cairo_create)                                                                                \
    X(cairo_destroy)                                                                               \
    X(cairo_surface_destroy)                                                                       \
    X(cairo_surface_status)                                                                        \
    X(cairo_surface_write_to_png_stream)                                                           \
    X(cairo_status)                                                                                \
    X(cairo_status_to_string)                                                                      \
    X(cairo_scale)                                                                                 \
    X(cairo_set_source_rgb)                                                                        \
    X(cairo_paint)                                                                                 \
    X(cairo_rectangle)                                                                             \
    X(cairo_fill)                                                                                  \
    X(cairo_stroke)                                                                                \
    X(cairo_move_to)                                                                               \
    X(cairo_line_to)                                                                               \
    X(cairo_close_path)                                                                            \
    X(cairo_set_line_width)                                                                        \
    X(cairo_set_dash)                                                                              \
    X(cairo_select_font_face)                                                                      \
    X(cairo_set_font_size)                                                                         \
    X(cairo_text_extents)                                                                          \
    X(cairo_show_text)                                                                             \
    X(cairo_save)                                                                                  \
    X(cairo_restore)                                                                               \
    X(cairo_translate)                                                                             \
    X(cairo_rotate)

struct cairo_library {
#define X(name) __typeof__(&(name)) name;
    CAIRO_CALLS(X)
#undef X
};

static int load(struct cairo_library *ret, struct diag *d)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL); /* stays: fonts are cached in it */
    if (library == NULL) {
        return diag_fail(d, -ENOSYS, "PNG wants cairo: install libcairo2, or take --svg (%s)",
                         dlerror());
    }
#define X(name)                                                                                    \
    {                                                                                              \
        void *symbol = dlsym(library, #name);                                                      \
        if (symbol == NULL) {                                                                      \
            return diag_fail(d, -ENOSYS, LIBRARY " has no " #name);                                \
        }                                                                                          \
        memcpy(&ret->name, &symbol, sizeof symbol);                                                \
    }
    CAIRO_CALLS(X)
#undef X
    return 0;
}

struct painter {
    struct cairo_library c;
    cairo_t *to;
    const struct scene *s;
};

static void color(const struct painter *p, uint32_t rgb)
{
    p->c.cairo_set_source_rgb(p->to, (rgb >> 16) / 255.0, (rgb >> 8 & 255) / 255.0,
                              (rgb & 255) / 255.0);
}

static void paint_text(const struct painter *p, const struct scene_shape *t)
{
    static const double part[] = {0, 0.5, 1};
    cairo_text_extents_t extents;
    char *text = strndup(p->s->text + t->first, t->count);
    if (text == NULL) {
        return;
    }
    p->c.cairo_select_font_face(p->to, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                                t->bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    p->c.cairo_set_font_size(p->to, t->size);
    p->c.cairo_text_extents(p->to, text, &extents);
    p->c.cairo_save(p->to);
    p->c.cairo_translate(p->to, t->x, t->y);
    p->c.cairo_rotate(p->to, t->turned ? -atan(1) : 0);
    p->c.cairo_move_to(p->to, -extents.x_advance * part[t->anchor], 0);
    p->c.cairo_show_text(p->to, text);
    p->c.cairo_restore(p->to);
    free(text);
}

static void paint_points(const struct painter *p, const struct scene_shape *shape)
{
    static const double dashes[] = {4, 3};
    for (size_t i = 0; i < shape->count; i++) {
        struct scene_point at = p->s->points[shape->first + i];
        if (i == 0 || (shape->kind == SCENE_LINES && i % 2 == 0)) {
            p->c.cairo_move_to(p->to, at.x, at.y);
        } else {
            p->c.cairo_line_to(p->to, at.x, at.y);
        }
    }
    if (shape->kind == SCENE_AREA) {
        p->c.cairo_close_path(p->to);
        p->c.cairo_fill(p->to);
        return;
    }
    p->c.cairo_set_line_width(p->to, shape->size);
    p->c.cairo_set_dash(p->to, dashes, shape->dashed ? 2 : 0, 0);
    p->c.cairo_stroke(p->to);
}

static void paint(const struct painter *p)
{
    p->c.cairo_scale(p->to, SCALE, SCALE);
    color(p, 0xffffff);
    p->c.cairo_paint(p->to);
    for (size_t i = 0; i < p->s->shape_count; i++) {
        const struct scene_shape *shape = &p->s->shapes[i];
        color(p, shape->color);
        if (shape->kind == SCENE_RECT) {
            p->c.cairo_rectangle(p->to, shape->x, shape->y, shape->width, shape->height);
            p->c.cairo_fill(p->to);
        } else if (shape->kind == SCENE_TEXT) {
            paint_text(p, shape);
        } else {
            paint_points(p, shape);
        }
    }
}

static cairo_status_t append(void *out, const unsigned char *data, unsigned size)
{
    return fwrite(data, 1, size, out) == size ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

int scene_write_png(const struct scene *s, FILE *out, struct diag *d)
{
    struct painter p = {.s = s};
    int err = s->failed ? diag_fail(d, -ENOMEM, "no memory for the picture") : load(&p.c, d);
    if (err != 0) {
        return err;
    }
    cairo_surface_t *surface = p.c.cairo_image_surface_create(
        CAIRO_FORMAT_RGB24, (int)(s->width * SCALE), (int)(s->height * SCALE));
    p.to = p.c.cairo_create(surface);
    paint(&p);
    cairo_status_t status = p.c.cairo_status(p.to);
    status = status == CAIRO_STATUS_SUCCESS ? p.c.cairo_surface_status(surface) : status;
    if (status == CAIRO_STATUS_SUCCESS) {
        status = p.c.cairo_surface_write_to_png_stream(surface, append, out);
    }
    if (status != CAIRO_STATUS_SUCCESS) {
        err = diag_fail(d, -EIO, "the picture: %s", p.c.cairo_status_to_string(status));
    }
    p.c.cairo_destroy(p.to);
    p.c.cairo_surface_destroy(surface);
    return err;
}
