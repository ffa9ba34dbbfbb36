/* SPDX-License-Identifier: Apache-2.0 */
/* Maxima that formats and both sides of the boundary share, each with its reason. */
#pragma once

#define MANIFEST_SIZE_MAX   65536u /* one hostcall slot; real ones are below 2 KiB */
#define MANIFEST_LAYERS_MAX 8u     /* path lookups walk all of them */
#define LAYER_SIZE_MAX      (UINT64_C(1) << 36) /* one mapping, and block numbers in 32 bits */
#define MANIFEST_ARGS_MAX   64u
#define MANIFEST_ENV_MAX    64u
#define MANIFEST_MOUNTS_MAX 16u
#define MANIFEST_FILES_MAX  16u    /* inputs, and outputs: hashed into the evidence by name */
#define MANIFEST_ENDPOINTS_MAX 16u /* to listen at, and to connect to: looked through at each */
#define MANIFEST_TEXT_MAX   4096u  /* PATH_MAX */
#define NAME_MAX_BYTES      64u    /* names of inputs, outputs, layers */
#define NONCE_MAX           64u
#define INPUT_SIZE_MAX      (1024u * 1024 * 1024)
#define IMAGE_SIZE_MAX      (1024u * 1024 * 1024) /* SGXS stream: 800 MB of measured pages */
#define QUOTE_SIZE_MAX      16384u
#define CLAIMS_SIZE_MAX     8192u
#define EVIDENCE_SIZE_MAX   (1024u * 1024)
