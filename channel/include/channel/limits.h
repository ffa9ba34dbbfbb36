/* SPDX-License-Identifier: Apache-2.0 */
/* Maxima of sealed messages and bindings, each with its reason. */
#pragma once

#define HPKE_INFO_MAX      1024u        /* fixed buffers; ours are below 100 bytes */
#define HPKE_EXPORT_MAX    (255u * 32u) /* HKDF-Expand, RFC 5869 section 2.3 */
#define HPKE_PLAINTEXT_MAX (1u << 30)   /* the crypto library counts in int; GCM allows 2^36 - 32 */

#define BINDING_CONTEXT_MAX 1024u /* hashes, a log head, a lease: a few hundred bytes */
#define BINDING_NONCE_MIN   16u   /* below that, an answer could be made beforehand */
#define BINDING_NONCE_MAX   64u
#define BINDING_SIZE_MAX    2048u                  /* all of it with the largest context and keys */
#define BINDING_TIME_MAX    UINT64_C(253402300799) /* the last second of the year 9999 */
#define BINDING_OWNER_SIZE  32u

#define MESSAGE_CONTEXT_MAX  4096u               /* hashed; what both sides know already */
#define MESSAGE_HEADER_MAX   512u                /* real ones have less than 300 bytes */
#define MESSAGE_PLAIN_MAX    (16u * 1024 * 1024) /* the largest bucket: raw days have 3 MB */
#define MESSAGE_EVIDENCE_MAX (1024u * 1024)      /* as EVIDENCE_SIZE_MAX (abi/limits.h) */
/* Besides the plaintext: header, tag, and what CBOR puts around them. */
#define MESSAGE_OVERHEAD_MAX (MESSAGE_HEADER_MAX + 64u)
#define MESSAGE_SIZE_MAX     (MESSAGE_PLAIN_MAX + MESSAGE_OVERHEAD_MAX)
