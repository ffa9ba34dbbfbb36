#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sockets beyond the enclave: the same program with the same peer, natively and in an enclave; what the
# manifest does not list; what the host's processes may do.
# timeout: 120
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

# Ports that were free a moment ago, below where the kernel looks for its own.
read -r -a PORTS < <("$PYTHON" - <<'END'
import random, socket
held, ports = [], []
while len(ports) < 11:
    port = random.randrange(20000, 32000)
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
                s = socket.socket(family, kind)
                held.append(s)
                s.bind((address, port))
        ports.append(port)
    except OSError:
        pass
print(*ports)
END
)
TCP=${PORTS[0]} UDP=${PORTS[1]} TCP6=${PORTS[2]} LISTEN=${PORTS[3]} LISTEN_UDP=${PORTS[4]} LISTEN6=${PORTS[5]}
CLOSED=${PORTS[6]} UNLISTED=${PORTS[7]} LISTED=${PORTS[8]}
TALK=("$TCP" "$UDP" "$TCP6" "$LISTEN" "$LISTEN_UDP" "$LISTEN6" "$CLOSED")

LISTENS="'tcp 127.0.0.1:$LISTEN', 'udp 127.0.0.1:$LISTEN_UDP', 'tcp [::1]:$LISTEN6'"
CONNECTS="'127.0.0.0/8:$TCP', 'udp 127.0.0.1:$UDP', '[::1]:$TCP6', '127.0.0.1:$CLOSED'"
CONNECTS="$CONNECTS, 'udp 127.0.0.1:$CLOSED'"

peers=()
trap 'kill "${peers[@]}" 2>/dev/null; rm -rf "$WORK"' EXIT
start_peer() { # TCP UDP TCP6
    "$PYTHON" "$TOP/tests/network/peer.py" "$@" >"$WORK/peer.$1" 2>&1 &
    peers+=($!)
    for _ in $(seq 500); do
        grep -q ready "$WORK/peer.$1" && return 0
        sleep 0.02
    done
    cat "$WORK/peer.$1" >&2
    return 1
}

bundle() { # NAME SCRIPT NETWORK ARGUMENT…
    local name=$1 script=$2 network=$3
    shift 3
    workload "$WORK/$name.d" "$(cat "$TOP/tests/network/$script")"
    sed -i -e "s|^network: .*|network: $network|" \
        -e "s|/app/main.py\]|/app/main.py$(printf ', "%s"' "$@")]|" \
        -e 's|^threads: .*|threads: 16|' "$WORK/$name.d/alcove.yaml"
    build_bundle "$WORK/$name.d" "$WORK/$name"
}

same_as_native() {
    local native=0 inside=0
    timeout 60 "$PYTHON" -I -B "$TOP/tests/network/talk.py" "${TALK[@]}" \
        >"$WORK/native" 2>"$WORK/native.err" || native=$?
    timeout 60 "$ALCOVE" run "$WORK/talk" >"$WORK/inside" 2>"$WORK/inside.err" || inside=$?
    tail -n 5 "$WORK/native.err" "$WORK/inside.err"
    echo "status natively $native, inside $inside"
    diff -u "$WORK/native" "$WORK/inside" && [ "$native" -eq 0 ] && [ "$inside" -eq 0 ]
}

denials() {
    cat >"$WORK/expected" <<END
bind elsewhere EACCES
bind elsewhere, IPv6 EACCES
datagrams elsewhere EACCES
connect elsewhere EACCES
connect elsewhere, IPv6 EACCES
send elsewhere EACCES
connect datagrams elsewhere EACCES
this enclave's own loopback, where the host's has somebody ECONNREFUSED
bind at an unlisted port of loopback done
listen there, inside done
connect there, inside done
bind where it is listed done
listen where it is listed done
the same port, another protocol done
END
    timeout 60 "$ALCOVE" run "$1" >"$WORK/denied.out" && diff -u "$WORK/expected" "$WORK/denied.out"
}

start_peer "$TCP" "$UDP" "$TCP6"
start_peer "$UNLISTED" "${PORTS[9]}" "${PORTS[10]}"
ok "a bundle with endpoints is built" bundle talk talk.py \
    "{listen: [$LISTENS], connect: [$CONNECTS]}" \
    "${TALK[@]}"
ok "sockets beyond the enclave do what they do on Linux" same_as_native
with_one_and_none() {
    bundle listed denied.py "{listen: ['127.0.0.1:$LISTED']}" "$LISTED" "$UNLISTED" &&
        bundle none denied.py denied "$LISTED" "$UNLISTED"
}
ok "bundles with one endpoint, and with none" with_one_and_none
ok "what is not listed is refused with EACCES" denials "$WORK/listed"
ok "with network: denied all of it stays inside" denials "$WORK/none"
tap_done
