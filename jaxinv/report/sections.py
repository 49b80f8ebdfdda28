"""One target of the report: what won, the ranking, scores against truth, agreement, invariance, diagnostics."""

from collections.abc import Sequence
from html import escape

import numpy as np

from jaxinv.kernels.transferability.rank_agreement import kendall_tau
from jaxinv.ranking.registry import SCORES
from jaxinv.ranking.results import RankingResult
from jaxinv.report import numbers, plots, tables
from jaxinv.report.flags import Flag, find_flags
from jaxinv.report.headline import MAIN_MEASURE, by_agreement, headline, main_score, mean_ranks
from jaxinv.report.looks import Looks, looks_of
from jaxinv.report.names import measure_name, score_label, score_name, spaced
from jaxinv.report.pictures import Pictures

PANEL = (3.1, 2.65)
PANEL_FRAME = (0.17, 0.17, 0.98, 0.91)
NUM_MARKED = 5
MOST_PANELS = 8


def target_section(result: RankingResult, pictures: Pictures) -> str:
    """Everything about one target task, as HTML."""
    flags = find_flags(result)
    looks = looks_of(result.attributes, len(result.models))
    order = _order(result)
    parts = [headline(result), _ranking(result, order, flags)]
    parts += [_truth(result, truth, looks, pictures, opened=i == 0) for i, truth in enumerate(result.truths)]
    if not result.truths and len(result.scores) > 1 and len(result.models) > 1:
        parts.append(_ranks(result, pictures))
    if result.sensitivity:
        parts.append(_invariance(result, order, pictures))
    parts.append(_diagnostics(result, flags))
    return "\n".join(parts)


def _order(result: RankingResult) -> np.ndarray:
    """By the first truth, else by LogME or the first score; best first, NaN last."""
    if result.truths:
        return np.argsort(-next(iter(result.truths.values())), kind="stable")
    return result.order(main_score(result))


def _ranking(result: RankingResult, order: np.ndarray, flags: Sequence[Flag]) -> str:
    if result.truths:
        by = f"sorted by the {next(iter(result.truths))} accuracy. A score is good where its column fades from top to "
        by += "bottom as the first one does"
    else:
        by = f"sorted by {score_name(main_score(result))}"
    known = [name for name in result.scores if name in SCORES]
    meanings = "".join(
        f"<dt>{escape(score_name(name))} <code>{escape(name)}</code></dt><dd>{escape(SCORES[name].meaning)}</dd>"
        for name in known
    )
    glossary = f"<details><summary>What the scores measure</summary><dl>{meanings}</dl></details>" if known else ""
    return (
        f"<h3>Ranking</h3>\n<p>{escape(f'All {len(order)} models, {by}.')} Every column has its own tint, strongest "
        "for its best model, whose number is bold. Higher is better everywhere. Scores of one column can be compared, "
        "scores of two columns cannot: they have different units. A dash means that the score is not available "
        f"for the model.</p>\n{tables.ranking_table(result, order, flags)}\n{glossary}"
    )


def _truth(result: RankingResult, truth: str, looks: Looks, pictures: Pictures, *, opened: bool) -> str:
    """Every score against one truth, and how well they agree."""
    measures = result.agreement.get(truth, {})
    ordered = by_agreement(result, truth)
    panels = []
    for name in ordered[:MOST_PANELS]:
        tau = measures.get(name, {}).get(MAIN_MEASURE, np.nan)
        agreement = f" · τ = {numbers.fixed(tau)}" if np.isfinite(tau) else ""
        panels.append(
            _scatter(
                pictures,
                result,
                result.scores[name],
                truth,
                looks,
                title=score_name(name) + agreement,
                label=score_label(name),
                description=f"{score_name(name)} against {truth} accuracy.{agreement}",
            )
        )
    chosen = f" Shown are the {MOST_PANELS} scores that agree best." if len(ordered) > MOST_PANELS else ""
    scatter = (
        f'<div class="aside">{_legend(looks, pictures)}</div>\n<p>One dot a model: the score (in its own unit) to the '
        f"right, the {escape(truth)} accuracy in percent upwards. A useful score makes a cloud that climbs to the "
        "right; only the order of the models counts, not the shape of the cloud. Clouds of one colour that lie "
        "apart show a score that tells the groups apart rather than the models within them. "
        f'Point at a dot for its name.{chosen}</p>\n<div class="panels">{"".join(panels)}</div>'
    )
    agreement = _agreement(result, truth, ordered, pictures) if measures else ""
    return (
        f"<details{' open' if opened else ''}><summary><h3>Scores against the {escape(truth)} accuracy</h3></summary>\n"
        f"{scatter}\n{agreement}</details>"
    )


