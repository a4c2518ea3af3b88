"""What must be in the store at the end: an independent witness, built from the generator's own numbers.

It knows neither the decoder nor the tables of the store, so that both can be held against it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from consumer.simulator.drafts import Document, Draft, Fact
from storage import Outcome, Reason

Key = tuple[str, str]
"""A collection and an `_id`."""


@dataclass
class Truth:
    """Everything that was sent so far, as it must be found.

    `outcomes` counts records as they come off the bus one by one: a store that collapses a batch may count
    an older version as stale that is stored here; the sum is the same. Dead letters are counted for each
    delivery, for each has its own position on the bus.
    """

    messages: int = 0
    ignored: int = 0
    documents: dict[str, dict[str, Document]] = field(default_factory=dict)
    dead_letters: Counter[Reason] = field(default_factory=Counter)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    contradictions: dict[Key, list[Document]] = field(default_factory=dict)
    withheld: dict[str, set[str]] = field(default_factory=dict)
    _versions: dict[Key, tuple[object, ...]] = field(default_factory=dict, repr=False)

    @property
    def received(self) -> int:
        """Records in the sense of honest numbers: a message that yields none counts as one."""
        return self.outcomes.total() + self.dead_letters.total() + self.ignored

    @property
    def missing(self) -> dict[str, set[str]]:
        """By collection the documents that a gap swallowed and nothing brought back."""
        lost = {name: ids - self.documents.get(name, {}).keys() for name, ids in self.withheld.items()}
        return {name: ids for name, ids in lost.items() if ids}

    def observe(self, draft: Draft) -> None:
        """Note a message that is sent now."""
        self.messages += 1
        for fact in draft.facts:
            self.outcomes[self._settle(fact)] += 1
        for reason in draft.rejected:
            self.dead_letters[reason] += 1
        if not draft.facts and not draft.rejected:
            self.ignored += 1

    def withhold(self, draft: Draft) -> None:
        """Note a message that is never sent."""
        for fact in draft.facts:
            self.withheld.setdefault(fact.collection, set()).add(fact.document["_id"])

    def differences(self, found: Mapping[str, Iterable[Document]]) -> Iterator[str]:
        """Where the store's documents, by collection, are not what they must be; nothing when all is right.

        Of contents that contradict each other under one key any may have come first.
        """
        for name in sorted(self.documents.keys() | found.keys()):
            expected = self.documents.get(name, {})
            documents = {document["_id"]: document for document in found.get(name, ())}
            yield from (f"{name}: {key} is missing" for key in sorted(expected.keys() - documents.keys()))
            yield from (f"{name}: {key} was never sent" for key in sorted(documents.keys() - expected.keys()))
            for key in sorted(expected.keys() & documents.keys()):
                possible = [expected[key], *self.contradictions.get((name, key), ())]
                if documents[key] not in possible:
                    yield f"{name}: {key} is {dict(documents[key])}, not {dict(expected[key])}"

    def _settle(self, fact: Fact) -> Outcome:
        collection, key = self.documents.setdefault(fact.collection, {}), fact.document["_id"]
        stored = collection.get(key)
        if stored is None:
            return self._store(collection, fact)
        if fact.version is not None and fact.version != (known := self._versions[fact.collection, key]):
            return self._store(collection, fact) if fact.version > known else Outcome.STALE
        if _same_content(fact, stored):
            return Outcome.DUPLICATE
        others = self.contradictions.setdefault((fact.collection, key), [])
        if fact.document not in others:
            others.append(fact.document)
        return Outcome.CONFLICT

    def _store(self, collection: dict[str, Document], fact: Fact) -> Outcome:
        key = fact.document["_id"]
        collection[key] = fact.document
        if fact.version is not None:
            self._versions[fact.collection, key] = fact.version
            self.contradictions.pop((fact.collection, key), None)
        return Outcome.STORED


def _same_content(fact: Fact, stored: Document) -> bool:
    """Whether every field of the fact stands in the document; a time that came from the bus is left out."""
    left_out = {"timestamp"} if fact.bus_time else set()
    return all(stored.get(name) == value for name, value in fact.document.items() if name not in left_out)
