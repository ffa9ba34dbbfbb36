/* SPDX-License-Identifier: Apache-2.0 */
/* The line discipline of pseudo-terminals. Both sides are the workload's own programs; nothing here
 * comes from the host. Queues are bounded: what does not fit is refused or, as Linux does with a
 * line that is too long, dropped. */
#include "tty.h"

#define TTY_LINE_END 0x100u
#define TTY_EOF      0x200u /* ends a line, and is no part of it */
#define CHARACTER    0xffu

void tty_start(struct tty *t)
{
    static const uint8_t keys[NCCS] = {3,  28, 127, 21, 4,  0,  1,  0, 17,
                                       19, 26, 0,   18, 15, 23, 22, 0};
    *t = (struct tty){
        .termios = {.c_iflag = ICRNL | IXON,
                    .c_oflag = OPOST | ONLCR,
                    .c_cflag = B38400 | CS8 | CREAD,
                    .c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN}};
    memcpy(t->termios.c_cc, keys, sizeof keys);
}

static bool local(const struct tty *t, tcflag_t flag)
{
    return (t->termios.c_lflag & flag) != 0;
}

static bool is_key(const struct tty *t, unsigned key, uint8_t c)
{
    return t->termios.c_cc[key] != 0 && t->termios.c_cc[key] == c;
}

/* ---- output ------------------------------------------------------------------------------------
 */

static unsigned room(const struct tty *t)
{
    return TTY_OUTPUT_MAX - t->out_count;
}

static void put_raw(struct tty *t, uint8_t c)
{
    t->output[(t->out_first + t->out_count) % TTY_OUTPUT_MAX] = c;
    t->out_count++;
}

static void put_tab(struct tty *t)
{
    unsigned spaces = 8 - t->column % 8;
    t->column += spaces;
    if ((t->termios.c_oflag & TABDLY) != XTABS) {
        put_raw(t, '\t');
        return;
    }
    for (; spaces > 0; spaces--) {
        put_raw(t, ' ');
    }
}

bool tty_print(struct tty *t, uint8_t c)
{
    tcflag_t o = t->termios.c_oflag;
    if (room(t) < 8) {
        return false;
    }
    if ((o & OPOST) == 0) {
        put_raw(t, c);
        return true;
    }
    switch (c) {
    case '\n':
        if ((o & ONLRET) != 0 || (o & ONLCR) != 0) {
            t->column = 0;
        }
        if ((o & ONLCR) != 0) {
            put_raw(t, '\r');
        }
        put_raw(t, '\n');
        break;
    case '\r':
        if ((o & ONOCR) != 0 && t->column == 0) {
            break;
        }
        if ((o & OCRNL) != 0) {
            t->column = (o & ONLRET) != 0 ? 0 : t->column;
            put_raw(t, '\n');
            break;
        }
        t->column = 0;
        put_raw(t, '\r');
        break;
    case '\t':
        put_tab(t);
        break;
    case '\b':
        t->column -= t->column > 0;
        put_raw(t, c);
        break;
    default:
        t->column +=
            c >= ' ' && c != 127 && !((t->termios.c_iflag & IUTF8) != 0 && (c & 0xc0) == 0x80);
        put_raw(t, (o & OLCUC) != 0 && c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c);
        break;
    }
    return true;
}

size_t tty_take_output(struct tty *t, uint8_t *to, size_t size)
{
    size_t n = 0;
    for (; n < size && t->out_count > 0; n++) {
        to[n] = t->output[t->out_first];
        t->out_first = (t->out_first + 1) % TTY_OUTPUT_MAX;
        t->out_count--;
    }
    return n;
}

void tty_flush_output(struct tty *t)
{
    t->out_first = t->out_count = 0;
}

/* ---- echo --------------------------------------------------------------------------------------
 */

static bool is_control(uint8_t c)
{
    return c < ' ' || c == 127;
}

/* What is echoed may be lost when nobody reads the other side, as it may in Linux. */
static void echo(struct tty *t, uint8_t c)
{
    if (local(t, ECHOCTL) && is_control(c) && c != '\t') {
        ignore_result(tty_print(t, '^'), "echo");
        ignore_result(tty_print(t, c ^ 0100), "echo");
    } else {
        ignore_result(tty_print(t, c), "echo");
    }
}

static void echo_text(struct tty *t, const char *text)
{
    for (; *text != '\0'; text++) {
        ignore_result(tty_print(t, (uint8_t)*text), "echo");
    }
}

