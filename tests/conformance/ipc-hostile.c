/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of System V semaphores and message queues with any arguments, the same on both sides: what
 * each of them says. In the first process and in a child. */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALLS 1500

static uint64_t state;

static uint64_t any(uint64_t below)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (state >> 33) % below;
}

static unsigned char *memory;   /* a page to read and write, one to read, none */
static long sets[3], queues[3]; /* the last of each was removed */

static uint64_t pointer(void)
{
    const uint64_t all[] = {0,
                            8,
                            (uint64_t)(uintptr_t)memory,
                            (uint64_t)(uintptr_t)memory + any(4096),
                            (uint64_t)(uintptr_t)memory + 4096 - any(200),
                            (uint64_t)(uintptr_t)memory + 8192 - any(200),
                            (uint64_t)(uintptr_t)memory + 8192,
                            UINT64_C(0x7ffffffff000),
                            UINT64_C(0x8000000000000000),
                            UINT64_MAX - any(64)};
    return all[any(2) == 0 ? 2 : any(sizeof all / sizeof all[0])];
}

static uint64_t number(void)
{
    static const uint64_t odd[] = {0,
                                   1,
                                   2,
                                   3,
                                   4,
                                   5,
                                   31,
                                   499,
                                   500,
                                   501,
                                   8191,
                                   8192,
                                   8193,
                                   32767,
                                   32768,
                                   65535,
                                   INT_MAX,
                                   1u << 31,
                                   UINT_MAX,
                                   UINT64_C(1) << 32,
                                   1u << 9,
                                   INT64_MAX,
                                   UINT64_C(1) << 63,
                                   UINT64_MAX - 1,
                                   UINT64_MAX};
    return any(3) == 0 ? any(8) : odd[any(sizeof odd / sizeof odd[0])];
}

static uint64_t id_of(const long *own)
{
    const uint64_t all[] = {(uint64_t)-1, INT_MAX, INT_MIN, UINT64_C(0x7fff0000)};
    return any(6) != 0 ? (uint64_t)own[any(3)] : all[any(4)];
}

static void fill(void)
{
    for (unsigned i = 0; i < 4096; i += 2) {
        const uint16_t v = (uint16_t)(any(3) == 0 ? number() : any(4));
        memcpy(memory + i, &v, sizeof v);
    }
    const int64_t type = (int64_t)any(4);
    memcpy(memory, any(2) == 0 ? (const void *)&type : (const void *)memory, sizeof type);
}

/* What IPC_SET may say: whose it is and what rights they have stays, as not all may change that. */
static uint64_t settings(void)
{
    const uint64_t p = pointer(), base = (uint64_t)(uintptr_t)memory;
    struct msqid_ds d;
    memcpy(&d, memory, sizeof d);
    d.msg_perm.uid = getuid();
    d.msg_perm.gid = getgid();
    d.msg_perm.mode |= 0600;
    d.msg_qbytes %= 16385;
    memcpy(memory, &d, sizeof d);
    return p > base && p < base + 8192 ? base : p;
}

/* Nothing may sleep: each operation that stands in the memory says so. */
static uint64_t operations(void)
{
    for (unsigned i = 0; i < 4096 / 6; i++) {
        const uint16_t one[3] = {(uint16_t)(any(9) == 0 ? number() : any(3)),
                                 (uint16_t)(any(5) == 0 ? number() : any(4) - 1),
                                 (uint16_t)(IPC_NOWAIT | (any(3) == 0 ? SEM_UNDO : 0))};
        memcpy(memory + 6 * i, one, 6);
    }
    const uint64_t p = pointer();
    return p > (uint64_t)(uintptr_t)memory && p < (uint64_t)(uintptr_t)memory + 8192
               ? (uint64_t)(uintptr_t)memory
               : p;
}

static long one_call(const char **ret_name)
{
    static const uint64_t sem_commands[] = {IPC_SET, IPC_STAT, GETALL, GETNCNT, GETPID,      GETVAL,
                                            GETZCNT, SETALL,   SETVAL, 77,      (uint64_t)-1};
    static const uint64_t msg_commands[] = {IPC_SET, IPC_STAT, 77, (uint64_t)-1};
    fill();
    uint64_t command;
    switch (any(8)) {
    case 0:
        *ret_name = "semget";
        return syscall(SYS_semget, 0x414c5603 + any(2), number(),
                       any(4) == 0 ? number() & 0777 : 0);
    case 1:
        *ret_name = "semop";
        return syscall(SYS_semop, id_of(sets), operations(), number());
    case 2:
        *ret_name = "semtimedop";
        return syscall(SYS_semtimedop, id_of(sets), operations(), number(), pointer());
    case 3:
    case 4:
        *ret_name = "semctl";
        command = sem_commands[any(11)];
        if (command == GETPID) {
            const long pid = syscall(SYS_semctl, id_of(sets), number(), command);
            return pid < 0 ? pid : pid == 0 ? 0 : pid == getpid() ? 1 : 2;
        }
        return syscall(SYS_semctl, id_of(sets), number(), command,
                       command == IPC_SET  ? settings()
                       : command == SETVAL ? number()
                                           : pointer());
    case 5:
        *ret_name = "msgsnd";
        return syscall(SYS_msgsnd, id_of(queues), pointer(), number(), IPC_NOWAIT | number());
    case 6: /* where nothing may be written, a message is lost on Linux */
        *ret_name = "msgrcv";
        return syscall(SYS_msgrcv, id_of(queues), memory, any(2) == 0 ? any(4000) : number(),
                       any(2) == 0 ? any(4) : number(), IPC_NOWAIT | (number() & ~UINT64_C(04000)));
    default:
        *ret_name = "msgctl";
        command = msg_commands[any(4)];
        return syscall(SYS_msgctl, id_of(queues), command,
                       command == IPC_SET ? settings() : pointer());
    }
}

static void calls(void)
{
    for (int i = 0; i < CALLS; i++) {
        const char *name = "";
        const long r = one_call(&name);
        printf("%d %s %ld %s\n", i, name, r, r < 0 ? strerrorname_np(errno) : "");
    }
}

int main(void)
{
    memory = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(memory + 4096, 4096, PROT_READ);
    mprotect(memory + 8192, 4096, PROT_NONE);
    for (int i = 0; i < 3; i++) {
        sets[i] = semget(IPC_PRIVATE, i + 2, 0600);
        queues[i] = msgget(IPC_PRIVATE, 0600);
    }
    semctl((int)sets[2], 0, IPC_RMID);
    msgctl((int)queues[2], IPC_RMID, NULL);
    state = 1;
    calls();
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        state = 2;
        calls();
        fflush(stdout);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    for (int i = 0; i < 2; i++) {
        printf("%d %d\n", semctl((int)sets[i], 0, GETVAL), semctl((int)sets[i], 1, GETVAL));
        semctl((int)sets[i], 0, IPC_RMID);
        msgctl((int)queues[i], IPC_RMID, NULL);
    }
    return 42;
}
