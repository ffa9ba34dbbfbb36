/* SPDX-License-Identifier: Apache-2.0 */
/* Azure's HCL report, as its vTPM hands it out (NV index 0x01400001): a header, the processor's
 * report, and runtime data, of which the report's REPORTDATA are the hash. Little endian:
 *   0 'HCLA' · 4 version · 8 size of all · 12 request type 2 · 16 status 0 · 20 reserved[12] ·
 *   32 report[1184] · 1216 size of what follows · 1220 version 1 · 1224 report type (2 SNP, 4 TDX)
 * · 1228 hash type (1 SHA-256, 2 SHA-384, 3 SHA-512) · 1232 length · 1236 JSON · zeros Sources:
 * Microsoft's azure-cvm-tooling and OpenHCL, which write and read it; real reports. Trust: the
 * bytes come from whoever wants to be believed. */
#pragma once

#include "base/bytes.h"
#include "verify/verify.h"

enum hcl_hash { HCL_SHA256 = 1, HCL_SHA384, HCL_SHA512 };

struct hcl {
    struct bytes report, runtime;
    enum hcl_hash hash;
    bool trailing; /* something else than zeros follows */
};
/* NONE, or the reason why it cannot be read. */
enum alcove_reason hcl_read(struct bytes b, struct hcl *ret);

/* The vTPM's attestation key from the runtime data: the member of `keys` with the kid HCLAkPub. */
struct hcl_key {
    size_t modulus_size;
    uint8_t modulus[512]; /* big endian, without leading zeros; of 2048 to 4096 bits */
};
/* False if the text is anything but one JSON object with exactly one such key: RSA, exponent 65537.
 */
bool hcl_key_read(struct bytes runtime, struct hcl_key *ret) MUST_USE;
