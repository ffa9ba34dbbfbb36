/* SPDX-License-Identifier: Apache-2.0 */
#include "net/late_curl.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#define LIBRARY "libcurl.so.4" /* its ABI's name since 2006 */

static struct late_curl calls;
static struct diag trouble;
static int result;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL); /* stays */
    if (library == NULL) {
        result = diag_fail(&trouble, -ENOSYS,
                           "talking to a server wants libcurl: install libcurl4 (%s)", dlerror());
        return;
    }
#define X(name)                                                                                    \
    {                                                                                              \
        void *symbol = dlsym(library, "curl_" #name);                                              \
        if (symbol == NULL) {                                                                      \
            result = diag_fail(&trouble, -ENOSYS, LIBRARY " has no curl_" #name);                  \
            return;                                                                                \
        }                                                                                          \
        memcpy(&calls.name, &symbol, sizeof symbol);                                               \
    }
    LATE_CURL_CALLS(X)
#undef X
}

int late_curl(const struct late_curl **ret, struct diag *d)
{
    pthread_once(&once, load);
    if (result != 0) {
        return diag_fail(d, result, "%s", trouble.text);
    }
    *ret = &calls;
    return 0;
}
