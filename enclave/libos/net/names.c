/* SPDX-License-Identifier: Apache-2.0 */
/* Who is bound to which address: one list, since a process has a handful. A Unix path is a node of
 * the file system, so that renames and links keep working. */
#include <errno.h>

#include "outside.h"

#define PORT_FIRST 32768u /* net.ipv4.ip_local_port_range */
#define PORT_LAST  60999u

static struct sock *bound;
static uint32_t next_port = PORT_FIRST, next_abstract;

static bool v4(const struct sock_address *a)
{
    return a->family == AF_INET_ || (a->ip[10] == 0xff && a->ip[11] == 0xff && a->ip[0] == 0);
}

/* Would a packet to `a` reach somebody who is bound to s->local? */
static bool covers(const struct sock *s, const struct sock_address *a)
{
    if (s->local.port != a->port) {
        return false;
    }
    if (memcmp(s->local.ip, a->ip, sizeof a->ip) == 0) {
        return true;
    }
    if (!address_is_any(&s->local)) {
        return false;
    }
    return s->family == AF_INET_ ? v4(a) : !(s->options.v6_only && v4(a));
}

static bool same_name(const struct sock_address *a, const struct sock_address *b)
{
    return a->path_size == b->path_size && memcmp(a->path, b->path, a->path_size) == 0;
}

static bool conflicts(const struct sock *s, const struct sock *other, const struct sock_address *a)
{
    if (other->type != s->type || other->lite != s->lite ||
        (other->family == AF_UNIX_) != (s->family == AF_UNIX_)) {
        return false;
    }
    if (s->family == AF_UNIX_) {
        return other->path == NULL && same_name(&other->local, a);
    }
    struct sock probe = {.family = s->family, .local = *a, .options = s->options};
    if (!covers(other, a) && !covers(&probe, &other->local)) {
        return false;
    }
    if (s->options.reuse_port && other->options.reuse_port) {
        return false;
    }
    return !(s->options.reuse_address && other->options.reuse_address &&
             (s->type == SOCK_DGRAM_ || other->state != SOCK_LISTENING));
}

static bool is_taken(const struct sock *s, const struct sock_address *a)
{
    for (const struct sock *o = bound; o != NULL; o = o->bound_next) {
        if (o != s && conflicts(s, o, a)) {
            return true;
        }
    }
    return false;
}

/* As bind(2) makes it: a new name, EADDRINUSE where there is one. */
static int make_path(struct sock *s, const struct sock_address *a)
{
    char path[SOCK_PATH_MAX + 1] = {0};
    memcpy(path, a->path, a->path_size);
    struct walk w;
    int err = fs_walk(fs_cwd(), path, WALK_NEW, &w);
    if (err != 0) {
        return err;
    }
    if (w.kind != LAST_NAME || w.found != NULL) {
        err = -EADDRINUSE;
    } else if (w.slash) {
        err = -ENOENT;
    } else if (w.dir->node->fs->read_only || !tmpfs_node_is(w.dir->node)) {
        err = -EROFS;
    } else {
        err = node_may(w.dir->node, 3);
    }
    if (err == 0) {
        struct node *n = tmpfs_new_node(w.dir->node->fs, S_IFSOCK | (0777 & ~fs_umask()));
        err = n == NULL ? -ENOSPC : dentry_add(w.dir, BYTES(w.last, w.last_size), n, NULL);
        if (err == 0) {
            s->path = n; /* the reference goes with it */
        } else {
            node_unref(n);
        }
    }
    walk_done(&w);
    return err;
}

