/* SPDX-License-Identifier: Apache-2.0 */
/* Enclave signing keys: RSA-3072 with exponent 3, as SGX wants them, in PEM files that only their
 * owner can read. */
#pragma once

#include "base/bytes.h"
#include "base/diag.h"

#define KEY_PEM_MAX 16384u

/* Default place (PATH_MAX bytes): $ALCOVE_SIGNING_KEY, else $XDG_DATA_HOME/alcove/signing-key.pem,
 * else
 * ~/.local/share/alcove/signing-key.pem. */
int key_default_path(char *ret_path, struct diag *d) MUST_USE;
/* -EEXIST when there is a file already: keys are never overwritten. */
int key_new(const char *path, struct diag *d) MUST_USE;
/* A new file that only its owner can read, and the folders on its way; whole, or not there. Fails
 * where there is one already. */
int key_store(const char *path, struct bytes pem, struct diag *d) MUST_USE;
/* Reads the file into `out`; refuses one that others may read. */
int key_read(const char *path, struct writer *out, struct diag *d) MUST_USE;
/* SHA-256 of the modulus: the signer's identity. Refuses keys of another kind. */
int key_mrsigner(struct bytes pem, uint8_t ret[32], struct diag *d) MUST_USE;
