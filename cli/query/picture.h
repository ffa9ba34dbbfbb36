/* SPDX-License-Identifier: Apache-2.0 */
/* A result's picture as a file; see chart.h and scene.h. */
#pragma once

#include "query/report.h"

int picture_svg(const struct result_checked *c, const struct query_facts *facts, const char *path,
                struct diag *d) MUST_USE;
int picture_png(const struct result_checked *c, const struct query_facts *facts, const char *path,
                struct diag *d) MUST_USE;
