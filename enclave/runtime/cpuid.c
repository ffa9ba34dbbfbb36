/* SPDX-License-Identifier: Apache-2.0 */
/* What CPUID says inside. The host read the processor's answers at start (the instruction is illegal
 * in an enclave) and may lie, so: only listed leaves are served; features that this release requires
 * are always shown, so that the host cannot talk software into weaker cryptography; features whose
 * registers XFRM does not cover are hidden; sizes of the XSAVE area are never smaller than real.
 * Also here: the workload's vector state for signal frames. */
#include "crypto/crypto.h"
#include "thread.h"

#define EINVAL 22
#define XSAVE_LEGACY      576u
#define XSAVE_AVX_SIZE    832u
#define XSAVE_AVX512_SIZE 2696u /* the larger of the two layouts in use, Intel's */
#define XFRM_AVX          UINT64_C(4)
#define XFRM_AVX512       UINT64_C(0xe0)

static struct {
    size_t count;
    struct boot_cpuid entry[BOOT_CPUID_MAX];
    uint64_t xfrm;
    bool amd_layout; /* of the XSAVE area */
} table;

static bool leaf_allowed(uint32_t leaf)
{
    static const uint32_t allowed[] = {
        0, 1, 2, 4, 7, 0xb, 0xd, 0x15, 0x16, 0x1f, 0x80000000, 0x80000001, 0x80000002, 0x80000003,
        0x80000004, 0x80000005, 0x80000006, 0x80000007, 0x80000008, 0x8000001d, 0x8000001e};
    for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
        if (allowed[i] == leaf) {
            return true;
        }
    }
    return false;
}

#define BIT(n) (UINT32_C(1) << (n))

static void filter_leaf1(struct boot_cpuid *e)
{
    e->ebx &= 0x00ffffff; /* initial APIC id: which processor asks is nobody's business */
    /* SSE3, PCLMUL, SSSE3, CX16, SSE4.1, SSE4.2, POPCNT, AES, XSAVE, OSXSAVE, RDRAND */
    e->ecx |= BIT(0) | BIT(1) | BIT(9) | BIT(13) | BIT(19) | BIT(20) | BIT(23) | BIT(25) | BIT(26) |
              BIT(27) | BIT(30);
    /* FPU, TSC, CX8, CMOV, MMX, FXSR, SSE, SSE2: what every x86-64 program assumes */
    e->edx |= BIT(0) | BIT(4) | BIT(8) | BIT(15) | BIT(23) | BIT(24) | BIT(25) | BIT(26);
    if ((table.xfrm & XFRM_AVX) == 0) {
        e->ecx &= ~(BIT(12) | BIT(28) | BIT(29)); /* FMA, AVX, F16C */
    }
}

static void filter_leaf7(struct boot_cpuid *e)
{
    if (e->subleaf != 0) {
        e->eax = e->ebx = e->ecx = e->edx = 0;
        return;
    }
    e->eax = 0;
    e->ebx |= BIT(0);                                  /* FSGSBASE: the runtime needs it */
    e->ebx &= ~(BIT(2) | BIT(4) | BIT(11));            /* SGX, HLE, RTM */
    e->ecx &= ~(BIT(3) | BIT(4) | BIT(5) | BIT(7) | BIT(30)); /* PKU, OSPKE, WAITPKG, CET, SGX_LC */
    e->edx &= ~(BIT(20) | BIT(22) | BIT(24) | BIT(25));       /* CET_IBT, AMX */
    if ((table.xfrm & XFRM_AVX) == 0) {
        e->ebx &= ~BIT(5);                /* AVX2 */
        e->ecx &= ~(BIT(9) | BIT(10));    /* VAES, VPCLMULQDQ */
    }
    if ((table.xfrm & XFRM_AVX512) != XFRM_AVX512) {
        /* AVX512 F DQ IFMA PF ER CD BW VL; VBMI VBMI2 VNNI BITALG VPOPCNTDQ; 4VNNIW 4FMAPS VP2I FP16 */
        e->ebx &= ~(BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31));
        e->ecx &= ~(BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14));
        e->edx &= ~(BIT(2) | BIT(3) | BIT(8) | BIT(23));
    }
}

static void filter_leafd(struct boot_cpuid *e)
{
    if (e->subleaf == 0) {
        e->eax = (uint32_t)table.xfrm;
        e->ebx = e->ecx = (uint32_t)rt_xstate_size();
        e->edx = (uint32_t)(table.xfrm >> 32);
    } else if (e->subleaf == 1) {
        e->eax &= 3; /* XSAVEOPT, XSAVEC */
        e->ebx = e->ecx = e->edx = 0;
    }
}

/* The state components' sizes are architecture, not the host's to say: the dynamic linker saves
 * registers into room that it computes from them. Their places differ between makers; the host says
 * which of the two known layouts it is. */
static void answer_component(uint32_t regs[4], uint32_t component)
{
    static const struct {
        uint32_t size, intel, amd;
    } known[8] = {[2] = {256, 576, 576}, [5] = {64, 1088, 832}, [6] = {512, 1152, 896},
                  [7] = {1024, 1664, 1408}};
    bool have = component < ARRAY_SIZE(known) && known[component].size != 0 &&
                (table.xfrm >> component & 1) != 0;
    regs[0] = have ? known[component].size : 0;
    regs[1] = !have ? 0 : table.amd_layout ? known[component].amd : known[component].intel;
    regs[2] = 0;
    regs[3] = 0;
}

