/* SPDX-License-Identifier: Apache-2.0 */
/* Maxima of what the library reads. Whatever is larger is refused before it costs anything. */
#pragma once

#define QUOTE_BYTES_MAX       65536u /* GCP hands out 8000-byte buffers; quotes are below 6 KiB */
#define PEM_BYTES_MAX         16384u /* three certificates take about 4 KiB */
#define CERTIFICATE_SIZE_MAX  8192u  /* Intel's are about 1.3 KiB */
#define EXTENSIONS_MAX        32u    /* in one certificate; AMD's have about 15 */
#define SERIAL_SIZE_MAX       21u    /* RFC 5280: 20 bytes, and a sign */
#define RSA_BYTES_MIN         256u
#define RSA_BYTES_MAX         512u
#define RSA_EXPONENT_MAX      4u /* bytes */
#define CHAIN_MAX             4u /* leaf, intermediate, root, and one to notice a longer chain */
#define CRL_SIZE_MAX          (1u << 20) /* 5,000 revoked certificates take 200 KiB */
#define TCB_LEVELS_MAX        64u        /* Intel sends fewer than 20 */
#define TDX_MODULES_MAX       8u         /* Intel lists three */
#define TDX_MODULE_LEVELS_MAX 16u
#define CACHE_ENTRIES_MAX     (1u << 24) /* half a gigabyte */
#define ROOTS_MAX             64u        /* roots that one policy names */
#define POLICY_IDS_MAX        65536u /* ids in one allow or deny list: a fleet; searched one by one */
#define POLICY_ADVISORIES_MAX 256u
