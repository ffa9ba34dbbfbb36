/* SPDX-License-Identifier: Apache-2.0 */
/* Declared inputs and outputs: the only files that the host gives or gets.
 *
 * An input is copied into the enclave once, whole, at its first open; the workload and the hash in
 * the run's claims see that copy and nothing else, so a host that answers differently later changes
 * neither. Its size was fixed at boot. An output is a file in enclave memory until the workload
 * ends; what is hashed is what is handed out. The host learns inputs and outputs in the clear: the
 * manifest declared them so. */
#include "vfs.h"

#define STEP HOSTCALL_DATA_MAX

struct host_input {
    bool given, loaded;
    size_t number;
    struct node *node;
    uint64_t size;
    uint8_t sha256[32];
    struct node_ops ops;
};

static const struct manifest *manifest;
static struct host_input inputs[MANIFEST_FILES_MAX];
static struct node *outputs[MANIFEST_FILES_MAX];

/* Reads the input once from its start, hashing; keeps the pages when `node`. */
static int read_input(struct host_input *in, struct node *node)
{
    uint8_t *buffer = rt_alloc(STEP);
    if (buffer == NULL) {
        return -ENOMEM;
    }
    struct rt_sha256_state hash;
    rt_sha256_init(&hash);
    int err = 0;
    for (uint64_t off = 0; off < in->size && err == 0; off += STEP) {
        size_t n = in->size - off < STEP ? (size_t)(in->size - off) : STEP;
        err = rt_input_read(in->number, off, buffer, n);
        if (err != 0) {
            break;
        }
        rt_sha256_update(&hash, BYTES(buffer, n));
        for (size_t at = 0; node != NULL && at < n && err == 0; at += 4096) {
            size_t used = n - at < 4096 ? n - at : 4096;
            uint8_t *page = page_alloc();
            if (page == NULL) {
                err = -ENOMEM;
                break;
            }
            memcpy(page, buffer + at, used);
            err = tmpfs_append_page(node, page, used);
            if (err != 0) {
                page_free(page);
            }
        }
    }
    rt_free(buffer);
    if (err == 0) {
        rt_sha256_final(&hash, in->sha256);
        in->loaded = true;
    }
    return err;
}

static int input_open(struct file *f)
{
    for (size_t i = 0; i < manifest->input_count; i++) {
        struct host_input *in = &inputs[i];
        if (in->node == f->node && !in->loaded) {
            f->node->size = 0; /* grows by pages, back to what stat showed */
            int err = read_input(in, f->node);
            if (err != 0) {
                f->node->ops->truncate(f->node, 0);
                f->node->size = in->size;
            }
            return err;
        }
    }
    return 0;
}

static int input_start(size_t i, struct diag *d)
{
    const struct manifest_file *m = &manifest->inputs[i];
    struct host_input *in = &inputs[i];
    uint64_t size = rt_input_size(i);
    if (size == UINT64_MAX) {
        return 0; /* not given: the file does not exist */
    }
    if (size > m->max || size > INPUT_SIZE_MAX) {
        return diag_fail(d, -EFBIG, "input %.*s has %llu bytes, the manifest allows %llu",
                         (int)m->name.size, (const char *)m->name.data, (unsigned long long)size,
                         (unsigned long long)m->max);
    }
    struct fs *fs = tmpfs_new(m->max, "input");
    struct node *n = fs != NULL ? tmpfs_new_node(fs, S_IFREG | 0444) : NULL;
    if (n == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for inputs");
    }
    fs->read_only = true;
    in->ops = *n->ops;
    in->ops.open = input_open;
    n->ops = &in->ops;
    n->size = size;
    *in = (struct host_input){.given = true, .number = i, .node = n, .size = size, .ops = in->ops};
    return mount_at(m->path, n, "ro");
}

static int output_start(size_t i, struct diag *d)
{
    const struct manifest_file *m = &manifest->outputs[i];
    struct fs *fs = tmpfs_new(m->max, "output");
    struct node *n = fs != NULL ? tmpfs_new_node(fs, S_IFREG | 0644) : NULL;
    if (n == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for outputs");
    }
    fs->file_max = m->max < fs->file_max ? m->max : fs->file_max;
    outputs[i] = n;
    return mount_at(m->path, n, "rw");
}

int hostfiles_start(const struct manifest *m, struct diag *d)
{
    manifest = m;
    for (size_t i = 0; i < m->input_count; i++) {
        int err = input_start(i, d);
        if (err != 0) {
            diag_prefix(d, "input %.*s", (int)m->inputs[i].name.size,
                        (const char *)m->inputs[i].name.data);
            return err;
        }
    }
    for (size_t i = 0; i < m->output_count; i++) {
        int err = output_start(i, d);
        if (err != 0) {
            diag_prefix(d, "output %.*s", (int)m->outputs[i].name.size,
                        (const char *)m->outputs[i].name.data);
            return err;
        }
    }
    return 0;
}

static int send_output(size_t i, uint8_t *buffer, uint8_t ret_sha256[32])
{
    struct rt_sha256_state hash;
    rt_sha256_init(&hash);
    uint64_t size = outputs[i]->size;
    uint64_t off = 0;
    do { /* an empty output is written too: the host's file then holds what the claim says */
        size_t n = size - off < STEP ? (size_t)(size - off) : STEP;
        int err = tmpfs_pread(outputs[i], off, buffer, n);
        if (err == 0) {
            err = rt_output_write(i, off, BYTES(buffer, n));
        }
        if (err != 0) {
            return err;
        }
        rt_sha256_update(&hash, BYTES(buffer, n));
        off += n;
    } while (off < size);
    rt_sha256_final(&hash, ret_sha256);
    return 0;
}

int hostfiles_finish(struct run_claims *claims, struct diag *d)
{
    uint8_t *buffer = rt_alloc(STEP);
    if (buffer == NULL) {
        return diag_fail(d, -ENOMEM, "no memory to write outputs");
    }
    int err = 0;
    size_t count = 0;
    for (size_t i = 0; i < manifest->input_count && err == 0; i++) {
        struct host_input *in = &inputs[i];
        if (!in->given) {
            continue;
        }
        err = in->loaded ? 0 : read_input(in, NULL);
        if (err != 0) {
            diag_fail(d, err, "input %.*s cannot be read", (int)manifest->inputs[i].name.size,
                      (const char *)manifest->inputs[i].name.data);
        }
        claims->inputs[count].name = manifest->inputs[i].name;
        memcpy(claims->inputs[count++].sha256, in->sha256, 32);
    }
    claims->input_count = count;
    for (size_t i = 0; i < manifest->output_count && err == 0; i++) {
        claims->outputs[i].name = manifest->outputs[i].name;
        err = send_output(i, buffer, claims->outputs[i].sha256);
        if (err != 0) {
            diag_fail(d, err, "output %.*s cannot be written", (int)manifest->outputs[i].name.size,
                      (const char *)manifest->outputs[i].name.data);
        }
        claims->output_count = i + 1;
    }
    rt_free(buffer);
    return err;
}
