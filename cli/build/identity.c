/* SPDX-License-Identifier: Apache-2.0 */
/* Recomputes identities, see identity.h. Trust: the bundle may come from anyone; nothing in it is
 * taken as a statement, everything is hashed. identity.json in it is not even read. */
#include "identity.h"

#include <errno.h>
#include <limits.h>
#include <openssl/sha.h>
#include <string.h>

#include "file.h"
#include "layer.h"
#include "machine/machine.h"
#include "store.h"

static int member(char *ret, const char *bundle, const char *name, struct diag *d)
{
    return base_format(ret, PATH_MAX, "%s/%s", bundle, name) < PATH_MAX
               ? 0
               : diag_fail(d, -ENAMETOOLONG, "%s: path is too long", bundle);
}

static int measure_image(const char *bundle, struct identity *i, struct diag *d)
{
    char path[PATH_MAX];
    struct mapped_file f;
    int err = member(path, bundle, "runtime.sgxs", d);
    err = err != 0 ? err : mapped_file_open(&f, path, IMAGE_SIZE_MAX, d);
    if (err != 0) {
        return err;
    }
    err = sgxs_measure(f.bytes, i->mrenclave, d);
    mapped_file_close(&f);
    if (err != 0) {
        diag_prefix(d, "%s", path);
    }
    return err;
}

static int check_signature(const char *bundle, struct identity *i, struct diag *d)
{
    char path[PATH_MAX];
    struct mapped_file f;
    struct sgx_sigstruct s;
    int err = member(path, bundle, "runtime.sig", d);
    err = err != 0 ? err : mapped_file_open(&f, path, sizeof s, d);
    if (err != 0) {
        return err;
    }
    size_t size = f.bytes.size;
    if (size == sizeof s) {
        memcpy(&s, f.bytes.data, sizeof s);
    }
    mapped_file_close(&f);
    if (size != sizeof s) {
        return diag_fail(d, -EINVAL, "%s: %zu bytes long, a SIGSTRUCT has %zu", path, size,
                         sizeof s);
    }
    err = sigstruct_verify(&s, i->mrsigner, d);
    if (err != 0) {
        diag_prefix(d, "%s", path);
        return err;
    }
    if (memcmp(s.enclavehash, i->mrenclave, 32) != 0) {
        char signed_hash[65], found[65];
        hex_encode(signed_hash, s.enclavehash, 32);
        hex_encode(found, i->mrenclave, 32);
        return diag_fail(d, -EBADMSG, "%s signs MRENCLAVE %s, but runtime.sgxs measures %s", path,
                         signed_hash, found);
    }
    return 0;
}

static int check_layer(const char *bundle, const struct manifest_layer *l, bool *ret_in_bundle,
                       struct diag *d)
{
    char path[PATH_MAX];
    int err = store_find(bundle, l->root, path, ret_in_bundle, d);
    err = err != 0 ? err : layer_check(path, l, d);
    if (err != 0 && err != -ENOENT && !*ret_in_bundle) {
        char why[DIAG_MAX];
        memcpy(why, d->text, sizeof why);
        err = diag_fail(d, err, "%s; remove that file and build again", why);
    }
    return err;
}

static int take_layers(const char *bundle, const struct manifest *m, bool check, struct identity *i,
                       struct diag *d)
{
    int err = 0;
    for (size_t k = 0; k < m->layer_count && err == 0; k++) {
        const struct manifest_layer *from = &m->layers[k];
        struct identity_layer *to = &i->layers[i->layer_count++];
        memcpy(to->name, from->name.data, from->name.size);
        to->name[from->name.size] = '\0';
        memcpy(to->root, from->root, sizeof to->root);
        to->size = from->size;
        err = check ? check_layer(bundle, from, &to->in_bundle, d) : 0;
    }
    return err;
}

int identity_of_bundle(const char *bundle, bool check_layers, struct identity *ret, struct diag *d)
{
    char path[PATH_MAX];
    struct mapped_file f;
    struct manifest m;
    struct identity i = {0};
    int err = member(path, bundle, "manifest.cbor", d);
    err = err != 0 ? err : mapped_file_open(&f, path, MANIFEST_SIZE_MAX, d);
    if (err != 0) {
        return err;
    }
    err = manifest_decode(f.bytes, &m, d);
    if (err != 0) {
        diag_prefix(d, "%s", path);
    } else {
        SHA512(f.bytes.data, f.bytes.size, i.configid);
        i.debug = m.debug;
        i.is_program = m.door == DOOR_SHIM;
        err = take_layers(bundle, &m, check_layers, &i, d);
    }
    mapped_file_close(&f);
    err = err != 0 ? err : measure_image(bundle, &i, d);
    err = err != 0 ? err : check_signature(bundle, &i, d);
    if (err == 0) {
        *ret = i;
    }
    return err;
}

size_t identity_json(const struct identity *i, char *out, size_t capacity)
{
    char mrenclave[65], mrsigner[65], configid[129], root[65];
    hex_encode(mrenclave, i->mrenclave, 32);
    hex_encode(mrsigner, i->mrsigner, 32);
    hex_encode(configid, i->configid, 64);
    size_t n = 0;
    /* base_format escapes line ends inside texts, so the shape is written by literals alone. */
    n += base_format(out, capacity,
                     "{\"mrenclave\": \"%s\", \"mrsigner\": \"%s\", \"configid\": "
                     "\"%s\", \"debug\": %s, \"layers\": [",
                     mrenclave, mrsigner, configid, i->debug ? "true" : "false");
    for (size_t k = 0; k < i->layer_count && n < capacity; k++) {
        hex_encode(root, i->layers[k].root, 32);
        n += base_format(
            out + n, capacity - n, "%s{\"name\": \"%s\", \"root\": \"%s\", \"size\": %llu}",
            k > 0 ? ", " : "", i->layers[k].name, root, (unsigned long long)i->layers[k].size);
    }
    if (n < capacity) {
        n += base_format(out + n, capacity - n, "]}\n");
    }
    return n;
}
