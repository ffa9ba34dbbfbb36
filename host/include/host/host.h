/* SPDX-License-Identifier: Apache-2.0 */
/* The untrusted side of an enclave: loads it, lends it threads, answers its hostcalls. Nothing here
 * is believed by the enclave, so nothing here needs to be correct for secrecy; it needs to be correct
 * for users. One enclave per process. */
#pragma once

#include <sys/types.h>

#include "abi/boot.h"
#include "abi/hostcall.h"
#include "abi/layout.h"
#include "abi/manifest.h"
#include "abi/yard.h"
#include "machine/machine.h"

/* What an enclave is made of. Borrowed until the enclave is destroyed. */
struct host_image {
    struct bytes sgxs;
    struct sgx_sigstruct sigstruct;
    struct bytes manifest; /* canonical CBOR; its SHA-512 becomes CONFIGID */
    bool debug;            /* must agree with the manifest */
};

struct host_layer {
    const void *data;
    size_t size;
};

/* One declared input or output. fd -1: not given. */
struct host_file {
    int fd;
    uint64_t size; /* inputs */
};

struct host_enclave;
struct host_watch;

/* Answers hostcalls that the host library does not serve by itself (quote_*, exit, ecall_done,
 * ocall). Reads args and data from the slot, writes data and from_size, returns the result. Called
 * on the enclave's host threads. */
typedef int64_t host_service(void *context, unsigned number, struct hostcall_slot *slot);

/* The network of a manifest that lists endpoints (net.h). */
struct host_net {
    bool on;
    int broker, wake; /* a socket to the broker; an eventfd that ends waiting for the network */
    pid_t pid;        /* the broker's */
};

struct host_config {
    const struct machine_ops *ops;
    struct machine_config machine;
    struct host_image image;
    size_t layer_count, input_count, output_count;
    struct host_layer layers[MANIFEST_LAYERS_MAX];
    struct host_file inputs[MANIFEST_FILES_MAX], outputs[MANIFEST_FILES_MAX];
    size_t volume_count; /* of the next, which go by the manifest's mounts */
    struct host_file volumes[MANIFEST_MOUNTS_MAX];
    uint64_t trace; /* bits of enum trace_class */
    uint64_t trace_calls[TRACE_CALLS / 64];
    int trace_fd; /* where traces go; 0: standard error */
    struct host_watch *watch; /* what is counted and reported; NULL: nothing */
    bool debugged;            /* waits for a debugger before it starts; goes with watch */
    bool want_evidence;
    struct bytes nonce;
    struct yard *yard; /* NULL: one process only */
    unsigned yard_slot;
    struct host_net net;
    host_service *service;
    void *service_context;
};

/* Builds and initialises the enclave. config is copied, what it points to is borrowed. */
int host_enclave_create(const struct host_config *config, struct host_enclave **ret,
                        struct diag *d) MUST_USE;
/* Locks this process to the system calls that hostcalls need (seccomp). Call once, after create and
 * before run; nothing can be opened or executed afterwards. */
int host_lock_process(struct diag *d) MUST_USE;
/* Enters the first thread on the calling thread and serves it until it leaves for good. Returns 0
 * when the enclave's thread ended by itself, -EFAULT when it died (text in d). The workload's end
 * arrives earlier, as HOSTCALL_exit at the service. */
int host_enclave_run(struct host_enclave *e, struct diag *d) MUST_USE;
/* The machine under it. */
struct machine *host_enclave_machine(struct host_enclave *e);
void host_enclave_destroy(struct host_enclave *e);

/* Reads files that make an enclave; buffers are malloc'ed. */
int host_read_file(const char *path, size_t max, struct bytes *ret, struct diag *d) MUST_USE;

/* Call early: the clock's rate is measured between this and the first entry. */
void host_clock_start(void);

/* ---- bundles ---------------------------------------------------------------------------------- */

struct host_bundle {
    struct bytes sgxs, sigstruct, manifest_cbor;
    struct manifest *manifest; /* borrows from manifest_cbor */
    struct host_layer layers[MANIFEST_LAYERS_MAX];
    size_t layer_count;
};
/* Opens DIR: reads the small files, maps the layers (from DIR/layers or the layer store). Sizes are
 * checked, contents are the enclave's business. */
int host_bundle_open(const char *dir, struct host_bundle *ret, struct diag *d) MUST_USE;
void host_bundle_close(struct host_bundle *b);
/* The layer store: $ALCOVE_STORE, else $XDG_DATA_HOME/alcove/layers, else
 * ~/.local/share/alcove/layers. */
int host_store_path(char *ret_path, size_t size, struct diag *d) MUST_USE;
