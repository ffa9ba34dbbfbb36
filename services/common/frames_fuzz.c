/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the stream of a host: what is read is, written again, the stream's beginning, and
 * memory is taken only for bytes that came. */
#include "services/frames.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t again[1 << 18];
    static struct service_buffer message;
    int in = memfd_create("in", MFD_CLOEXEC), out = memfd_create("out", MFD_CLOEXEC);
    REQUIRE(in >= 0 && out >= 0 && size < sizeof again && write(in, data, size) == (ssize_t)size &&
            lseek(in, 0, SEEK_SET) == 0);
    while (frames_read(in, &message, NULL) == FRAMES_MESSAGE) {
        if (message.size > size || message.capacity > 2 * size + SERVICE_BUFFER_KEPT ||
            frames_write(out, service_buffer_bytes(&message), NULL) != 0) {
            abort();
        }
    }
    off_t written = lseek(out, 0, SEEK_CUR);
    if (written > (off_t)size || pread(out, again, (size_t)written, 0) != written ||
        memcmp(again, data, (size_t)written) != 0) {
        abort();
    }
    close(in);
    close(out);
    return 0;
}
