/* SPDX-License-Identifier: Apache-2.0 */
/* What a person gets to see: state, days and activity in plain words, or as JSON.
 *
 * Trust: records are the custodian's, whose evidence was accepted; questions in them are analysts'
 * and failures are scripts': a terminal gets no control characters, and JSON texts are well-formed.
 */
#pragma once

#include "phone/actions.h"

/* state may be NULL: the custodian was not reached, `why` says why not. seen NULL as well. */
void phone_show_status(const struct phone *p, const struct phone_seen *seen,
                       const struct wire_state *state, const char *why, bool json);

/* Pages come one by one: begin, each item, end. j: NULL for text, else one that began as zeros. */
struct json_out; /* verify/print.h */
void phone_show_days_begin(uint64_t total, struct json_out *j);
void phone_show_day(const struct wire_day *day, struct json_out *j);
void phone_show_days_end(struct json_out *j);
void phone_show_activity_begin(uint64_t total, struct json_out *j);
void phone_show_event(const struct wire_event *event, struct json_out *j);
/* With this week's and lifetime spending. */
void phone_show_activity_end(const struct wire_state *state, struct json_out *j);

/* "Intel's", or "a software machine's: NOT protected by hardware". */
const char *phone_root_text(enum alcove_root_kind kind);

/* "2026-10-05" of a day since 1970. */
struct phone_date {
    char text[24];
};
struct phone_date phone_date_of(uint64_t day);
struct phone_date phone_time_of(uint64_t seconds); /* "2026-10-05 08:30" */
/* Exactly "2026-10-05", of a day that a query can be about. */
bool phone_date_read(struct bytes text, uint64_t *ret_day);
/* The one such date in a file's name; false when there is none or more than one. */
bool phone_date_in(const char *path, uint64_t *ret_day);

/* "0.05": millionths of rho. */
struct phone_rho {
    char text[24];
};
struct phone_rho phone_rho_of(uint64_t micro);
/* How often in a million somebody guesses right at most, who would have done so 500,000 times. */
uint32_t phone_odds(uint64_t micro);
