#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `alcove build` and `alcove measure`: the same bytes wherever and whenever they are built, layers that
# the standard tools accept, mistakes named by line and column, altered bundles refused by name.
# timeout: 400
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

workload "$WORK/w" 'print("hello")' 'inputs: {data: {path: /in/data, max: 1 MiB}}'
GOOD=$WORK/good.bundle
build_bundle "$WORK/w" "$GOOD"
STORE=${ALCOVE_STORE:-${XDG_DATA_HOME:-$HOME/.local/share}/alcove/layers}

# --- layers ----------------------------------------------------------------------------------------

layers() { # name root size, a line each
    "$ALCOVE" measure "$1" --json | "$PYTHON" -c 'import json, sys
for layer in json.load(sys.stdin)["layers"]:
    print(layer["name"], layer["root"], layer["size"])'
}
image() { # image ROOT
    if [ -e "$GOOD/layers/$1.img" ]; then
        echo "$GOOD/layers/$1.img"
    else
        echo "$STORE/$1.img"
    fi
}
verity() { # verity ROOT SIZE
    local image
    image=$(image "$1")
    veritysetup verify --no-superblock --format=1 --hash=sha256 --data-block-size=4096 \
        --hash-block-size=4096 --data-blocks=$(($2 / 4096)) --hash-offset="$2" --salt=- \
        "$image" "$image" "$1"
}
layers "$GOOD" >"$WORK/layers"
while read -r name root size; do
    ok "layer $name is a file system to fsck.erofs" fsck.erofs "$(image "$root")"
    ok "… and a hash tree to veritysetup" verity "$root" "$size"
done <"$WORK/layers"

# --- concurrency and interruption --------------------------------------------------------------------

interrupted_base() {
    local store=$WORK/store2 pid
    ALCOVE_STORE=$store setsid "$ALCOVE" build "$WORK/w" -o "$WORK/i.bundle" >"$WORK/i.log" 2>&1 &
    pid=$!
    sleep 2
    kill -s "$1" "$pid"
    wait "$pid" && return 1
    sleep 0.3
    ls -A "$store"
    [ ! -e "$WORK/i.bundle" ] && ! ls "$store"/*.img "$store"/*.layer 2>/dev/null &&
        [ -z "$(left_in_session "$pid")" ]
}
nothing_left() {
    local left
    left=$(find "$WORK/store2" -mindepth 1 ! -name .lock)
    printf '%s' "$left" | head -n 20
    [ -z "$left" ]
}
ok "an interrupted base layer leaves no process and no layer" interrupted_base TERM
ok "… and nothing else" nothing_left
ok "a killed one leaves no layer" interrupted_base KILL

# Another store, another umask, another time zone, one processor: the same layer.
elsewhere() {
    (umask 077 && ALCOVE_STORE=$WORK/store2 TZ=Asia/Tokyo taskset -c 0 \
        "$ALCOVE" build "$WORK/w" -o "$WORK/$1.bundle")
}
two_at_once() {
    local first
    elsewhere p &
    first=$!
    elsewhere q && wait "$first" && diff -r "$WORK/p.bundle" "$WORK/q.bundle"
}
one_layer() {
    [ "$(find "$WORK/store2" -name '*.img' | wc -l)" -eq 1 ] &&
        [ -z "$(find "$WORK/store2" -name '.stage*' -o -name '.layer*')" ]
}
ok "two builds at once make the same bundle" two_at_once
ok "… with one base layer, and clear up after the killed build" one_layer
ok "a base layer that is made again elsewhere is the same" diff -r "$GOOD" "$WORK/p.bundle"

base_root=$(awk '$1 == "python" { print $2 }' "$WORK/layers")
compiled() {
    mkdir "$WORK/tree"
    fsck.erofs --extract="$WORK/tree/x" "$WORK/store2/$base_root.img" &&
        "$PYTHON" - "$WORK/tree/x" <<'END'
import pathlib, sys
root, bad, count = pathlib.Path(sys.argv[1]), [], 0
for source in sorted(root.rglob("*.py")):
    bytecode = source.parent / "__pycache__" / f"{source.stem}.cpython-311.pyc"
    if not bytecode.exists():
        try:
            compile(source.read_bytes(), str(source), "exec")
        except (SyntaxError, ValueError):
            continue
        bad.append(f"not compiled: {source}")
        continue
    head = bytecode.read_bytes()
    count += 1
    if int.from_bytes(head[4:8], "little") != 1:
        bad.append(f"not an unchecked hash: {bytecode}")
    if str(root).encode() in head:
        bad.append(f"names the place where it was built: {bytecode}")
print("\n".join(bad), count)
sys.exit(bool(bad) or count < 1000)
END
}
ok "every module of the base layer is compiled, as unchecked-hash bytecode" compiled
rm -rf "$WORK/tree"

# --- other bases -------------------------------------------------------------------------------------

mkdir -p "$WORK/root/bin" "$WORK/d"
cp /bin/true "$WORK/root/bin/program"
cat >"$WORK/d/alcove.yaml" <<'END'
base: [{dir: ../root}]
entry: /bin/program
END
ok "a root directory can be the base" "$ALCOVE" build "$WORK/d" -o "$WORK/d.bundle"
own_base() {
    layers "$WORK/d.bundle" | grep '^base-0 ' &&
        [ "$(find "$WORK/d.bundle/layers" -name '*.img' | wc -l)" -eq 2 ]
}
ok "… and lies in the bundle" own_base

# --- sources -----------------------------------------------------------------------------------------

mkdir -p "$WORK/s/lib"
cat >"$WORK/s/alcove.yaml" <<'END'
base: [{dir: ../root}]
files: {/app: ., /app2/link.py: link.py}
entry: /bin/program
END
echo 'x = 1' >"$WORK/s/lib/module.py"
ln -s lib/module.py "$WORK/s/link.py"
ok "a folder can go into the layer as a whole" "$ALCOVE" build "$WORK/s" -o "$WORK/s/s.bundle"
cp -r "$WORK/s/s.bundle" "$WORK/first.bundle"
ok "… and the bundle that is made inside it does not" "$ALCOVE" build "$WORK/s" -o "$WORK/s/s.bundle"
ok "… so that nothing changes the second time" diff -r "$WORK/first.bundle" "$WORK/s/s.bundle"
in_tree() {
    rm -rf "$WORK/tree"
    fsck.erofs --extract="$WORK/tree" "$WORK/s/s.bundle/layers/$(layers "$WORK/s/s.bundle" |
        sed -n 's/^app \([0-9a-f]*\) .*/\1/p').img" && find "$WORK/tree" && test "$@"
}
ok "a link below a folder stays a link" in_tree -L "$WORK/tree/app/link.py"
ok "a link that is named itself is followed" in_tree ! -L "$WORK/tree/app2/link.py"
ok "the workload's modules are compiled" \
    in_tree -s "$WORK/tree/app/lib/__pycache__/module.cpython-311.pyc"
