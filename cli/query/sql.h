/* SPDX-License-Identifier: Apache-2.0 */
/* The short form of a query, in the manner of SQL:
 *
 *   SELECT mode, DP_SHARE() FROM mode_share WHERE week = '2026-W40'
 *   GROUP BY mode IN ('walk', 'bike', 'car', 'bus')
 *   BOUND trips <= 20 COST rho = 0.01 MIN USERS 50
 *
 * It says what is asked; whom, and by whom, comes from a document that is there already. FROM names
 * the script's function; the bound's name is the unit of all entries. An OD matrix has
 * `BOUND trips <= 5, cells <= 10 THRESHOLD 75`. Keywords are upper case.
 *
 * Trust: the text is the analyst's own; what it asks for is checked when the document is written.
 */
#pragma once

#include "base/diag.h"
#include "query/document.h"

/* Writes function, window, entries, aggregate, bounds, cost and least users into *doc, which
 * borrows names from `text`. -EINVAL with "sql:COLUMN: sentence"; *doc is then half written. */
int query_sql_apply(struct bytes text, struct query_document *doc, struct diag *d) MUST_USE;
