/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `alcove collateral`: gathering files, and the three things that it does. */
#pragma once

#include "base/bytes.h"
#include "base/diag.h"
#include "build/file.h"
#include "extract.h"
#include "verify/bundle.h"

/* ---- gather.c: files and folders become one bundle in memory ---- */

struct gather {
    struct alcove_bundle *bundle;
    bool tell;          /* prints a line for every file that was taken */
    size_t taken_count; /* files with collateral in them */
    size_t left_count;  /* files in folders that are none */
    size_t folder_count;
};
int gather_open(struct gather *ret, struct diag *d) MUST_USE;
void gather_close(struct gather *g);
/* A file must be collateral; what is none in a folder is left out. option: for sentences. */
int gather_path(struct gather *g, const char *path, struct diag *d) MUST_USE;
/* The bundle, valid until the next call with g. */
int gather_encode(struct gather *g, struct alcove_bytes *ret, struct diag *d) MUST_USE;

/* shelf.c: what 'show' and 'check' look into: a bundle, as it is, or what would become one. */
struct shelf {
    struct mapped_file file;
    bool is_file; /* else gathered */
    struct gather gather;
    struct alcove_bytes bundle;
};
int shelf_open(const char *path, struct shelf *ret, struct diag *d) MUST_USE;
void shelf_close(struct shelf *s);

/* ---- words.c ---- */

/* What an entry is, for which platform: "TCB info, TDX, FMSPC 90c06f000000". */
struct words {
    char text[256];
};
struct words words_of(const struct alcove_bundle_entry *e);
/* The same without the platform: "TCB info, TDX". */
struct words words_what(const struct alcove_bundle_entry *e);
const char *words_tee(enum alcove_bundle_tee tee); /* "SGX", "TDX", "" */
/* "2 hours", "3 days". */
struct words words_span(int64_t seconds);
/* "2026-06-01T12:00:00Z", "2026-06-01" or "@SECONDS" */
bool words_time(const char *text, int64_t *ret) MUST_USE;
/* "7d", "12h", "30m", "90s" */
bool words_duration(const char *text, int64_t *ret_seconds) MUST_USE;

/* ---- check.c and what it is made of ---- */

#define CHECK_ROOTS_MAX    16u
#define CHECK_EVIDENCE_MAX 64u

enum problem_type {
    PROBLEM_MISSING,
    PROBLEM_EXPIRED,
    PROBLEM_NOT_YET_VALID,
    PROBLEM_SIGNATURE, /* changed, or below a root that nobody named */
    PROBLEM_UNREADABLE,
    PROBLEM_REJECTED, /* of evidence, for a reason that is not its policy's */
    PROBLEM_SOON,     /* from here on: worth knowing, but all is well now */
    PROBLEM_NOTE,
    PROBLEM_TYPES,
};

struct problem {
    enum problem_type type;
    const char *evidence; /* the file that --for names; NULL: it is about the bundle by itself */
    struct words what;    /* what is missing, what expired, ... */
    char text[256];       /* and what to do about it */
    int64_t date;         /* when it expires or begins; 0: none */
};

struct shelf_check {
    struct alcove_bytes bundle;
    struct alcove_bytes signers; /* a bundle of all chains, with those of the evidence */
    int64_t time, within;
    struct alcove_root roots[CHECK_ROOTS_MAX];
    size_t root_count;
    struct alcove_bundle_entry *entries; /* all of them */
    bool *current;                       /* is it the one of its group that is valid at the time? */
    size_t entry_count, older_count;
    struct problem *problems;
    size_t problem_count, problem_capacity;
    size_t noted_count; /* also what was noted before in the same words, or one too many */
    bool failed;        /* something is wrong now */
    bool out_of_memory;
};
void check_note(struct shelf_check *c, enum problem_type type, const char *evidence,
                struct words what, int64_t date, const char *format, ...) PRINTF(6, 7);
/* needs.c: dates and signatures of what is there, and what is missing beside it. */
void check_entries(struct shelf_check *c);
void check_needs(struct shelf_check *c);
/* evidence.c: has this evidence all that it needs? *ret_until: until when what there is lasts. */
struct evidence_needs {
    const char *path;
    char kind[96]; /* "TDX quote, FMSPC 90c06f000000" */
    bool complete, needs_none;
    int64_t until; /* 0: nothing ends */
    uint32_t evaluation_number;
};
void check_evidence(struct shelf_check *c, const char *path, struct alcove_bytes evidence,
                    struct evidence_needs *ret);

/* ---- The verbs: exit statuses; argv[0] is the word itself ---- */
int collateral_pack(int argc, char **argv);
int collateral_show(int argc, char **argv);
int collateral_check(int argc, char **argv);
