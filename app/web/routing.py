"""Rules of addresses that learn to write an address when one is first asked of them.

Werkzeug compiles two functions for each of some 350 rules as the program starts: half of
what making the app takes, and four megabytes of a worker, most of them never called.
"""

from typing import Any

from werkzeug.routing import Rule


class LazyRule(Rule):
    """A rule of Werkzeug's whose `build` is compiled when it is first called."""

    def _compile_builder(self, append_unknown: bool = True) -> Any:
        make = super()._compile_builder
        name = "_build_unknown" if append_unknown else "_build"

        def build(rule: LazyRule, /, **values: Any) -> tuple[str, str]:
            made = make(append_unknown).__get__(rule, None)
            setattr(rule, name, made)
            found: tuple[str, str] = made(**values)
            return found

        return build
