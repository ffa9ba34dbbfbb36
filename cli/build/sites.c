/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses the patches of an ELF file, see sites.h. Certainty is the point: a wrong patch would
 * change what a program does. So only instructions inside functions that .eh_frame names, and that
 * decode without a gap from the function's first byte to its last, are considered, and every
 * address that might be jumped to (branches, symbols, relocations, words of data, entries of jump
 * tables) keeps a patch from covering it. Errors on that side only cost a patch. */
#include "sites.h"

#include <Zydis/Zydis.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elf_view.h"
#include "file.h"
#include "interrupt.h"
#include "progress.h"

#define JUMP_SIZE       5u
#define NEIGHBOURS_MAX  8u /* instructions kept before a site */
#define TABLE_ENTRIES   4096u
#define SITES_MAX       1000000u
#define SEEN_MAX        65536u
#define PATCH_SIZE_MAX  (sizeof((struct site *)0)->original)
#define ELF_SIZE_MAX    (UINT64_C(4) << 30)
#define THREADS_AT_MOST 16u

struct scan {
    struct elf_view elf;
    ZydisDecoder decoder;
    uint8_t *targets; /* a bit per byte of elf.code */
    struct site *sites;
    size_t site_count;
    uint64_t last_end; /* file offset where the last patch ends */
    struct sites_stats stats;
    bool out_of_memory;
    uint64_t *seen; /* addresses of all syscall and cpuid instructions, inside functions or not */
    size_t seen_count;
};

/* ---- possible targets of jumps --------------------------------------------------------------- */

static void note_target(void *context, uint64_t addr)
{
    struct scan *s = context;
    if (addr >= s->elf.code.start && addr < s->elf.code.end) {
        uint64_t bit = addr - s->elf.code.start;
        s->targets[bit / 8] |= (uint8_t)(1u << (bit % 8));
    }
}

static bool is_target(const struct scan *s, uint64_t addr)
{
    uint64_t bit = addr - s->elf.code.start;
    return (s->targets[bit / 8] & (1u << (bit % 8))) != 0;
}

/* An address that code computes may be a jump table: 32-bit distances from its own start. */
static void note_table(struct scan *s, uint64_t table)
{
    for (uint64_t i = 0; i < TABLE_ENTRIES; i++) {
        struct bytes entry = elf_view_at(&s->elf, table + 4 * i, 4);
        if (entry.size == 0) {
            return;
        }
        uint64_t target = table + (uint64_t)(int64_t)(int32_t)load_le32(entry.data);
        if (target < s->elf.code.start || target >= s->elf.code.end) {
            return;
        }
        note_target(s, target);
    }
}

static bool decode(const struct scan *s, struct bytes code, uint64_t at,
                   ZydisDecodedInstruction *ret)
{
    return at < code.size && ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(
                                 &s->decoder, NULL, code.data + at, code.size - at, ret));
}

static bool is_rip_relative(const ZydisDecodedInstruction *i)
{
    return (i->attributes & ZYDIS_ATTRIB_HAS_MODRM) != 0 && i->raw.modrm.mod == 0 &&
           i->raw.modrm.rm == 5;
}

static void note_instruction(struct scan *s, const ZydisDecodedInstruction *i, uint64_t next)
{
    for (size_t k = 0; k < ARRAY_SIZE(i->raw.imm); k++) {
        if (i->raw.imm[k].size != 0 && i->raw.imm[k].is_relative) {
            note_target(s, next + (uint64_t)i->raw.imm[k].value.s);
        } else if (i->raw.imm[k].size >= 32 && s->elf.fixed) {
            note_target(s, i->raw.imm[k].value.u); /* mov $label,%eax */
        }
    }
    if (is_rip_relative(i)) {
        uint64_t addr = next + (uint64_t)i->raw.disp.value;
        note_target(s, addr);
        if (i->mnemonic == ZYDIS_MNEMONIC_LEA && elf_view_code_at(&s->elf, addr) == NULL) {
            note_table(s, addr);
        }
    }
}

