/* SPDX-License-Identifier: Apache-2.0 */
/* The soft machine's fuses: 32 random bytes in the machine's folder, made once per machine. All
 * keys of the machine derive from them. Trust: whoever reads the file is this machine. */
#pragma once

#include "base/bytes.h"
#include "base/diag.h"

#define ROOT_SECRET_SIZE 32u
#define ROOT_SECRET_FILE "root-secret"

/* The machine's folder: state_dir, or when NULL $ALCOVE_MACHINE_DIR, $XDG_DATA_HOME/alcove/machine,
 * ~/.local/share/alcove/machine. ret holds PATH_MAX bytes. */
int machine_dir(const char *state_dir, char *ret, struct diag *d) MUST_USE;

/* Reads the secret. Refuses: missing (-ENOENT), mode other than 0600 or another owner (-EPERM), not
 * a regular file, unreadable, wrong size. The sentence says what to do. */
int root_secret_load(const char *dir, uint8_t ret[ROOT_SECRET_SIZE], struct diag *d) MUST_USE;

/* Makes folder (0700) and secret (0600) unless they are there, atomically, so that two first uses
 * at once agree; then loads. */
int root_secret_make(const char *dir, uint8_t ret[ROOT_SECRET_SIZE], struct diag *d) MUST_USE;
