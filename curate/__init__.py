"""Find and fix wrong labels in image-classification datasets.

    import curate

    audit = curate.audit("photos/")             # read, judge, find, report
    audit.issues                                # a table, the most suspect label first
    audit.clean("reviewed").export("cleaned/")  # what reviewers decided, as a new dataset

Every verb of the command line is a function here or a method of `Audit`. Options are frozen dataclasses: `Source` (what to read), a judge
(`Nets`, `Features` or `Given`), `Place` (where it runs), `LookFor` (what to look for). What is wrong with the input or the machine is
raised as a `CurateError` that says what was expected, what was found and what to do.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from curate import benchmark as benchmark
    from curate import explain as explain
    from curate.data.image_set import ImageSet as ImageSet
    from curate.errors import CurateError as CurateError
    from curate.find.label_issues import LabelIssues as LabelIssues
    from curate.find.label_issues import find_label_issues as find_label_issues
    from curate.judge.features import Features as Features
    from curate.judge.given import Given as Given
    from curate.judge.judgement import Judgement as Judgement
    from curate.judge.nets import Nets as Nets
    from curate.options import LookFor as LookFor
    from curate.options import Place as Place
    from curate.options import Source as Source
    from curate.sources import load_source as load  # noqa: F401
    from curate.verbs.audited import Audit as Audit
    from curate.verbs.making import audit as audit
    from curate.verbs.making import doctor as doctor
    from curate.verbs.making import fetch as fetch
    from curate.verbs.making import open_run as open  # noqa: F401
    from curate.verbs.making import train as train

PUBLIC = {
    "Audit": "curate.verbs.audited",
    "CurateError": "curate.errors",
    "Features": "curate.judge.features",
    "Given": "curate.judge.given",
    "ImageSet": "curate.data.image_set",
    "Judgement": "curate.judge.judgement",
    "LabelIssues": "curate.find.label_issues",
    "LookFor": "curate.options",
    "Nets": "curate.judge.nets",
    "Place": "curate.options",
    "Source": "curate.options",
    "audit": "curate.verbs.making",
    "doctor": "curate.verbs.making",
    "fetch": "curate.verbs.making",
    "find_label_issues": "curate.find.label_issues",
    "load": "curate.sources:load_source",
    "open": "curate.verbs.making:open_run",
    "train": "curate.verbs.making",
}
"""Where each public name comes from: imported when it is first used, so that `import curate` costs next to nothing."""

MODULES = ("benchmark", "explain")

__all__ = [*sorted(PUBLIC), *MODULES]


def __getattr__(name: str) -> Any:
    if name in MODULES:
        return import_module(f"curate.{name}")
    if name == "__version__":
        from importlib.metadata import version

        return version("curate")
    if name not in PUBLIC:
        raise AttributeError(f"module 'curate' has no attribute '{name}'")
    module, _, original = PUBLIC[name].partition(":")
    value = getattr(import_module(module), original or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
