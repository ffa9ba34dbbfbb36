/* SPDX-License-Identifier: Apache-2.0 */
/* Where a signal's frame goes on a stack. Pure, so that it is tested against the kernel's. */
#include "signals/signals.h"

bool signal_layout(uint64_t top, uint64_t xstate_size, uint64_t *ret_frame, uint64_t *ret_xstate)
{
    uint64_t need = xstate_size + XSTATE_END_SIZE + 64 + sizeof(struct signal_frame) + 24;
    if (top < need) {
        return false;
    }
    uint64_t xstate = align_down(top - xstate_size - XSTATE_END_SIZE, 64);
    /* As after a call instruction: (rsp + 8) is a multiple of 16. */
    *ret_frame = align_down(xstate - sizeof(struct signal_frame), 16) - 8;
    *ret_xstate = xstate;
    return true;
}
