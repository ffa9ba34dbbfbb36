/* SPDX-License-Identifier: Apache-2.0 */
/* Messages over two file descriptors, as docs/formats/worker.md has them: frames of a size (4
 * bytes, little endian, at most 65,536) and a payload, where one of exactly 65,536 bytes goes on in
 * the next. The same code in services and in whoever talks to them.
 *
 * Trust: everything comes from the other side. Sizes are looked at before memory is taken, and
 * memory is taken as bytes arrive. */
#pragma once

#include "services/buffer.h"

#define FRAME_MAX 65536u

enum frames_end {
    FRAMES_MESSAGE = 0,
    FRAMES_END = 1, /* the other side closed its end between two messages */
};
/* The next message, in place of what the buffer held. FRAMES_MESSAGE, FRAMES_END, or: -EBADMSG, a
 * frame that is too long or ends early; -EMSGSIZE, a message above SERVICE_BUFFER_MAX; -ENOMEM;
 * what read() failed with. After an error the stream is out of step. */
int frames_read(int fd, struct service_buffer *ret, struct diag *d) MUST_USE;
/* 0, -EMSGSIZE, or what write() failed with. */
int frames_write(int fd, struct bytes message, struct diag *d) MUST_USE;
