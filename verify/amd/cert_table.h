/* SPDX-License-Identifier: Apache-2.0 */
/* The table of certificates that a host hands to its guest with an extended guest request: entries
 * of {GUID[16], offset u32, length u32}, little endian, the last one all zero, then the contents.
 * Source: AMD 56421 "GHCB", section "SNP Extended Guest Request".
 * Trust: the host writes it. */
#pragma once

#include "base/bytes.h"

/* Contents are DER or PEM; empty where there is no entry. */
struct cert_table {
    struct bytes vcek, vlek, ark, crl;
    struct bytes ask; /* for a VLEK: the ASVK, which has no GUID of its own */
};

/* False if an entry reaches outside or into the entries, the end is missing, or a known GUID occurs
 * twice. Entries of unknown GUIDs are skipped: hosts put firmware endorsements there. */
bool cert_table_read(struct bytes table, struct cert_table *ret) MUST_USE;
