#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""The repository's own rules, as a TAP test: one check per rule, each finding with file and line.

The rules are those that no compiler checks: who may include whom, calls nobody may make, files
that no build names, and the like.
"""

import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent

# The arrows of ARCHITECTURE.md: a component, and the components whose headers it may include.
COMPONENTS = {
    "base": ("base", []),
    "abi": ("abi", ["base"]),
    "machine": ("machine", ["abi", "base"]),
    "verify": ("verify", ["abi", "base"]),
    "runtime": ("enclave/runtime", ["abi", "base"]),
    "sealed": ("enclave/channel", ["channel", "runtime", "abi", "base"]),
    "libos": ("enclave/libos", ["channel", "runtime", "abi", "base"]),
    "shim": ("enclave/shim", ["libos", "runtime", "abi", "base"]),
    "sdk": ("enclave/sdk", ["runtime", "abi", "base"]),
    "channel": ("channel", ["verify", "abi", "base"]),
    "query": ("query", ["abi", "base"]),
    "wire": ("wire", ["channel", "query", "verify", "abi", "base"]),
    "services": ("services", ["wire", "channel", "query", "verify", "sdk", "runtime", "abi", "base"]),
    # host: its daemon keeps the log and carries records.
    "host": ("host", ["machine", "wire", "query", "abi", "base"]),
    # cli: DESIGN's arrow is host and verify; `alcove machine` speaks to the machine directly.
    "cli": ("cli", ["host", "wire", "verify", "query", "channel", "machine", "abi", "base"]),
}

# Calls that overflow, race, or run a shell; each with what to use instead.
BANNED = {
    "strcpy": "a writer (base/bytes.h)", "strcat": "a writer (base/bytes.h)",
    "sprintf": "snprintf", "vsprintf": "vsnprintf", "gets": "fgets", "strtok": "a cursor",
    "alloca": "a fixed array or malloc", "system": "posix_spawn", "popen": "posix_spawn",
    "atoi": "strtoul with a check", "atol": "strtoul with a check", "mktemp": "mkstemp",
    "tmpnam": "mkstemp", "strncpy": "memcpy with a checked size", "rand": "getrandom",
}

# Runs on fixed inputs of its own, so what a banned call cannot bound is known there.
TEST_CODE = re.compile(r"_(test|fuzz)\.c$|/test_\w+\.[ch]$|^tests/|^verify/(forge/.*|verify_files)\.[ch]$")

FUNCTION_WARN, FUNCTION_FAIL = 70, 120
LINE_WARN, LINE_FAIL = 100, 110  # a table or a URL may stick out a little
HAS_SPDX = {".c", ".h", ".S", ".def", ".py", ".sh", ".build", ".ld", ".lds"}
TOP_LEVEL_WITHOUT_README = {".ci", "libexec"}  # no code of their own
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home/\w|root/|work/|tmp/build|Users/)")
MACHINE_PATH_ALLOWED = re.compile(r"tidy: allow path")


def tracked_files():
    """What git would commit: tracked, and new but not ignored."""
    listing = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                             cwd=TOP, check=True, text=True, stdout=subprocess.PIPE).stdout
    return [name for name in sorted(set(listing.splitlines())) if (TOP / name).is_file()]


class Tree:
    """The text of every file, read once."""

    def __init__(self):
        self.text = {}
        for name in tracked_files():
            try:
                self.text[name] = (TOP / name).read_text()
            except UnicodeDecodeError:
                continue  # corpora and vectors

    def having(self, *suffixes):
        return [(name, text) for name, text in self.text.items() if name.endswith(suffixes)]


def component_of(name):
    for component, (folder, _) in COMPONENTS.items():
        if name.startswith(folder + "/"):
            return component
    return None


def code_only(text):
    """Comments and string literals blanked, line numbers kept."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.DOTALL)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def spdx(tree):
    for name, text in tree.text.items():
        path = pathlib.PurePath(name)
        wants = path.suffix in HAS_SPDX or path.name in ("meson.build", "dev")
        if wants and "SPDX-License-Identifier: Apache-2.0" not in text[:300]:
            yield f"{name}:1: no SPDX line"


def layers(tree):
    for name, text in tree.having(".c", ".h", ".S"):
        component = component_of(name)
        if component is None:
            continue
        allowed = {component, *COMPONENTS[component][1]}
        if name.endswith(("_test.c", "_fuzz.c")):  # compares its component with anything
            allowed |= {*COMPONENTS, "tests"}
        for match in re.finditer(r'^\s*#\s*include\s+"([^"]+)"', text, re.MULTILINE):
            where = f"{name}:{line_of(text, match.start())}"
            target = match.group(1).split("/")[0]
            if ".." in match.group(1).split("/"):
                yield f"{where}: includes {match.group(1)}: leave the folder by a component's name"
            elif "/" in match.group(1) and target in {*COMPONENTS, "tests"}:
                if target not in allowed:
                    yield f"{where}: {component} must not include {target} ({match.group(1)})"


def banned_calls(tree):
    pattern = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
    for name, text in tree.having(".c", ".h"):
        if TEST_CODE.search(name):
            continue
        code = code_only(text)
        for match in pattern.finditer(code):
            yield (f"{name}:{line_of(code, match.start())}: {match.group(1)}(): "
                   f"use {BANNED[match.group(1)]}")


BUILT_BY_SCRIPTS = ("examples/", "tests/conformance/", "tests/syscalls/")


