/* SPDX-License-Identifier: Apache-2.0 */
/* The ELF reader on a real program (this one) and on headers that lie. */
#include "abi/elf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tap.h"

struct sample {
    Elf64_Ehdr eh;
    Elf64_Phdr ph[4];
    uint8_t rest[8192];
};

static struct sample good(void)
{
    struct sample s = {.eh = {.e_ident = {0x7f, 'E', 'L', 'F', 2, 1, 1},
                              .e_type = ET_DYN,
                              .e_machine = EM_X86_64,
                              .e_entry = 0x1010,
                              .e_phoff = sizeof(Elf64_Ehdr),
                              .e_phentsize = sizeof(Elf64_Phdr),
                              .e_phnum = 4}};
    s.ph[0] = (Elf64_Phdr){.p_type = PT_INTERP, .p_offset = 600, .p_filesz = 10, .p_memsz = 10};
    s.ph[1] = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = 0x400, .p_memsz = 0x400};
    s.ph[2] = (Elf64_Phdr){.p_type = PT_LOAD,
                           .p_flags = PF_R | PF_X,
                           .p_offset = 0x1000,
                           .p_vaddr = 0x1000,
                           .p_filesz = 0x100,
                           .p_memsz = 0x100};
    s.ph[3] = (Elf64_Phdr){.p_type = PT_LOAD,
                           .p_flags = PF_R | PF_W,
                           .p_offset = 0x1100,
                           .p_vaddr = 0x2100,
                           .p_filesz = 0x80,
                           .p_memsz = 0x8000};
    return s;
}

static int parse(const struct sample *s, struct elf_image *ret, struct diag *d)
{
    return elf_parse(BYTES(s, ELF_HEAD_SIZE), sizeof *s, ret, d);
}

#define REFUSED(change, name)                                                                      \
    do {                                                                                           \
        struct sample s_ = good();                                                                 \
        struct elf_image e_ = {.phnum = 77};                                                       \
        struct diag d_ = {.text = ""};                                                             \
        change;                                                                                    \
        CHECK(parse(&s_, &e_, &d_) == -ENOEXEC && e_.phnum == 77 && d_.text[0] != '\0', name);     \
    } while (0)

static void test_refusals(void)
{
    REFUSED(s_.eh.e_ident[0] = 0, "a file without the magic is refused");
    REFUSED(s_.eh.e_ident[4] = 1, "a 32-bit file is refused");
    REFUSED(s_.eh.e_machine = EM_AARCH64, "another processor's file is refused");
    REFUSED(s_.eh.e_type = ET_REL, "an object file is refused");
    REFUSED(s_.eh.e_phnum = 0, "a file without program headers is refused");
    REFUSED(s_.eh.e_phnum = 65535, "more headers than the first page holds are refused");
    REFUSED(s_.eh.e_phoff = UINT64_MAX - 8, "a header offset that overflows is refused");
    REFUSED(s_.eh.e_phentsize = 57, "an unknown header size is refused");
    REFUSED(s_.ph[2].p_filesz = 0x200, "a segment larger in the file than in memory is refused");
    REFUSED((s_.ph[2].p_offset = 0xfff000), "a segment beyond the file is refused");
    REFUSED((s_.ph[3].p_vaddr = UINT64_MAX - 0xeff, s_.ph[3].p_memsz = 0x2000),
            "a segment that wraps around is refused");
    REFUSED(s_.ph[3].p_memsz = UINT64_C(1) << 40, "a segment beyond the address space is refused");
    REFUSED(s_.ph[3].p_vaddr = 0x2101, "an address that does not fit its offset is refused");
    REFUSED(s_.ph[3].p_vaddr = 0x1100, "segments that share a page are refused");
    REFUSED(s_.ph[3].p_flags |= PF_X, "a writable and executable segment is refused");
    REFUSED(s_.eh.e_entry = 0x100000, "an entry point outside the segments is refused");
    REFUSED(s_.ph[0].p_filesz = 5000, "an interpreter path of 5000 bytes is refused");
    REFUSED(s_.ph[0].p_offset = UINT64_MAX, "an interpreter path beyond the file is refused");
    REFUSED(s_.ph[1].p_type = PT_NULL, "headers that are not loaded are refused");
}

static void test_self(void)
{
    uint8_t head[ELF_HEAD_SIZE];
    struct stat st;
    struct elf_image e;
    struct diag d = {.text = ""};
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    REQUIRE(fd >= 0 && fstat(fd, &st) == 0 && read(fd, head, sizeof head) == sizeof head);
    close(fd);
    CHECK(elf_parse(BYTES(head, sizeof head), (uint64_t)st.st_size, &e, &d) == 0 &&
              e.interp_size > 5,
          "this program's own headers are read: %s", d.text);
}

int main(void)
{
    struct sample s = good();
    struct elf_image e;
    struct diag d = {.text = ""};
    CHECK(parse(&s, &e, &d) == 0 && e.segment_count == 3 && e.start == 0 && e.end == 0xb000 &&
              !e.fixed && e.interp_offset == 600 && e.phdr == sizeof(Elf64_Ehdr),
          "a good file is read %s", d.text);
    test_refusals();
    test_self();
    return tap_done();
}
