/* SPDX-License-Identifier: Apache-2.0 */
/* alcove.yaml: what the developer writes. Every key is known and typed or the file is refused, with
 * line and column. docs/formats/alcove.yaml.md describes it. */
#pragma once

#include <yaml.h>

#include "abi/limits.h"
#include "abi/manifest.h"

#define CONFIG_FILES_MAX    256u
#define CONFIG_PACKAGES_MAX 64u
#define CONFIG_SIZE_MAX     (1024u * 1024)

/* A text with its place in the file, for errors that are found later. */
struct config_text {
    const char *text;
    size_t line, column; /* from 1 */
};

struct config_base {
    struct config_text name; /* a stock layer, when neither of the others is there */
    struct config_text dir;  /* a root directory, relative to the configuration */
    struct config_text packages[CONFIG_PACKAGES_MAX]; /* Debian packages with all that they need */
    size_t package_count;
};
struct config_file {
    struct config_text path, source;
};
struct config_mount {
    struct config_text path;
    uint64_t size;
    bool sealed, key_program;
    struct config_text name; /* sealed: of the volume */
};
struct config_io {
    struct config_text name, path;
    uint64_t max;
};

struct config {
    char *path; /* of the file itself, for errors */
    yaml_document_t document;
    size_t base_count, file_count, argv_count, env_count, mount_count, input_count, output_count;
    struct config_base bases[MANIFEST_LAYERS_MAX];
    struct config_file files[CONFIG_FILES_MAX];
    struct config_text entry, cwd;
    struct config_text argv[MANIFEST_ARGS_MAX];
    struct config_text env[MANIFEST_ENV_MAX]; /* "NAME=value"; owned */
    struct config_mount mounts[MANIFEST_MOUNTS_MAX];
    struct config_io inputs[MANIFEST_FILES_MAX], outputs[MANIFEST_FILES_MAX];
    size_t listen_count, connect_count;
    struct manifest_endpoint listen[MANIFEST_ENDPOINTS_MAX], connect[MANIFEST_ENDPOINTS_MAX];
    uint64_t memory, threads, uid, gid;
    bool shim;                  /* door: shim */
    uint64_t isvprodid, isvsvn; /* of the shim door's signature */
    bool stdin_host, stdout_host, stderr_host, debug, attestation;
    bool stdin_task, stdout_result, stderr_result; /* a worker: docs/formats/worker.md */
};

/* Reads dir/alcove.yaml. */
int config_read(const char *dir, struct config **ret, struct diag *d) MUST_USE;
/* From memory; path is for messages only. */
int config_parse(struct bytes text, const char *path, struct config **ret, struct diag *d) MUST_USE;
void config_free(struct config *c);
/* "PATH:LINE:COLUMN: sentence". */
int config_fail(const struct config *c, const struct config_text *at, struct diag *d,
                const char *format, ...) PRINTF(4, 5);
