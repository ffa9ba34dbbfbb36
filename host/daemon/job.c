/* SPDX-License-Identifier: Apache-2.0 */
#include "job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"

#define JOB_NONE     0u
#define JOB_PROCESS  1u
#define JOBS_AT_ONCE 16u /* then others have the worker's place first */

#define HELLO_SIZE  (512 + 32)
#define REPORT_SIZE 432u

/* Messages 1 and 2; *ret borrows from *ret_memory. */
static int greet(struct service *worker, const struct wire_job *job, struct wire_worker_hello *ret,
                 struct bytes *ret_memory, struct diag *d)
{
    uint8_t hello[HELLO_SIZE];
    int64_t deadline = now_ms() + WORKER_START_MS;
    memcpy(hello, job->target_info, 512);
    memcpy(hello + 512, job->nonce, 32);
    int r = service_send(worker, BYTES_OF(hello), deadline, d);
    r = r != 0 ? r
               : service_receive(worker, REPORT_SIZE + BINDING_SIZE_MAX, deadline, ret_memory, d);
    if (r != 0) {
        return r;
    }
    if (ret_memory->size <= REPORT_SIZE) {
        return diag_fail(d, -EPROTO, "the worker's first message is too short");
    }
    memcpy(ret->nonce, job->nonce, sizeof ret->nonce);
    memcpy(ret->report, ret_memory->data, REPORT_SIZE);
    ret->binding = BYTES(ret_memory->data + REPORT_SIZE, ret_memory->size - REPORT_SIZE);
    return 0;
}

/* From message 1 to message 4, which is malloc'ed. -EACCES: the custodian does not want this
 * worker. */
static int run_worker(struct daemon *g, struct custodian *c, const struct wire_job *job,
                      struct service *worker, struct bytes *ret, struct diag *d)
{
    struct wire_worker_hello hello = {0};
    struct wire_task task;
    struct answer answer = {.kind = WIRE_RECORDS};
    struct bytes memory = {NULL, 0};
    int r = greet(worker, job, &hello, &memory, d);
    r = r != 0
            ? r
            : custodian_ask(g, c, WIRE_worker_hello, &hello, CALL_MS, WIRE_task, &task, &answer, d);
    free((void *)(uintptr_t)memory.data);
    if (r == 0) {
        int64_t deadline = now_ms() + (int64_t)job->run_ms + WORKER_GRACE_MS;
        r = service_send(worker, task.message, deadline, d);
        r = r != 0 ? r : service_receive(worker, WIRE_MESSAGE_MAX, deadline, ret, d);
    }
    answer_free(&answer);
    return r;
}

static int end_job(struct daemon *g, struct custodian *c, const struct wire_job *job,
                   struct bytes result, struct diag *d)
{
    struct wire_worker_end end = {.message = result};
    struct wire_done done;
    struct answer answer;
    memcpy(end.nonce, job->nonce, sizeof end.nonce);
    int r = custodian_ask(g, c, WIRE_worker_end, &end, CALL_MS, WIRE_done, &done, &answer, d);
    answer_free(&answer);
    return r;
}

/* 0 when the custodian heard of its end; else it offers nothing any more. */
static int do_job(struct daemon *g, struct custodian *c, const struct wire_job *job)
{
    const struct program *program = programs_worker(&g->programs, job->bundle);
    const char *kind = job->kind == JOB_PROCESS ? "a day" : "a query";
    struct bytes result = {NULL, 0};
    struct service worker = {0};
    struct diag d = {""};
    char what[96];
    int64_t start = now_ms();
    int r;
    if (program == NULL) {
        char hex[2 * 64 + 1];
        hex_encode(hex, job->bundle, sizeof job->bundle);
        r = diag_fail(&d, -ENOENT, "no --worker has the CONFIGID %.16s…", hex);
    } else {
        const char *const argv[] = {g->alcove, "run", program->bundle, NULL};
        base_format(what, sizeof what, "worker %s of custodian %s", program->name,
                    custodian_hex(c));
        r = service_start(g->children, CHILD_WORKS, argv, what, &worker, &d);
    }
    r = r != 0 ? r : run_worker(g, c, job, &worker, &result, &d);
    /* What was sent last may still be under way; what failed is killed. */
    service_end(&worker, r == 0 ? WORKER_GRACE_MS : 0);
    if (r != 0) {
        event("custodian %s: no result for %s: %s", custodian_hex(c), kind, d.text);
    } else {
        event("custodian %s: %s is done after %ld ms", custodian_hex(c), kind,
              (long)(now_ms() - start));
    }
    if (r == -EACCES) {
        return 0; /* the custodian refused this worker, and the job is over */
    }
    r = end_job(g, c, job, result, &d);
    free((void *)(uintptr_t)result.data);
    if (r != 0) {
        event("custodian %s: %s", custodian_hex(c), d.text);
    }
    return r;
}

bool jobs_do(struct daemon *g, struct custodian *c, int64_t until_ms)
{
    for (unsigned n = 0; n < JOBS_AT_ONCE && !daemon_stopping(g) && now_ms() < until_ms; n++) {
        struct wire_work work;
        struct wire_job job;
        struct answer answer;
        struct diag d = {""};
        memset(&work, 0, sizeof work);
        int r = custodian_ask(g, c, WIRE_work, &work, CALL_MS, WIRE_job, &job, &answer, &d);
        answer_free(&answer);
        if (r != 0 || job.kind == JOB_NONE || do_job(g, c, &job) != 0) {
            return false;
        }
    }
    return !daemon_stopping(g);
}

struct background {
    struct daemon *g;
    struct custodian *c;
};

static void in_background(void *context)
{
    struct background b = *(struct background *)context;
    free(context);
    custodian_jobs_lock(b.c);
    custodian_scheduled(b.c); /* what comes from now on is scheduled anew */
    bool more = jobs_do(b.g, b.c, INT64_MAX);
    custodian_jobs_unlock(b.c);
    if (more) {
        jobs_schedule(b.g, b.c); /* behind the others */
    }
}

void jobs_schedule(struct daemon *g, struct custodian *c)
{
    if (!custodian_schedule(c)) {
        return;
    }
    struct background *b = malloc(sizeof *b);
    if (b != NULL) {
        *b = (struct background){g, c};
    }
    if (b == NULL || pool_add(g->workers, in_background, b) != 0) {
        free(b);
        custodian_scheduled(c);
        event("custodian %s: no memory for its jobs; they wait for its next message",
              custodian_hex(c));
    }
}
