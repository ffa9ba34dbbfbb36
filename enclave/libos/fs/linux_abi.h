/* SPDX-License-Identifier: Apache-2.0 */
/* Linux's numbers and structures as the workload knows them, from the kernel's own headers (which
 * need no libc). */
#pragma once

#include <asm/errno.h>
#include <asm/fcntl.h>
#include <asm/ioctls.h>
#include <asm/poll.h>
#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <linux/stat.h>
#include <linux/time_types.h>
#include <linux/uio.h>

#undef major
#undef minor

#ifndef SEEK_DATA
#error "linux/fs.h defines SEEK_DATA"
#endif

#define DT_UNKNOWN 0
#define DT_DIR     4
#define DT_REG     8
#define DT_LNK     10
