/* SPDX-License-Identifier: Apache-2.0 */
/* Finds __vdso_sgx_enter_enclave: libc offers no way to ask for a vDSO function by name. The image
 * comes from the kernel and is trusted as the kernel is. */
#include "sgx/driver.h"

#include <elf.h>
#include <string.h>
#include <sys/auxv.h>

struct dynamic {
    const Elf64_Sym *symbols;
    const char *names;
    const uint32_t *hash; /* DT_HASH: its second word counts the symbols */
};

static struct dynamic find_dynamic(uint64_t image, uint64_t bias, const Elf64_Dyn *dyn)
{
    (void)image;
    struct dynamic d = {0};
    for (; dyn != NULL && dyn->d_tag != DT_NULL; dyn++) {
        uint64_t at = dyn->d_un.d_ptr + bias;
        if (dyn->d_tag == DT_SYMTAB) {
            d.symbols = (const Elf64_Sym *)at;
        } else if (dyn->d_tag == DT_STRTAB) {
            d.names = (const char *)at;
        } else if (dyn->d_tag == DT_HASH) {
            d.hash = (const uint32_t *)at;
        }
    }
    return d;
}

uint64_t sgx_elf_symbol(uint64_t image, const char *name)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)image;
    if (image == 0 || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) {
        return 0;
    }
    const Elf64_Phdr *segments = (const Elf64_Phdr *)(image + header->e_phoff);
    const Elf64_Dyn *dyn = NULL;
    uint64_t bias = 0;
    bool loaded = false;
    for (unsigned i = 0; i < header->e_phnum; i++) {
        if (segments[i].p_type == PT_LOAD && !loaded) {
            bias = image + segments[i].p_offset - segments[i].p_vaddr;
            loaded = true;
        } else if (segments[i].p_type == PT_DYNAMIC) {
            dyn = (const Elf64_Dyn *)(image + segments[i].p_offset);
        }
    }
    struct dynamic d = find_dynamic(image, bias, dyn);
    if (d.symbols == NULL || d.names == NULL || d.hash == NULL) {
        return 0;
    }
    for (uint32_t i = 0; i < d.hash[1]; i++) {
        if (d.symbols[i].st_shndx != SHN_UNDEF &&
            strcmp(d.names + d.symbols[i].st_name, name) == 0) {
            return d.symbols[i].st_value + bias;
        }
    }
    return 0;
}

uint64_t sgx_vdso_enter(void)
{
    static uint64_t found;
    uint64_t at = __atomic_load_n(&found, __ATOMIC_RELAXED);
    if (at == 0) {
        at = sgx_elf_symbol(getauxval(AT_SYSINFO_EHDR), "__vdso_sgx_enter_enclave");
        __atomic_store_n(&found, at, __ATOMIC_RELAXED);
    }
    return at;
}
