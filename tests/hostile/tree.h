/* SPDX-License-Identifier: Apache-2.0 */
/* The hostile host's own supervisor: it forks the enclave processes of one run, the owner of the
 * tree first, answers what the owner asks of it (with lies), ends members at odd moments, and reads
 * the memory of each before it is gone. It runs in the process that judges. */
#pragma once

#include "hostile.h"

/* Runs the bundle until its owner has stopped or ended, and ends all of its processes. other:
 * blanks of another identity, or NULL. member: called when a member has ended by itself, before its
 * record in run->at is cleared. Returns the owner's status, as waitpid() tells it. */
int hostile_tree_run(const struct host_bundle *bundle, const struct host_bundle *other,
                     struct hostile_run *run, void (*member)(unsigned slot, int status));
