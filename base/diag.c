/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded printf subset that needs no libc, and the diagnostics made with it. Texts often quote
 * hostile input, so everything that is not printable ASCII or UTF-8 continuation is escaped. */
#include "base/diag.h"

struct sink {
    char *out;
    size_t capacity;
    size_t wanted;
};

static void sink_char(struct sink *s, char c)
{
    if (s->wanted + 1 < s->capacity) {
        s->out[s->wanted] = c;
    }
    s->wanted++;
}

static void sink_text_char(struct sink *s, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    if (c < 0x20 || c == 0x7f) {
        sink_char(s, '\\');
        sink_char(s, 'x');
        sink_char(s, digits[c >> 4]);
        sink_char(s, digits[c & 15]);
    } else {
        sink_char(s, (char)c);
    }
}

static void sink_number(struct sink *s, uint64_t v, unsigned base, bool negative, int width, char pad)
{
    char digits[24];
    int n = 0;
    do {
        digits[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v != 0);
    if (negative && pad == '0') {
        sink_char(s, '-');
    }
    for (int i = n + (negative ? 1 : 0); i < width; i++) {
        sink_char(s, pad);
    }
    if (negative && pad != '0') {
        sink_char(s, '-');
    }
    while (n > 0) {
        sink_char(s, digits[--n]);
    }
}

struct spec {
    char pad;
    int width;
    int precision; /* -1: none */
    int longs;     /* 2: 64 bits */
};

static void format_string(struct sink *s, const char *text, const struct spec *spec)
{
    size_t n = 0;
    if (text == NULL) {
        text = "(null)";
    }
    while ((spec->precision < 0 || n < (size_t)spec->precision) && text[n] != '\0') {
        n++;
    }
    for (size_t i = 0; i < n; i++) {
        sink_text_char(s, (unsigned char)text[i]);
    }
    for (size_t i = n; i < (size_t)spec->width; i++) {
        sink_char(s, ' ');
    }
}

static const char *parse_spec(const char *p, struct spec *spec, __builtin_va_list *args)
{
    *spec = (struct spec){.pad = ' ', .width = 0, .precision = -1, .longs = 0};
    if (*p == '-') {
        p++;
    }
    if (*p == '0') {
        spec->pad = '0';
        p++;
    }
    while (*p >= '0' && *p <= '9') {
        spec->width = spec->width * 10 + (*p++ - '0');
    }
    if (p[0] == '.' && p[1] == '*') {
        spec->precision = __builtin_va_arg(*args, int);
        p += 2;
    } else if (p[0] == '.') {
        spec->precision = 0;
        p++;
        while (*p >= '0' && *p <= '9') {
            spec->precision = spec->precision * 10 + (*p++ - '0');
        }
    }
    while (*p == 'l' || *p == 'z' || *p == 'h') {
        if (*p != 'h') {
            spec->longs = 2;
        }
        p++;
    }
    return p;
}

static void format_one(struct sink *s, char conversion, const struct spec *spec,
                       __builtin_va_list *args)
{
    int64_t i;
    uint64_t u;
    switch (conversion) {
    case 's':
        format_string(s, __builtin_va_arg(*args, const char *), spec);
        break;
    case 'c':
        sink_text_char(s, (unsigned char)__builtin_va_arg(*args, int));
        break;
    case 'd':
    case 'i':
        i = spec->longs ? __builtin_va_arg(*args, int64_t) : __builtin_va_arg(*args, int);
        u = i < 0 ? (uint64_t)0 - (uint64_t)i : (uint64_t)i;
        sink_number(s, u, 10, i < 0, spec->width, spec->pad);
        break;
    case 'u':
    case 'x':
        u = spec->longs ? __builtin_va_arg(*args, uint64_t) : __builtin_va_arg(*args, unsigned);
        sink_number(s, u, conversion == 'u' ? 10 : 16, false, spec->width, spec->pad);
        break;
    case 'p':
        sink_char(s, '0');
        sink_char(s, 'x');
        sink_number(s, (uint64_t)(uintptr_t)__builtin_va_arg(*args, void *), 16, false, 0, ' ');
        break;
    default:
        sink_char(s, '%');
        break;
    }
}

size_t base_vformat(char *out, size_t capacity, const char *format, __builtin_va_list args)
{
    struct sink s = {out, capacity, 0};
    __builtin_va_list copy;
    __builtin_va_copy(copy, args);
    for (const char *p = format; *p != '\0'; p++) {
        if (*p != '%') {
            sink_char(&s, *p);
            continue;
        }
        struct spec spec;
        p = parse_spec(p + 1, &spec, &copy);
        if (*p == '\0') {
            break;
        }
        format_one(&s, *p, &spec, &copy);
    }
    __builtin_va_end(copy);
    if (capacity > 0) {
        out[s.wanted < capacity ? s.wanted : capacity - 1] = '\0';
    }
    return s.wanted;
}

size_t base_format(char *out, size_t capacity, const char *format, ...)
{
    __builtin_va_list args;
    __builtin_va_start(args, format);
    size_t n = base_vformat(out, capacity, format, args);
    __builtin_va_end(args);
    return n;
}

int diag_fail(struct diag *d, int err, const char *format, ...)
{
    if (d != NULL) {
        __builtin_va_list args;
        __builtin_va_start(args, format);
        base_vformat(d->text, sizeof d->text, format, args);
        __builtin_va_end(args);
    }
    return err;
}

void diag_prefix(struct diag *d, const char *format, ...)
{
    if (d == NULL) {
        return;
    }
    char old[DIAG_MAX];
    __builtin_memcpy(old, d->text, sizeof old);
    __builtin_va_list args;
    __builtin_va_start(args, format);
    size_t n = base_vformat(d->text, sizeof d->text, format, args);
    __builtin_va_end(args);
    if (n < sizeof d->text) {
        base_format(d->text + n, sizeof d->text - n, ": %s", old);
    }
}
