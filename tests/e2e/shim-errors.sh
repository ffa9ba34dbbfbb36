#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What cannot become a measured program is refused when it is linked or built, in a sentence that says
# what is wrong with which file and what to do; and `alcove cc` is a compiler to whoever wants one.
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

cd "$WORK"
cat >main.c <<'END'
#include <stdio.h>
int main(void)
{
    puts("hello");
    return 0;
}
END
acc() { "$ALCOVE" cc "$@"; }

ok "it compiles and links" acc -O2 main.c -o main
ok "… what runs outside of enclaves too" same "$(./main)" hello
compile_apart() { acc -c main.c -o main.o && acc main.o -o apart && ./apart; }
ok "… in two steps" compile_apart
default_name() { acc main.c && ./a.out; }
ok "… to a.out" default_name
ok "… and is asked for its version" acc --version
ok "… preprocesses" acc -E main.c
from_stdin() { acc -x c - -o piped <main.c && ./piped; }
ok "… from standard input" from_stdin
cat >CMakeLists.stand-in.sh <<'END'
set -e
CC="$1 cc"
printf 'int main(void) { return 0; }\n' >conftest.c
$CC -O2 conftest.c -o conftest
./conftest # what configure calls "whether we are cross compiling"
END
ok "configure's first question is answered: its programs run" sh CMakeLists.stand-in.sh "$ALCOVE"
to_nowhere() { acc main.c -o /dev/null && acc -Wl,--version && [ -c /dev/null ]; }
ok "nothing is added where nothing was made" to_nowhere
mkdir project
cp main.c project/
cat >project/meson.build <<'END'
project('trial', 'c')
if meson.get_compiler('c').run('int main(void) { return 0; }').returncode() != 0
  error('its programs do not run')
endif
test('hello', executable('hello', 'main.c', dependencies: dependency('threads')))
END
meson_builds() {
    CC="$ALCOVE cc" meson setup project/out project && ninja -C project/out test &&
        objdump -h project/out/hello | grep -F .alcove.sites
}
ok "meson takes it for a compiler, builds and tests with it" meson_builds
says() { "${@:2}" 2>&1 | tee says.log; grep -E -q -- "$1" says.log; }
ok "--report counts, and names what will trap" \
    says '[0-9]+ system calls and [0-9]+ cpuid .* [0-9]+ places' acc --report -O2 main.c -o main
ok "… by function" says 'traps: 0x[0-9a-f]+ __restore_rt\+0x7' acc --report -O2 main.c -o main

# ---- refused by the linker's side ----

ok "a missing static library: says which and where it is found" \
    refused 'no libnot_there_at_all\.a.*-dev' acc main.c -o none -lnot_there_at_all
ok "-shared is refused" refused 'dynamic linker' acc -shared main.c -o main.so
ok "an unknown C library is refused" refused "'dietlibc'.*glibc and musl" acc --libc dietlibc main.c
ok "nothing to compile" refused 'nothing to compile' acc
compiler_missing() { ALCOVE_GCC=not-a-compiler acc main.c; }
echo '-O2 main.c' >response
ok "a response file that could hide the output" refused '@response.*-o FILE' acc @response
ok "… is fine beside -o" acc @response -o main
ok "a missing compiler is named" refused 'cannot run not-a-compiler.*install' compiler_missing
echo 'int main(void) { return missing(); }' >broken.c
ok "the compiler's own failure is its status" refused 'missing' acc -Werror broken.c -o broken

cc -O2 main.c -o dynamic
ok "a dynamic program is refused by name" \
    refused 'dynamic.*linked dynamically.*ld-linux.*alcove cc.*library OS' acc --finish dynamic
cc -O2 -shared -fPIC main.c -o library.so
ok "a library is refused" refused 'library.so' acc --finish library.so
ok "a program with an executable stack is refused" \
    refused 'executable stack.*noexecstack' acc main.c -o stack -Wl,-z,execstack
