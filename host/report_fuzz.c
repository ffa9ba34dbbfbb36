/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of an enclave (abi/report.h), which the host does not trust, and lists of --trace. */
#include <stdlib.h>
#include <string.h>

#include "watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct host_watch watch;
    static struct manifest manifest;
    static FILE *nowhere;
    uint64_t classes = 0, calls[TRACE_CALLS / 64] = {0};
    struct diag d = {""};
    char list[256];
    memset(&watch, 0, sizeof watch);
    host_watch_report(&watch, data, size);
    nowhere = nowhere != NULL ? nowhere : fopen("/dev/null", "w");
    if (nowhere != NULL) {
        host_perf_print(&watch, true, nowhere);
        host_stats_print(&watch, &manifest, nowhere);
    }
    size_t n = size < sizeof list - 1 ? size : sizeof list - 1;
    memcpy(list, data, n);
    list[n] = '\0';
    if (host_trace_select(list, &classes, calls, &d) != 0 && d.text[0] == '\0') {
        abort(); /* a refusal says why */
    }
    return 0;
}
