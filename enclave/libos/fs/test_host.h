/* SPDX-License-Identifier: Apache-2.0 */
/* Runs fs/ in an ordinary process: the runtime's functions on libc and OpenSSL, layers mapped from
 * image files, workload memory being the process's own. */
#pragma once

#include <setjmp.h>

#include "fs.h"
#include "libos/syscalls.h"

/* Stops (rt_fatal, rt_refuse) come back here with the sentence in host_stopped. */
extern jmp_buf host_stop;
extern bool host_stop_armed;
extern char host_stopped[512];

/* Workload addresses in [bad_start, bad_end) fault, and those outside [good_start, good_end) when
 * the latter is not 0. */
extern uint64_t host_bad_start, host_bad_end;
extern uint64_t host_good_start, host_good_end;
/* What os_block() does: NULL gives -ERESTARTSYS at once. */
extern int (*host_on_block)(struct wait_queue *q, uint64_t deadline_ns);
extern int host_raised;          /* last signal */
extern int64_t host_quote_error; /* negative: what a quote ends with */

/* Inputs and outputs by number. */
struct host_file {
    uint8_t *data;
    uint64_t size; /* UINT64_MAX: not given */
};
extern struct host_file host_inputs[MANIFEST_FILES_MAX], host_outputs[MANIFEST_FILES_MAX];
extern uint8_t *host_console;
extern size_t host_console_size;
extern struct bytes host_task; /* what is left of a worker's task */
extern struct writer
    host_result[3]; /* what goes into its result, by descriptor; the test lends room */

/* Maps an image privately (so that tests may flip bits) as layer number i. */
uint8_t *host_map_layer(size_t i, const char *path, size_t *ret_size);
void host_set_layer(size_t i, void *data, size_t size);
/* mkfs.erofs and veritysetup on a folder: fills root and size. 0 on success. */
int host_make_layer(const char *folder, const char *image, const char *salt_hex,
                    struct manifest_layer *ret);
struct bytes host_bytes(const char *s);
static inline app_ptr host_app(const void *p)
{
    return app_at((uint64_t)(uintptr_t)p);
}

/* Files under sealed volumes, by number. fails_after: that many more writes, sizes and syncs are
 * served; the next one is cut in its middle (a write) or not done, and nothing after it is. */
struct host_volume {
    uint8_t *data;
    uint64_t size; /* UINT64_MAX: not given */
};
extern struct host_volume host_volumes[MANIFEST_MOUNTS_MAX];
extern uint64_t host_volume_writes_left; /* UINT64_MAX: no limit */
extern size_t host_volume_torn;          /* bytes of the cut write that arrive */
extern uint8_t host_identity;            /* which enclave this is */
/* Sees every key and nonce that something is sealed under. */
extern void (*host_on_seal)(const uint8_t key[32], const uint8_t nonce[12]);
