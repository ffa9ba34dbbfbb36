/* SPDX-License-Identifier: Apache-2.0 */
/* Page states: what EAUG, EACCEPT, EACCEPTCOPY, EMODPE, EMODPR, EMODT and EREMOVE do and refuse, by
 * trap and by translation with the same results. */
#include "soft/testkit.h"
#include "tests/tap.h"

#include <errno.h>
#include <string.h>

#define R       SGX_SECINFO_R
#define W       SGX_SECINFO_W
#define X       SGX_SECINFO_X
#define REG     SGX_SECINFO_TYPE(SGX_PT_REG)
#define FRESH   (R | W | SGX_SECINFO_PENDING | REG)
#define PAGE    ((uint64_t)SGX_PAGE_SIZE)
#define SGX_BIT 0x8000u
#define D       KIT_DYNAMIC

static const struct machine_ops *const soft = &machine_soft;
static const char *mode;

static void test_commit(struct kit_enclave *e)
{
    struct machine_run run;
    CHECK(!kit_load_ok(e, D, &run) && run.exception_vector == 14 &&
              (run.exception_error_code & SGX_BIT) == 0,
          "%s: a page that the host did not map faults without the SGX bit", mode);
    CHECK(kit_accept(e, D, FRESH) == 1014, "%s: EACCEPT of it is #PF", mode);
    CHECK(soft->map(e->m, D, 64 * PAGE, R | W) == 0, "%s: the host maps a range", mode);
    CHECK(!kit_load_ok(e, D, &run) && run.exception_vector == 14 &&
              (run.exception_error_code & SGX_BIT) != 0 && run.exception_addr == e->base + D &&
              run.function == ENCLU_ERESUME,
          "%s: touching it before EACCEPT is #PF with the SGX bit at that page", mode);
    CHECK(kit_accept(e, D, R | SGX_SECINFO_PENDING | REG) == SGX_PAGE_ATTRIBUTES_MISMATCH,
          "%s: EACCEPT with other permissions than EAUG gave mismatches", mode);
    CHECK(kit_accept(e, D, FRESH) == 0, "%s: EACCEPT of a pending page", mode);
    CHECK(kit_accept(e, D, FRESH) == SGX_PAGE_ATTRIBUTES_MISMATCH,
          "%s: a second EACCEPT mismatches", mode);
    uint64_t word = 1;
    kit_read(e, D, &word, sizeof word);
    CHECK(word == 0 && kit_store_ok(e, D, NULL), "%s: the page is zero and writable", mode);
    CHECK(kit_accept(e, D + PAGE, FRESH) == 0 && kit_load_ok(e, D + PAGE, NULL),
          "%s: EACCEPT of a page that nobody touched before", mode);
    CHECK(!kit_load_ok(e, D + 2 * PAGE, &run) && (run.exception_error_code & SGX_BIT) != 0,
          "%s: its neighbour still faults", mode);
    CHECK(kit_accept(e, D + 2 * PAGE, FRESH) == 0, "%s: and can be accepted then", mode);
    CHECK(kit_accept(e, D, R | W | REG | (UINT64_C(1) << 20)) == 1013,
          "%s: reserved bits of SECINFO are #GP", mode);
    CHECK(kit_accept(e, D, SGX_SECINFO_TYPE(SGX_PT_TCS) | R) == 1013,
          "%s: impossible SECINFO for EACCEPT is #GP", mode);
    CHECK(kit_accept(e, KIT_SIZE, FRESH) == 1013 && kit_accept(e, D + 8, FRESH) == 1013,
          "%s: EACCEPT outside ELRANGE or unaligned is #GP", mode);
}

