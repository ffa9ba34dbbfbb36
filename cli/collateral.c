/* SPDX-License-Identifier: Apache-2.0 */
/* alcove collateral: what the makers of processors say about platforms, as one offline file. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "collateral/verb.h"

const char verb_collateral_help[] =
    "usage: alcove collateral pack BUNDLE FILE|FOLDER... [--quiet]\n"
    "       alcove collateral show BUNDLE [--json]\n"
    "       alcove collateral check BUNDLE [--for EVIDENCE]... [OPTION]...\n"
    "\n"
    "Collateral is what verification needs besides the evidence: TCB info, QE identity,\n"
    "certificates and revocation lists of Intel and AMD. One bundle holds that of any number of\n"
    "platforms and times, so that 'alcove verify --collateral BUNDLE' works offline.\n"
    "docs/formats/collateral.md tells where the files come from.\n"
    "\n"
    "pack     writes the bundle from files, from folders with all that is below them, and from\n"
    "         other bundles. Files are told apart by their content: JSON as Intel's service sends\n"
    "         it, certificates and lists in PEM or DER, AMD's chains and tables, quotes for the\n"
    "         certificates in them. What is none of these is refused, or left out if it lies in a\n"
    "         folder. The same files give the same bundle in whatever order. To renew a bundle,\n"
    "         pack it again together with what is new.\n"
    "show     prints a table: what it is, for which platform, when it was issued and expires,\n"
    "         what it says (number of Intel's evaluation, certificates revoked), and who issued "
    "it.\n"
    "         Also for folders and single files.\n"
    "check    says what is missing, what has expired or soon will, and whose signature is not\n"
    "         good. It only looks after a bundle: evidence is always checked in full by\n"
    "         'alcove verify', whatever is said here.\n"
    "\n"
    "Options:\n"
    "  --for EVIDENCE        check: is everything here that this evidence needs? Nothing else is\n"
    "                        looked at then. May be repeated\n"
    "  --at TIME             check: as of 2026-06-01T12:00:00Z, 2026-06-01 or @SECONDS, not now\n"
    "  --within TIME         check: 'soon' is within 30m, 12h or 7d; default 7d. What expires "
    "soon\n"
    "                        is told, but no failure yet\n"
    "  --root FILE           check: signatures may also end in this root certificate, such as a\n"
    "                        software machine's. May be repeated\n"
    "  --quiet               pack: do not print what was taken\n"
    "  --json                show, check: print one JSON object\n"
    "  --help                this text\n"
    "\n"
    "Exit status: 0 done; complete and current. 1 failed; something is missing, expired or not\n"
    "good. 2 wrong usage.\n";

int verb_collateral(int argc, char **argv)
{
    static const struct {
        const char *word;
        int (*run)(int argc, char **argv);
    } words[] = {{"pack", collateral_pack}, {"show", collateral_show}, {"check", collateral_check}};
    if (argc < 2) {
        return cli_usage("collateral", "pack, show or check?");
    }
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (strcmp(argv[1], words[i].word) != 0) {
            continue;
        }
        int status = words[i].run(argc - 1, argv + 1);
        if (fflush(stdout) != 0) {
            struct diag d = {"standard output cannot be written"};
            return cli_fail("collateral", &d);
        }
        return status;
    }
    return cli_usage("collateral", "%s: there are pack, show and check", argv[1]);
}
