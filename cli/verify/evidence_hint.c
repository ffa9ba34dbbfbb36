/* SPDX-License-Identifier: Apache-2.0 */
/* Why a file is no evidence of any kind: most often it was written down as text. */
#include <string.h>

#include "request.h"

#define LOOK_MAX 4096u /* so many characters tell */

/* Are the first characters all of these, apart from line ends? */
static bool is_all(struct bytes text, const char *characters)
{
    size_t size = text.size < LOOK_MAX ? text.size : LOOK_MAX;
    for (size_t i = 0; i < size; i++) {
        char c = (char)text.data[i];
        if (c == '\0' || (strchr(characters, c) == NULL && strchr("\r\n", c) == NULL)) {
            return false;
        }
    }
    return size >= 64; /* no evidence is shorter */
}

const char *evidence_hint(struct bytes evidence)
{
    enum alcove_wrapping wrapping;
    struct alcove_bytes e = {evidence.data, evidence.size};
    bool map = evidence.size > 0 && evidence.data[0] >> 5 == 5;
    if (is_all(evidence, "0123456789abcdefABCDEF")) {
        return "these are hexadecimal digits; decode them first: xxd -r -p FILE";
    }
    if (is_all(evidence, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_")) {
        return "this looks like base64; decode it first: base64 -d FILE";
    }
    if (map || alcove_evidence_kind_of(e, &wrapping) != ALCOVE_EVIDENCE_NONE ||
        wrapping != ALCOVE_WRAPPING_NONE) {
        return "";
    }
    return "the file begins like no known kind of evidence: SGX or TDX quote, SEV-SNP report, HCL "
           "report, Nitro document, RA-TLS certificate, or what 'alcove run --quote' writes";
}