static void note_seen(struct scan *s, const ZydisDecodedInstruction *i, uint64_t addr)
{
    bool site = i->mnemonic == ZYDIS_MNEMONIC_SYSCALL || i->mnemonic == ZYDIS_MNEMONIC_CPUID;
    if (s->seen != NULL && site && s->seen_count < SEEN_MAX) {
        s->seen[s->seen_count++] = addr;
    }
}

/* All code, also what is in no function: from each byte that decodes on. */
static void note_section(struct scan *s, uint64_t addr, struct bytes code, bool seen)
{
    ZydisDecodedInstruction i;
    for (uint64_t at = 0; at < code.size;) {
        if (decode(s, code, at, &i)) {
            if (seen) {
                note_seen(s, &i, addr + at);
            }
            note_instruction(s, &i, addr + at + i.length);
            at += i.length;
        } else {
            at++;
        }
    }
}

static void note_all_targets(struct scan *s)
{
    elf_view_addresses(&s->elf, note_target, s);
    for (size_t k = 0; k < s->elf.section_count; k++) {
        const struct elf_section *section = &s->elf.sections[k];
        if (elf_view_code_at(&s->elf, section->addr) == section) {
            note_section(s, section->addr, elf_view_at(&s->elf, section->addr, section->size),
                         true);
        }
    }
    /* Once more in step with the functions: a sweep through data may have lost its step. */
    for (size_t k = 0; k < s->elf.function_count; k++) {
        struct elf_range f = s->elf.functions[k];
        note_section(s, f.start, elf_view_at(&s->elf, f.start, f.end - f.start), false);
    }
}

/* ---- choosing a patch ------------------------------------------------------------------------ */

static const ZydisMnemonic fixed_mnemonics[] = {
    ZYDIS_MNEMONIC_CPUID, ZYDIS_MNEMONIC_ENDBR64, ZYDIS_MNEMONIC_HLT, ZYDIS_MNEMONIC_INT3,
    ZYDIS_MNEMONIC_UD0,   ZYDIS_MNEMONIC_UD1,     ZYDIS_MNEMONIC_UD2,
};
static const ZydisInstructionCategory fixed_categories[] = {
    ZYDIS_CATEGORY_CALL,   ZYDIS_CATEGORY_COND_BR,   ZYDIS_CATEGORY_INTERRUPT,
    ZYDIS_CATEGORY_RET,    ZYDIS_CATEGORY_SYSCALL,   ZYDIS_CATEGORY_SYSRET,
    ZYDIS_CATEGORY_SYSTEM, ZYDIS_CATEGORY_UNCOND_BR,
};

/* Does it do the same wherever it stands? */
static bool is_movable(const ZydisDecodedInstruction *i)
{
    if ((i->attributes & ZYDIS_ATTRIB_IS_RELATIVE) != 0 || is_rip_relative(i)) {
        return false;
    }
    for (size_t k = 0; k < ARRAY_SIZE(fixed_mnemonics); k++) {
        if (i->mnemonic == fixed_mnemonics[k]) {
            return false;
        }
    }
    for (size_t k = 0; k < ARRAY_SIZE(fixed_categories); k++) {
        if (i->meta.category == fixed_categories[k]) {
            return false;
        }
    }
    return true;
}

/* A function being walked: its code, and the movable instructions right before the current one. */
struct walk {
    uint64_t start;
    struct bytes code;
    uint64_t before[NEIGHBOURS_MAX]; /* offsets, nearest last */
    size_t before_count;
};

/* Nobody may jump into the patch, except to its first byte, and to the site itself where that stays
 * in place. */
static bool is_safe(const struct scan *s, const struct walk *w, uint64_t from, uint64_t site,
                    uint64_t end)
{
    for (uint64_t at = from + 1; at < end; at++) {
        bool kept = at == site && site - from >= JUMP_SIZE;
        if (!kept && is_target(s, w->start + at)) {
            return false;
        }
    }
    return true;
}

/* Extends the patch past the site, over movable instructions, until a jump fits. */
static uint64_t extend(const struct scan *s, const struct walk *w, uint64_t from, uint64_t end)
{
    ZydisDecodedInstruction i;
    while (end - from < JUMP_SIZE) {
        if (!decode(s, w->code, end, &i) || !is_movable(&i)) {
            return 0;
        }
        end += i.length;
    }
    return end;
}