/* ---- editing the line --------------------------------------------------------------------------
 */

static uint16_t last_typed(const struct tty *t)
{
    return t->count == 0 ? TTY_LINE_END : t->input[(t->first + t->count - 1) % TTY_INPUT_MAX];
}

static bool on_line(const struct tty *t)
{
    return (last_typed(t) & (TTY_LINE_END | TTY_EOF)) == 0;
}

/* Columns of the unfinished line's last character, a tab's by counting from the line's beginning.
 */
static unsigned width_of_last(const struct tty *t)
{
    uint8_t c = (uint8_t)last_typed(t);
    if (c != '\t') {
        return is_control(c) ? (local(t, ECHOCTL) ? 2 : 0) : 1;
    }
    unsigned column = 0, before = 0;
    unsigned at = t->count;
    while (at > 0 && (t->input[(t->first + at - 1) % TTY_INPUT_MAX] & ~CHARACTER) == 0) {
        at--;
    }
    for (; at < t->count; at++) {
        uint8_t d = (uint8_t)t->input[(t->first + at) % TTY_INPUT_MAX];
        before = column;
        column += d == '\t' ? 8 - column % 8 : is_control(d) ? (local(t, ECHOCTL) ? 2 : 0) : 1;
    }
    return column - before;
}

static void erase_one(struct tty *t)
{
    bool utf8 = (t->termios.c_iflag & IUTF8) != 0;
    while (utf8 && on_line(t) && (last_typed(t) & 0xc0) == 0x80) {
        t->count--;
    }
    if (!on_line(t)) {
        return;
    }
    unsigned width = width_of_last(t);
    uint8_t c = (uint8_t)last_typed(t);
    t->count--;
    if (!local(t, ECHO)) {
        return;
    }
    if (!local(t, ECHOE)) {
        echo(t, t->termios.c_cc[VERASE]);
        return;
    }
    for (; width > 0; width--) {
        echo_text(t, c == '\t' ? "\b" : "\b \b");
    }
}

static bool is_word(uint16_t c)
{
    c &= CHARACTER;
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c >= 0x80;
}

static void erase_word(struct tty *t)
{
    while (on_line(t) && !is_word(last_typed(t))) {
        erase_one(t);
    }
    while (on_line(t) && is_word(last_typed(t))) {
        erase_one(t);
    }
}

static void erase_line(struct tty *t)
{
    bool nicely = local(t, ECHO) && local(t, ECHOK) && local(t, ECHOKE) && local(t, ECHOE);
    if (nicely || !local(t, ECHO)) {
        while (on_line(t)) {
            erase_one(t);
        }
        return;
    }
    while (on_line(t)) {
        t->count--;
    }
    echo(t, t->termios.c_cc[VKILL]);
    if (local(t, ECHOK)) {
        echo_text(t, "\n");
    }
}

static void show_again(struct tty *t)
{
    if (!local(t, ECHO)) {
        return;
    }
    echo(t, t->termios.c_cc[VREPRINT]);
    echo_text(t, "\n");
    unsigned at = t->count;
    while (at > 0 && (t->input[(t->first + at - 1) % TTY_INPUT_MAX] & ~CHARACTER) == 0) {
        at--;
    }
    for (; at < t->count; at++) {
        echo(t, (uint8_t)t->input[(t->first + at) % TTY_INPUT_MAX]);
    }
}

/* ---- input -------------------------------------------------------------------------------------
 */

static void keep(struct tty *t, uint16_t c)
{
    t->input[(t->first + t->count) % TTY_INPUT_MAX] = c;
    t->count++;
    t->lines += (c & (TTY_LINE_END | TTY_EOF)) != 0;
}

static bool control_key(struct tty *t, uint8_t c)
{
    if ((t->termios.c_iflag & IXON) != 0) {
        if (is_key(t, VSTART, c) || is_key(t, VSTOP, c)) {
            t->stopped = is_key(t, VSTOP, c);
            return true;
        }
        t->stopped = (t->termios.c_iflag & IXANY) != 0 ? false : t->stopped;
    }
    if (!local(t, ISIG)) {
        return false;
    }
    static const struct {
        unsigned key;
        int signal;
    } keys[] = {{VINTR, 2}, {VQUIT, 3}, {VSUSP, 20}};
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (is_key(t, keys[i].key, c)) {
            t->signal = keys[i].signal;
            if (!local(t, NOFLSH)) {
                tty_flush_input(t);
                tty_flush_output(t);
            }
            t->stopped = false;
            if (local(t, ECHO)) {
                echo(t, c);
            }
            return true;
        }
    }
    return false;
}

