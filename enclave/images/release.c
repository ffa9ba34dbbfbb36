/* SPDX-License-Identifier: Apache-2.0 */
/* The library OS image. Its version stands in measured memory, so that two releases never share an
 * MRENCLAVE, and debuggers can tell them apart. */
#include "base/attr.h"

extern const char rt_release[];
const char rt_release[] __attribute__((used, section(".rodata.release"))) = "alcove-libos 0.1.0";
