/* SPDX-License-Identifier: Apache-2.0 */
/* The records of a process's image (image.h). Sender and receiver are the same code of the same
 * measurement, so this is no format that others read: it changes with the code. */
#pragma once

#include "mm/mm.h"
#include "proc/image.h"
#include "process.h"
#include "proc/shares.h"
#include "mm/vma.h"

/* In this order: one STATE, one VECTOR, FILEs, MAPPINGS, then RUNS and PAGES, STUBS, and the END.
 */
enum image_kind {
    IMAGE_STATE = 1,
    IMAGE_VECTOR,   /* body: the calling thread's vector state, rt_xstate_size() */
    IMAGE_FILE,     /* body: the path of a layer's file; they are numbered as they come */
    IMAGE_SHARE,    /* body: struct share_told and a path; numbered with them */
    IMAGE_MAPPINGS, /* body: struct image_mapping, ascending */
    IMAGE_RUNS,     /* body: struct image_run, ascending; before their pages */
    IMAGE_PAGES,    /* body: pages from `at` on that are not all zeros */
    IMAGE_STUBS,    /* body: pages of rewriting stubs, in order */
    IMAGE_END,
};

struct image_head {
    uint32_t kind;
    uint32_t count; /* of what the body holds */
    uint64_t at;
    uint64_t pad[2];
};
_Static_assert(sizeof(struct image_head) == IMAGE_HEAD_SIZE, "image.h");

#define IMAGE_BODY_MAX  (IMAGE_RECORD_MAX - IMAGE_HEAD_SIZE)
#define IMAGE_PAGES_MAX (IMAGE_BODY_MAX / PAGE_SIZE)
#define IMAGE_NO_FILE   UINT32_MAX

struct image_mapping {
    uint64_t start, end, offset;
    uint32_t file; /* number, or IMAGE_NO_FILE */
    uint32_t prot;
    uint8_t shared, charged, lazy, foreign, wipe_on_fork, kind, window, pad;
};

/* Pages that are committed, alike. */
struct image_run {
    uint64_t start, end;
    uint8_t state; /* PAGE_RIGHTS, PAGE_FILE, PAGE_PURE */
    uint8_t pad[7];
};

struct image_state {
    struct rt_frame frame;
    uint64_t fsbase;
    uint64_t blocked, alt_stack, alt_stack_size, alt_stack_flags, affinity;
    uint64_t brk_start, brk;
    uint64_t stack_start, code_start, code_end;
    uint64_t args_start, args_size, env_start, env_size, auxv_start, auxv_size;
    struct signal_action actions[SIGNALS];
    char comm[COMM_SIZE];
};
_Static_assert(sizeof(struct image_state) <= IMAGE_BODY_MAX, "one record");
