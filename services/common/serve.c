/* SPDX-License-Identifier: Apache-2.0 */
#include "services/serve.h"

#include "services/frames.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAPPED_FROM (1 << 20) /* larger blocks are mappings of their own and go back when freed */

int service_main(const struct service_program *program)
{
    AUTO_SERVICE_BUFFER record = {0};
    AUTO_SERVICE_BUFFER answer = {0};
    struct diag d = {""};
    mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
    signal(SIGPIPE, SIG_IGN); /* a host that went away is an error of write() */
    int end;
    while ((end = frames_read(STDIN_FILENO, &record, &d)) == FRAMES_MESSAGE) {
        int next = program->serve(program->context, service_buffer_bytes(&record), &answer);
        if (next < 0) {
            (void)diag_fail(&d, next, "cannot go on: %s", strerror(-next));
            end = next;
            break;
        }
        end = frames_write(STDOUT_FILENO, service_buffer_bytes(&answer), &d);
        if (end != 0 || next == SERVICE_ENDS) {
            break;
        }
        service_buffer_reset(&answer);
    }
    if (end < 0) {
        fprintf(stderr, "%s: %s\n", program->name, d.text);
    }
    return end < 0 ? 1 : 0;
}
