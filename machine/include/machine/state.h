/* SPDX-License-Identifier: Apache-2.0 */
/* The software machine's folder as a whole: root secret and what follows from it. */
#pragma once

#include "machine/root_secret.h"

/* The machine's root certificate, PEM, in its folder: what a relying party names with --root. */
#define MACHINE_ROOT_FILE "root.pem"

/* Makes folder, root secret and root certificate where they are missing, and checks the secret.
 * ret_dir (PATH_MAX bytes) is the folder. rewrite: the certificate is written in any case (it is
 * the same bytes for the same secret). */
int machine_state_make(const char *state_dir, bool rewrite, char *ret_dir,
                       uint8_t ret_secret[ROOT_SECRET_SIZE], struct diag *d) MUST_USE;