/* Fewest instructions moved first: none after the site, then as few before it as possible. */
static bool choose(const struct scan *s, const struct walk *w, uint64_t site, uint64_t *ret_from,
                   uint64_t *ret_end)
{
    uint64_t after = site + 2;
    for (size_t n = 1; n <= w->before_count; n++) {
        uint64_t from = w->before[w->before_count - n];
        if (site - from >= JUMP_SIZE && after - from <= PATCH_SIZE_MAX &&
            is_safe(s, w, from, site, after)) {
            *ret_from = from;
            *ret_end = after;
            return true;
        }
    }
    for (size_t n = 0; n <= w->before_count; n++) {
        uint64_t from = n == 0 ? site : w->before[w->before_count - n];
        uint64_t end = extend(s, w, from, after);
        if (end != 0 && end - from <= PATCH_SIZE_MAX && is_safe(s, w, from, site, end)) {
            *ret_from = from;
            *ret_end = end;
            return true;
        }
    }
    return false;
}

static bool add_site(struct scan *s, const struct walk *w, enum site_kind kind, uint64_t site,
                     uint64_t from, uint64_t end)
{
    const struct elf_section *section = elf_view_code_at(&s->elf, w->start);
    uint64_t offset = w->start + from - section->addr + section->offset;
    if (offset < s->last_end || s->site_count == SITES_MAX) {
        return false; /* the patch before covers a part of it */
    }
    if ((s->site_count & (s->site_count - 1)) == 0) { /* powers of two: grow */
        size_t capacity = s->site_count == 0 ? 1 : 2 * s->site_count;
        struct site *more = realloc(s->sites, capacity * sizeof *more);
        if (more == NULL) {
            s->out_of_memory = true;
            return false;
        }
        s->sites = more;
    }
    struct site *to = &s->sites[s->site_count++];
    *to = (struct site){
        .patch_offset = offset,
        .kind = (uint8_t)kind,
        .patch_size = (uint8_t)(end - from),
        .insn_delta = (uint8_t)(site - from),
        .pre_size = (uint8_t)(site - from),
        .post_size = (uint8_t)(end - site - 2),
    };
    memcpy(to->original, w->code.data + from, end - from);
    s->last_end = offset + (end - from);
    return true;
}

static void count(struct scan *s, const struct walk *w, enum site_kind kind, bool listed,
                  uint64_t site, uint64_t from)
{
    bool mov = listed && site - from == 5 && w->code.data[from] == 0xb8;
    if (kind == SITE_CPUID) {
        s->stats.cpuid += listed;
        s->stats.cpuid_trapped += !listed;
    } else {
        s->stats.mov += mov;
        s->stats.relocated += listed && !mov;
        s->stats.trapped += !listed;
    }
}

static void take_site(struct scan *s, const struct walk *w, enum site_kind kind, uint64_t site)
{
    uint64_t from = 0, end = 0;
    bool listed = choose(s, w, site, &from, &end) && add_site(s, w, kind, site, from, end);
    count(s, w, kind, listed, site, from);
}

static void remember(struct walk *w, uint64_t at)
{
    if (w->before_count == NEIGHBOURS_MAX) {
        memmove(w->before, w->before + 1, sizeof w->before - sizeof w->before[0]);
        w->before_count--;
    }
    w->before[w->before_count++] = at;
}

/* Does it decode from its first byte exactly to its last? */
static bool is_whole(const struct scan *s, struct bytes code, bool *ret_has_sites)
{
    ZydisDecodedInstruction i;
    uint64_t at = 0;
    *ret_has_sites = false;
    while (at < code.size && decode(s, code, at, &i)) {
        *ret_has_sites = *ret_has_sites || i.mnemonic == ZYDIS_MNEMONIC_SYSCALL ||
                         i.mnemonic == ZYDIS_MNEMONIC_CPUID;
        at += i.length;
    }
    return at == code.size;
}