mkdir "$WORK/.s.bundle.tmp-999999999" "$WORK/s/.s.bundle.tmp-999999999"
ok "what a killed build left is cleared up" "$ALCOVE" build "$WORK/s" -o "$WORK/s/s.bundle"
ok "… beside the bundle alone" test ! -e "$WORK/s/.s.bundle.tmp-999999999" -a \
    -e "$WORK/.s.bundle.tmp-999999999"

# --- mistakes ----------------------------------------------------------------------------------------

# mistake TITLE LINE… -- PATTERN: alcove.yaml with these lines is refused, with its place.
mistake() {
    local title=$1
    shift
    mkdir -p "$WORK/bad"
    echo 'print(1)' >"$WORK/bad/main.py"
    : >"$WORK/bad/alcove.yaml"
    while [ "$1" != -- ]; do
        echo "$1" >>"$WORK/bad/alcove.yaml"
        shift
    done
    ok "$title" refused "bad/alcove.yaml:$2" "$ALCOVE" build "$WORK/bad" -o "$WORK/bad.bundle"
}
FILES='files: {/app/main.py: main.py}'
ENTRY='entry: /usr/bin/python3.11'
mistake "an unknown key" 'base: [python]' "$ENTRY" 'netwrok: denied' -- "3:1: unknown key 'netwrok'"
mistake "an ill-typed value" 'base: [python]' "$ENTRY" 'argv: [python, 7]' -- '3:16: .*number'
mistake "an unknown base" 'base: [ruby]' "$ENTRY" -- '1:8: .*ruby'
mistake "a base folder that is not there" 'base: [{dir: nowhere}]' "$ENTRY" -- '1:14: .*nowhere'
mistake "a file that is not there" 'base: [python]' 'files: {/app/x.py: x.py}' "$ENTRY" -- '2:20: .*x.py'
mistake "a program that is in no layer" "$FILES" 'entry: /usr/bin/nothing' -- '2:8: .*no such file'
mistake "a program that is not executable" "$FILES" 'entry: /app/main.py' -- '2:8: .*executable'
mistake "an input in place of a measured file" 'base: [python]' "$ENTRY" \
    'inputs: {x: {path: /usr/lib/python3.11/os.py, max: 1 KiB}}' -- '3:20: .*already'
