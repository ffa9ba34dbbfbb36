/* SPDX-License-Identifier: Apache-2.0 */
/* alcove.yaml: what is read, and that every mistake is named with its line and column. */
#include <string.h>

#include "config.h"
#include "tests/tap.h"

static struct config *parse(const char *text, struct diag *d)
{
    struct config *c = NULL;
    *d = (struct diag){""};
    return config_parse(BYTES(text, strlen(text)), "alcove.yaml", &c, d) == 0 ? c : NULL;
}

static void test_good(void)
{
    struct diag d;
    struct config *c = parse("base: [python, {dir: ../root}]\n"
                             "files: {/app/a.py: a.py}\n"
                             "entry: /usr/bin/python3.11\n"
                             "argv: [python3.11, -I, /app/a.py, '7']\n"
                             "env: {A: \"0\", B: x y}\n"
                             "user: {uid: 7}\n"
                             "memory: 2 GiB\n"
                             "mounts: [{kind: tmpfs, path: /tmp, size: 64 MiB}]\n"
                             "inputs: {day: {path: /in/day, max: 1 KiB}}\n"
                             "outputs:\n  trips:\n    path: /out/trips\n    max: 4096\n"
                             "stdout: host\nnetwork: denied\ndebug: true\n",
                             &d);
    CHECK(c != NULL, "a full configuration is read (%s)", d.text);
    if (c == NULL) {
        return;
    }
    CHECK(c->base_count == 2 && strcmp(c->bases[0].name.text, "python") == 0 &&
              strcmp(c->bases[1].dir.text, "../root") == 0,
          "bases by name and by folder");
    CHECK(c->argv_count == 4 && strcmp(c->argv[3].text, "7") == 0 && c->env_count == 2 &&
              strcmp(c->env[1].text, "B=x y") == 0,
          "arguments and variables");
    CHECK(c->memory == UINT64_C(2) << 30 && c->inputs[0].max == 1024 && c->outputs[0].max == 4096 &&
              c->mounts[0].size == UINT64_C(64) << 20,
          "sizes with units");
    CHECK(c->stdout_host && !c->stderr_host && !c->stdin_host && c->debug && !c->attestation &&
              c->threads == 16 && c->uid == 7 && c->gid == 1000 && strcmp(c->cwd.text, "/") == 0,
          "what is not said is denied, dropped, or the default");
    config_free(c);
    c = parse("door: shim\nfiles: {/a: a}\nentry: /a\nsignature: {isvsvn: 3, isvprodid: 65535}\n",
              &d);
    CHECK(c != NULL && c->shim && c->isvsvn == 3 && c->isvprodid == 65535, "a measured program");
    config_free(c);
    c = parse("base: [{packages: [bash, coreutils]}]\nentry: /bin/bash\n", &d);
    CHECK(c != NULL && c->bases[0].package_count == 2 && c->bases[0].dir.text == NULL &&
              strcmp(c->bases[0].packages[1].text, "coreutils") == 0,
          "a base of Debian packages");
    config_free(c);
    c = parse("base: [{packages: []}]\nentry: /bin/bash\n", &d);
    CHECK(c == NULL, "which are at least one");
    config_free(c);
    c = parse("base: [{packages: [bash], dir: x}]\nentry: /bin/bash\n", &d);
    CHECK(c == NULL, "and not a folder as well");
    config_free(c);
    c = parse("files: {/a: a}\nentry: /a\ndoor: libos\n", &d);
    CHECK(c != NULL && !c->shim, "the library OS door by its name");
    config_free(c);
    c = parse("files: {/a: a}\nentry: /a\n", &d);
    CHECK(c != NULL && !c->shim, "which is the default");
    config_free(c);
    c = parse("files: {/a: a}\nentry: /a\nstdin: task\nstdout: result\nstderr: result\n", &d);
    CHECK(c != NULL && c->stdin_task && c->stdout_result && c->stderr_result && !c->stdin_host &&
              !c->stdout_host && !c->stderr_host,
          "a worker");
    config_free(c);
    c = parse("files: {/a: a}\nentry: /a\n", &d);
    CHECK(c != NULL && c->argv_count == 1 && strcmp(c->argv[0].text, "/a") == 0,
          "without argv a program gets its own path");
    config_free(c);
}

#define MINIMAL "files: {/a: a}\nentry: /a\n"