static bool ends_path(const ZydisDecodedInstruction *i)
{
    return i->meta.category == ZYDIS_CATEGORY_UNCOND_BR || i->meta.category == ZYDIS_CATEGORY_RET ||
           i->mnemonic == ZYDIS_MNEMONIC_HLT || i->mnemonic == ZYDIS_MNEMONIC_UD2;
}

static uint64_t branch_target(const struct walk *w, const ZydisDecodedInstruction *i, uint64_t next)
{
    return i->raw.imm[0].size != 0 && i->raw.imm[0].is_relative &&
                   i->meta.category != ZYDIS_CATEGORY_CALL
               ? next + (uint64_t)i->raw.imm[0].value.s
               : w->code.size;
}

/* Marks the first bytes of the instructions that execution from the function's start can reach by
 * falling through and by direct branches. */
static void mark_reached(const struct scan *s, const struct walk *w, uint8_t *reached,
                         uint64_t *pending)
{
    ZydisDecodedInstruction i;
    size_t pending_count = 1;
    pending[0] = 0;
    while (pending_count > 0) {
        uint64_t at = pending[--pending_count];
        while (at < w->code.size && reached[at] == 0 && decode(s, w->code, at, &i)) {
            reached[at] = 1;
            uint64_t next = at + i.length, target = branch_target(w, &i, next);
            if (target < w->code.size && reached[target] == 0) {
                pending[pending_count++] = target; /* at most one per instruction */
            }
            at = ends_path(&i) ? w->code.size : next;
        }
    }
}

/* A symbol's range may hold data between or behind its code, and data may look like anything: what
 * counts in such a function is only what certainly runs. NULL: no memory. */
static uint8_t *reached_in(const struct scan *s, const struct walk *w)
{
    uint8_t *reached = calloc(w->code.size + 1, 1);
    uint64_t *pending = calloc(w->code.size + 1, sizeof *pending);
    if (reached != NULL && pending != NULL) {
        mark_reached(s, w, reached, pending);
    } else {
        free(reached);
        reached = NULL;
    }
    free(pending);
    return reached;
}

static void scan_function(struct scan *s, struct elf_range f)
{
    struct walk w = {.start = f.start, .code = elf_view_at(&s->elf, f.start, f.end - f.start)};
    ZydisDecodedInstruction i;
    bool has_sites;
    bool whole = is_whole(s, w.code, &has_sites);
    uint8_t *reached = has_sites && !f.framed ? reached_in(s, &w) : NULL;
    if (has_sites && !f.framed && reached == NULL) {
        s->out_of_memory = true;
        return;
    }
    for (uint64_t at = 0; has_sites && at < w.code.size && decode(s, w.code, at, &i);
         at += i.length) {
        enum site_kind kind = i.mnemonic == ZYDIS_MNEMONIC_SYSCALL ? SITE_SYSCALL
                              : i.mnemonic == ZYDIS_MNEMONIC_CPUID ? SITE_CPUID
                                                                   : 0;
        bool runs = reached == NULL || reached[at] != 0;
        if (kind != 0 && i.length == 2 && whole && runs) {
            take_site(s, &w, kind, at);
        } else if (kind != 0) {
            count(s, &w, kind, false, at, at);
        }
        if (is_movable(&i) && runs) {
            remember(&w, at);
        } else {
            w.before_count = 0;
        }
    }
    free(reached);
}

/* ---- files ----------------------------------------------------------------------------------- */

/* Most files have neither pair of bytes in their code: then nothing needs decoding. */
static bool may_have_sites(const struct elf_view *e)
{
    for (size_t k = 0; k < e->section_count; k++) {
        const struct elf_section *section = &e->sections[k];
        if (elf_view_code_at(e, section->addr) != section) {
            continue;
        }
        struct bytes code = elf_view_at(e, section->addr, section->size);
        if (code.size > 0 && (memmem(code.data, code.size, "\x0f\x05", 2) != NULL ||
                              memmem(code.data, code.size, "\x0f\xa2", 2) != NULL)) {
            return true;
        }
    }
    return false;
}

