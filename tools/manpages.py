#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""Makes the man pages and the shell completion from the help texts of the command, so that there is
one source for all three: docs/man/alcove*.1 and tools/completion/alcove*.bash.

Usage: manpages.py --alcove PROGRAM [--alcoved PROGRAM] [--check]

--alcoved: the daemon; the one of the same build when left out. --check: writes nothing, fails on a difference
"""
import argparse
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
MAN = TOP / "docs" / "man"
COMPLETION = TOP / "tools" / "completion" / "alcove.bash"
DAEMON_COMPLETION = COMPLETION.with_name("alcoved.bash")
NOT_VERBS = {"help", "version"}
OPTION = re.compile(r"^ {2,6}(-\S(?:.*?\S)?)(?: {2,}(.*))?$")


def ask(program, *words):
    return subprocess.run([program, *words], check=True, stdout=subprocess.PIPE, text=True).stdout


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text


def options(block):
    """Lines "  --name ARG   text", further lines of text indented more: [(name, text)]."""
    result = []
    for line in block:
        match = OPTION.match(line)
        if match and len(line) - len(line.lstrip()) <= 6:
            result.append([match[1], match[2] or ""])
        elif result:
            result[-1][1] = f"{result[-1][1]} {line.strip()}".strip()
    return result


def body(block):
    if OPTION.match(block[0]):
        for name, text in options(block):
            yield f".TP\n.B {roff(name)}\n{roff(text)}"
    elif block[0].startswith("  "):
        yield ".nf\n" + "\n".join(roff(line) for line in block) + "\n.fi"
    else:
        yield ".PP\n" + roff(" ".join(line.strip() for line in block))


def page(name, summary, text, version):
    blocks = [block.split("\n") for block in re.split(r"\n{2,}", text.strip("\n"))]
    usage = [re.sub(r"^(usage:| {6})\s*", "", line) for line in blocks[0]]
    out = [f'.TH "{roff(name.upper())}" 1 "" "alcove {version}" "Alcove"',
           f".SH NAME\n{roff(name)} \\- {roff(summary)}",
           ".SH SYNOPSIS\n.nf\n" + "\n".join(roff(line) for line in usage) + "\n.fi",
           ".SH DESCRIPTION"]
    for block in blocks[1:]:
        heading = re.match(r"^([A-Z][a-z]+(?: [a-z]+)?):(?: (.*))?$", block[0])
        if heading:
            out.append(f".SH {heading[1].upper()}")
            block = ([heading[2]] if heading[2] else []) + block[1:]
        elif OPTION.match(block[0]) and not any(line == ".SH OPTIONS" for line in out):
            out.append(".SH OPTIONS")
        if block:
            out += body(block)
    out.append(".SH SEE ALSO\n.BR alcove (1)")
    return "\n".join(out) + "\n"


def overview(verbs, version):
    out = [f'.TH ALCOVE 1 "" "alcove {version}" "Alcove"',
           ".SH NAME\nalcove \\- runs unmodified programs in measured enclaves",
           ".SH SYNOPSIS\n.B alcove\n.I VERB\n.RI [ ARGUMENT ...]", ".SH VERBS"]
    out += [f".TP\n.BR alcove\\-{verb} (1)\n{roff(summary)}" for verb, summary in verbs.items()]
    return "\n".join(out) + "\n"


def option_names(text):
    # Before the first two spaces: names; behind them other options may be spoken of.
    names = [name for line in text.split("\n") if (match := OPTION.match(line))
             for name in re.findall(r"--[a-z][a-z-]*", match[1])]
    return " ".join(dict.fromkeys(names))


def words(verb, text):
    """What stands first behind the verb in its usage, such as plan in `alcove query plan`."""
    usage = rf"^(?:usage:| {{6}}) alcove {verb} (?:\[--\w+ \w+\] )?([a-z][a-z|-]+)"
    names = [name for match in re.finditer(usage, text, re.M) for name in match[1].split("|")]
    return " ".join(dict.fromkeys(names))


def completion(helps):
    cases = []
    for verb, text in helps.items():
        first = f' words="{words(verb, text)}"' if words(verb, text) else ""
        cases.append(f'        {verb}) options="{option_names(text)}"{first} ;;')
    verbs = " ".join(helps)
    return f"""# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Completion of the alcove command for bash; made by tools/manpages.py from the help texts.
_alcove() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} options='' words=''
    if [ "$COMP_CWORD" -eq 1 ] || {{ [ "$COMP_CWORD" -eq 2 ] && [ "${{COMP_WORDS[1]}}" = help ]; }}; then
        mapfile -t COMPREPLY < <(compgen -W "{verbs} help version" -- "$word")
        return
    fi
    case ${{COMP_WORDS[1]}} in
{chr(10).join(cases)}
    esac
    case $word in
        -*) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word") ;;
        *)
            if [ "$COMP_CWORD" -eq 2 ] && [ -n "$words" ]; then
                mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
            else
                mapfile -t COMPREPLY < <(compgen -f -- "${{word#*=}}")
            fi
            ;;
    esac
}}
complete -o filenames -F _alcove alcove
"""


def daemon_completion(text):
    return f"""# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Completion of alcoved for bash; made by tools/manpages.py from its help text.
_alcoved() {{
    local word=${{COMP_WORDS[COMP_CWORD]}}
    case $word in
        -*) mapfile -t COMPREPLY < <(compgen -W "{option_names(text)}" -- "$word") ;;
        *) mapfile -t COMPREPLY < <(compgen -f -- "${{word#*=}}") ;;
    esac
}}
complete -o filenames -F _alcoved alcoved
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alcove", required=True)
    parser.add_argument("--alcoved")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    daemon = arguments.alcoved or pathlib.Path(arguments.alcove).parent.parent / "host/daemon/alcoved"
    version = ask(arguments.alcove, "--version").split()[1]
    verbs = {match[1]: match[2] for match in
             re.finditer(r"^  ([a-z]+) +(\S.*)$", ask(arguments.alcove, "--help"), re.M)
             if match[1] not in NOT_VERBS}
    helps = {verb: ask(arguments.alcove, "help", verb) for verb in verbs}
    files = {MAN / f"alcove-{verb}.1": page(f"alcove-{verb}", verbs[verb], text, version)
             for verb, text in helps.items()}
    files[MAN / "alcove.1"] = overview(verbs, version)
    files[COMPLETION] = completion(helps)
    text = ask(daemon, "--help")
    files[MAN / "alcoved.1"] = page("alcoved", "carries private queries", text, version)
    files[DAEMON_COMPLETION] = daemon_completion(text)
    stale = [path for path, text in files.items()
             if not path.exists() or path.read_text() != text]
    if arguments.check:
        for path in stale:
            print(f"{path.relative_to(TOP)} is not what the help texts give; run: "
                  f"tools/manpages.py --alcove {arguments.alcove}", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[path])
    return 0


if __name__ == "__main__":
    sys.exit(main())
