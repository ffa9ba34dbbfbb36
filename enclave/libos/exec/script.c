/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/script.h"

#include <errno.h>

bool script_is(struct bytes head)
{
    return head.size >= 2 && head.data[0] == '#' && head.data[1] == '!';
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static size_t skip_blanks(struct bytes b, size_t at)
{
    while (at < b.size && is_blank(b.data[at])) {
        at++;
    }
    return at;
}

static size_t skip_word(struct bytes b, size_t at)
{
    while (at < b.size && !is_blank(b.data[at]) && b.data[at] != '\0') {
        at++;
    }
    return at;
}

/* Where the line ends: at its newline; or where the head does, if a blank or NUL tells that the
 * interpreter's name is whole (a file shorter than the head goes on with NULs). 0: it is not. */
static size_t line_end(struct bytes head)
{
    for (size_t i = 0; i < head.size && head.data[i] != '\0'; i++) {
        if (head.data[i] == '\n') {
            return i;
        }
    }
    size_t name = skip_blanks(head, 2), end = skip_word(head, name);
    bool whole = end < head.size || head.size < SCRIPT_HEAD_SIZE;
    return name == head.size || !whole ? 0 : head.size;
}

int script_parse(struct bytes head, struct script_line *ret)
{
    struct bytes line = {.data = head.data, .size = script_is(head) ? line_end(head) : 0};
    while (line.size > 2 && is_blank(line.data[line.size - 1])) {
        line.size--;
    }
    size_t name = skip_blanks(line, 2), name_end = skip_word(line, name);
    if (line.size <= 2 || name == name_end) {
        return -ENOEXEC;
    }
    size_t argument = line.size;
    if (name_end < line.size && line.data[name_end] != '\0') {
        argument = skip_blanks(line, name_end);
    }
    size_t end = argument;
    while (end < line.size && line.data[end] != '\0') {
        end++;
    }
    ret->interpreter = BYTES(line.data + name, name_end - name);
    ret->argument = BYTES(line.data + argument, end - argument);
    return 0;
}