def orphans(tree):
    """A source that neither a meson.build nor the list of fuzz targets names is dead."""
    named = "\n".join(text for name, text in tree.text.items()
                      if name.endswith(("meson.build", "tools/fuzz-targets.txt")))
    for name, _ in tree.having(".c", ".S"):
        path = pathlib.PurePath(name)
        stem = path.stem.removesuffix("_test")  # a build may name tests in a loop, by their stems
        if (path.name not in named and f"'{path.stem}'" not in named and f"'{stem}'" not in named
                and not name.startswith(BUILT_BY_SCRIPTS)):
            yield f"{name}: no meson.build names it"


def fuzz_targets(tree):
    listed = tree.text.get("tools/fuzz-targets.txt", "")
    for name, _ in tree.having("_fuzz.c"):
        if name not in listed:
            yield f"{name}: not in tools/fuzz-targets.txt"


def readmes(tree):
    for folder in sorted({name.split("/")[0] for name in tree.text if "/" in name}):
        if folder not in TOP_LEVEL_WITHOUT_README and f"{folder}/README.md" not in tree.text:
            yield f"{folder}/: no README.md"


def readme_headings(tree):
    """Trust domains answer the same questions in the same order."""
    headings = ["Trust", "Owns", "May use", "Must not", "Start reading at", "Tests"]
    for name, text in tree.text.items():
        if re.fullmatch(r"[^/]+/README\.md", name):
            found = re.findall(r"^## (.+)$", text, re.MULTILINE)
            if [heading for heading in found if heading in headings] != headings:
                yield f"{name}: wants the headings {', '.join(headings)}, in this order"


def todo_form(tree):
    for name, text in tree.having(".c", ".h", ".S", ".sh", ".build"):
        for match in re.finditer(r"\b(TODO|FIXME|XXX|HACK)(?!\(\d+\): )\s*[:(]", text):
            yield (f"{name}:{line_of(text, match.start())}: {match.group(1)}: "
                   "write TODO(issue number): what")


def functions(text):
    """(name, first line, number of lines) of each function: its braces stand in column 0."""
    lines = code_only(text).splitlines()
    start = None
    for number, line in enumerate(lines, 1):
        if line.rstrip() == "{":
            start = number
        elif line.startswith("}") and start is not None:
            head = " ".join(lines[max(0, start - 6):start - 1])
            names = re.findall(r"(\w+)\s*\(", head)
            yield (names[-1] if names else "?"), start, number - start - 1
            start = None


def function_length(tree):
    for name, text in tree.having(".c"):
        for function, line, length in functions(text):
            if length > FUNCTION_FAIL and f"tidy: long function {function}:" not in text:
                yield (f"{name}:{line}: {function} has {length} lines, more than {FUNCTION_FAIL}; "
                       f"split it or say why: tidy: long function {function}: REASON")
            elif length > FUNCTION_WARN:
                print(f"# {name}:{line}: {function} has {length} lines, more than {FUNCTION_WARN}")


def line_length(tree):
    for name, text in tree.having(".c", ".h", ".S", ".def", ".py", ".sh"):
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > LINE_FAIL:
                yield f"{name}:{number}: {len(line)} columns, more than {LINE_FAIL}"
            elif len(line) > LINE_WARN:
                print(f"# {name}:{number}: {len(line)} columns, more than {LINE_WARN}")
            if line != line.rstrip() or ("\t" in line and not name.endswith(".S")):
                yield f"{name}:{number}: a tab, or blanks at the end of the line"


def machine_paths(tree):
    """A path of one developer's machine works on no other."""
    for name, text in tree.text.items():
        if name == "tools/tidy.py":
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if MACHINE_PATH.search(line) and not MACHINE_PATH_ALLOWED.search(line):
                yield f"{name}:{number}: {MACHINE_PATH.search(line).group(0)}… is one machine's path"


def pragma_once(tree):
    for name, text in tree.having(".h"):
        if "#pragma once" not in text:
            yield f"{name}: no #pragma once"


def links(tree):
    """Documents point at files that exist."""
    for name, text in tree.having(".md"):
        for match in re.finditer(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            target = match.group(1)
            if "://" in target:
                continue
            if not ((TOP / name).parent / target).exists():
                yield f"{name}:{line_of(text, match.start())}: no such file: {target}"


def packages(tree):
    lines = tree.text.get("tools/packages.txt", "").splitlines()
    if lines != sorted(set(lines)):
        yield "tools/packages.txt: not sorted, or a line twice"


RULES = {
    "every source file carries its SPDX line": spdx,
    "components include only what the arrows allow": layers,
    "no product code makes a banned call": banned_calls,
    "a build names every source file": orphans,
    "every fuzz target is in the list": fuzz_targets,
    "every top-level folder has a README": readmes,
    "the READMEs answer the same questions": readme_headings,
    "open ends name their issue": todo_form,
    f"no function is longer than {FUNCTION_FAIL} lines": function_length,
    f"no line is wider than {LINE_FAIL} columns": line_length,
    "no file names a path of one machine": machine_paths,
    "headers are included once": pragma_once,
    "links in documents lead to files": links,
    "the list of packages is sorted": packages,
}


def main():
    tree = Tree()
    failed = 0
    for number, (title, rule) in enumerate(RULES.items(), 1):
        findings = list(rule(tree))
        failed += bool(findings)
        print(f"{'not ' if findings else ''}ok {number} - {title}")
        for finding in findings:
            print(f"# {finding}")
    print(f"1..{len(RULES)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