static bool edit_key(struct tty *t, uint8_t c)
{
    bool extended = local(t, IEXTEN);
    if (is_key(t, VERASE, c)) {
        erase_one(t);
    } else if (is_key(t, VKILL, c)) {
        erase_line(t);
    } else if (extended && is_key(t, VWERASE, c)) {
        erase_word(t);
    } else if (extended && is_key(t, VREPRINT, c)) {
        show_again(t);
    } else if (extended && is_key(t, VLNEXT, c)) {
        t->literal = true;
        if (local(t, ECHO) && local(t, ECHOCTL)) {
            echo_text(t, "^\b");
        }
    } else {
        return false;
    }
    return true;
}

static void line_key(struct tty *t, uint8_t c)
{
    bool ends = c == '\n' || is_key(t, VEOL, c) || (local(t, IEXTEN) && is_key(t, VEOL2, c));
    if (c == '\n') {
        if (local(t, ECHO) || local(t, ECHONL)) {
            echo_text(t, "\n");
        }
    } else if (!ends && is_key(t, VEOF, c)) {
        keep(t, TTY_EOF);
        return;
    } else if (local(t, ECHO)) {
        echo(t, c);
    }
    /* The last place is the line's end's. */
    if (ends || t->count < TTY_INPUT_MAX - 1) {
        keep(t, ends ? c | TTY_LINE_END : c);
    }
}

static bool type_literal(struct tty *t, uint8_t c)
{
    t->literal = false;
    if (local(t, ECHO)) {
        echo(t, c);
    }
    keep(t, c);
    return true;
}

bool tty_type(struct tty *t, uint8_t c)
{
    tcflag_t in = t->termios.c_iflag;
    if (t->count == TTY_INPUT_MAX || (!local(t, ICANON) && t->count >= TTY_INPUT_MAX - 1)) {
        return false;
    }
    c = (in & ISTRIP) != 0 ? c & 0x7f : c;
    if ((in & IUCLC) != 0 && local(t, IEXTEN) && c >= 'A' && c <= 'Z') {
        c = (uint8_t)(c - 'A' + 'a');
    }
    if (t->literal) {
        return type_literal(t, c);
    }
    if (control_key(t, c)) {
        return true;
    }
    if (c == '\r' && (in & IGNCR) != 0) {
        return true;
    }
    if (c == '\r' && (in & ICRNL) != 0) {
        c = '\n';
    } else if (c == '\n' && (in & INLCR) != 0) {
        c = '\r';
    }
    if (local(t, ICANON)) {
        if (!edit_key(t, c)) {
            line_key(t, c);
        }
        return true;
    }
    if (local(t, ECHO)) {
        if (c == '\n') {
            echo_text(t, "\n");
        } else {
            echo(t, c);
        }
    }
    keep(t, c);
    return true;
}

size_t tty_take(struct tty *t, uint8_t *to, size_t size)
{
    size_t n = 0;
    while (t->count > 0 &&
           (n < size || (local(t, ICANON) && (t->input[t->first] & TTY_EOF) != 0))) {
        uint16_t c = t->input[t->first];
        bool ends = (c & (TTY_LINE_END | TTY_EOF)) != 0;
        t->first = (t->first + 1) % TTY_INPUT_MAX;
        t->count--;
        t->lines -= ends;
        if ((c & TTY_EOF) == 0) {
            to[n++] = (uint8_t)c;
        } else if (!local(t, ICANON)) {
            to[n++] = t->termios.c_cc[VEOF]; /* it was typed after all */
        }
        if (ends && local(t, ICANON)) {
            break;
        }
    }
    return n;
}

bool tty_readable(const struct tty *t, unsigned wanted)
{
    return local(t, ICANON) ? t->lines > 0 : t->count >= (wanted > 0 ? wanted : 1);
}

size_t tty_pending(const struct tty *t)
{
    if (!local(t, ICANON)) {
        return t->count;
    }
    size_t n = 0, complete = 0;
    for (unsigned i = 0; i < t->count; i++) {
        uint16_t c = t->input[(t->first + i) % TTY_INPUT_MAX];
        n += (c & TTY_EOF) == 0;
        complete = (c & (TTY_LINE_END | TTY_EOF)) != 0 ? n : complete;
    }
    return complete;
}

void tty_flush_input(struct tty *t)
{
    t->first = t->count = t->lines = 0;
    t->literal = false;
}
