# SPDX-License-Identifier: Apache-2.0
"""A researcher's script: loading it, what it declares, and which of its lines an error is about."""

import datetime
import importlib.machinery
import os
import re
import sys
import types

from .schema import Schema, SchemaError

FUNCTION = re.compile(r"[a-z_][a-z0-9_]*\Z")
FUNCTION_MAX = 64  # bytes of a name
OWN_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep
CO_VARARGS = 4  # inspect has it too, and costs milliseconds
EPOCH = datetime.date(1970, 1, 1).toordinal()


class Day:
    """One day of a person, as a query function gets it."""

    __slots__ = ("date", "data")

    def __init__(self, number, data):
        self.date = datetime.date.fromordinal(EPOCH + number)
        self.data = data

    def __repr__(self):
        return f"Day({self.date})"


class ScriptError(Exception):
    """A sentence about the script, and the line of it that it is about (None: about all of it)."""

    def __init__(self, sentence, path=None, line=None):
        super().__init__(f"{path}:{line}: {sentence}" if line else sentence)


class _Declared:
    def __init__(self):
        self.process = None
        self.queries = {}  # name: (function, schema)


declared = _Declared()


def process(function):
    """Marks the function that turns one raw day into what is kept of it.

    function(entries) or function(entries, date): the upload's JSON, and the day as datetime.date.
    What it returns must be something that JSON can say (lists, dicts with text keys, texts, finite
    numbers, True, False, None; numpy's numbers and arrays too), or bytes; at most 240 KiB of it."""
    _check_function(function, "process")
    if declared.process is not None:
        raise SchemaError(f"{function.__name__}: {declared.process.__name__} is @alcove.process "
                          "already")
    if _arguments(function) not in (1, 2):
        raise SchemaError(f"{function.__name__}: wants one argument, the day's entries, and at "
                          "most a second, its date")
    declared.process = function
    return function


def query(name, schema=None):
    """Marks a function that answers a query: function(days) gets a list of Day, rising, and returns
    what schema.vector() takes. `name` is what the query document calls it."""
    if isinstance(name, types.FunctionType):
        raise SchemaError("@alcove.query wants a name and a schema: @alcove.query('name', "
                          "alcove.count())")
    if type(name) is not str or not FUNCTION.match(name) or len(name) > FUNCTION_MAX:
        raise SchemaError(f"{name!r} names no function: small letters, digits and _, at most "
                          f"{FUNCTION_MAX}")
    if not isinstance(schema, Schema):
        raise SchemaError(f"{name}: wants a schema such as alcove.count() or alcove.share([...])")
    if name in declared.queries:
        raise SchemaError(f"{name} is there twice")

    def mark(function):
        _check_function(function, "query")
        if _arguments(function) != 1:
            raise SchemaError(f"{function.__name__}: wants one argument, the list of days")
        declared.queries[name] = (function, schema)
        return function
    return mark


def _check_function(function, what):
    if not isinstance(function, types.FunctionType):
        raise SchemaError(f"@alcove.{what} stands above a function, not a "
                          f"{type(function).__name__}")


def _arguments(function):
    """How many it takes; one, for wrappers that pass on whatever they get."""
    code = function.__code__
    passes_on = code.co_argcount == 0 and code.co_flags & CO_VARARGS
    return 1 if passes_on else code.co_argcount


def load(path):
    """Runs the script's text, as a module that is not __main__. Its folder is the last place that
    it may import from: a neighbour never hides a module of Python's own."""
    sys.path.append(os.path.dirname(os.path.abspath(path)))
    loader = importlib.machinery.SourceFileLoader("alcove_script", path)
    module = types.ModuleType(loader.name)
    module.__file__ = path
    sys.modules[loader.name] = module
    exec(loader.get_code(loader.name), module.__dict__)
    return declared


def line_of(error, path):
    """The script's line that an exception came through last, or None."""
    line, step = None, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == path:
            line = step.tb_lineno
        step = step.tb_next
    return line


def tell(error, path):
    """What standard error gets: a sentence where this module found the mistake, otherwise Python's
    own traceback without this module's lines."""
    if isinstance(error, (ScriptError, SchemaError)):
        line = line_of(error, path) if isinstance(error, SchemaError) else None
        return f"{path}:{line}: {error}\n" if line else f"{error}\n"
    if isinstance(error, OSError) and error.filename == path:
        return f"{path}: {error.strerror}\n"
    import traceback  # late: it costs milliseconds that most calls do not need
    told = traceback.TracebackException.from_exception(error)
    chain = told
    while chain is not None:
        foreign = [frame for frame in chain.stack if not frame.filename.startswith("<frozen")
                   and not os.path.abspath(frame.filename).startswith(OWN_FOLDER)]
        chain.stack[:] = foreign or ([] if isinstance(error, SyntaxError) else chain.stack)
        chain = chain.__cause__ or chain.__context__
    return "".join(told.format())