def _agreement(result: RankingResult, truth: str, ordered: list[str], pictures: Pictures) -> str:
    measures = {name: result.agreement[truth][name] for name in ordered if name in result.agreement[truth]}
    names = list(measures)
    values = np.array([measures[name].get(MAIN_MEASURE, np.nan) for name in names])
    low, high = (np.array([measures[n].get(MAIN_MEASURE + end, np.nan) for n in names]) for end in tables.INTERVAL_ENDS)
    intervals = np.stack([low, high], axis=1)
    bars = pictures.draw(
        lambda ax: plots.agreement_bars(
            ax, names, values, intervals if np.isfinite(intervals).any() else None, label=measure_name(MAIN_MEASURE)
        ),
        (4.6, 0.8 + 0.27 * len(names)),
        f"{measure_name(MAIN_MEASURE)} of every score with the {truth} accuracy, largest first",
    )
    count = len(result.models)
    luck = ""
    if count > 2:
        width = 1.96 * float(np.sqrt(2 * (2 * count + 5) / (9 * count * (count - 1))))
        luck = f" With {count} models, a score without any merit stays within ±{width:.2f} in Kendall τ 19 times in 20."
    return (
        f'<h4>Agreement</h4>\n<div class="beside"><figure>{bars}</figure>\n<div><p>A rank correlation (τ) of 1 is the '
        "true order, 0 is chance, −1 the reverse; the weighted form counts mistakes among the best models most."
        f"{luck} Rel@k is the best true accuracy among the k models with the highest score, in percent of the best of "
        "all; top-k recall is the share of the k truly best that the score has among its first k; regret is what is "
        "lost, in points of accuracy, by taking the score's favourite. Agreement on this pool is no promise for "
        f"another one.</p></div></div>\n{tables.agreement_table(measures, truth)}"
    )


def _ranks(result: RankingResult, pictures: Pictures) -> str:
    mean = mean_ranks(result)
    marked = [int(i) for i in np.argsort(mean, kind="stable")[:NUM_MARKED] if np.isfinite(mean[i])]
    scores = {name: values for name, values in result.scores.items() if np.isfinite(values).any()}
    width = 3.2 + 0.5 * len(scores)
    picture = pictures.draw(
        lambda ax: plots.rank_lines(ax, result.models, scores, marked=marked),
        (width, min(2.2 + 0.13 * len(result.models), 9.0)),
        "Rank of each model under each score",
        result.models,
    )
    return (
        "<h3>Do the scores agree with each other?</h3>\n<p>One line a model, from score to score; the five best on "
        "average are coloured. Flat lines near the top are safe choices; a line that jumps belongs to a model that the "
        "scores judge by different things. No truth is known here, so agreement of the scores is all there is: scores "
        f'of one kind can agree and still be wrong.</p>\n<figure class="wide">{picture}</figure>'
    )


