"""Build an atlas: which classes are missing, where they run, when they are published, what to say at the end."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from atlas.format import Writer, imagenet_classes
from atlas.schema import FORMAT_VERSION, SHARED, AtlasError, ImageNetClass, Manifest, Result
from precompute import photos, pipeline, provenance, visualize
from precompute.analysis import relations, strategies
from precompute.config import Config
from precompute.engine import ENGINES, Job, Resources, worker
from precompute.engine.threads import of_worker, pin
from precompute.photos import Photo, PhotoIndex
from precompute.pipeline import BuildContext
from precompute.progress import Reporter

#: Classes in a row for which no photo server answers, after which a build ends: a thousand would wait for days.
UNANSWERED = 3
#: Seconds between two publishes of a running build; longer where publishing itself is slow.
PUBLISH_EVERY = 60.0


@dataclass(frozen=True, slots=True)
class Report:
    """How a build ended."""

    built: tuple[str, ...]
    unchanged: tuple[str, ...]
    failed: dict[str, str]  # wnid → why
    skipped: dict[str, str]  # photo key, or shard → why
    seconds: float
    photos: int = 0  # that were found for its classes


def build_atlas(config: Config, reporter: Reporter) -> Report:
    """Build what is missing of an atlas and publish it.

    Everything finished is kept at once; interrupted at any instant, the same call resumes and ends with the same tables.

    Raises:
        AtlasError: bad settings or input, or ``out`` is something else. A class that fails is reported, not raised.
        KeyboardInterrupt: after what was finished has been published.
    """
    start, config = time.monotonic(), config.absolute()
    index = photos.index(config.photos, config.sets)
    for note in index.notes:
        reporter.say(f"passed over {note}")
    if config.engine not in ENGINES:
        raise AtlasError(f"--engine must be one of {', '.join(ENGINES)}, found {config.engine!r}.")
    wanted = _wanted(config, index)
    threads = pin(of_worker(config))
    decoders = config.workers if config.engine == "local" else threads
    context = worker.set_up(config, reporter, threads=decoders or os.cpu_count() or 1)
    together = config.scope in {"shared", "both"}
    looked_at = index.photos if together else [c.wnid for c in wanted]
    used = photos.without_copies(index, looked_at, workers=config.workers or os.cpu_count() or 1, across=together)
    if used.copies:
        reporter.say(f"passed over {photos.counted(used.copies)}, named in the manifest")
    with Writer(config.out) as writer:
        build = _Build(context, used, wanted, writer, threads)
        build.refuse_another()
        try:
            failed = build.run()
        finally:
            reporter.close()
        seconds = time.monotonic() - start
        return Report(tuple(build.built), tuple(build.unchanged), failed, build.skipped(), seconds, build.photos(index))


def _wanted(config: Config, index: PhotoIndex) -> list[ImageNetClass]:
    return list(imagenet_classes()) if config.classes == ("all",) else pipeline.with_photos(config.classes, index)


class _Build:
    """One build: what is done, what is left."""

    def __init__(
        self, context: BuildContext, index: PhotoIndex, wanted: Sequence[ImageNetClass], writer: Writer, threads: int
    ) -> None:
        self.context, self.index, self.wanted, self.writer, self.threads = context, index, wanted, writer, threads
        self.built: list[str] = []
        self.unchanged: list[str] = []
        self.failed: dict[str, str] = {}
        self._published_at = time.monotonic()
        self._publish_cost = 0.0

    @property
    def _config(self) -> Config:
        return self.context.config

    @property
    def _with_shared(self) -> bool:
        return self._config.scope in {"shared", "both"}

    def photos(self, found: PhotoIndex) -> int:
        """Return how many photos were found of the classes wanted, copies too: those that a plan counts."""
        return sum(len(found.photos.get(info.wnid, ())) for info in self.wanted)

    def refuse_another(self) -> None:
        """Refuse an atlas of other settings or weights: its classes could not be compared with new ones.

        One that holds nothing yet, because nothing came of an earlier attempt, may become this one. Where nothing is finished,
        refuse a dictionary method that does not apply, too.
        """
        store = self.writer.published
        if store is None or not self.writer.finished():
            pipeline.require_applicable(self.context, [p for c in self.wanted for p in self._photos(c)])
            return
        old = {**store.manifest.config, "weights sha256": store.manifest.backbone.get("weights", {}).get("sha256")}
        new = {**self._config.settings(), "weights sha256": self.context.backbone.weights["sha256"]}
        changed = [f"{k}: {old.get(k)} there, {v} now" for k, v in new.items() if old.get(k) != v]
        if changed:
            raise AtlasError(
                f"{self._config.out} is another atlas ({'; '.join(changed)}): choose another --out, or the same settings."
            )

    def run(self) -> dict[str, str]:
        """Build what is missing, publish, and return why classes failed."""
        if not self.writer.finished():
            self._publish(final=False)
        shared_photos = [p for group in self.index.photos.values() for p in group]
        shared_digest = pipeline.digest(self.context, SHARED, shared_photos) if self._with_shared else ""
        if self._with_shared:
            self._want_dependents()
        digests = {c.wnid: pipeline.digest(self.context, c.wnid, self._photos(c), shared_digest) for c in self.wanted}
        done = self.writer.finished()
        missing = [c for c in self.wanted if done.get(c.wnid) != digests[c.wnid]]
        self.unchanged = [c.wnid for c in self.wanted if c not in missing]
        need_shared = self._with_shared and done.get(SHARED) != shared_digest
        self.context.reporter.begin(len(missing) + need_shared, self._images(missing, shared_photos if need_shared else []))
        try:
            if need_shared:
                self._keep(SHARED, pipeline.build_shared(self.context, shared_photos, digest=shared_digest))
            if self._config.engine == "local":  # elsewhere workers paint for themselves
                pipeline.visualize_ahead(self.context, missing)
            self._run_classes(missing, digests)
        except (KeyboardInterrupt, photos.NoAnswer):
            self._publish(final=False)
            raise
        if self.built or self.failed or not self._is_published():
            self.context.reporter.stage("atlas", "relations and publishing", 0)
            self._publish(final=True)
        return self.failed

    def _is_published(self) -> bool:
        """Return whether what is published is complete, and names the photos that are passed over now."""
        store = self.writer.published
        return store is not None and store.manifest.complete and store.manifest.skipped_photos == self._passed_over()

    def _want_dependents(self) -> None:
        """Want every class there is: each is compared with the shared dictionary, and changes with it.

        Raises:
            AtlasError: there are no photos of such a class.
        """
        store = self.writer.published
        known = {wnid: record.n_photos > 0 for wnid, record in store.records.items()} if store else {}
        known |= {wnid: wnid in self.index.photos for wnid in self.writer.staged() if wnid != SHARED}
        wanted = {c.wnid for c in self.wanted}
        if lost := sorted(wnid for wnid in known.keys() - wanted if known[wnid] and wnid not in self.index.photos):
            raise AtlasError(
                f"{self._config.out} explains {lost[0]} by a shared dictionary, which these photos would change: name the photos "
                "of all its classes with --photos, or choose another --out."
            )
        self.wanted = [c for c in imagenet_classes() if c.wnid in wanted | known.keys()]

    def _photos(self, info: ImageNetClass) -> tuple[Photo, ...]:
        return self.index.photos.get(info.wnid, ())

    def _run_classes(self, missing: Sequence[ImageNetClass], digests: dict[str, str]) -> None:
        config, reporter = self._config, self.context.reporter
        sha256 = self.context.backbone.weights["sha256"]
        shared = worker.shared_dictionary(self.writer, config) if self._with_shared else None
        make_task = worker.MakeTask(self.context, config, shared, sha256, self.threads)
        jobs = [Job(c, self._photos(c), digests[c.wnid]) for c in missing]
        resources = Resources(config.workers, self.threads, config.device, config.ray_address)
        unanswered = 0
        with closing(ENGINES[config.engine].run(make_task, jobs, resources=resources, reporter=reporter)) as outcomes:
            for wnid, outcome in outcomes:
                unanswered = unanswered + 1 if isinstance(outcome, photos.NoAnswer) else 0
                if unanswered == UNANSWERED:
                    raise photos.NoAnswer(
                        f"{UNANSWERED} classes one after the other were given up: {outcome} What is finished is kept."
                    )
                if isinstance(outcome, AtlasError):
                    self.failed[wnid] = str(outcome)
                    reporter.finish(wnid, f"failed: {outcome}")
                else:
                    self._keep(wnid, outcome)

    def _keep(self, owner: str, result: Result) -> None:
        self.writer.stage(result)
        self.built.append(owner)
        self.context.reporter.finish(owner, "complete")
        if time.monotonic() - self._published_at > max(PUBLISH_EVERY, 20 * self._publish_cost):
            self._publish(final=False)

    def _publish(self, *, final: bool) -> None:
        """Publish what is staged; rows that depend on all classes are filled in by the final publish."""
        start = time.monotonic()
        head = self.context.backbone.linear_head
        refine = functools.partial(
            relations.refine,
            weights=None if head is None else head.weight.cpu().numpy(),
            layout=strategies.METHODS[self._config.layout],
            seed=self._config.seed,
        )
        self.writer.publish(self._manifest(final), refine=refine if final else None)
        self._published_at = time.monotonic()
        self._publish_cost = self._published_at - start

    def _manifest(self, final: bool) -> Manifest:
        old = self.writer.published if self.writer.finished() else None
        status = dict(old.manifest.classes) if old else {}
        status |= {c.wnid: self.failed.get(c.wnid, "not built yet") for c in self.wanted}
        status |= {wnid: "complete" for wnid in self.writer.finished() if wnid != SHARED}
        sets = {s.name: s for s in (*(old.manifest.photo_sets if old else ()), *self.index.sets)}
        return Manifest(
            format_version=FORMAT_VERSION,
            created=provenance.now(),
            project=provenance.project(),
            backbone=self.context.backbone.describe(),
            config=self._config.settings(),
            config_digest=self._config.digest,
            libraries=provenance.libraries() | {"threads": str(self.threads)},
            classes=dict(sorted(status.items())),
            photo_sets=tuple(sets[name] for name in sorted(sets)),
            publish_photos=self._config.publish_photos,
            skipped_photos=self._passed_over(),
            complete=final and not self.failed,
        )

    def skipped(self) -> dict[str, str]:
        """Return photos that could not be used, and shards that could not be followed to their end, each with the reason."""
        here = {described.name for described in self.index.sets}
        known = self.writer.skipped()
        mended = {key for key in known if key.endswith(photos.SHARD) and key.split("/")[0] in here}
        copies = {key for key, why in known.items() if why.startswith(photos.COPY_OF)}
        return {key: why for key, why in known.items() if key not in mended | copies} | self.index.damaged

    def _passed_over(self) -> dict[str, str]:
        """Return photos that could not be used, and copies: of the classes looked at now, and of the others as they are known."""
        looked_at = self.index.photos.keys() if self._with_shared else {info.wnid for info in self.wanted}
        known = {key: why for key, why in self.writer.skipped().items() if why.startswith(photos.COPY_OF)}
        copies = {key: why for key, why in known.items() if not looked_at & set(key.split("/"))} | self.index.copies
        return dict(sorted((copies | self.skipped()).items()))

    def _images(self, missing: Sequence[ImageNetClass], shared: Sequence[Photo]) -> int:
        """Return about how many images will pass through the backbone."""
        crops = len(self.context.plan.starts)
        preset = visualize.PRESETS.get(self._config.pictures)
        a_picture = preset.steps * preset.crops * self._config.picture_seeds if preset else 0
        counts = [len(self._photos(c)) for c in missing]
        own = [pipeline.own_concepts(self._config, photos=n, crops=n * crops) for n in counts]
        total = sum(counts) * (1 + crops) + a_picture * (len(missing) + sum(own))
        own_shared = pipeline.shared_images(self.context, shared) + a_picture * self._config.shared_concepts if shared else 0
        return total + own_shared