static void test_run(struct kit_enclave *e)
{
    const uint64_t start = D + 0x200000, count = 1500;
    const uint64_t secinfo_at = KIT_DATA + 6 * PAGE;
    uint64_t secinfo[8] = {FRESH};
    kit_write(e, secinfo_at, secinfo, sizeof secinfo);
    CHECK(soft->map(e->m, start, count * PAGE, R | W) == 0, "%s: the host maps 1500 pages", mode);
    uint64_t arg[5] = {e->base + secinfo_at, e->base + start, count, PAGE, 0};
    CHECK(kit_call(e, 0, KIT_ACCEPT_RUN, arg, 0, NULL) == 0 && arg[4] == 0,
          "%s: a run of 1500 EACCEPTs succeeds", mode);
    struct machine_run run;
    CHECK(!kit_load_ok(e, start + count * PAGE, &run), "%s: the page behind the run faults", mode);
    bool all = true;
    for (uint64_t i = 0; i < count; i += 100) {
        all = all && kit_store_ok(e, start + i * PAGE, NULL);
    }
    CHECK(all, "%s: pages of the run are writable", mode);
    CHECK(soft->modify_type(e->m, start, count * PAGE, SGX_PT_TRIM) == 0, "%s: EMODT to TRIM",
          mode);
    CHECK(!kit_load_ok(e, start, &run) && (run.exception_error_code & SGX_BIT) != 0,
          "%s: a trimmed page faults", mode);
    CHECK(soft->remove(e->m, start, count * PAGE) == -EPERM,
          "%s: EREMOVE before EACCEPT is refused", mode);
    secinfo[0] = SGX_SECINFO_TYPE(SGX_PT_TRIM) | SGX_SECINFO_MODIFIED;
    kit_write(e, secinfo_at, secinfo, sizeof secinfo);
    arg[1] = e->base + start;
    arg[2] = count;
    CHECK(kit_call(e, 0, KIT_ACCEPT_RUN, arg, 0, NULL) == 0 && arg[4] == 0,
          "%s: a run of EACCEPTs of the trim", mode);
    CHECK(soft->remove(e->m, start, count * PAGE) == 0, "%s: EREMOVE after EACCEPT", mode);
    CHECK(soft->remove(e->m, start, PAGE) == -EFAULT, "%s: EREMOVE of nothing is -EFAULT", mode);
    CHECK(soft->map(e->m, start, PAGE, R | W) == 0 && kit_accept(e, start, FRESH) == 0,
          "%s: the page can be added again", mode);
    CHECK(!kit_load_ok(e, start + PAGE, &run), "%s: the one behind it is not accessible", mode);
    uint64_t word = 1;
    kit_read(e, start, &word, sizeof word);
    CHECK(word == 0, "%s: and is zero", mode);
}

static void test_permissions(struct kit_enclave *e)
{
    const uint64_t at = D + 0x800000;
    struct machine_run run;
    CHECK(soft->map(e->m, at, 4 * PAGE, R | W) == 0 && kit_accept(e, at, FRESH) == 0,
          "%s: a fresh page", mode);
    CHECK(soft->restrict_permissions(e->m, at + PAGE, PAGE, R) == -EFAULT,
          "%s: EMODPR of an absent page is -EFAULT", mode);
    CHECK(soft->restrict_permissions(e->m, at, PAGE, R) == 0, "%s: EMODPR to R", mode);
    CHECK(!kit_store_ok(e, at, &run) && (run.exception_error_code & SGX_BIT) != 0 &&
              kit_load_ok(e, at, NULL),
          "%s: it can be read, a store is #PF with the SGX bit", mode);
    CHECK(kit_accept(e, at, R | W | REG | SGX_SECINFO_PR) == SGX_PAGE_ATTRIBUTES_MISMATCH,
          "%s: EACCEPT of permissions that are not there mismatches", mode);
    CHECK(kit_accept(e, at, R | REG | SGX_SECINFO_PR) == 0, "%s: EACCEPT of the restriction", mode);
    CHECK(kit_page_leaf(e, ENCLU_EMODPE, at, R | X | REG, 0) == ENCLU_EMODPE,
          "%s: EMODPE adds X and leaves RAX", mode);
    uint64_t arg[1] = {e->base + at};
    CHECK(kit_call(e, 0, KIT_JUMP, arg, 0, &run) == -EFAULT && run.exception_vector == 14 &&
              (run.exception_error_code & SGX_BIT) == 0,
          "%s: the page tables still forbid executing it", mode);
    CHECK(kit_enter(e, 0, ENCLU_EENTER, 3, 0, 0, NULL) == 0, "%s: leave the handler", mode);
    CHECK(soft->protect(e->m, at, PAGE, R | X) == 0, "%s: the page tables follow", mode);
    CHECK(kit_call(e, 0, KIT_JUMP, arg, 0, &run) == -EFAULT && run.exception_vector == 14 &&
              (run.exception_error_code & 0x12) == 0x02,
          "%s: now it executes: zeros are a store to the page, which faults as one", mode);
    CHECK(kit_enter(e, 0, ENCLU_EENTER, 3, 0, 0, NULL) == 0, "%s: leave the handler", mode);
    CHECK(!kit_store_ok(e, at, &run), "%s: a store is still refused", mode);
    CHECK(kit_page_leaf(e, ENCLU_EMODPE, at, R | W | REG, 0) == ENCLU_EMODPE &&
              !kit_store_ok(e, at, &run) && (run.exception_error_code & SGX_BIT) == 0,
          "%s: EMODPE of W does not overrule the page tables", mode);
    CHECK(soft->protect(e->m, at, PAGE, R | W) == 0 && kit_store_ok(e, at, NULL),
          "%s: until they allow it", mode);
    CHECK(kit_page_leaf(e, ENCLU_EMODPE, at, W | REG, 0) == 1013,
          "%s: EMODPE with W and without R is #GP", mode);
    CHECK(kit_page_leaf(e, ENCLU_EMODPE, at + 2 * PAGE, R | REG, 0) == 1014,
          "%s: EMODPE of an absent page is #PF", mode);
    CHECK(soft->protect(e->m, KIT_READONLY, PAGE, R | W) == -EACCES,
          "%s: page tables beyond what EADD allowed are refused", mode);
}

