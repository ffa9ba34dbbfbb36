#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
"""A few kills of processes of private queries under load; `./dev ci full` has 200 (../private/crashes.py)."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "private"))
import crashes  # noqa: E402

sys.exit(crashes.main(["--seed", "7", "--kills", "14", "--people", "3"]))
