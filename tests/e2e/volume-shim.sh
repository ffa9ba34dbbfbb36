#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A sealed volume behind the shim door, as a program that keeps its owner's data uses it: the key comes
# at run time, the owner remembers sequence and root, and an older file does not open.
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

mkdir "$WORK/keeper"
cat >"$WORK/keeper/keeper.c" <<'END'
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int put(const char *path, const char *text, size_t n)
{
    int fd = open(path, O_WRONLY);
    int r = fd >= 0 && write(fd, text, n) == (ssize_t)n ? 0 : -errno;
    close(fd);
    return r;
}

int main(void)
{
    char text[256] = "";
    FILE *in = fopen("/in/minimum", "r");
    if (in != NULL && fgets(text, sizeof text, in) != NULL &&
        put("/dev/volumes/vault/minimum", text, strlen(text)) != 0) {
        return 3;
    }
    int r = put("/dev/volumes/vault/key", "0123456789abcdef0123456789abcdef", 32);
    if (r != 0) {
        printf("refused %s\n", strerrorname_np(-r));
        FILE *status = fopen("/dev/volumes/vault/status", "r");
        fputs(fgets(text, sizeof text, status), stdout);
        return 0;
    }
    int count = 0;
    FILE *f = fopen("/vault/count", "r+");
    f = f != NULL ? f : fopen("/vault/count", "w+");
    if (f == NULL || (fscanf(f, "%d", &count) < 0 && ferror(f))) {
        return 4;
    }
    rewind(f);
    fprintf(f, "%d", ++count);
    if (fclose(f) != 0) {
        return 5;
    }
    FILE *root = fopen("/dev/volumes/vault/root", "r");
    printf("count %d\n", count);
    printf("%s", fgets(text, sizeof text, root));
    return 0;
}
END
cat >"$WORK/keeper/alcove.yaml" <<'END'
door: shim
files: {/app/keeper: keeper}
entry: /app/keeper
memory: 64 MiB
threads: 4
mounts: [{kind: sealed, path: /vault, name: vault, size: 4 MiB, key: program}]
inputs: {minimum: {path: /in/minimum, max: 4096}}
stdout: host
stderr: host
END
readonly V=$WORK/vault

compiled() { "$ALCOVE" cc -O2 -D_GNU_SOURCE "$WORK/keeper/keeper.c" -o "$WORK/keeper/keeper"; }
ok "the program compiles" compiled
ok "and becomes an enclave" build_bundle "$WORK/keeper" "$WORK/keeper.bundle"
keeper() { "$ALCOVE" run "$WORK/keeper.bundle" --volume vault="$V" "$@" | tee "$WORK/keeper.log"; }
says() {
    local want=$1
    shift
    keeper "$@" && grep -q -e "^$want" "$WORK/keeper.log"
}
remember() { tail -n 1 "$WORK/keeper.log" >"$1"; }

ok "the first run counts one" says 'count 1$'
remember "$WORK/first"
cp "$V" "$WORK/old"
ok "the second two" says 'count 2$' --input minimum="$WORK/first"
remember "$WORK/second"
root_of() { # the record that is current, of the two: what anybody can compute from the file
    for block in 0 1; do
        dd if="$V" bs=4096 skip=$block count=1 status=none | sha256sum | cut -d' ' -f1
    done
}
root_is_public() {
    root_of >"$WORK/roots"
    cat "$WORK/roots" "$WORK/second"
    grep -q -F "$(cut -d' ' -f2 "$WORK/second")" "$WORK/roots"
}
ok "the root is the SHA-256 of a root record" root_is_public
ok "the state that is remembered opens" says 'count 3$' --input minimum="$WORK/second"
cp "$WORK/old" "$V"
ok "an older file does not, and is named" says 'refused ESTALE' --input minimum="$WORK/second"
ok "the sentence says both states" grep -q 'brought state .*, and state .* is known' "$WORK/keeper.log"
ok "who does not remember gets the older state" says 'count 2$'
tap_done