int sock_bind(struct sock *s, const struct sock_address *a)
{
    if (s->bound) {
        return -EINVAL;
    }
    struct sock_address to = *a;
    bool outside = false;
    if (s->family == AF_UNIX_) {
        if (to.path_size == 0) {
            return sock_bind_free(s);
        }
        int err = to.path[0] != 0 ? make_path(s, &to) : is_taken(s, &to) ? -EADDRINUSE : 0;
        if (err != 0) {
            return err;
        }
    } else {
        outside = outside_may_listen(s, &to);
        if (!outside && address_reachable(&to) != 0) {
            return -EACCES;
        }
        for (uint32_t tries = 0; to.port == 0 && tries <= PORT_LAST - PORT_FIRST; tries++) {
            to.port = (uint16_t)next_port;
            next_port = next_port == PORT_LAST ? PORT_FIRST : next_port + 1;
            struct sock strict = {.family = s->family, .type = s->type, .lite = s->lite};
            if (is_taken(&strict, &to)) {
                to.port = 0;
            }
        }
        if (to.port == 0 || is_taken(s, &to)) {
            return -EADDRINUSE;
        }
        if (to.port < 1024 && fs_uid() != 0 && !outside) {
            return -EACCES;
        }
        int err = outside ? outside_bind(s, &to) : 0;
        if (err != 0) {
            return err;
        }
        s->outside.bound = outside;
    }
    if (s->family == AF_INET6_ && !address_is_any(&to) && !v4(&to)) {
        s->options.v6_only = true; /* as Linux has it, for those that it accepts */
    }
    s->local = to;
    s->bound = true;
    s->bound_next = bound;
    bound = s;
    return 0;
}

int sock_bind_free(struct sock *s)
{
    if (s->bound) {
        return 0;
    }
    struct sock_address a = {.family = (uint16_t)s->family};
    if (s->family != AF_UNIX_) {
        if (s->family == AF_INET_) {
            a.ip[10] = a.ip[11] = 0xff;
        }
        return sock_bind(s, &a);
    }
    do { /* as Linux's autobind: five hexadecimal digits */
        char name[8];
        base_format(name, sizeof name, "%05x", next_abstract++ & 0xfffff);
        a.path_size = 6;
        memcpy(a.path + 1, name, 5);
    } while (is_taken(s, &a));
    return sock_bind(s, &a);
}

void sock_unbind(struct sock *s)
{
    for (struct sock **at = &bound; s->bound && *at != NULL; at = &(*at)->bound_next) {
        if (*at == s) {
            *at = s->bound_next;
            break;
        }
    }
    s->bound = false;
    node_unref(STEAL(&s->path));
}

static int find_path(const struct sock_address *a, struct node **ret)
{
    char path[SOCK_PATH_MAX + 1] = {0};
    memcpy(path, a->path, a->path_size);
    struct walk w;
    int err = fs_walk(fs_cwd(), path, WALK_FOLLOW, &w);
    if (err != 0) {
        return err;
    }
    *ret = w.found != NULL ? w.found->node : NULL;
    err = *ret == NULL ? -ENOENT : node_may(*ret, 2);
    if (err == 0 && !node_is(*ret, S_IFSOCK)) {
        err = -ECONNREFUSED;
    }
    walk_done(&w); /* the node is compared, never followed */
    return err;
}

int sock_find(const struct sock *from, const struct sock_address *a, struct sock **ret)
{
    struct node *path = NULL;
    struct sock_address to = *a;
    if (a->family == AF_UNIX_ && a->path_size > 0 && a->path[0] != 0) {
        int err = find_path(a, &path);
        if (err != 0) {
            return err;
        }
    } else if (a->family != AF_UNIX_) {
        address_means_here(&to);
    }
    struct sock *wide = NULL;
    for (struct sock *s = bound; s != NULL; s = s->bound_next) {
        if ((s->family == AF_UNIX_) != (from->family == AF_UNIX_)) {
            continue;
        }
        if (from->family == AF_UNIX_) {
            if (path != NULL ? s->path == path : s->path == NULL && same_name(&s->local, &to)) {
                if (s->type != from->type) {
                    return -EPROTOTYPE;
                }
                *ret = s;
                return 0;
            }
        } else if (s->type == from->type && s->lite == from->lite && covers(s, &to) &&
                   (s->type != SOCK_STREAM_ || s->state == SOCK_LISTENING)) {
            if (!address_is_any(&s->local)) {
                *ret = s;
                return 0;
            }
            wide = wide == NULL ? s : wide;
        }
    }
    *ret = wide;
    return wide != NULL ? 0 : -ECONNREFUSED;
}
