/* SPDX-License-Identifier: Apache-2.0 */
/* Writes DER (X.690). Certificates are put together by hand rather than by a library so that the
 * same secret always gives the same bytes. Overflow sticks in the writer. */
#pragma once

#include "base/bytes.h"

#define DER_INTEGER    0x02u
#define DER_BITSTRING  0x03u
#define DER_OCTETS     0x04u
#define DER_OID        0x06u
#define DER_ENUM       0x0au
#define DER_UTF8       0x0cu
#define DER_UTC_TIME   0x17u
#define DER_TIME       0x18u /* GeneralizedTime */
#define DER_SEQ        0x30u
#define DER_SET        0x31u
#define DER_CONTEXT(n) (0xa0u | (n)) /* explicit, constructed */

/* Opens an element; der_end() closes the one that der_begin() returned, innermost first. */
size_t der_begin(struct writer *w, uint8_t tag);
void der_end(struct writer *w, size_t mark);
/* A whole element. */
void der_put(struct writer *w, uint8_t tag, struct bytes content);
/* A non-negative integer from its big-endian magnitude. */
void der_put_integer(struct writer *w, uint8_t tag, struct bytes magnitude);
void der_put_small(struct writer *w, uint8_t tag, uint32_t value);
