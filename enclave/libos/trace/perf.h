/* SPDX-License-Identifier: Apache-2.0 */
/* What `alcove run --perf` and `--stats` tell of a debug enclave at its end. Internal to
 * enclave/libos; without those options nothing here costs or says anything. */
#pragma once

#include "process.h"

void perf_prepare(void);
uint64_t perf_start(void); /* 0: nobody measures */
void perf_count(uint64_t number, uint64_t start);
/* The reports (abi/report.h), once, when the process ends. */
void perf_report(void);