static void test_copy(struct kit_enclave *e)
{
    const uint64_t at = D + 0x900000;
    char text[] = "copied by EACCEPTCOPY";
    kit_write(e, KIT_DATA, text, sizeof text);
    CHECK(soft->map(e->m, at, 4 * PAGE, R | W) == 0 &&
              kit_page_leaf(e, ENCLU_EACCEPTCOPY, at, R | REG, e->base + KIT_DATA) == 0,
          "%s: EACCEPTCOPY into a page that was not there", mode);
    char found[sizeof text];
    kit_read(e, at, found, sizeof found);
    CHECK(memcmp(found, text, sizeof text) == 0 && !kit_store_ok(e, at, NULL),
          "%s: it holds the copy and has the permissions asked for", mode);
    CHECK(kit_page_leaf(e, ENCLU_EACCEPTCOPY, at, R | REG, e->base + KIT_DATA) ==
              SGX_PAGE_ATTRIBUTES_MISMATCH,
          "%s: EACCEPTCOPY over an accepted page mismatches", mode);
    CHECK(kit_page_leaf(e, ENCLU_EACCEPTCOPY, at + PAGE, R | REG, e->base + at + PAGE) == 1014,
          "%s: EACCEPTCOPY from a page that cannot be read is #PF", mode);
}

