/* SPDX-License-Identifier: Apache-2.0 */
/* Services that speak the frames and none of the secrets, for tests of the daemon: the test program
 * runs itself as `PROGRAM run fake-custodian --volume data=PATH`, as the daemon runs `alcove run
 * BUNDLE`.
 *
 * The custodian does what the text of a message says: "open", "day" (there is a day to process),
 * "quick" (likewise, in no time), "decline", "accept", "slow-worker", "bad-worker", "crash" (at
 * once), "crash-on-invite", "other-log" (it refuses all heads), "this-log", "delete"; it answers
 * "heard: TEXT". It checks heads and proofs as real ones do, against the log's key in
 * $FAKE_LOG_KEY, and keeps its head in the volume. The aggregator's receipt says how many were
 * counted. */
#pragma once

#include "base/bytes.h"

#define FAKE_RUN_MS 100
/* -1: this is no run of a service. */
int fake_service(int argc, char **argv);
