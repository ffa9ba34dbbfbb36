/* SPDX-License-Identifier: Apache-2.0 */
/* alcove verify: checks evidence of every kind. Reads what the user names, asks the library and
 * prints. The verdict is the library's alone; a rejection is exit status 1. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "build/file.h"
#include "cli.h"
#include "verify/request.h"

const char verb_verify_help[] =
    "usage: alcove verify EVIDENCE --policy FILE [--collateral PATH]... [OPTION]...\n"
    "       alcove verify RUN-EVIDENCE [OPTION]...\n"
    "       alcove verify --print-policy KIND\n"
    "\n"
    "Checks evidence, offline: its signature, the certificate chain to a root, revocation lists,\n"
    "the state of the platform, and that it shows what you expect. Prints the verdict, what was\n"
    "measured, and who vouches for it. EVIDENCE is an SGX or TDX quote, an AMD SEV-SNP report, an\n"
    "HCL report of Azure, an AWS Nitro attestation document, or an RA-TLS certificate, told apart\n"
    "by its content. RUN-EVIDENCE is what 'alcove run --quote' wrote; it carries its collateral,\n"
    "and nonce, inputs, outputs and program are compared with what the quote binds.\n"
    "\n"
    "Options:\n"
    "  --root FILE           also accept chains that end in this root certificate; a software\n"
    "                        machine is accepted only so, and never without saying what it is.\n"
    "                        'alcove machine show' tells where this machine's is. May be repeated\n"
    "  --nonce HEX           the evidence must repeat this nonce (of a run, a Nitro document, an\n"
    "                        RA-TLS certificate)\n"
    "  --at TIME             check as of 2026-06-01T12:00:00Z, 2026-06-01 or @SECONDS, not now\n"
    "  --accept-status NAME  also accept this TCB status, such as SWHardeningNeeded; which "
    "advisories\n"
    "                        raw evidence may have then, its policy says. May be repeated\n"
    "  --allow-debug         accept debug mode, in which the host can read and change everything\n"
    "  --json                print one JSON object (docs/formats/verify-json.md)\n"
    "  --help                this text\n"
    "\n"
    "Raw evidence:\n"
    "  --policy FILE         what is accepted (docs/formats/policy.md); needed\n"
    "  --collateral PATH     a bundle, a folder, or a single file with what the makers of\n"
    "                        processors say about the platform: TCB info, QE identity,\n"
    "                        certificates, revocation lists, told apart by their content. May be\n"
    "                        repeated\n"
    "  --report-data HEX     the report data must be these 64 bytes, or 32 that zeros follow; "
    "'any'\n"
    "                        does not compare them. Wins over the policy\n"
    "  --print-policy KIND   print a policy to start from; KIND is sgx, tdx, snp, azure, nitro or\n"
    "                        ratls\n"
    "\n"
    "Run evidence:\n"
    "  --expect BUNDLE|FILE  the program must be this one: a bundle, whose identities are "
    "computed\n"
    "                        from its bytes, or an identity.json from somebody you trust. Without\n"
    "                        it the report shows what ran, and you compare\n"
    "  --input NAME=PATH     the run must have read this file as its input NAME. May be repeated\n"
    "  --output NAME=PATH    the run must have written this file as its output NAME. May be\n"
    "                        repeated\n"
    "\n"
    "Exit status: 0 accepted, 1 rejected or unreadable, 2 wrong usage. 'alcove explain REASON'\n"
    "says more about a rejection.\n";

/* Raw evidence, or that of a run, which is a CBOR map. What begins like neither is what the options
 * say that it should be: the one or the other rejects it. */
static bool is_raw(const struct verify_request *q, struct bytes evidence, enum policy_kind *ret)
{
    enum alcove_wrapping wrapping = ALCOVE_WRAPPING_NONE;
    struct alcove_bytes e = {evidence.data, evidence.size};
    enum alcove_evidence_kind kind = alcove_evidence_kind_of(e, &wrapping);
    bool map = evidence.size > 0 && evidence.data[0] >> 5 == 5;
    *ret = POLICY_KIND_COUNT;
    return policy_kind_of(kind, wrapping, ret) || (q->policy_path != NULL && !map);
}

int verb_verify(int argc, char **argv)
{
    struct verify_request q = {.time = (int64_t)time(NULL)};
    struct diag d = {""};
    struct mapped_file evidence;
    enum policy_kind kind = POLICY_KIND_COUNT;
    q.expectation.identity_mode = q.expectation.nonce_mode = ALCOVE_EXPECT_ANY;
    q.expectation.accepted_statuses = ALCOVE_TCB_BIT(ALCOVE_TCB_UP_TO_DATE);
    int status = verify_options(argc, argv, &q);
    if (status != CLI_OK) {
        return status;
    }
    if (q.print_policy) {
        fputs(policy_template(q.print_kind), stdout);
        return CLI_OK;
    }
    if (mapped_file_open(&evidence, q.evidence_path, EVIDENCE_SIZE_MAX, &d) != 0) {
        return cli_fail("verify", &d);
    }
    status = is_raw(&q, evidence.bytes, &kind) ? verify_raw_evidence(&q, evidence.bytes, kind)
                                               : verify_run_evidence(&q, evidence.bytes);
    mapped_file_close(&evidence);
    if (fflush(stdout) != 0) {
        diag_fail(&d, -errno, "standard output: %s", strerror(errno));
        return cli_fail("verify", &d);
    }
    return status;
}
