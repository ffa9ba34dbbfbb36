/* SPDX-License-Identifier: Apache-2.0 */
/* crypto.h by OpenSSL 3. */
#include "crypto/crypto.h"

void crypto_enter(struct crypto *x)
{
    *x = (struct crypto){0};
}

void crypto_leave(struct crypto *x)
{
    *x = (struct crypto){0};
}
