/* SPDX-License-Identifier: Apache-2.0 */
/* Where things are in an enclave's linear range, fixed by the release. Why: docs/decisions/001. */
#pragma once

#include <stdint.h>

#define ELRANGE_BASE UINT64_C(0)
#define ELRANGE_SIZE (UINT64_C(1) << 36) /* SGX wants base aligned to size; Python wants 0x400000 */

/* The workload's memory: [APP_BASE, APP_END). Debian's python3.11 is linked at 0x400000. */
#define APP_BASE      UINT64_C(0x10000)
#define APP_PROGRAM   UINT64_C(0x400000)     /* position-independent programs: heap room above */
#define APP_LIBRARIES UINT64_C(0x40000000)   /* programs and their heap end here */
#define APP_STUBS     UINT64_C(0x78000000)   /* rewriting stubs: five-byte jumps reach them from below */
#define APP_STUBS_END UINT64_C(0x7c000000)
#define APP_MMAP_BASE UINT64_C(0x100000000)  /* where mmap without a hint starts looking */
#define APP_END       UINT64_C(0xf00000000)

/* Verified blocks of layers that are kept: trusted, grows by EAUG, shrinks. */
#define RUNTIME_CACHE      APP_END
#define RUNTIME_CACHE_SIZE (UINT64_C(2) << 30)

/* The runtime: the top GiB. The measured image is linked at RUNTIME_BASE. */
#define RUNTIME_BASE      (ELRANGE_SIZE - (UINT64_C(1) << 30)) /* 0xfc0000000 */
#define RUNTIME_IMAGE_MAX (UINT64_C(64) << 20)
#define RUNTIME_HEAP      (RUNTIME_BASE + RUNTIME_IMAGE_MAX)   /* grows by EAUG */
#define RUNTIME_HEAP_END  (RUNTIME_BASE + (UINT64_C(768) << 20))
#define RUNTIME_THREADS   RUNTIME_HEAP_END                     /* TCS, SSA, stacks of later threads */
#define RUNTIME_END       ELRANGE_SIZE

/* Rewritten instructions enter the runtime here, in every release: measured stubs name them. */
#define RUNTIME_SYSCALL_ENTRY RUNTIME_BASE
#define RUNTIME_CPUID_ENTRY   (RUNTIME_BASE + 16)
/* Shim door: one measured page that describes the measured program (abi/program.h). */
#define PROGRAM_DESCRIPTOR (RUNTIME_BASE - 4096)

#define SSA_FRAME_PAGES 1u
#define THREADS_MAX     256u
