/* SPDX-License-Identifier: Apache-2.0 */
/* Opens a bundle folder. Everything in it may be wrong: sizes and forms are checked here so that the
 * user gets a sentence; whether contents are the measured ones is decided inside the enclave. */
#include "enclave.h"

#include "machine/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define IDENTITY_SIZE_MAX 65536u

int host_read_file(const char *path, size_t max, struct bytes *ret, struct diag *d)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a FIFO must not hang us */
    if (fd < 0) {
        return diag_fail(d, -errno, "cannot open %s: %s", path, strerror(errno));
    }
    struct stat st;
    int r = 0;
    uint8_t *data = NULL;
    size_t done = 0;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        r = diag_fail(d, -EINVAL, "%s is not a regular file", path);
    } else if ((uint64_t)st.st_size > max) {
        r = diag_fail(d, -EFBIG, "%s has %lu bytes; at most %zu make sense there", path,
                      (unsigned long)st.st_size, max);
    } else {
        data = malloc((size_t)st.st_size + 1);
        ssize_t n = 1;
        while (data != NULL && done < (size_t)st.st_size && n > 0) {
            n = read(fd, data + done, (size_t)st.st_size - done);
            done += n > 0 ? (size_t)n : 0;
        }
        r = data == NULL ? -ENOMEM : n < 0 ? -EIO : 0;
        if (r != 0) {
            r = diag_fail(d, r, "cannot read %s: %s", path, strerror(-r));
            free(data);
        }
    }
    close(fd);
    if (r == 0) {
        *ret = BYTES(data, done);
    }
    return r;
}

int host_store_path(char *ret_path, size_t size, struct diag *d)
{
    const char *store = getenv("ALCOVE_STORE");
    const char *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    int n;
    if (store != NULL && store[0] != '\0') {
        n = snprintf(ret_path, size, "%s", store);
    } else if (data != NULL && data[0] == '/') {
        n = snprintf(ret_path, size, "%s/alcove/layers", data);
    } else if (home != NULL && home[0] == '/') {
        n = snprintf(ret_path, size, "%s/.local/share/alcove/layers", home);
    } else {
        return diag_fail(d, -ENOENT, "no place for layers: set HOME or ALCOVE_STORE");
    }
    return n < 0 || (size_t)n >= size ? diag_fail(d, -ENAMETOOLONG, "the layer store's path is too long")
                                      : 0;
}

static int open_layer(const char *dir, const struct manifest_layer *layer, struct diag *d)
{
    char hex[65], path[4096], store[3072];
    hex_encode(hex, layer->root, sizeof layer->root);
    snprintf(path, sizeof path, "%s/layers/%s.img", dir, hex);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) {
        return fd;
    }
    int r = host_store_path(store, sizeof store, d);
    if (r != 0) {
        return r;
    }
    snprintf(path, sizeof path, "%s/%s.img", store, hex);
    fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return diag_fail(d, -errno,
                         "layer \"%.*s\" (%s) is neither in the bundle nor in the layer store %s: "
                         "build the bundle again on this machine, or copy the layer there",
                         (int)layer->name.size, (const char *)layer->name.data, hex, store);
    }
    return fd;
}

static int map_layer(const char *dir, const struct manifest_layer *layer, struct host_layer *ret,
                     struct diag *d)
{
    int fd = open_layer(dir, layer, d);
    if (fd < 0) {
        return fd;
    }
    struct stat st;
    int r = 0;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size <= layer->size ||
        st.st_size % 4096 != 0) {
        r = diag_fail(d, -EINVAL,
                      "layer \"%.*s\" is truncated or not a layer: its file has %ld bytes, its file "
                      "system alone %lu",
                      (int)layer->name.size, (const char *)layer->name.data, (long)st.st_size,
                      (unsigned long)layer->size);
    } else {
        void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            r = diag_fail(d, -errno, "cannot map layer \"%.*s\": %s", (int)layer->name.size,
                          (const char *)layer->name.data, strerror(errno));
        } else {
            *ret = (struct host_layer){data, (size_t)st.st_size};
        }
    }
    close(fd);
    return r;
}

static int read_member(const char *dir, const char *name, size_t max, struct bytes *ret,
                       struct diag *d)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int r = host_read_file(path, max, ret, d);
    if (r != 0) {
        diag_prefix(d, "bundle %s", dir);
    }
    return r;
}

/* The runtime's image, mapped and not read: it is some megabytes, the same ones for each of a thousand
 * enclaves of one program. */
