/* SPDX-License-Identifier: Apache-2.0 */
/* An analyst's key: P-256, in a PEM file that only its owner can read. It signs requests to the
 * daemon; its SHA-256 is the analyst in query documents.
 *
 * Trust: the file is the user's own. */
#pragma once

#include "base/diag.h"
#include "query/signed.h"

/* $ALCOVE_ANALYST_KEY, else $XDG_DATA_HOME/alcove/analyst-key.pem, else
 * ~/.local/share/alcove/analyst-key.pem. PATH_MAX bytes. */
int analyst_key_path(char *ret_path, struct diag *d) MUST_USE;
/* -EEXIST when there is a file already: keys are never overwritten. */
int analyst_key_new(const char *path, struct diag *d) MUST_USE;
/* Refuses a file that others may read, and keys of another kind. Wipe with
 * query_secret_key_wipe(). */
int analyst_key_read(const char *path, struct query_secret_key *ret, struct diag *d) MUST_USE;
