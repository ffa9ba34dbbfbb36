/* SPDX-License-Identifier: Apache-2.0 */
/* SGXS streams that are not what they should be, each refused with its reason, and the hardware
 * machine's reading of the vDSO. */
#include "machine/machine.h"
#include "machine/sgxs.h"
#include "tests/tap.h"

#include "sgx/driver.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>

#define STREAM_MAX 65536u

static uint8_t memory[STREAM_MAX];

static struct writer begin(void)
{
    struct writer w = writer_of(memory, sizeof memory);
    uint8_t record[64] = "ECREATE";
    store_le32(record + 8, 1);
    store_le64(record + 12, 0x10000);
    writer_put(&w, BYTES(record, sizeof record));
    return w;
}

static void put(struct writer *w, const char *tag, uint64_t a, uint64_t b)
{
    uint8_t record[64] = {0};
    memcpy(record, tag, strlen(tag));
    store_le64(record + 8, a);
    store_le64(record + 16, b);
    writer_put(w, BYTES(record, sizeof record));
}

static void refused(struct bytes stream, const char *what)
{
    struct diag d = {""};
    uint8_t mrenclave[32];
    CHECK(sgxs_measure(stream, mrenclave, &d) == -EINVAL && d.text[0] != '\0', "%s: %s", what,
          d.text);
}

static void test_forms(void)
{
    struct writer w = begin();
    uint8_t content[SGX_PAGE_SIZE] = {1, 2, 3};
    struct diag d;
    uint8_t mrenclave[32];
    uint64_t tcs;
    sgxs_append_page(&w, 0x1000, 0x203, content);
    CHECK(!w.failed && sgxs_measure(BYTES(memory, w.size), mrenclave, &d) == 0,
          "a stream of one page measures");
    CHECK(sgxs_first_tcs(BYTES(memory, w.size), &tcs, &d) == -ENOENT, "it has no TCS: %s", d.text);
    refused(BYTES(memory, 0), "an empty stream");
    refused(BYTES(memory, 63), "half a record");
    refused(BYTES(memory, w.size - 1), "a stream cut inside an EEXTEND");
    refused(BYTES(memory + 64, 64), "no ECREATE");
    put(&w, "EADD", 0x10000, 0x203);
    refused(BYTES(memory, w.size), "EADD outside");
    w = begin();
    put(&w, "EADD", 0x1001, 0x203);
    refused(BYTES(memory, w.size), "EADD unaligned");
    w = begin();
    put(&w, "ECREATE", 1, 1);
    refused(BYTES(memory, w.size), "two ECREATEs");
    w = begin();
    put(&w, "UNKNOWN", 0, 0);
    refused(BYTES(memory, w.size), "an unknown record");
    w = begin();
    put(&w, "EADD", 0x1000, 0x203);
    memory[w.size - 1] = 1;
    refused(BYTES(memory, w.size), "reserved bytes");
    w = begin();
    put(&w, "EADD", 0x1000, 0x100);
    CHECK(sgxs_first_tcs(BYTES(memory, w.size), &tcs, &d) == 0 && tcs == 0x1000, "a TCS is found");
}

static void test_vdso(void)
{
    uint64_t vdso = getauxval(AT_SYSINFO_EHDR);
    CHECK(sgx_elf_symbol(vdso, "__vdso_clock_gettime") != 0, "a function of the vDSO is found");
    CHECK(sgx_elf_symbol(vdso, "__vdso_no_such_thing") == 0, "one that is not there is not");
    CHECK(sgx_elf_symbol(0, "x") == 0, "without a vDSO nothing is");
}

int main(void)
{
    test_forms();
    test_vdso();
    return tap_done();
}