static int map_image(const char *dir, struct bytes *ret, struct diag *d)
{
    char path[4096];
    struct stat st;
    snprintf(path, sizeof path, "%s/runtime.sgxs", dir);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a FIFO must not hang us */
    if (fd < 0) {
        return diag_fail(d, -errno, "bundle %s: cannot open %s: %s", dir, path, strerror(errno));
    }
    int r = 0;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0) {
        r = diag_fail(d, -EINVAL, "bundle %s: %s is not a regular file, or empty", dir, path);
    } else if ((uint64_t)st.st_size > IMAGE_SIZE_MAX) {
        r = diag_fail(d, -EFBIG, "bundle %s: %s has %lu bytes; at most %u make sense there", dir, path,
                      (unsigned long)st.st_size, IMAGE_SIZE_MAX);
    } else {
        void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            r = diag_fail(d, -errno, "bundle %s: cannot map %s: %s", dir, path, strerror(errno));
        } else {
            *ret = BYTES(data, (size_t)st.st_size);
        }
    }
    close(fd);
    return r;
}

/* identity.json says what the bundle was when it was built. A manifest that was changed since makes
 * another program, with an identity of its own: whoever did not mean that wants to hear of it. (For
 * a verifier CONFIGID decides, and identity.json counts for nothing.) */
static int check_identity(const char *dir, struct bytes manifest, struct diag *d)
{
    static const char member[] = "\"configid\"";
    struct bytes json;
    uint8_t digest[64];
    char hex[129];
    int r = read_member(dir, "identity.json", IDENTITY_SIZE_MAX, &json, d);
    if (r != 0) {
        return r;
    }
    machine_sha512(manifest.data, manifest.size, digest);
    hex_encode(hex, digest, sizeof digest);
    const uint8_t *at = memmem(json.data, json.size, member, sizeof member - 1);
    size_t left = at == NULL ? 0 : json.size - (size_t)(at - json.data);
    if (at == NULL || memmem(at, left, hex, sizeof hex - 1) == NULL) {
        r = diag_fail(d, -EINVAL,
                      "bundle %s: manifest.cbor is not the manifest that the bundle was built with: "
                      "identity.json names another CONFIGID than %s; build the bundle again",
                      dir, hex);
    }
    free((void *)(uintptr_t)json.data);
    return r;
}

int host_bundle_open(const char *dir, struct host_bundle *ret, struct diag *d)
{
    struct host_bundle b = {.manifest = calloc(1, sizeof *b.manifest)};
    int r = b.manifest == NULL ? diag_fail(d, -ENOMEM, "no memory") : 0;
    r = r != 0 ? r : read_member(dir, "manifest.cbor", MANIFEST_SIZE_MAX, &b.manifest_cbor, d);
    r = r != 0 ? r : map_image(dir, &b.sgxs, d);
    r = r != 0 ? r : read_member(dir, "runtime.sig", sizeof(struct sgx_sigstruct), &b.sigstruct, d);
    if (r == 0 && b.sigstruct.size != sizeof(struct sgx_sigstruct)) {
        r = diag_fail(d, -EINVAL, "bundle %s: runtime.sig has %zu bytes, a SIGSTRUCT has %zu", dir,
                      b.sigstruct.size, sizeof(struct sgx_sigstruct));
    }
    if (r == 0) {
        r = manifest_decode(b.manifest_cbor, b.manifest, d);
        if (r != 0) {
            diag_prefix(d, "bundle %s: manifest.cbor", dir);
        }
    }
    r = r != 0 ? r : check_identity(dir, b.manifest_cbor, d);
    for (size_t i = 0; r == 0 && i < b.manifest->layer_count; i++) {
        r = map_layer(dir, &b.manifest->layers[i], &b.layers[i], d);
        b.layer_count = r == 0 ? i + 1 : i;
    }
    if (r != 0) {
        host_bundle_close(&b);
        return r;
    }
    *ret = b;
    return 0;
}

static void free_bytes(struct bytes b)
{
    free((void *)(uintptr_t)b.data);
}

void host_bundle_close(struct host_bundle *b)
{
    for (size_t i = 0; i < b->layer_count; i++) {
        munmap((void *)(uintptr_t)b->layers[i].data, b->layers[i].size);
    }
    if (b->sgxs.data != NULL) {
        munmap((void *)(uintptr_t)b->sgxs.data, b->sgxs.size);
    }
    free_bytes(b->sigstruct);
    free_bytes(b->manifest_cbor);
    free(b->manifest);
    *b = (struct host_bundle){0};
}