def _invariance(result: RankingResult, order: np.ndarray, pictures: Pictures) -> str:
    names = [result.models[i] for i in order]
    sorted_columns = {name: np.asarray(values, dtype=float)[order] for name, values in result.sensitivity.items()}
    heat_map = pictures.draw(
        lambda ax: plots.sensitivity_map(ax, names, sorted_columns),
        (2.6 + 0.8 * len(sorted_columns), 0.6 + 0.2 * len(names)),
        "Sensitivity of each model to each transformation",
    )
    text = (
        "How far the features of a model move when the picture is transformed, as a share of the distance between "
        "two different pictures: 0 (light) is invariant, 1 (dark) means that the transformation moves them as far as "
        "another picture would. This is a meter, not a score: lower is more invariant, which helps only where the "
        "target needs it, and a network that has learned little can be insensitive too."
    )
    relation = ""
    if result.truths:
        truth, accuracies = next(iter(result.truths.items()))
        colour_by = "invariance" if "invariance" in result.attributes else "source"
        looks = looks_of(result.attributes, len(result.models), colour_by=colour_by)
        panels = []
        for name, values in result.sensitivity.items():
            tau = _kendall(values, accuracies)
            title = f"{spaced(name)} · τ = {numbers.fixed(tau)}"
            panels.append(
                _scatter(
                    pictures,
                    result,
                    values,
                    truth,
                    looks,
                    title=title,
                    label=f"sensitivity to {spaced(name)} (ratio)",
                    description=f"Sensitivity to {title}",
                )
            )
        relation = (
            f"<p>Sensitivity (right) against the {escape(truth)} accuracy (up): a Kendall τ below 0 says that "
            "invariant models do better on this target, above 0 that they do worse.</p>\n"
            f'<div class="aside">{_legend(looks, pictures)}</div>\n<div class="panels">{"".join(panels)}</div>'
        )
    return (
        f'<h3>Invariance</h3>\n<div class="beside"><figure>{heat_map}</figure>\n'
        f"<div><p>{text}</p>\n{relation}</div></div>"
    )


def _scatter(
    pictures: Pictures,
    result: RankingResult,
    values: np.ndarray,
    truth: str,
    looks: Looks,
    *,
    title: str,
    label: str,
    description: str,
) -> str:
    accuracies = result.truths[truth]
    texts = numbers.column(values)
    tips = [
        f"{model}: {text}, {numbers.percent(accuracy)}"
        for model, text, accuracy in zip(result.models, texts, accuracies, strict=True)
    ]
    picture = pictures.draw(
        lambda ax: plots.accuracy_scatter(ax, values, accuracies, looks, title=title, label=label),
        PANEL,
        description,
        tips,
    )
    return f"<figure>{picture}</figure>"


def _legend(looks: Looks, pictures: Pictures) -> str:
    groups: dict[str, list[str]] = {}
    for key in looks.legend:
        picture = pictures.draw(
            lambda ax, key=key: plots.marker_key(ax, key.colour, key.marker),
            (0.2, 0.2),
            f"marker of {key.text}",
            frame=(0, 0, 1, 1),
        )
        groups.setdefault(key.attribute, []).append(f"<span>{picture}{escape(key.text)}</span>")
    return "".join(
        f'<p class="legend"><b>{escape(spaced(name))}</b> {" ".join(keys)}</p>' for name, keys in groups.items()
    )


def _diagnostics(result: RankingResult, flags: Sequence[Flag]) -> str:
    if not result.diagnostics:
        return ""
    count = len(result.models)
    warnings = "".join(
        f"<li>⚠ <b>{escape(score_name(flag.score))}</b>, {escape(spaced(flag.diagnostic))}, "
        f"{'all' if flag.models.all() else int(flag.models.sum())} of {count} models: {escape(flag.says)}.</li>"
        for flag in flags
    )
    listed = f'<ul class="warnings">{warnings}</ul>' if warnings else "<p>No diagnostic gives a warning.</p>"
    return (
        f"<h3>Diagnostics</h3>\n{listed}\n<details><summary>All diagnostics</summary>"
        f"{tables.diagnostics_table(result, flags)}</details>"
    )


def _kendall(values: np.ndarray, accuracies: np.ndarray) -> float:
    known = np.isfinite(values) & np.isfinite(accuracies)
    return float(kendall_tau(values[known], accuracies[known])) if known.any() else float("nan")