ok "… and not left there as if it had been made" test ! -e stack
cat >textrel.S <<'END'
    .text
    .globl where
where:
    movabs $main, %rax
    ret
    .section .note.GNU-stack, "", @progbits
END
ok "relocations in text are refused" \
    refused 'relocations in its text.*-fPIE' acc -static-pie main.c textrel.S -o textrel -Wl,-z,notext
ok "a program for another address is refused" \
    refused 'occupies 0x50000000.*-Ttext-segment' acc main.c -o high -Wl,-Ttext-segment=0x50000000
cat >wx.S <<'END'
    .section .both, "awx"
    .globl both
both:
    ret
    .section .note.GNU-stack, "", @progbits
END
ok "a writable and executable segment is refused" \
    refused 'writable and executable' acc main.c wx.S -o wx
echo 'no program' >text
ok "what is no program is refused" refused 'text: not an ELF64 file' acc --finish text
ok "a program that is not there is named" refused 'absent' acc --finish absent

# ---- refused by the build ----

mkdir prog
folder() { # folder PROGRAM [LINE…]
    cp "$1" prog/main
    printf 'door: shim\nfiles: {/app/main: main}\nentry: /app/main\nstdout: host\n' >prog/alcove.yaml
    shift
    [ $# -eq 0 ] || printf '%s\n' "$@" >>prog/alcove.yaml
}
build() { "$ALCOVE" build prog -o prog.bundle; }
folder main
ok "the good one builds" build
ok "… and runs" same "$("$ALCOVE" run prog.bundle)" hello
rm -rf prog.bundle
folder main 'memory: 64 KiB'
too_small() { build && "$ALCOVE" run prog.bundle; }
ok "a manifest with less memory than the program has: says how much that is" \
    refused 'no memory for the program.s [0-9]+ bytes.*allows 65536' too_small
rm -rf prog.bundle
folder dynamic
ok "a dynamic program" refused 'alcove.yaml:2:.*linked dynamically' build
cc -O2 -static main.c -o plain
folder plain
ok "a static program that 'alcove cc' has not seen" refused "no table.*alcove cc --finish" build
finished() { acc --finish plain && acc --finish plain && folder plain && build; }
ok "… is accepted once it is finished, once or twice" finished
rm -rf prog.bundle
folder main
"$PYTHON" - prog/main <<'END'
import sys
path = sys.argv[1]
data = bytearray(open(path, "rb").read())
at = data.index(b"\x0f\x05")
while data[at - 5] != 0xb8:  # mov $number, %eax; syscall
    at = data.index(b"\x0f\x05", at + 1)
data[at - 4] ^= 1
open(path, "wb").write(data)
END
ok "a program whose system calls were changed afterwards" refused 'changed after.*alcove cc' build
folder main 'signature: {isvsvn: 70000}'
ok "a version beyond SIGSTRUCT's" refused 'alcove.yaml:5:.*0 to 65535' build
folder main 'cwd: /nowhere'
ok "a working directory that is not there" refused 'cwd /nowhere' build
printf 'door: shim\nbase: [python]\nentry: /usr/bin/python3.11\n' >prog/alcove.yaml
ok "an entry that is in a layer" refused 'not among .files.*alcove cc' build
printf 'files: {/app/main: main}\nentry: /app/main\nsignature: {isvsvn: 1}\n' >prog/alcove.yaml
ok "a signature behind the library OS door" refused "belongs to 'door: shim'" build
printf 'door: back\nfiles: {/app/main: main}\nentry: /app/main\n' >prog/alcove.yaml
ok "a door that there is not" refused "'back'.*libos or shim" build
folder main
no_key() { ALCOVE_SIGNING_KEY=$WORK/no-such-key.pem build; }
ok "no key to sign with: says how to make one" refused 'no-such-key.pem.*alcove key new' no_key
ok "a key that is none" refused 'main.c' "$ALCOVE" build prog -o prog.bundle --key main.c
ok "nothing is left behind" test ! -e prog.bundle
tap_done
