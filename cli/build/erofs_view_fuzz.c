/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as two layers: lookups end and stay inside. */
#include "erofs_view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const paths[] = {"/", "/usr/bin/tool", "/a/b/c", "/bin/../bin/link"};
    struct erofs_view v = {.layer_count = 2};
    uint32_t mode;
    v.layers[0].bytes = BYTES(data, size / 2);
    v.layers[1].bytes = BYTES(data, size);
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        ignore_result(erofs_view_mode(&v, paths[i], true, &mode), "any outcome is fine");
    }
    return 0;
}
