/* SPDX-License-Identifier: Apache-2.0 */
#include "pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct task {
    struct task *next;
    pool_task *run;
    void *context;
};

struct pool {
    pthread_mutex_t mutex;
    pthread_cond_t wanted;
    struct task *first, **last;
    bool closing;
    size_t count;
    pthread_t threads[];
};

static void *work(void *context)
{
    struct pool *p = context;
    pthread_mutex_lock(&p->mutex);
    for (;;) {
        while (p->first == NULL && !p->closing) {
            pthread_cond_wait(&p->wanted, &p->mutex);
        }
        struct task *t = p->first;
        if (t == NULL) {
            break;
        }
        p->first = t->next;
        p->last = p->first == NULL ? &p->first : p->last;
        pthread_mutex_unlock(&p->mutex);
        t->run(t->context);
        free(t);
        pthread_mutex_lock(&p->mutex);
    }
    pthread_mutex_unlock(&p->mutex);
    return NULL;
}

int pool_open(size_t threads, struct pool **ret, struct diag *d)
{
    struct pool *p = calloc(1, sizeof *p + threads * sizeof p->threads[0]);
    if (p == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for threads");
    }
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->wanted, NULL);
    p->last = &p->first;
    for (; p->count < threads; p->count++) {
        int r = -pthread_create(&p->threads[p->count], NULL, work, p);
        if (r != 0) {
            pool_close(p);
            return diag_fail(d, r, "cannot start a thread: %s", strerror(-r));
        }
    }
    *ret = p;
    return 0;
}

int pool_add(struct pool *p, pool_task *run, void *context)
{
    struct task *t = malloc(sizeof *t);
    if (t == NULL) {
        return -ENOMEM;
    }
    *t = (struct task){.run = run, .context = context};
    pthread_mutex_lock(&p->mutex);
    *p->last = t;
    p->last = &t->next;
    pthread_cond_signal(&p->wanted);
    pthread_mutex_unlock(&p->mutex);
    return 0;
}

void pool_close(struct pool *p)
{
    if (p == NULL) {
        return;
    }
    pthread_mutex_lock(&p->mutex);
    p->closing = true;
    pthread_cond_broadcast(&p->wanted);
    pthread_mutex_unlock(&p->mutex);
    for (size_t i = 0; i < p->count; i++) {
        pthread_join(p->threads[i], NULL);
    }
    pthread_cond_destroy(&p->wanted);
    pthread_mutex_destroy(&p->mutex);
    free(p);
}
