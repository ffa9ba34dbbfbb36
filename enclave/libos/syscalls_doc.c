/* SPDX-License-Identifier: Apache-2.0 */
/* Prints docs/SYSCALLS.md from the table of system calls. A build tool, untrusted. */
#include <stdio.h>
#include <string.h>

#include "libos/syscalls.h"

struct row {
    const char *name, *status, *where, *error, *note;
};

static struct row rows[SYS_NUMBERS] = {
#define SYSCALL(number, name_, status_, where_, ...)                                               \
    [number] = {.name = #name_, .status = #status_, .where = #where_},
#define SYSCALL_FREE SYSCALL
#define DENIED(number, name_, error_)                                                              \
    [number] = {.name = #name_, .status = "DENIED", .where = "LOCAL", .error = #error_},
#define NOTE(name, text)
#include "libos/syscalls.def"
};

static const struct {
    const char *name, *text;
} notes[] = {
#define SYSCALL(number, name, status, where, ...)
#define SYSCALL_FREE SYSCALL
#define DENIED(number, name, error)
#define NOTE(name, text) {#name, text},
#include "libos/syscalls.def"
};

static const char *const names[SYS_NUMBERS] = {
#define SYSCALL_NAME(number, name) [number] = #name,
#include "abi/syscall_names.def"
#undef SYSCALL_NAME
};

static unsigned count(const char *status)
{
    unsigned n = 0;
    for (unsigned i = 0; i < SYS_NUMBERS; i++) {
        n += rows[i].name != NULL && strcmp(rows[i].status, status) == 0;
    }
    return n;
}

int main(void)
{
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
        for (unsigned n = 0; n < SYS_NUMBERS; n++) {
            if (rows[n].name != NULL && strcmp(rows[n].name, notes[i].name) == 0) {
                rows[n].note = notes[i].text;
            }
        }
    }
    printf("# System calls\n\n"
           "Made from `enclave/libos/include/libos/syscalls.def`; do not edit. The workload's "
           "calls are "
           "served inside the enclave; none reaches the host's kernel.\n\n"
           "| status | calls | meaning |\n| --- | ---: | --- |\n"
           "| FULL | %u | as Linux does it, for everything that a program can see |\n"
           "| PARTIAL | %u | some flags or cases are missing; they fail, never pretend |\n"
           "| STUB | %u | accepted without effect: it cannot be seen or is advisory |\n"
           "| DENIED | %u | refused by policy |\n\n"
           "Every other call returns ENOSYS, is counted, and is named by `alcove run --trace`.\n\n"
           "Where a process that is not the first one is served "
           "([decision 015](decisions/015-processes.md)): LOCAL, in its own enclave; SHARED, in "
           "the first process's, which keeps descriptors and files; BOTH, its own body asks "
           "there.\n\n"
           "| number | call | status | where | notes |\n| ---: | --- | --- | --- | --- |\n",
           count("FULL"), count("PARTIAL"), count("STUB"), count("DENIED"));
    for (unsigned i = 0; i < SYS_NUMBERS; i++) {
        const struct row *r = &rows[i];
        if (r->name != NULL) {
            printf("| %u | `%s` | %s | %s | %s%s%s%s |\n", i, r->name, r->status, r->where,
                   r->error != NULL ? r->error : "",
                   r->error != NULL && r->note != NULL ? ". " : "", r->note != NULL ? r->note : "",
                   r->error != NULL && r->note == NULL ? "." : "");
        }
    }
    printf("\nNot implemented (ENOSYS):");
    for (unsigned i = 0, first = 1; i < SYS_NUMBERS; i++) {
        if (rows[i].name == NULL && names[i] != NULL) {
            printf("%s `%s`", first ? "" : ",", names[i]);
            first = 0;
        }
    }
    printf(".\n");
    return 0;
}
