/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the SGX extension: SEQUENCE OF SEQUENCE { OID, value }. The bytes may be anybody's until
 * the chain is verified; each member is looked up by its full OID, never by position. */
#include "intel/platform.h"
#include "x509/der.h"

enum {
    MEMBER_PPID = 1,
    MEMBER_TCB,
    MEMBER_PCEID,
    MEMBER_FMSPC,
    MEMBER_SGX_TYPE,
    MEMBER_INSTANCE_ID,
    MEMBER_CONFIGURATION
};
enum { CONFIGURATION_DYNAMIC_PLATFORM = 1, CONFIGURATION_CACHED_KEYS, CONFIGURATION_SMT };
enum { TCB_PCESVN = 17, TCB_CPUSVN = 18 };
#define SGX_TYPE_MAX 2u /* standard, scalable, scalable with integrity */

/* The last arc of an OID that is `parent` plus one small arc; 0 otherwise. */
static unsigned child_arc(struct bytes oid, struct bytes parent)
{
    bool child = oid.size == parent.size + 1 && bytes_equal(BYTES(oid.data, parent.size), parent) &&
                 oid.data[parent.size] < 0x80;
    return child ? oid.data[parent.size] : 0;
}

static void take_octets(struct cursor *c, void *ret, size_t size)
{
    struct bytes b = der_take(c, DER_OCTET_STRING);
    if (b.size != size) {
        c->failed = true;
        return;
    }
    __builtin_memcpy(ret, b.data, size);
}

/* Opens the next SEQUENCE { OID, value }: the value is left in *ret_value. */
static unsigned next_member(struct cursor *c, struct bytes parent, uint32_t *seen,
                            struct cursor *ret_value)
{
    *ret_value = cursor_of(der_take(c, DER_SEQUENCE));
    unsigned arc = child_arc(der_take(ret_value, DER_OID), parent);
    if (arc == 0 || arc > 31 || (*seen & (UINT32_C(1) << arc)) || !cursor_ok(ret_value)) {
        c->failed = true;
        return 0;
    }
    *seen |= UINT32_C(1) << arc;
    return arc;
}

static bool read_tcb(struct bytes content, struct platform *p)
{
    static const uint8_t parent[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01, 0x02};
    struct cursor c = cursor_of(content);
    uint32_t seen = 0;
    while (cursor_ok(&c) && c.rest.size > 0) {
        struct cursor value;
        unsigned arc = next_member(&c, BYTES_OF(parent), &seen, &value);
        if (arc >= 1 && arc <= 16) {
            p->components[arc - 1] = (uint8_t)der_take_uint(&value, DER_INTEGER, UINT8_MAX);
        } else if (arc == TCB_PCESVN) {
            p->pcesvn = (uint16_t)der_take_uint(&value, DER_INTEGER, UINT16_MAX);
        } else if (arc == TCB_CPUSVN) {
            take_octets(&value, p->cpusvn, sizeof p->cpusvn);
        } else {
            return false;
        }
        if (!cursor_done(&value)) {
            return false;
        }
    }
    return cursor_done(&c) && seen == ((UINT32_C(1) << 19) - 2); /* arcs 1..18 */
}

static int8_t take_boolean(struct cursor *c)
{
    struct bytes b = der_take(c, DER_BOOLEAN);
    if (b.size != 1 || (b.data[0] != 0x00 && b.data[0] != 0xff)) {
        c->failed = true;
        return -1;
    }
    return b.data[0] != 0;
}

static bool read_configuration(struct bytes content, struct platform *p)
{
    static const uint8_t parent[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01, 0x07};
    struct cursor c = cursor_of(content);
    uint32_t seen = 0;
    while (cursor_ok(&c) && c.rest.size > 0) {
        struct cursor value;
        switch (next_member(&c, BYTES_OF(parent), &seen, &value)) {
        case CONFIGURATION_DYNAMIC_PLATFORM:
            p->dynamic_platform = take_boolean(&value);
            break;
        case CONFIGURATION_CACHED_KEYS:
            p->cached_keys = take_boolean(&value);
            break;
        case CONFIGURATION_SMT:
            p->smt_enabled = take_boolean(&value);
            break;
        default: /* of a later profile */
            value.rest = (struct bytes){0};
        }
        if (!cursor_done(&value)) {
            return false;
        }
    }
    return cursor_done(&c);
}

bool platform_read(struct bytes extension, struct platform *ret)
{
    static const uint8_t parent[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};
    static const uint32_t needed = 1u << MEMBER_PPID | 1u << MEMBER_TCB | 1u << MEMBER_PCEID |
                                   1u << MEMBER_FMSPC | 1u << MEMBER_SGX_TYPE;
    struct platform p = {.dynamic_platform = -1, .cached_keys = -1, .smt_enabled = -1};
    struct cursor outer = cursor_of(extension);
    struct cursor c = cursor_of(der_take(&outer, DER_SEQUENCE));
    uint32_t seen = 0;
    while (cursor_ok(&c) && c.rest.size > 0) {
        struct cursor value;
        switch (next_member(&c, BYTES_OF(parent), &seen, &value)) {
        case MEMBER_PPID:
            take_octets(&value, p.ppid, sizeof p.ppid);
            break;
        case MEMBER_TCB:
            if (!read_tcb(der_take(&value, DER_SEQUENCE), &p)) {
                return false;
            }
            break;
        case MEMBER_PCEID:
            take_octets(&value, p.pceid, sizeof p.pceid);
            break;
        case MEMBER_FMSPC:
            take_octets(&value, p.fmspc, sizeof p.fmspc);
            break;
        case MEMBER_SGX_TYPE:
            (void)der_take_uint(&value, DER_ENUMERATED, SGX_TYPE_MAX);
            break;
        case MEMBER_INSTANCE_ID:
            take_octets(&value, p.instance_id, sizeof p.instance_id);
            p.has_instance = true;
            break;
        case MEMBER_CONFIGURATION:
            if (!read_configuration(der_take(&value, DER_SEQUENCE), &p)) {
                return false;
            }
            break;
        default: /* of a later profile */
            value.rest = (struct bytes){0};
        }
        if (!cursor_done(&value)) {
            return false;
        }
    }
    if (!cursor_done(&outer) || !cursor_done(&c) || (seen & needed) != needed) {
        return false;
    }
    *ret = p;
    return true;
}