mistake "a mount that hides the program" 'base: [python]' "$ENTRY" \
    'mounts: [{kind: tmpfs, path: /usr, size: 1 MiB}]' -- '3:30: .*hide'
mistake "a working folder that is not there" 'base: [python]' "$ENTRY" 'cwd: /nowhere' -- '3:6: .*folder'
mistake "a file in the runtime's own place" 'files: {/.alcove/sites/x: main.py}' "$ENTRY" -- '1:9: .*runtime'
ok "nothing of the refused ones is left" test ! -e "$WORK/bad.bundle"

mkdir "$WORK/precious"
echo data >"$WORK/precious/file"
ok "a folder that is no bundle is not replaced" \
    refused 'not a bundle' "$ALCOVE" build "$WORK/w" -o "$WORK/precious"
ok "… and keeps its content" grep -q data "$WORK/precious/file"
cp -r "$GOOD" "$WORK/old.bundle"
ok "an earlier bundle is replaced" "$ALCOVE" build "$WORK/d" -o "$WORK/old.bundle"
ok "… wholly" diff -r "$WORK/d.bundle" "$WORK/old.bundle"

# --- measure -----------------------------------------------------------------------------------------

ok "measure agrees with what build wrote" \
    diff <("$ALCOVE" measure "$GOOD" --json) "$GOOD/identity.json"

altered() { # altered TITLE FILE OFFSET PATTERN
    rm -rf "$WORK/bad.bundle"
    cp -r "$GOOD" "$WORK/bad.bundle"
    flip "$WORK/bad.bundle/$2" "$3"
    ok "$1" refused "$4" "$ALCOVE" measure "$WORK/bad.bundle"
}
read -r _ app_root app_size < <(grep '^app ' "$WORK/layers")
app=layers/$app_root.img
altered "a bit of a layer's data" "$app" 5000 "layer app: .*block 1 does not match"
altered "a bit of a layer's superblock" "$app" 1030 "layer app: .*block 0 does not match"
altered "a bit of a layer's hash tree" "$app" "$app_size" "layer app: .*block 0 does not match"
altered "a bit of a layer's padding" "$app" -1 "layer app: .*hash tree differs"
altered "a bit of the manifest" manifest.cbor 3 'manifest.cbor: manifest: '
altered "a bit of the image" runtime.sgxs 5000 'runtime.sig signs MRENCLAVE .* measures|runtime.sgxs: '
altered "a bit of the SIGSTRUCT's signature" runtime.sig 600 'runtime.sig: .*signature'
altered "a bit of the SIGSTRUCT's measurement" runtime.sig 970 'runtime.sig: .*signature'
rm -rf "$WORK/bad.bundle"
cp -r "$GOOD" "$WORK/bad.bundle"
truncate -s -4096 "$WORK/bad.bundle/$app"
ok "a truncated layer" refused 'layer app: .*bytes long' "$ALCOVE" measure "$WORK/bad.bundle"
rm "$WORK/bad.bundle/$app"
ok "a missing layer" refused "layer $app_root is neither in" "$ALCOVE" measure "$WORK/bad.bundle"
cp -r "$GOOD" "$WORK/own.bundle"
own_store() { ALCOVE_STORE=$WORK/store3 "$ALCOVE" "$@"; }
ok "a base layer that is in no store" refused 'is neither in' own_store measure "$WORK/own.bundle"
mkdir "$WORK/store3"
cp "$STORE/$base_root.img" "$WORK/store3/"
flip "$WORK/store3/$base_root.img" 100000000
ok "a base layer that was damaged in the store" \
    refused 'layer python: .*block .* does not match its hash; remove' own_store measure "$WORK/own.bundle"
ok "a folder that is no bundle" refused 'manifest.cbor: No such file' "$ALCOVE" measure "$WORK"
tap_done
