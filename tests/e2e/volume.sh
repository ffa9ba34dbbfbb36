#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sealed volumes, used by unmodified Python: data outlive the enclave, the host sees neither names nor
# content, and a host that flips, swaps, cuts or keeps the file for itself is refused by name.
# timeout: 300
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

# volume_bundle NAME SCRIPT [KEY]: a workload with the volume "days" at /data, and its bundle.
volume_bundle() {
    workload "$WORK/$1" "$2"
    local volume="{kind: sealed, path: /data, name: days, size: 64 MiB, key: ${3:-identity}}"
    sed -i "s|^mounts:.*|mounts: [$volume]|" \
        "$WORK/$1/alcove.yaml"
    build_bundle "$WORK/$1" "$WORK/$1.bundle"
}

readonly SCRIPT='
import os, sqlite3, sys
root = open("/dev/volumes/days/root").read().split()
print("root", *root)
if not os.path.exists("/data/trips.db"):
    db = sqlite3.connect("/data/trips.db")
    db.execute("create table trips (day text, mode text)")
    os.makedirs("/data/people/alice")
    with open("/data/people/alice/home-address", "w") as f:
        f.write("12 Acacia Avenue")
    os.link("/data/people/alice/home-address", "/data/second-name")
    os.symlink("second-name", "/data/link")
    with open("/data/large", "wb") as f:
        f.write(b"large-" * 2000000)
else:
    db = sqlite3.connect("/data/trips.db")
    assert open("/data/link").read() == "12 Acacia Avenue"
    assert os.stat("/data/second-name").st_nlink == 2
    assert open("/data/large", "rb").read() == b"large-" * 2000000
db.execute("insert into trips values (?, ?)", ("day", "walk"))
db.commit()
print("trips", db.execute("select count(*) from trips").fetchone()[0])
db.close()
'
readonly V=$WORK/days.volume

ok "a bundle with a sealed volume builds" volume_bundle one "$SCRIPT"
run() { "$ALCOVE" run "$WORK/one.bundle" --volume days="$V"; }
says() {
    local want=$1
    shift
    "$@" | tee "$WORK/says.log" && grep -q -x -- "$want" "$WORK/says.log"
}

ok "without a file the enclave says which option gives one" \
    refused 'volume days: no file was given .*--volume days=PATH' "$ALCOVE" run "$WORK/one.bundle"
ok "a volume that the manifest does not declare is refused" \
    refused 'declares no volume "nights"' "$ALCOVE" run "$WORK/one.bundle" --volume nights="$V"
ok "a volume given twice is refused" refused 'volume "days" is given twice' \
    "$ALCOVE" run "$WORK/one.bundle" --volume days="$V" --volume days="$V.2"
ok "a folder is not a volume" refused 'volume "days": cannot open' \
    "$ALCOVE" run "$WORK/one.bundle" --volume days="$WORK"

rm -f "$V"
ok "the first run makes the volume: SQLite, links, folders, 12 MB" says 'trips 1' run
ok "only its owner may read the file" same "$(stat -c %a "$V")" 600
ok "the second run finds everything" says 'trips 2' run
cp "$V" "$WORK/old.volume"
ok "and the third" says 'trips 3' run
hidden() { ! grep -a -q -e Acacia -e home-address -e alice -e 'create table' -e large-large "$V"; }
ok "neither names nor content are in the file" hidden

cp "$V" "$WORK/good.volume"
ok "the same program in another bundle cannot open it" volume_bundle two "$SCRIPT
pass"
other() { "$ALCOVE" run "$WORK/two.bundle" --volume days="$V"; }
ok "and says so" refused 'volume days: neither root record authenticates' other
flip "$V" 150
flip "$V" 4246
ok "flipped root records are refused" refused 'volume days: neither root record' run
cp "$WORK/good.volume" "$V"
flip "$V" 5000000
ok "a flipped bit in the content is refused, and the block is named" \
    refused 'volume days: block 1220 of its file was changed' run
cp "$WORK/good.volume" "$V"
truncate -s 1M "$V"
ok "a cut file is refused" refused 'volume days: block [0-9]+ .*truncated' run
cp "$WORK/old.volume" "$V"
ok "an older file is the older state: only who remembers the root can tell" says 'trips 3' run
cp "$WORK/good.volume" "$V"
ok "the good one opens again" says 'trips 4' run

# A stop at any moment: the process is killed while it writes, again and again.
ok "a bundle that counts for ever" volume_bundle count '
import os
n = int(open("/data/n").read()) if os.path.exists("/data/n") else 0
print("found", n, flush=True)
while True:
    n += 1
    with open("/data/n.new", "w") as f:
        f.write(str(n))
        f.flush()
        os.fsync(f.fileno())
    os.rename("/data/n.new", "/data/n")
    fd = os.open("/data", os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
    print("acknowledged", n, flush=True)
'
killed() {
    local last=0 found round pid
    rm -f "$V"
    for round in 1 2 3 4 5 6; do
        : >"$WORK/count.out" # the shell in the background may be late to do so
        "$ALCOVE" run "$WORK/count.bundle" --volume days="$V" >"$WORK/count.out" 2>"$WORK/count.err" &
        pid=$!
        for _ in $(seq 200); do
            [ "$(grep -c acknowledged "$WORK/count.out")" -ge $((round * 3)) ] && break
            sleep 0.05
        done
        kill -9 "$pid"
        wait "$pid" 2>/dev/null || true
        sleep 0.2 # the enclave process notices that its parent is gone
        found=$(awk '/^found/ {print $2}' "$WORK/count.out")
        echo "round $round: found $found, acknowledged before: $last"
        cat "$WORK/count.err"
        [ -n "$found" ] && [ "$found" -ge "$last" ] && [ "$found" -le $((last + 1)) ] || return 1
        last=$(awk '/^acknowledged/ {n = $2} END {print n}' "$WORK/count.out")
        [ -n "$last" ] || return 1
    done
}
ok "killed while writing, six times: what was acknowledged is there" killed

ok "a bundle whose program brings the key" volume_bundle key '
import os, sys
try:
    open("/data/x", "w")
    sys.exit("writable before its key")
except OSError as e:
    assert e.errno == 30, e
with open("/dev/volumes/days/key", "wb") as f:
    f.write(b"k" * 32)
if not os.path.exists("/data/x"):
    open("/data/x", "w").write("kept")
print(open("/data/x").read(), open("/dev/volumes/days/root").read().split()[0])
' program
keyed() { "$ALCOVE" run "$WORK/key.bundle" --volume days="$V"; }
rm -f "$V"
ok "it writes" says 'kept 1' keyed
ok "and reads" says 'kept 1' keyed
hold() { # one run holds the file, another wants it
    "$ALCOVE" run "$WORK/count.bundle" --volume days="$WORK/held" >"$WORK/hold.out" 2>&1 &
    local pid=$! status=0
    for _ in $(seq 200); do
        grep -q acknowledged "$WORK/hold.out" && break
        sleep 0.05
    done
    refused 'in use by another run' "$ALCOVE" run "$WORK/count.bundle" --volume days="$WORK/held" ||
        status=1
    kill "$pid"
    wait "$pid" 2>/dev/null || true
    return $status
}
ok "a file that another run holds is refused" hold
tap_done
