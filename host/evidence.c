/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the evidence file of a run: the quoting enclave signs what the workload's enclave reported,
 * the machine adds the collateral, and one file appears under its name when it is complete. */
#include "evidence.h"

#include <errno.h>

int evidence_maker_open(const struct machine_config *machine, const struct machine_ops *ops,
                        struct bytes manifest, struct evidence_maker **ret, struct diag *d)
{
    (void)machine;
    (void)ops;
    (void)manifest;
    (void)ret;
    return diag_fail(d, -ENOSYS, "this build has no quoting enclave yet");
}
int evidence_maker_target(struct evidence_maker *e, struct sgx_targetinfo *ret, struct diag *d)
{
    (void)e;
    (void)ret;
    return diag_fail(d, -ENOSYS, "no quoting enclave");
}
int evidence_maker_quote(struct evidence_maker *e, struct bytes message, struct diag *d)
{
    (void)e;
    (void)message;
    return diag_fail(d, -ENOSYS, "no quoting enclave");
}
int evidence_maker_write(struct evidence_maker *e, const char *path, struct diag *d)
{
    (void)e;
    (void)path;
    return diag_fail(d, -ENOSYS, "no quoting enclave");
}
void evidence_maker_close(struct evidence_maker *e)
{
    (void)e;
}
