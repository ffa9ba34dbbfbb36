/* SPDX-License-Identifier: Apache-2.0 */
/* What a member knows without asking: files of layers never change, and it has them itself. A
 * question about an absolute path is answered here when every step to it lies in layers; a path
 * that comes by a mount point of the owner's (/tmp, /proc, /dev, inputs, outputs, volumes) is the
 * owner's to answer. */
#pragma once

#include "process.h"

/* May the member's own body of the call answer it? For SHARED rows, at a member, without the lock.
 */
bool local_layers_serve(const struct rt_frame *f, uint64_t number);
