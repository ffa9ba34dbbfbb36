/* SPDX-License-Identifier: Apache-2.0 */
/* The files of /proc/sysvipc, and the limits in /proc/sys/kernel. Source: ipc/ipc_sysctl.c. */
#include "ipc/msg.h"
#include "ipc/sem.h"
#include "ipc/shm.h"

void os_ipc_text(enum ipc_text which, struct fs_text *t)
{
    switch (which) {
    case IPC_SHM:
        shm_text(t);
        break;
    case IPC_SEM:
        sem_text(t);
        break;
    case IPC_MSG:
        msg_text(t);
        break;
    case IPC_LIMITS_SEM:
        fs_printf(t, "%u\t%u\t%u\t%u\n", SEM_COUNT_MAX, SEM_ALL_MAX, SEM_OPS_MAX, SEM_SETS_MAX);
        break;
    case IPC_MSGMAX:
        fs_printf(t, "%u\n", MSG_SIZE_MAX);
        break;
    case IPC_MSGMNB:
        fs_printf(t, "%u\n", MSG_BYTES_MAX);
        break;
    case IPC_MSGMNI:
        fs_printf(t, "%u\n", MSG_QUEUES_MAX);
        break;
    case IPC_SHMALL:
        fs_printf(t, "%llu\n", (unsigned long long)shm_memory_max() / 4096);
        break;
    case IPC_SHMMAX:
        fs_printf(t, "%llu\n", (unsigned long long)shm_memory_max());
        break;
    case IPC_SHMMNI:
        fs_printf(t, "%u\n", SHM_SEGMENTS_MAX);
        break;
    }
}
