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

/* linux/stat.h leaves these out where a libc's headers came first, as in the test programs. */
#ifndef S_IFMT
#define S_IFMT  00170000
#define S_IFIFO 0010000
#define S_IFCHR 0020000
#define S_IFDIR 0040000
#define S_IFREG 0100000
#define S_IFLNK 0120000
#define S_IFSOCK 0140000
#define S_ISVTX 0001000
#endif

#define DT_UNKNOWN 0
#define DT_DIR     4
#define DT_REG     8
#define DT_LNK     10
