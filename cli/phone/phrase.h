/* SPDX-License-Identifier: Apache-2.0 */
/* The recovery phrase: 128 random bits and 16 of checksum as nine words of five letters that can be
 * said aloud (proquints, arXiv 0901.4016), for paper. And the keys that come from it.
 *
 * Trust: the phrase is typed by a person; whoever has it is the owner. */
#pragma once

#include "base/diag.h"
#include "channel/hpke.h"
#include "query/signed.h"

#define PHONE_SEED_SIZE 16u
#define PHRASE_WORDS    9u
#define PHRASE_MAX      (PHRASE_WORDS * 6u) /* words, blanks between them, NUL */

/* "lusab babad gutih ...". -EIO when the crypto library fails. */
int phrase_write(const uint8_t seed[PHONE_SEED_SIZE], char ret[PHRASE_MAX],
                 struct diag *d) MUST_USE;
/* Words of either case; blanks, line ends and hyphens between them. -EINVAL names the word that is
 * none, says how many there are, or that the checksum does not fit. CT: no, it is typed once. */
int phrase_read(struct bytes text, uint8_t ret_seed[PHONE_SEED_SIZE], struct diag *d) MUST_USE;

/* Secrets: wiped by phone_keys_wipe(). */
struct phone_keys {
    struct query_secret_key owner; /* P-256: signs leases and requests; its SHA-256 is the owner */
    struct hpke_private_key message; /* X25519: sends and receives sealed messages */
    uint8_t volume[32];              /* opens the custodian's volume */
    struct query_hash owner_id;
};
/* HKDF-SHA256 (RFC 5869) of the seed with the salt "alcove-phone-1"; infos "owner", "message" and
 * "volume", 32 bytes each; keys from the first two by DeriveKeyPair (RFC 9180 section 7.1.3). The
 * phrase is on paper for years: this never changes. */
int phone_keys_derive(const uint8_t seed[PHONE_SEED_SIZE], struct phone_keys *ret,
                      struct diag *d) MUST_USE;
void phone_keys_wipe(struct phone_keys *keys);