static void filter(struct boot_cpuid *e)
{
    switch (e->leaf) {
    case 0:
        e->eax = e->eax > 0x1f ? 0x1f : e->eax < 0xd ? 0xd : e->eax;
        break;
    case 1:
        filter_leaf1(e);
        break;
    case 7:
        filter_leaf7(e);
        break;
    case 0xd:
        filter_leafd(e);
        break;
    default:
        break;
    }
}

static const struct boot_cpuid *lookup(uint32_t leaf, uint32_t subleaf)
{
    for (size_t i = 0; i < table.count; i++) {
        if (table.entry[i].leaf == leaf && table.entry[i].subleaf == subleaf) {
            return &table.entry[i];
        }
    }
    return NULL;
}

static void select_crypto(uint32_t leaf7_ebx)
{
    uint32_t avx512 = BIT(16) | BIT(30) | BIT(31); /* F, BW, VL */
    crypto_select((struct crypto_cpu){
        .sha_ni = (leaf7_ebx & BIT(29)) != 0,
        .avx2 = (leaf7_ebx & BIT(5)) != 0,
        .avx512 = (leaf7_ebx & avx512) == avx512,
    });
}

void rt_cpuid_start(const struct boot_record *boot, uint64_t xfrm)
{
    table.xfrm = xfrm;
    for (size_t i = 0; i < boot->cpuid_count; i++) {
        struct boot_cpuid e = boot->cpuid[i];
        if (e.leaf == 0xd && e.subleaf > 1) {
            table.amd_layout |= e.subleaf == 5 && e.ebx == 832;
            continue; /* answer_component() knows */
        }
        if (leaf_allowed(e.leaf) && lookup(e.leaf, e.subleaf) == NULL) {
            filter(&e);
            table.entry[table.count++] = e;
        }
    }
    if (lookup(0, 0) == NULL || lookup(1, 0) == NULL || lookup(7, 0) == NULL ||
        lookup(0xd, 0) == NULL) {
        rt_refuse("the loader did not bring the processor's CPUID leaves 0, 1, 7 and 13");
    }
    select_crypto(lookup(7, 0)->ebx);
}

static bool has_subleaves(uint32_t leaf)
{
    return leaf == 4 || leaf == 7 || leaf == 0xb || leaf == 0xd || leaf == 0x1f || leaf == 0x8000001d;
}

void rt_cpuid(uint32_t regs[4])
{
    if (regs[0] == 0xd && regs[2] > 1) {
        answer_component(regs, regs[2]);
        return;
    }
    const struct boot_cpuid *e = lookup(regs[0], has_subleaves(regs[0]) ? regs[2] : 0);
    regs[0] = e == NULL ? 0 : e->eax;
    regs[1] = e == NULL ? 0 : e->ebx;
    regs[2] = e == NULL ? 0 : e->ecx;
    regs[3] = e == NULL ? 0 : e->edx;
}

/* ---- vector state in signal frames -------------------------------------------------------------- */

int rt_xrstor_faulting(const void *area);

size_t rt_xstate_size(void)
{
    return (table.xfrm & XFRM_AVX512) != 0 ? XSAVE_AVX512_SIZE
           : (table.xfrm & XFRM_AVX) != 0  ? XSAVE_AVX_SIZE
                                           : XSAVE_LEGACY;
}

int rt_xstate_save(app_ptr to)
{
    struct rt_thread *t = rt_self();
    memset(t->xsave_lib, 0, rt_xstate_size());
    rt_xsave_current(t->xsave_lib);
    return copy_to_app(to, t->xsave_lib, rt_xstate_size());
}

static int restore_area(uint8_t *area)
{
    uint64_t features = load_le64(area + 512);
    uint64_t compact = load_le64(area + 520);
    if ((features & ~table.xfrm) != 0 || compact != 0 || (load_le32(area + 24) & ~0xffffu) != 0) {
        return -EINVAL;
    }
    memset(area + 528, 0, 48); /* rest of the XSAVE header: must be zero */
    return rt_xrstor_faulting(area) != 0 ? -EINVAL : 0;
}

int rt_xstate_restore(app_ptr from)
{
    uint8_t *area = (uint8_t *)rt_self()->xsave_lib;
    int r = copy_from_app(area, from, rt_xstate_size());
    return r != 0 ? r : restore_area(area);
}

void rt_xstate_get(void *to)
{
    struct rt_thread *t = rt_self();
    memset(t->xsave_lib, 0, rt_xstate_size());
    rt_xsave_current(t->xsave_lib);
    memcpy(to, t->xsave_lib, rt_xstate_size());
}

int rt_xstate_set(const void *from)
{
    uint8_t *area = (uint8_t *)rt_self()->xsave_lib;
    memcpy(area, from, rt_xstate_size());
    return restore_area(area);
}

void rt_xstate_reset(void)
{
    uint8_t *area = (uint8_t *)rt_self()->xsave_lib;
    memset(area, 0, rt_xstate_size()); /* no component is there: all become what they start as */
    store_le32(area + 24, 0x1f80);     /* MXCSR is loaded nevertheless */
    int r = restore_area(area);
    REQUIRE(r == 0);
}