static void test_tcs(struct kit_enclave *e)
{
    const uint64_t at = D + 0xa00000;
    const uint64_t thread = KIT_THREADS + 3u * KIT_STRIDE;
    CHECK(soft->map(e->m, at, 4 * PAGE, R | W) == 0 && kit_accept(e, at, FRESH) == 0 &&
              kit_accept(e, at + PAGE, FRESH) == 0,
          "%s: pages for TCSs", mode);
    struct sgx_tcs tcs = {
        .ossa = thread + 0x1000,
        .nssa = 2,
        .oentry = KIT_CODE,
        .ogsbasgx = thread + 0x3000,
        .fslimit = 0xfff,
        .gslimit = 0xfff,
    };
    kit_write(e, at, &tcs, 80);
    tcs.cssa = 1;
    kit_write(e, at + PAGE, &tcs, 80);
    CHECK(soft->modify_type(e->m, KIT_READONLY, PAGE, SGX_PT_TCS) == -EPERM,
          "%s: EMODT to TCS of a page without W is refused", mode);
    CHECK(soft->modify_type(e->m, at, PAGE, SGX_PT_REG) == -EINVAL, "%s: EMODT to REG is refused",
          mode);
    CHECK(soft->modify_type(e->m, at, 2 * PAGE, SGX_PT_TCS) == 0, "%s: EMODT to TCS", mode);
    struct machine_run run = {.tcs = e->base + at};
    CHECK(soft->enter(e->m, 0, 0, 0, ENCLU_EENTER, 0, 0, &run) == -EFAULT &&
              run.exception_vector == 14 && run.function == ENCLU_EENTER,
          "%s: EENTER before its EACCEPT is #PF", mode);
    const uint64_t flags = SGX_SECINFO_TYPE(SGX_PT_TCS) | SGX_SECINFO_MODIFIED;
    CHECK(kit_accept(e, at, flags) == 0, "%s: EACCEPT of the TCS", mode);
    CHECK(kit_accept(e, at + PAGE, flags) == 1013, "%s: EACCEPT of a malformed TCS is #GP", mode);
    run = (struct machine_run){.tcs = e->base + at};
    CHECK(soft->enter(e->m, 0, 0, 0, ENCLU_EENTER, 0, 0, &run) == 0 && run.function == ENCLU_EEXIT,
          "%s: the new TCS can be entered", mode);
    CHECK(!kit_load_ok(e, at, NULL), "%s: its page can no longer be read", mode);
    CHECK(soft->modify_type(e->m, at, PAGE, SGX_PT_TRIM) == 0 &&
              kit_accept(e, at, SGX_SECINFO_TYPE(SGX_PT_TRIM) | SGX_SECINFO_MODIFIED) == 0 &&
              soft->remove(e->m, at, PAGE) == 0,
          "%s: and it can be trimmed away", mode);
    run = (struct machine_run){.tcs = e->base + at};
    CHECK(soft->enter(e->m, 0, 0, 0, ENCLU_EENTER, 0, 0, &run) == -EFAULT,
          "%s: after which it cannot be entered", mode);
    CHECK(soft->modify_type(e->m, KIT_DATA + 5 * PAGE, PAGE, SGX_PT_TRIM) == 0 &&
              kit_accept(e, KIT_DATA + 5 * PAGE,
                         SGX_SECINFO_TYPE(SGX_PT_TRIM) | SGX_SECINFO_MODIFIED) == 0 &&
              soft->remove(e->m, KIT_DATA + 5 * PAGE, PAGE) == 0 &&
              soft->map(e->m, KIT_DATA + 5 * PAGE, PAGE, R | W) == 0 &&
              kit_accept(e, KIT_DATA + 5 * PAGE, FRESH) == 0,
          "%s: a measured page is trimmed, removed, and added afresh", mode);
    uint64_t word = 1;
    kit_read(e, KIT_DATA + 5 * PAGE, &word, 8);
    CHECK(word == 0, "%s: and no longer holds what was measured", mode);
}

static void test_arguments(struct kit_enclave *e)
{
    CHECK(soft->map(e->m, D + 1, PAGE, R) == -EINVAL && soft->map(e->m, D, 0, R) == -EINVAL &&
              soft->map(e->m, KIT_SIZE, PAGE, R) == -EINVAL &&
              soft->map(e->m, D, UINT64_MAX - PAGE + 1, R) == -EINVAL &&
              soft->map(e->m, D, PAGE, 8) == -EINVAL,
          "%s: ranges that are not pages of the enclave are refused", mode);
    CHECK(soft->restrict_permissions(e->m, D, PAGE, W) == -EINVAL,
          "%s: EMODPR to W without R is refused", mode);
}

int main(void)
{
    for (int trap = 0; trap < 2; trap++) {
        mode = trap ? "trap" : "translation";
        struct kit_enclave e = kit_start(&(struct kit_options){.trap_only = trap, .fill = 0x42});
        test_commit(&e);
        test_run(&e);
        test_permissions(&e);
        test_copy(&e);
        test_tcs(&e);
        test_arguments(&e);
        kit_end(&e);
    }
    return tap_done();
}
