/* SPDX-License-Identifier: Apache-2.0 */
/* A terminal's line discipline: what is typed becomes lines, what is printed gets its carriage
 * returns (termios(3), and n_tty of Linux where that is silent). Functions over one struct, without
 * descriptors or waiting: those are pty.c's. With the lock held. */
#pragma once

#include <asm/ioctls.h>
#include <asm/termios.h>

#include "vfs.h"

#define TTY_INPUT_MAX  4096u /* N_TTY_BUF_SIZE */
#define TTY_OUTPUT_MAX 16384u

struct tty {
    struct termios termios;
    struct {
        uint16_t rows, columns, x, y;
    } size;
    uint16_t input[TTY_INPUT_MAX]; /* ring: a character, and TTY_LINE_END, TTY_EOF */
    unsigned first, count;
    unsigned lines; /* complete ones */
    uint8_t output[TTY_OUTPUT_MAX];
    unsigned out_first, out_count;
    unsigned column;
    bool literal; /* the next character comes after VLNEXT */
    bool stopped; /* output, by VSTOP */
    /* What a character asked for, for the owner of the struct to do: signal numbers, 0: none. */
    int signal;
};

void tty_start(struct tty *t);
/* One character from the keyboard. False: there is no room for it. */
bool tty_type(struct tty *t, uint8_t c);
/* One character of a program's output, processed. False: there is no room. */
bool tty_print(struct tty *t, uint8_t c);
/* Takes at most size bytes of what was typed: a line at most, in canonical mode. */
size_t tty_take(struct tty *t, uint8_t *to, size_t size);
/* Could a read return now, and how many bytes are there? */
bool tty_readable(const struct tty *t, unsigned wanted);
size_t tty_pending(const struct tty *t);
size_t tty_take_output(struct tty *t, uint8_t *to, size_t size);
void tty_flush_input(struct tty *t);
void tty_flush_output(struct tty *t);
