# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Completion of alcoved for bash; made by tools/manpages.py from its help text.
_alcoved() {
    local word=${COMP_WORDS[COMP_CWORD]}
    case $word in
        -*) mapfile -t COMPREPLY < <(compgen -W "--state --custodian --aggregator --worker --workers --socket --http --alcove --version --help" -- "$word") ;;
        *) mapfile -t COMPREPLY < <(compgen -f -- "${word#*=}") ;;
    esac
}
complete -o filenames -F _alcoved alcoved