static void refused(const char *sentence, const char *text, const char *place, const char *words)
{
    struct diag d;
    struct config *c = parse(text, &d);
    bool good =
        c == NULL && strncmp(d.text, place, strlen(place)) == 0 && strstr(d.text, words) != NULL;
    CHECK(good, "%s", sentence);
    if (!good) {
        printf("# wanted \"%s … %s\", got \"%s\"\n", place, words, d.text);
    }
    config_free(c);
}

static void test_bad(void)
{
    refused("nothing", "", "alcove.yaml:1:1: ", "empty");
    refused("a list", "- a\n", "alcove.yaml:1:1: ", "mapping");
    refused("an unknown key", MINIMAL "netwrok: denied\n", "alcove.yaml:3:1: ", "unknown key");
    refused("a repeated key", MINIMAL "entry: /b\n", "alcove.yaml:3:1: ", "twice");
    refused("a repeated variable", MINIMAL "env: {A: x, A: y}\n", "alcove.yaml:3:13: ", "twice");
    refused("a number for a text", MINIMAL "env: {A: 0}\n", "alcove.yaml:3:10: ", "quotes");
    refused("a boolean for a text", MINIMAL "argv: [true]\n", "alcove.yaml:3:8: ", "boolean");
    refused("nothing for a text", MINIMAL "cwd:\n", "alcove.yaml:3:5: ", "nothing");
    refused("a text for a boolean", MINIMAL "debug: yes\n", "alcove.yaml:3:8: ", "true or false");
    refused("a quoted boolean", MINIMAL "debug: 'true'\n", "alcove.yaml:3:8: ", "true or false");
    refused("a list for a text", MINIMAL "cwd: [/]\n", "alcove.yaml:3:6: ", "a text");
    refused("a text for a list", MINIMAL "argv: a\n", "alcove.yaml:3:7: ", "a list");
    refused("a negative number", MINIMAL "threads: -1\n", "alcove.yaml:3:10: ", "whole number");
    refused("too many threads", MINIMAL "threads: 257\n", "alcove.yaml:3:10: ", "256");
    refused("an unknown unit", MINIMAL "memory: 1 GB\n", "alcove.yaml:3:9: ", "KiB");
    refused("uneven memory", MINIMAL "memory: 4097\n", "alcove.yaml:3:9: ", "4096");
    refused("endless memory", MINIMAL "memory: 99999999999999999999 GiB\n",
            "alcove.yaml:3:9: ", "size");
    refused("a relative path", MINIMAL "cwd: app\n", "alcove.yaml:3:6: ", "absolute");
    refused("dot-dot", MINIMAL "cwd: /a/../b\n", "alcove.yaml:3:6: ", "absolute");
    refused("a slash at the end", MINIMAL "cwd: /a/\n", "alcove.yaml:3:6: ", "absolute");
    refused("open network", MINIMAL "network: open\n", "alcove.yaml:3:10: ", "denied");
    refused("an endpoint without port", MINIMAL "network: {listen: [127.0.0.1]}\n",
            "alcove.yaml:3:20: ", "a port");
    refused("an endpoint by name", MINIMAL "network: {connect: ['localhost:80']}\n",
            "alcove.yaml:3:21: ", "IP address");
    refused("bits behind a prefix", MINIMAL "network: {connect: ['10.0.0.1/8:80']}\n",
            "alcove.yaml:3:21: ", "behind its prefix");
    refused("ports in the wrong order", MINIMAL "network: {listen: ['[::1]:80-79']}\n",
            "alcove.yaml:3:20: ", "last port");
    refused("a port zero", MINIMAL "network: {listen: ['udp 127.0.0.1:0']}\n",
            "alcove.yaml:3:20: ", "from 1");
    refused("a network of nothing", MINIMAL "network: {listen: []}\n", "alcove.yaml:3:10: ",
            "denied");
    refused("a network of another kind", MINIMAL "network: {open: []}\n", "alcove.yaml:3:11: ",
            "unknown key");
    refused("an unknown kind of mount", MINIMAL "mounts: [{kind: nfs, path: /a, size: 1}]\n",
            "alcove.yaml:3:17: ", "tmpfs");
    refused("a sealed mount without name", MINIMAL "mounts:\n- {kind: sealed, path: /a, size: 1}\n",
            "alcove.yaml:4:3: ", "'name' is missing");
    refused("a key that there is not",
            MINIMAL "mounts:\n- {kind: sealed, path: /a, size: 1, name: a, key: b}\n",
            "alcove.yaml:4:51: ", "identity or program");
    refused("a name of a tmpfs", MINIMAL "mounts:\n- {kind: tmpfs, path: /a, size: 1, name: a}\n",
            "alcove.yaml:4:3: ", "'name' belongs to 'kind: sealed'");
    refused("a volume at two places",
            MINIMAL "mounts:\n- {kind: sealed, path: /a, size: 1, name: v}\n"
                    "- {kind: sealed, path: /b, size: 1, name: v}\n",
            "alcove.yaml:5:43: ", "mounted twice");
    refused("a mount without size", MINIMAL "mounts:\n- {kind: tmpfs, path: /t}\n",
            "alcove.yaml:4:3: ", "'size' is missing");
    refused("an input with an unknown member", MINIMAL "inputs: {a: {path: /a, max: 1, min: 0}}\n",
            "alcove.yaml:3:32: ", "unknown key 'min'");
    refused("a door that there is not", MINIMAL "door: sdk\n",
            "alcove.yaml:3:7: ", "libos or shim");
    refused("a signature behind the wrong door", MINIMAL "signature: {isvsvn: 1}\n",
            "alcove.yaml:3:12: ", "door: shim");
    refused("a version that is too large", MINIMAL "door: shim\nsignature: {isvsvn: 65536}\n",
            "alcove.yaml:4:21: ", "65535");
    refused("a signature with an unknown member", MINIMAL "door: shim\nsignature: {key: k.pem}\n",
            "alcove.yaml:4:13: ", "unknown key");
    refused("no program", "files: {/a: a}\n", "alcove.yaml:1:1: ", "'entry' is missing");
    refused("nothing to run", "entry: /a\n", "alcove.yaml:1:1: ", "nothing to run");
    refused("no arguments", MINIMAL "argv: []\n", "alcove.yaml:3:7: ", "argv[0]");
    refused("a tag", MINIMAL "cwd: !!binary L2E=\n", "alcove.yaml:3:6: ", "tags");
    refused("a second document", MINIMAL "---\na: b\n", "alcove.yaml:4:1: ", "second document");
    refused("not YAML", MINIMAL "cwd: [\n", "alcove.yaml:4:1: ", "");
    refused("NUL in a text", MINIMAL "cwd: \"/a\\0b\"\n", "alcove.yaml:3:6: ", "NUL");
    refused("a name that contains '='", MINIMAL "env: {A=B: x}\n", "alcove.yaml:3:7: ", "name");
    refused("an alias that contains itself", MINIMAL "argv: &a [*a]\n", "alcove.yaml:3:", "");
}

