/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates inside of other texts. Nobody reads the text around them: what looks like a PEM
 * certificate is decoded, and the library tells whether it is one. */
#include <errno.h>
#include <string.h>

#include "extract.h"

#define CERTIFICATE_TEXT_MAX 16384u
#define CERTIFICATES_MAX     256u /* of one text: Intel has a dozen for a platform */

/* One character as it was before it went into JSON or a header. */
static char decode(const char **p, const char *end)
{
    uint8_t byte;
    const char *at = *p;
    if (end - at >= 3 && at[0] == '%' && hex_decode(&byte, 1, BYTES(at + 1, 2))) {
        *p += 3;
        return (char)byte;
    }
    if (end - at >= 2 && at[0] == '\\') {
        *p += 2;
        return at[1] == 'n' || at[1] == 'r' ? '\n' : at[1];
    }
    *p += 1;
    return at[0];
}

/* From "-----BEGIN" to the end of the END line. 0: no certificate. */
static size_t decode_certificate(const char **p, const char *end, char *ret)
{
    static const char last[] = "-----END CERTIFICATE-----";
    size_t size = 0;
    while (*p < end && size + 1 < CERTIFICATE_TEXT_MAX) {
        ret[size++] = decode(p, end);
        if (size >= sizeof last && memcmp(ret + size - strlen(last), last, strlen(last)) == 0) {
            ret[size++] = '\n';
            return size;
        }
    }
    return 0;
}

int extract_certificates(struct alcove_bundle *b, struct bytes text, uint32_t *ret_kinds,
                         size_t *ret_count)
{
    static const char first[] = "-----BEGIN";
    const char *starts[CERTIFICATES_MAX];
    const char *end = (const char *)text.data + text.size, *at = (const char *)text.data;
    size_t count = 0, good = 0;
    while (count < CERTIFICATES_MAX &&
           (at = memmem(at, (size_t)(end - at), first, strlen(first))) != NULL) {
        starts[count++] = at;
        at += strlen(first);
    }
    /* CAs stand behind what they issued, and chains are complete at once if they come first. */
    while (count > 0) {
        char pem[CERTIFICATE_TEXT_MAX];
        uint32_t kinds = 0;
        at = starts[--count];
        size_t size = decode_certificate(&at, end, pem);
        int err =
            size == 0
                ? -EINVAL
                : alcove_bundle_add(b, (struct alcove_bytes){(const uint8_t *)pem, size}, &kinds);
        if (err != 0 && err != -EINVAL) {
            return err;
        }
        good += err == 0;
        *ret_kinds |= kinds;
    }
    *ret_count = good;
    return 0;
}
