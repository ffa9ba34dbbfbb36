/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a service: a record comes over standard input, an answer goes out over standard
 * output, until the host closes its end. */
#pragma once

#include "services/buffer.h"

enum service_next {
    SERVICE_GOES_ON = 0,
    SERVICE_ENDS = 1, /* after this answer, with status 0 */
};
struct service_program {
    const char *name; /* "aggregator", for sentences on standard error */
    void *context;
    /* Answers one record of the host's, whatever it holds. enum service_next, or -errno when the
     * service itself cannot go on, which nothing that a host says may cause but by taking its
     * memory. */
    int (*serve)(void *context, struct bytes record, struct service_buffer *answer);
};
/* Returns main()'s status: 0, or 1 after a broken frame or a failure, with a sentence on standard
 * error. */
int service_main(const struct service_program *program) MUST_USE;
