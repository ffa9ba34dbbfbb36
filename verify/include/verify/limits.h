/* SPDX-License-Identifier: Apache-2.0 */
/* Maxima of what the library reads. Whatever is larger is refused before it costs anything. */
#pragma once

#define QUOTE_BYTES_MAX       65536u /* GCP hands out 8000-byte buffers; quotes are below 6 KiB */
#define PEM_BYTES_MAX         16384u /* three certificates take about 4 KiB */
#define CERTIFICATE_SIZE_MAX  65536u /* Intel's are about 1.3 KiB; RA-TLS adds quote, collateral */
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
#define NITRO_BYTES_MAX       65536u /* documents are below 5 KiB; some hosts hand out whole buffers */
#define NITRO_PAYLOAD_MAX     16384u /* AWS "Nitro Enclaves attestation process", 3.1 */
#define NITRO_BUNDLE_MAX      8u     /* AWS sends four: root, region, zone, instance */
#define NITRO_UNPROTECTED_MAX 8u     /* header parameters that nobody signed; AWS sends none */
#define BUNDLE_BYTES_MAX       (1u << 26) /* 40,000 platforms with a certificate each */
#define BUNDLE_ENTRIES_MAX     65536u
#define BUNDLE_JSON_MAX        (1u << 18) /* as JSON_SIZE_MAX */
#define BUNDLE_CERTIFICATE_MAX 8192u      /* AMD's are about 1.4 KiB */
#define BUNDLE_PCK_TRIES_MAX   64u /* signatures tried to find a quote's PCK certificate: 4 ms */
#define BUNDLE_CANDIDATES_MAX  32u  /* pieces of one name that differ: by date, or by their maker */
#define BUNDLE_SIGNATURES_MAX  128u /* tried to tell makers apart, for one evidence: 10 ms */
#define BUNDLE_LOOSE_MAX       32u /* CA certificates waiting for the rest of their chain */
#define CACHE_DOCUMENTS       16u    /* signed documents of which a cache keeps what they say */
#define CACHE_TEXT_MAX        32768u /* longer ones are read each time; Intel's are about 10 KiB */
#define CACHE_VALUE_MAX       16384u
#define CACHE_KEYS            16u /* of calls that ended; what more threads need is made anew */
#define CACHE_ENTRIES_MAX     (1u << 24) /* half a gigabyte */
#define ROOTS_MAX             64u    /* roots that one policy names */
#define POLICY_IDS_MAX        65536u /* ids in one allow or deny list: a fleet; searched one by one */
#define POLICY_ADVISORIES_MAX 256u
#define RATLS_CLAIMS_MAX      32u    /* claims of one RA-TLS certificate; the documents know two */
#define RATLS_LISTS_MAX       32768u /* its revocation lists, where they come in hexadecimal */
#define HCL_BYTES_MAX          16384u /* Azure's vTPM hands out 2600 bytes */
#define CERT_TABLE_SIZE_MAX    65536u /* Linux takes 16 KiB of certificates from a host */
#define CERT_TABLE_ENTRIES_MAX 32u    /* five are known */
