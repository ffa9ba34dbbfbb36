/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as JSON, as TCB info and as QE identity: readers stay inside, and what they accept
 * keeps its bounds. */
#include "intel/collateral.h"
#include "verify/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct bytes part, const uint8_t *data, size_t size)
{
    if (part.size > 0 && (part.data < data || part.data + part.size > data + size)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tcb_info info;
    static struct qe_identity identity;
    struct bytes text = BYTES(data, size);
    struct json j = json_of(text);
    inside(json_raw(&j), data, size);
    bool value = json_done(&j);
    if (tcb_info_read(text, &info)) {
        const uint8_t high[16] = {255, 255, 255, 255, 255, 255, 255, 255,
                                  255, 255, 255, 255, 255, 255, 255, 255};
        const struct tcb_level *level = tcb_level_select(&info, high, UINT16_MAX, NULL);
        inside(info.document.body, data, size);
        /* The highest platform reaches the first level, whatever it asks for. */
        if (!value || info.level_count > TCB_LEVELS_MAX ||
            (info.level_count > 0 && level != &info.levels[0])) {
            abort();
        }
    }
    if (qe_identity_read(text, &identity)) {
        inside(identity.document.body, data, size);
        if (!value || (identity.level_count > 0 &&
                       !svn_level_select(identity.levels, identity.level_count, UINT16_MAX))) {
            abort();
        }
    }
    return 0;
}
