"""The metrics of a gateway, made when somebody asks from what its services have written.

This is the one place that knows Prometheus.  It keeps nothing, asks nobody and
reads files alone.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from gateway.observe import settings as log_settings
from gateway.observe import status as log_status
from gateway.observe.metrics import METRICS, Shape
from gateway.observe.samples import WRONG_FORM, Body, Sample, of_agent, of_gatherer, of_log
from gateway.observe.told import GATHER_SECONDS, GATHERED_FILE, STALE_FACTOR, Source, told_by

#: The agent's file, and when it is stale: `gateway/agent/status.py`.
AGENT_FILE, AGENT_LASTS_SECONDS = Path("/run/loushan/status.json"), 40.0

_FAMILIES: dict[Shape, type[GaugeMetricFamily | CounterMetricFamily]] = {
    Shape.GAUGE: GaugeMetricFamily,
    Shape.COUNTER: CounterMetricFamily,
}


@dataclass(frozen=True, slots=True)
class Files:
    """Where things are told; `log_settings` is there where there is a decision log."""

    agent: Path = AGENT_FILE
    log: Path = log_status.STATUS_FILE
    gathered: Path = GATHERED_FILE
    log_settings: Path = log_settings.SETTINGS_FILE


@dataclass(frozen=True, slots=True)
class GatewayCollector(Collector):
    """All metrics of one gateway; `hub` is the site that it is linked through."""

    hub: str
    files: Files = field(default_factory=Files)

    def collect(self) -> Iterator[Family]:
        """Give each metric with its values."""
        return _families(self._samples())

    def _samples(self) -> Iterator[Sample]:
        agent = Source("agent", self.files.agent, AGENT_LASTS_SECONDS)
        # What is not known to hold does not.
        yield from _of_source(agent, of_agent, [Sample("loushan_proven", 0.0)])
        if self.files.log_settings.exists():
            log = Source("log", self.files.log, log_status.LASTS_SECONDS)
            yield from _of_source(log, of_log, [Sample("loushan_log_recording", 0.0)])
        gatherer = Source("gatherer", self.files.gathered, GATHER_SECONDS * STALE_FACTOR)
        yield from _of_source(gatherer, self._of_gatherer, [])

    def _of_gatherer(self, body: Body) -> Iterator[Sample]:
        yield from of_gatherer(body, self.hub)
        for source, what in (("strongswan", "links"), ("packet_filter", "refused")):
            yield Sample("loushan_source_up", float(body[what] is not None), (source,))


@dataclass(frozen=True, slots=True)
class _Samples(Collector):
    """What somebody has said already."""

    samples: tuple[Sample, ...]

    def collect(self) -> Iterator[Family]:
        """Give each metric with its values."""
        return _families(self.samples)


def text_of_samples(samples: Iterable[Sample]) -> bytes:
    """Give values that are known already as Prometheus reads them."""
    return text_of(_Samples(tuple(samples)))


def text_of(collector: Collector) -> bytes:
    """Give metrics as Prometheus reads them."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return generate_latest(registry)


def _of_source(
    source: Source, read: Callable[[Body], Iterable[Sample]], unknown: list[Sample]
) -> Iterator[Sample]:
    """Give all that a source says, or that it says nothing, and what holds then."""
    told, samples = told_by(source), unknown
    is_up = told.body is not None
    if told.body is not None:
        try:
            samples = list(read(told.body))
        except WRONG_FORM:
            is_up = False
    yield Sample("loushan_source_up", float(is_up), (source.name,))
    if told.age_seconds is not None:
        yield Sample("loushan_source_age_seconds", told.age_seconds, (source.name,))
    yield from samples


def _families(samples: Iterable[Sample]) -> Iterator[Family]:
    values: dict[str, list[Sample]] = {}
    for sample in samples:
        values.setdefault(sample.name, []).append(sample)
    return map(_family, values.values())


def _family(samples: list[Sample]) -> Family:
    metric = METRICS[samples[0].name]
    if metric.shape is Shape.INFO:
        info = InfoMetricFamily(metric.name.removesuffix("_info"), metric.help)
        for each in samples:
            info.add_metric([], dict(zip(metric.labels, each.labels, strict=True)))
        return info
    family = _FAMILIES[metric.shape](metric.name, metric.help, labels=metric.labels)
    for each in samples:
        family.add_metric(each.labels, each.value)
    return family
