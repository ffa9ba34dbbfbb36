/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical manifest: deterministic CBOR whose SHA-512 is CONFIGID. Everything that steers a
 * run is in it. docs/formats/manifest.md has the CDDL. Written by `alcove build`, checked against
 * CONFIGID and read inside the enclave, read again by verifiers: one decoder for all of them.
 *
 * A map with text keys, every key present:
 *   "format"  text  "alcove-manifest-1"
 *   "door"    text  "libos" | "shim" | "sdk"
 *   "debug"   bool
 *   "layers"  array of {"name": text, "root": bytes32, "size": uint (bytes of the file system),
 *             "salt": bytes0..32}, bottom first
 *   "entry"   text: absolute path of the program
 *   "argv"    array of text, at least one
 *   "env"     array of text "NAME=value", NAMEs unique
 *   "cwd"     text: absolute path
 *   "uid", "gid"  uint below 2^32-1
 *   "memory"  uint: bytes the workload may commit, a multiple of 4096
 *   "threads" uint: 1..THREADS_MAX
 *   "mounts"  array of {"kind": text "tmpfs", "path": text, "size": uint} or
 *             {"key": text "identity" | "program", "kind": text "sealed", "name": text, "path":
 * text, "size": uint} "inputs", "outputs"  array of {"max": uint, "name": text, "path": text}
 *   "stdin"   text  "none" | "host" | "task"
 *   "stdout", "stderr"  text  "drop" | "host" | "result"
 *   "network" text  "denied", or {"listen": array of endpoints, "connect": array of endpoints}, not both
 *             empty; endpoint: {"ip": bytes4 or bytes16, "last": uint, "first": uint, "prefix": uint,
 *             "protocol": text "tcp" | "udp"}
 *   "attestation" bool: does /dev/attestation exist
 *   "snapshot" text "none"
 */
#pragma once

#include "abi/limits.h"
#include "abi/network.h"
#include "base/bytes.h"
#include "base/diag.h"

enum manifest_door { DOOR_LIBOS, DOOR_SHIM, DOOR_SDK };

struct manifest_layer {
    struct bytes name;
    uint8_t root[32];
    uint64_t size; /* bytes of the EROFS image; the dm-verity hash tree follows it */
    struct bytes salt;
};

enum manifest_mount_kind { MOUNT_TMPFS, MOUNT_SEALED };
enum manifest_mount_key { MOUNT_KEY_IDENTITY, MOUNT_KEY_PROGRAM };

struct manifest_mount {
    struct bytes path;
    uint64_t size;
    enum manifest_mount_kind kind;
    enum manifest_mount_key key; /* sealed: where the volume's key comes from */
    struct bytes name;           /* sealed: of the volume, for --volume NAME=PATH */
};

struct manifest_file {
    struct bytes name;
    struct bytes path;
    uint64_t max;
};

/* Borrowed from the bytes that were decoded. Strings are not NUL-terminated. */
struct manifest {
    enum manifest_door door;
    bool debug;
    bool stdin_host, stdout_host, stderr_host;
    /* A worker (docs/formats/worker.md): the first two are one thing, the third is its choice. */
    bool stdin_task, stdout_result, stderr_result;
    bool attestation;
    uint32_t uid, gid;
    uint64_t memory;
    uint32_t threads;
    struct bytes entry, cwd;
    size_t layer_count, argv_count, env_count, mount_count, input_count, output_count;
    struct manifest_layer layers[MANIFEST_LAYERS_MAX];
    struct bytes argv[MANIFEST_ARGS_MAX];
    struct bytes env[MANIFEST_ENV_MAX];
    struct manifest_mount mounts[MANIFEST_MOUNTS_MAX];
    struct manifest_file inputs[MANIFEST_FILES_MAX];
    struct manifest_file outputs[MANIFEST_FILES_MAX];
    /* The network beyond the enclave: both empty where it is denied. */
    size_t listen_count, connect_count;
    struct manifest_endpoint listen[MANIFEST_ENDPOINTS_MAX], connect[MANIFEST_ENDPOINTS_MAX];
};

/* Strict: unknown, missing, unsorted or ill-typed members, relative paths, "." or ".." in paths,
 * duplicate names and trailing bytes are errors. Returns 0 or -EINVAL, *ret untouched then.
 * Trust: bytes come from the host; only the caller's comparison with CONFIGID makes them good. */
int manifest_decode(struct bytes cbor, struct manifest *ret, struct diag *d) MUST_USE;
/* Encodes; -ENOSPC when out is too small, -EINVAL for what decode would refuse. */
int manifest_encode(const struct manifest *m, struct writer *out, struct diag *d) MUST_USE;
