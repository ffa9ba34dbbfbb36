/* SPDX-License-Identifier: Apache-2.0 */
#include "program.h"

#include <errno.h>
#include <limits.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "machine/machine.h"

static bool name_ok(const char *name, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char c = name[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_' || c == '-')) {
            return false;
        }
    }
    return size > 0 && size <= PROGRAM_NAME_MAX;
}

int programs_add(struct programs *p, enum query_role role, const char *text, struct diag *d)
{
    const char *role_name = query_role_text(role);
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals[1] == '\0') {
        return diag_fail(d, -EINVAL, "--%s wants NAME=BUNDLE, got \"%s\"", role_name, text);
    }
    size_t size = (size_t)(equals - text);
    if (!name_ok(text, size)) {
        return diag_fail(
            d, -EINVAL,
            "--%s: a name has 1 to %u of the characters A-Z, a-z, 0-9, \".\", \"_\", \"-\"; "
            "\"%.*s\" does not",
            role_name, PROGRAM_NAME_MAX, (int)size, text);
    }
    if (p->count == WIRE_PROGRAMS_MAX) {
        return diag_fail(d, -EINVAL, "more than %u programs", WIRE_PROGRAMS_MAX);
    }
    struct program *to = &p->list[p->count];
    *to = (struct program){.role = role};
    memcpy(to->name, text, size);
    if (strlen(equals + 1) >= sizeof to->bundle) {
        return diag_fail(d, -ENAMETOOLONG, "--%s: the path of %s is too long", role_name, to->name);
    }
    memcpy(to->bundle, equals + 1, strlen(equals + 1) + 1);
    if (programs_by_name(p, role, to->name) != NULL) {
        return diag_fail(d, -EINVAL, "--%s: \"%s\" is named twice", role_name, to->name);
    }
    p->count++;
    return 0;
}

static bool keeps_data(const struct manifest *m)
{
    for (size_t i = 0; i < m->mount_count; i++) {
        if (m->mounts[i].kind == MOUNT_SEALED && bytes_equal_str(m->mounts[i].name, "data")) {
            return true;
        }
    }
    return false;
}

static int fits_role(const struct program *p, const struct manifest *m, struct diag *d)
{
    const char *lacks = NULL;
    if (p->role == QUERY_ROLE_WORKER) {
        lacks = m->stdin_task ? NULL : "\"stdin: task\"";
    } else if (!m->stdin_host || !m->stdout_host) {
        lacks = "\"stdin: host\" and \"stdout: host\"";
    } else if (p->role == QUERY_ROLE_CUSTODIAN && !keeps_data(m)) {
        lacks = "a sealed volume of the name \"data\"";
    }
    return lacks == NULL ? 0
                         : diag_fail(d, -EINVAL, "bundle %s is no %s: its manifest lacks %s",
                                     p->bundle, query_role_text(p->role), lacks);
}

int program_measure(struct program *p, struct diag *d)
{
    struct host_bundle b;
    struct sgx_sigstruct s;
    int r = host_bundle_open(p->bundle, &b, d);
    if (r != 0) {
        return r;
    }
    memcpy(&s, b.sigstruct.data, sizeof s);
    r = fits_role(p, b.manifest, d);
    r = r != 0 ? r : sgxs_measure(b.sgxs, p->mrenclave, d);
    r = r != 0 ? r : sigstruct_verify(&s, p->mrsigner, d);
    if (r == 0 && memcmp(s.enclavehash, p->mrenclave, sizeof p->mrenclave) != 0) {
        r = diag_fail(d, -EBADMSG, "bundle %s: runtime.sig signs another image than runtime.sgxs",
                      p->bundle);
    }
    if (r == 0) {
        SHA512(b.manifest_cbor.data, b.manifest_cbor.size, p->configid);
        p->isvprodid = s.isvprodid;
        p->isvsvn = s.isvsvn;
        p->manifest = b.manifest_cbor;
        b.manifest_cbor = BYTES(NULL, 0); /* ours now */
        if (b.manifest->debug) {
            event("%s %s is a debug build: this host can read its memory, and no policy accepts it",
                  query_role_text(p->role), p->name);
        }
    }
    host_bundle_close(&b);
    return r;
}

void programs_free(struct programs *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free((void *)(uintptr_t)p->list[i].manifest.data);
    }
    p->count = 0;
}

const struct program *programs_by_name(const struct programs *p, enum query_role role,
                                       const char *name)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->list[i].role == role && strcmp(p->list[i].name, name) == 0) {
            return &p->list[i];
        }
    }
    return NULL;
}

const struct program *programs_worker(const struct programs *p, const uint8_t configid[64])
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->list[i].role == QUERY_ROLE_WORKER &&
            memcmp(p->list[i].configid, configid, 64) == 0) {
            return &p->list[i];
        }
    }
    return NULL;
}

const struct program *programs_first(const struct programs *p, enum query_role role)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->list[i].role == role) {
            return &p->list[i];
        }
    }
    return NULL;
}
