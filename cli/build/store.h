/* SPDX-License-Identifier: Apache-2.0 */
/* The layer store: <root hash>.img files that bundles refer to. Its content needs no trust: whoever
 * uses an image checks it against the root hash in a measured manifest. */
#pragma once

#include "base/diag.h"

/* $ALCOVE_STORE, else $XDG_DATA_HOME/alcove/layers, else ~/.local/share/alcove/layers. ret_path
 * holds PATH_MAX bytes. */
int store_path(char *ret_path, struct diag *d) MUST_USE;
/* Where a layer's image is: in the bundle's layers/, else in the store; -ENOENT with a sentence
 * when in neither. bundle and ret_in_bundle may be NULL. */
int store_find(const char *bundle, const uint8_t root[32], char *ret_path, bool *ret_in_bundle,
               struct diag *d) MUST_USE;
/* Takes the store's lock, making the store if need be; waits for other builds. Returns a file
 * descriptor to close. */
int store_lock(const char *store, struct diag *d) MUST_USE;