static int make_table(const struct scan *s, uint8_t **ret_table, size_t *ret_size)
{
    size_t size = sizeof(struct sites_header) + s->site_count * sizeof(struct site);
    uint8_t *table = malloc(size);
    if (table == NULL) {
        return -ENOMEM;
    }
    struct sites_header header = {
        .magic = SITES_MAGIC, .file_size = s->elf.file.size, .count = (uint32_t)s->site_count};
    memcpy(table, &header, sizeof header);
    memcpy(table + sizeof header, s->sites, s->site_count * sizeof(struct site));
    *ret_table = table;
    *ret_size = size;
    return 0;
}

static int by_offset(const void *a, const void *b)
{
    uint64_t x = ((const struct site *)a)->patch_offset;
    uint64_t y = ((const struct site *)b)->patch_offset;
    return x < y ? -1 : x > y;
}

static void add_stats(struct sites_stats *to, const struct sites_stats *from)
{
    to->files += from->files;
    to->mov += from->mov;
    to->relocated += from->relocated;
    to->trapped += from->trapped;
    to->cpuid += from->cpuid;
    to->cpuid_trapped += from->cpuid_trapped;
}

static int scan_elf(struct scan *s, uint8_t **ret_table, size_t *ret_size)
{
    s->targets = calloc(1, (s->elf.code.end - s->elf.code.start) / 8 + 1);
    if (s->targets == NULL || !ZYAN_SUCCESS(ZydisDecoderInit(
                                  &s->decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64))) {
        return -ENOMEM;
    }
    note_all_targets(s);
    for (size_t k = 0; k < s->elf.function_count && !s->out_of_memory; k++) {
        scan_function(s, s->elf.functions[k]);
    }
    if (s->out_of_memory) {
        return -ENOMEM;
    }
    if (s->site_count == 0) {
        return 0;
    }
    qsort(s->sites, s->site_count, sizeof *s->sites, by_offset);
    return make_table(s, ret_table, ret_size);
}

/* Is the instruction there the subject of a patch? */
static bool is_listed(const struct scan *s, uint64_t addr)
{
    const struct elf_section *section = elf_view_code_at(&s->elf, addr);
    uint64_t offset = section == NULL ? 0 : addr - section->addr + section->offset;
    for (size_t i = 0; i < s->site_count; i++) {
        if (s->sites[i].patch_offset + s->sites[i].insn_delta == offset) {
            return true;
        }
    }
    return false;
}

static void name_trapped(const struct scan *s, struct sites_trapped *ret)
{
    *ret = (struct sites_trapped){.count = 0};
    for (size_t i = 0; i < s->seen_count; i++) {
        if (is_listed(s, s->seen[i])) {
            continue;
        }
        if (ret->count < SITES_NAMED_MAX) {
            ret->at[ret->count] = s->seen[i];
        }
        ret->count++;
    }
}

int sites_scan(struct bytes file, uint8_t **ret_table, size_t *ret_size, struct sites_stats *stats,
               struct diag *d)
{
    return sites_scan_named(file, ret_table, ret_size, stats, NULL, d);
}

int sites_scan_named(struct bytes file, uint8_t **ret_table, size_t *ret_size,
                     struct sites_stats *stats, struct sites_trapped *ret_trapped, struct diag *d)
{
    struct scan s = {.stats.files = 1};
    if (ret_trapped != NULL) {
        ret_trapped->count = 0;
        s.seen = calloc(SEEN_MAX, sizeof *s.seen);
    }
    *ret_table = NULL;
    *ret_size = 0;
    if (!elf_view_open(&s.elf, file)) {
        free(s.seen);
        return 0;
    }
    int err = may_have_sites(&s.elf) ? scan_elf(&s, ret_table, ret_size) : 0;
    if (err == 0 && ret_trapped != NULL) {
        name_trapped(&s, ret_trapped);
    }
    elf_view_close(&s.elf);
    free(s.seen);
    free(s.targets);
    free(s.sites);
    if (err != 0) {
        return diag_fail(d, err, "no memory to look for system calls");
    }
    add_stats(stats, &s.stats);
    return 0;
}

/* ---- trees ----------------------------------------------------------------------------------- */

struct job {
    char *path, *host_path;
    uint8_t *table;
    size_t table_size;
    struct sites_stats stats;
    int err;
    struct diag diag;
};

