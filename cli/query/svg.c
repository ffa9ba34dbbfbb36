/* SPDX-License-Identifier: Apache-2.0 */
/* Scenes as SVG 1.1. Texts come from anybody: everything that XML takes for its own is escaped, and
 * nothing but the shapes' own words stands outside of texts. */
#include <errno.h>

#include "query/scene.h"

#define FONT "Helvetica Neue, Helvetica, Arial, DejaVu Sans, sans-serif"

static void escaped(struct bytes text, FILE *out)
{
    for (size_t i = 0; i < text.size; i++) {
        switch (text.data[i]) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\'':
            fputs("&#39;", out);
            break;
        default:
            fputc(text.data[i], out);
        }
    }
}

/* "12", "12.5", "12.25": as short as a hundredth of a pixel can be. */
static void number(double value, FILE *out)
{
    char text[64];
    int size = snprintf(text, sizeof text, "%.2f", value);
    while (size > 1 && text[size - 1] == '0') {
        size--;
    }
    size -= text[size - 1] == '.';
    fprintf(out, "%.*s", size, text);
}

static void attribute(const char *name, double value, FILE *out)
{
    fprintf(out, " %s=\"", name);
    number(value, out);
    fputc('"', out);
}

static void point(struct scene_point p, char command, FILE *out)
{
    fputc(command, out);
    number(p.x, out);
    fputc(' ', out);
    number(p.y, out);
}

static void write_text(const struct scene *s, const struct scene_shape *t, FILE *out)
{
    static const char *const anchors[] = {"start", "middle", "end"};
    attribute("x", t->x, out);
    attribute("y", t->y, out);
    attribute("font-size", t->size, out);
    fprintf(out, " fill=\"#%06x\" text-anchor=\"%s\"%s", t->color, anchors[t->anchor],
            t->bold ? " font-weight=\"bold\"" : "");
    if (t->turned) {
        fputs(" transform=\"rotate(-45 ", out);
        number(t->x, out);
        fputc(' ', out);
        number(t->y, out);
        fputs(")\"", out);
    }
    fputc('>', out);
    escaped(scene_bytes(s, t->first, t->count), out);
}

static void write_path(const struct scene *s, const struct scene_shape *p, FILE *out)
{
    fputs(" d=\"", out);
    for (size_t i = 0; i < p->count; i++) {
        bool lifts = i == 0 || (p->kind == SCENE_LINES && i % 2 == 0);
        point(s->points[p->first + i], lifts ? 'M' : 'L', out);
    }
    if (p->kind == SCENE_AREA) {
        fprintf(out, "Z\" fill=\"#%06x\">", p->color);
        return;
    }
    fprintf(out, "\" fill=\"none\" stroke=\"#%06x\"", p->color);
    attribute("stroke-width", p->size, out);
    fprintf(out, "%s>", p->dashed ? " stroke-dasharray=\"4 3\"" : "");
}

static void write_shape(const struct scene *s, const struct scene_shape *shape, FILE *out)
{
    const char *element = shape->kind == SCENE_RECT   ? "rect"
                          : shape->kind == SCENE_TEXT ? "text"
                                                      : "path";
    fprintf(out, "<%s class=\"%s\"", element, shape->role);
    if (shape->kind == SCENE_RECT) {
        attribute("x", shape->x, out);
        attribute("y", shape->y, out);
        attribute("width", shape->width, out);
        attribute("height", shape->height, out);
        fprintf(out, " fill=\"#%06x\">", shape->color);
    } else if (shape->kind == SCENE_TEXT) {
        write_text(s, shape, out);
    } else {
        write_path(s, shape, out);
    }
    if (shape->tip_count > 0) {
        fputs("<title>", out);
        escaped(scene_bytes(s, shape->tip_first, shape->tip_count), out);
        fputs("</title>", out);
    }
    fprintf(out, "</%s>\n", element);
}

int scene_write_svg(const struct scene *s, FILE *out)
{
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
          "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" role=\"img\" "
          "aria-labelledby=\"title description\"",
          out);
    attribute("width", s->width, out);
    attribute("height", s->height, out);
    fputs(" viewBox=\"0 0 ", out);
    number(s->width, out);
    fputc(' ', out);
    number(s->height, out);
    fputs("\" font-family=\"" FONT "\">\n<title id=\"title\">", out);
    escaped(scene_bytes(s, s->title_first, s->title_count), out);
    fputs("</title>\n<desc id=\"description\">", out);
    escaped(scene_bytes(s, s->description_first, s->description_count), out);
    fputs("</desc>\n", out);
    for (size_t i = 0; i < s->shape_count; i++) {
        write_shape(s, &s->shapes[i], out);
    }
    fputs("</svg>\n", out);
    return s->failed ? -ENOMEM : ferror(out) != 0 ? -EIO : 0;
}
