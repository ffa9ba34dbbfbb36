# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Completion of the alcove command for bash; made by tools/manpages.py from the help texts.
_alcove() {
    local word=${COMP_WORDS[COMP_CWORD]} options='' words=''
    if [ "$COMP_CWORD" -eq 1 ] || { [ "$COMP_CWORD" -eq 2 ] && [ "${COMP_WORDS[1]}" = help ]; }; then
        mapfile -t COMPREPLY < <(compgen -W "cc build run try measure phone query verify collateral explain machine key sign doctor help version" -- "$word")
        return
    fi
    case ${COMP_WORDS[1]} in
        cc) options="--libc --finish --report --help" ;;
        build) options="--key --verbose --help" ;;
        run) options="--input --output --volume --quote --nonce --machine --trace --trace-file --stats --perf --gdb --trap-only --help" ;;
        try) options="--day --date --function --run-ms --json --schema --new --help" ;;
        measure) options="--json --help" ;;
        phone) options="--phone --restore --from-server --yes --again --date --days --unasked --json --help" words="init policy verify claim unlock upload lease status activity days export pause resume withdraw policy-push move delete" ;;
        query) options="--sql --base --question --new-nonce --users --delta --server --key --log-key --out --at --svg --png --json --help" words="plan compile run show programs key" ;;
        verify) options="--root --nonce --at --accept-status --allow-debug --json --help --policy --collateral --report-data --print-policy --expect --input --output" ;;
        collateral) options="--for --at --within --root --quiet --json --help" words="pack show check" ;;
        explain) options="--list --json --help" ;;
        machine) options="--sigstruct --key --page --rdi --rsi --rdx --report --help" words="show init collateral measure load" ;;
        key) options="--if-missing --help" words="new show" ;;
        sign) options="--key --date --isvprodid --isvsvn --no-debug --provision-key --help" ;;
        doctor) options="--help" ;;
    esac
    case $word in
        -*) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word") ;;
        *)
            if [ "$COMP_CWORD" -eq 2 ] && [ -n "$words" ]; then
                mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
            else
                mapfile -t COMPREPLY < <(compgen -f -- "${word#*=}")
            fi
            ;;
    esac
}
complete -o filenames -F _alcove alcove
