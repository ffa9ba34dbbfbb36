/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl, loaded when somebody is to be asked: its libraries cost every start of the command 7 ms,
 * also that of `alcove run`, of which a daemon starts one for each enclave. */
#pragma once

#include "base/diag.h"

#include <curl/curl.h>

#undef curl_easy_setopt /* macros of the header, which check arguments and expand to the same call \
                         */
#undef curl_easy_getinfo

/* What is used, typed by its own header. */
#define LATE_CURL_CALLS(X)                                                                         \
    X(easy_init)                                                                                   \
    X(easy_reset)                                                                                  \
    X(easy_setopt)                                                                                 \
    X(easy_perform)                                                                                \
    X(easy_getinfo)                                                                                \
    X(easy_strerror)                                                                               \
    X(easy_cleanup)                                                                                \
    X(slist_append)                                                                                \
    X(slist_free_all)

struct late_curl {
#define X(name) __typeof__(&curl_##name) name;
    LATE_CURL_CALLS(X)
#undef X
};

/* The functions; the same ones at each call. -ENOSYS with what to install. */
int late_curl(const struct late_curl **ret, struct diag *d) MUST_USE;