struct jobs {
    struct job *jobs;
    size_t count;
    atomic_size_t next;
};

static bool is_elf(const char *host_path)
{
    struct mapped_file f;
    struct diag ignored;
    if (mapped_file_open(&f, host_path, ELF_SIZE_MAX, &ignored) != 0) {
        return false;
    }
    bool elf = f.bytes.size > 64 && memcmp(f.bytes.data,
                                           "\x7f"
                                           "ELF",
                                           4) == 0;
    mapped_file_close(&f);
    return elf;
}

static int add_job(void *context, const char *path, const char *host_path, struct diag *d)
{
    struct jobs *all = context;
    if (!is_elf(host_path)) {
        return 0;
    }
    if ((all->count & (all->count - 1)) == 0) { /* powers of two: grow */
        size_t capacity = all->count == 0 ? 1 : 2 * all->count;
        struct job *more = realloc(all->jobs, capacity * sizeof *more);
        if (more == NULL) {
            return diag_fail(d, -ENOMEM, "no memory for a list of files");
        }
        all->jobs = more;
    }
    struct job *job = &all->jobs[all->count];
    *job = (struct job){.path = strdup(path), .host_path = strdup(host_path)};
    all->count++;
    return job->path != NULL && job->host_path != NULL
               ? 0
               : diag_fail(d, -ENOMEM, "no memory for a list of files");
}

static void run_job(struct job *job)
{
    struct mapped_file f;
    job->err = mapped_file_open(&f, job->host_path, ELF_SIZE_MAX, &job->diag);
    if (job->err == 0) {
        job->err = sites_scan(f.bytes, &job->table, &job->table_size, &job->stats, &job->diag);
        mapped_file_close(&f);
    }
}

/* False when there is none left. */
static bool run_next(struct jobs *all)
{
    size_t i = atomic_fetch_add(&all->next, 1);
    if (i >= all->count || interrupted()) {
        return false;
    }
    run_job(&all->jobs[i]);
    return true;
}

static void *run_jobs(void *context)
{
    while (run_next(context)) {
    }
    return NULL;
}

/* Shares the jobs with as many threads as can be had; this one helps, and tells how far they are.
 */
static void run_all(struct jobs *all)
{
    pthread_t threads[THREADS_AT_MOST];
    size_t started = 0;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    while (started + 1 < (size_t)processors && started < THREADS_AT_MOST &&
           pthread_create(&threads[started], NULL, run_jobs, all) == 0) {
        started++;
    }
    struct progress p;
    progress_start(&p, "looking for system calls", all->count);
    while (run_next(all)) {
        size_t taken = atomic_load(&all->next);
        progress_add(&p, (taken < all->count ? taken : all->count) - p.done);
    }
    progress_end(&p);
    for (size_t i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
}

static int keep_table(struct stage *s, const struct job *job, struct sites_stats *stats,
                      struct diag *d)
{
    char path[PATH_MAX];
    if (job->err != 0) {
        return diag_fail(d, job->err, "%s", job->diag.text);
    }
    add_stats(stats, &job->stats);
    if (job->table == NULL) {
        return 0;
    }
    if (base_format(path, sizeof path, SITES_DIR "%s", job->path) >= sizeof path) {
        return diag_fail(d, -ENAMETOOLONG, "%s: path is too long", job->path);
    }
    return stage_bytes(s, path, BYTES(job->table, job->table_size), false, d);
}

int sites_stage(struct stage *s, struct sites_stats *ret_stats, struct diag *d)
{
    struct jobs all = {0};
    struct sites_stats stats = {0};
    int err = stage_walk(s, add_job, &all, d);
    if (err == 0) {
        run_all(&all);
        err = interrupted() ? diag_fail(d, -EINTR, "interrupted") : 0;
    }
    for (size_t i = 0; i < all.count; i++) {
        err = err != 0 ? err : keep_table(s, &all.jobs[i], &stats, d);
        free(all.jobs[i].path);
        free(all.jobs[i].host_path);
        free(all.jobs[i].table);
    }
    free(all.jobs);
    if (err == 0) {
        *ret_stats = stats;
    }
    return err;
}
