/* SPDX-License-Identifier: Apache-2.0 */
/* The shim door's part of an image; `alcove build` puts the program below it. Alone it refuses to
 * start. */
#include "base/attr.h"

extern const char rt_release[];
const char rt_release[] __attribute__((used, section(".rodata.release"))) = "alcove-shim 0.1.0";
