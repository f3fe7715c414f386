"""Whether reviewers judge alike, and where they do not."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from curate.cleaning.decisions import Decision
from curate.cleaning.standing import CONFLICT, JUDGEMENTS, judgement, verdict_of


@dataclass(frozen=True)
class PairAgreement:
    """How alike two reviewers judge given labels: right, wrong or ambiguous.

    Attributes:
        reviewers: the two, sorted.
        num_both: samples that both decided.
        observed: share of them on which they say the same, in [0, 1].
        kappa: Cohen's kappa, in [-1, 1]: 1 = always the same, 0 = as by chance; None where both said one and the same thing of every
            sample, for then chance explains everything and nothing.
    """

    reviewers: tuple[str, str]
    num_both: int
    observed: float
    kappa: float | None


def agreement(standing: Mapping[str, Mapping[str, Decision]]) -> list[PairAgreement]:
    """The agreement of every two reviewers who decided a sample in common, those with most in common first.

    Adjudications are left out: whoever adjudicates knows what the others said.

    Args:
        standing: from `standing_decisions`.

    Source: Cohen 1960, A Coefficient of Agreement for Nominal Scales.
    """
    judged: dict[str, dict[str, str]] = {}
    for sample_id, by_who in standing.items():
        for who, decision in by_who.items():
            if not decision.adjudicates:
                judged.setdefault(who, {})[sample_id] = judgement(decision)
    pairs = []
    for first, second in combinations(sorted(judged), 2):
        shared = sorted(judged[first].keys() & judged[second].keys())
        if shared:
            pairs.append(_agreement((first, second), [judged[first][s] for s in shared], [judged[second][s] for s in shared]))
    return sorted(pairs, key=lambda pair: -pair.num_both)


def conflicts(standing: Mapping[str, Mapping[str, Decision]]) -> list[str]:
    """Ids of the samples that wait for adjudication, sorted."""
    return sorted(sample_id for sample_id, by_who in standing.items() if verdict_of(by_who).action == CONFLICT)


def _agreement(reviewers: tuple[str, str], first: list[str], second: list[str]) -> PairAgreement:
    from sklearn.metrics import cohen_kappa_score

    observed = sum(a == b for a, b in zip(first, second, strict=True)) / len(first)
    is_defined = len({*first, *second}) > 1
    kappa = float(cohen_kappa_score(first, second, labels=list(JUDGEMENTS))) if is_defined else None
    return PairAgreement(reviewers, len(first), observed, kappa)
