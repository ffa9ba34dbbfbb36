/* SPDX-License-Identifier: Apache-2.0 */
/* Every value is read whole: an INTEGER of which only the last byte is looked at, or an id of which
 * only the beginning is compared, would let one certificate pass for another's. */
#include "amd/vek.h"
#include "amd/report.h"
#include "x509/der.h"

#define IA5_STRING         0x16u
#define UTF8_STRING        0x0cu
#define PRINTABLE_STRING   0x13u
#define STRUCT_VERSION_MAX 1u /* 0 up to Genoa, 1 from Turin on */

/* 1.3.6.1.4.1.3704.1, followed by .1 version, .2 product, .3.N components, .4 HWID, .5 CSP id. */
static const uint8_t amd_arc[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x9c, 0x78, 0x01};

static bool read_uint(struct bytes value, uint64_t max, uint8_t *ret)
{
    struct cursor c = cursor_of(value);
    *ret = (uint8_t)der_take_uint(&c, DER_INTEGER, max);
    return cursor_done(&c);
}

static bool printable(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < 0x20 || text.data[i] > 0x7e) {
            return false;
        }
    }
    return text.size > 0;
}

/* The KDS writes IA5String; which of the types of ASCII it is makes no difference. */
static bool read_text(struct bytes value, struct bytes *ret)
{
    struct cursor c = cursor_of(value);
    uint8_t tag = value.size > 0 ? value.data[0] : 0;
    if (tag != IA5_STRING && tag != UTF8_STRING && tag != PRINTABLE_STRING) {
        return false;
    }
    *ret = der_take(&c, (enum der_tag)tag);
    return cursor_done(&c) && printable(*ret);
}

/* The KDS puts the HWID's bytes where a DER value should stand; AMD's text says OCTET STRING. The
 * sizes tell the two apart. */
static bool read_hwid(struct bytes value, struct bytes *ret)
{
    struct cursor c = cursor_of(value);
    *ret = value;
    if (value.size == 8 || value.size == 64) {
        return true;
    }
    *ret = der_take(&c, DER_OCTET_STRING);
    return cursor_done(&c) && (ret->size == 8 || ret->size == 64);
}

static bool read_one(struct bytes arcs, struct bytes value, struct vek *ret)
{
    uint8_t version;
    if (arcs.size == 2 && arcs.data[0] == 3 && arcs.data[1] >= 1 &&
        arcs.data[1] <= VEK_COMPONENTS) {
        ret->has_component[arcs.data[1]] = true;
        return read_uint(value, UINT8_MAX, &ret->component[arcs.data[1]]);
    }
    if (arcs.size != 1) {
        return false;
    }
    switch (arcs.data[0]) {
    case 1:
        return read_uint(value, STRUCT_VERSION_MAX, &version);
    case 2:
        return read_text(value, &ret->product_name);
    case 4:
        return read_hwid(value, &ret->hwid);
    case 5:
        return read_text(value, &ret->csp_id);
    default:
        return false;
    }
}

bool vek_read(const struct certificate *c, struct vek *ret)
{
    struct extension e;
    size_t at = 0;
    *ret = (struct vek){0};
    while (certificate_next_extension(c, &at, &e)) {
        bool of_amd = e.oid.size > sizeof amd_arc &&
                      __builtin_memcmp(e.oid.data, amd_arc, sizeof amd_arc) == 0;
        if (of_amd && !read_one(BYTES(e.oid.data + sizeof amd_arc, e.oid.size - sizeof amd_arc),
                                e.value, ret)) {
            return false;
        }
    }
    return true;
}

bool vek_complete(const struct vek *v, enum alcove_snp_product product, bool is_vlek)
{
    bool components = v->has_component[1] && v->has_component[2] && v->has_component[3] &&
                      v->has_component[8] && (v->has_component[9] || product != ALCOVE_SNP_TURIN);
    if (is_vlek) {
        return components && v->hwid.size == 0 && v->csp_id.size > 0;
    }
    return components && v->csp_id.size == 0 &&
           v->hwid.size == (product == ALCOVE_SNP_TURIN ? 8 : 64);
}

bool vek_is_for_tcb(const struct vek *v, const struct alcove_snp_tcb *tcb)
{
    const uint8_t wanted[VEK_COMPONENTS + 1] = {[1] = tcb->bootloader,
                                                [2] = tcb->tee,
                                                [3] = tcb->snp,
                                                [8] = tcb->microcode,
                                                [9] = tcb->fmc};
    return __builtin_memcmp(v->component, wanted, sizeof wanted) == 0;
}

bool vek_is_for_product(const struct vek *v, enum alcove_snp_product product)
{
    const char *name = alcove_snp_product_name(product);
    size_t size = __builtin_strlen(name);
    return v->product_name.size == 0 ||
           (v->product_name.size >= size &&
            __builtin_memcmp(v->product_name.data, name, size) == 0 &&
            (v->product_name.size == size || v->product_name.data[size] == '-'));
}

bool vek_is_for_chip(const struct vek *v, const uint8_t chip_id[64])
{
    static const uint8_t masked[64];
    uint8_t whole[64] = {0};
    if (v->hwid.size == 0 || v->hwid.size > sizeof whole) {
        return false;
    }
    __builtin_memcpy(whole, v->hwid.data, v->hwid.size);
    return __builtin_memcmp(whole, chip_id, sizeof whole) == 0 ||
           __builtin_memcmp(masked, chip_id, sizeof masked) == 0;
}
