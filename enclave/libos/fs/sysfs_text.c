/* SPDX-License-Identifier: Apache-2.0 */
/* /sys: the processors that the process may use, as sched_getaffinity() counts them. Which of them
 * share a core the host alone could say, and it need not be so: each is told as a core of one
 * package. Source: Documentation/ABI/stable/sysfs-devices-system-cpu. */
#include "procfs.h"

static void range(struct fs_text *t, int id)
{
    (void)id;
    fs_printf(t, os_cpu_count() > 1 ? "0-%u\n" : "%u\n", os_cpu_count() - 1);
}

static void number(struct fs_text *t, int id)
{
    fs_printf(t, "%d\n", id);
}

static void zero(struct fs_text *t, int id)
{
    (void)id;
    fs_printf(t, "0\n");
}

static void one(struct fs_text *t, int id)
{
    (void)id;
    fs_printf(t, "1\n");
}

/* As many digits as there are processors need, 32 bits at a time. */
static void put_mask(struct fs_text *t, uint64_t mask)
{
    for (unsigned digit = (os_cpu_count() + 3) / 4; digit-- > 0;) {
        fs_printf(t, digit % 8 == 0 && digit > 0 ? "%x," : "%x",
                  (unsigned)(mask >> 4 * digit & 15));
    }
    fs_printf(t, "\n");
}

static void own_mask(struct fs_text *t, int id)
{
    put_mask(t, UINT64_C(1) << id % 64);
}

static void whole_mask(struct fs_text *t, int id)
{
    (void)id;
    put_mask(t, os_cpu_count() >= 64 ? UINT64_MAX : (UINT64_C(1) << os_cpu_count()) - 1);
}

#define FILE_(n, f)                                                                                \
    {                                                                                              \
        .name = (n), .kind = PROC_FILE, .text = (f)                                                \
    }
#define DIR_(n, table)                                                                             \
    {                                                                                              \
        .name = (n), .kind = PROC_DIR, .entries = (table), .count = ARRAY_SIZE(table)              \
    }

static const struct proc_entry topology_entries[] = {FILE_("core_cpus", own_mask),
                                                     FILE_("core_cpus_list", number),
                                                     FILE_("core_id", number),
                                                     FILE_("core_siblings", whole_mask),
                                                     FILE_("core_siblings_list", range),
                                                     FILE_("die_cpus", whole_mask),
                                                     FILE_("die_cpus_list", range),
                                                     FILE_("die_id", zero),
                                                     FILE_("package_cpus", whole_mask),
                                                     FILE_("package_cpus_list", range),
                                                     FILE_("physical_package_id", zero),
                                                     FILE_("thread_siblings", own_mask),
                                                     FILE_("thread_siblings_list", number)};
static const struct proc_entry each_entries[] = {FILE_("online", one),
                                                 DIR_("topology", topology_entries)};
static const struct proc_entry each = DIR_("cpu", each_entries);

static const struct proc_entry cpu_entries[] = {FILE_("online", range), FILE_("possible", range),
                                                FILE_("present", range)};
static const struct proc_entry system_entries[] = {{.name = "cpu",
                                                    .kind = PROC_DIR_CPU,
                                                    .entries = cpu_entries,
                                                    .count = ARRAY_SIZE(cpu_entries),
                                                    .each = &each}};
static const struct proc_entry devices_entries[] = {DIR_("system", system_entries)};
static const struct proc_entry sys_entries[] = {DIR_("devices", devices_entries)};
const struct proc_entry sys_root = DIR_("", sys_entries);