#define WORKER MINIMAL "stdin: task\nstdout: result\n"

static void test_bad_workers(void)
{
    refused("a word that there is not", MINIMAL "stdin: result\n",
            "alcove.yaml:3:8: ", "none, host or task");
    refused("a task without a result", MINIMAL "stdin: task\n", "alcove.yaml:3:8: ", "both");
    refused("a result without a task", MINIMAL "stdout: result\nstdin: host\n",
            "alcove.yaml:3:9: ", "both");
    refused("errors alone", MINIMAL "stderr: result\n", "alcove.yaml:3:9: ", "both");
    refused("a worker's errors to the host", WORKER "stderr: host\n",
            "alcove.yaml:5:9: ", "result or drop");
    refused("a worker behind the shim door", WORKER "door: shim\n",
            "alcove.yaml:5:7: ", "door: libos");
    refused("a worker that attests", WORKER "attestation: true\n",
            "alcove.yaml:5:14: ", "the runtime speaks for it");
    refused("a worker with an input", WORKER "inputs: {a: {path: /i, max: 1}}\n",
            "alcove.yaml:5:9: ", "nothing else");
    refused("a worker with an output", WORKER "outputs: {a: {path: /o, max: 1}}\n",
            "alcove.yaml:5:10: ", "nothing else");
    refused("a worker with a volume",
            WORKER "mounts: [{kind: sealed, path: /d, size: 4096, name: d}]\n",
            "alcove.yaml:5:31: ", "keeps nothing");
}

int main(void)
{
    test_good();
    test_bad();
    test_bad_workers();
    return tap_done();
}
