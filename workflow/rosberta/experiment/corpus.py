"""The blocks of the corpus: `collect`, `clean`, `deduplicate`, `mine` and `mixtures`."""

from __future__ import annotations

import re
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from rosberta.experiment.blocks import Block, Glob, Group, Name, Precision, PrefixName


class Source(Block):
    """One training source: a pinned set, the adapter that reads it, and its place in the recipe."""

    adapter: str
    """Module of `rosberta.corpus.adapters` that turns raw rows into training rows."""
    dataset: str
    """Id of the data set, as in `hub.datasets`."""
    files: Glob
    """Which of its files, as a glob."""
    group: Group
    """Group of the recipe's Table 6 (paper), the unit of its mixtures."""
    prefix: PrefixName
    """Prefix pair: search_query/search_document, classification or clustering (paper Table 6)."""
    language: Literal["ru", "en", "ru-en"]
    """Language of the texts."""
    task: Literal["retrieval", "nli", "sts", "classification", "clustering", "translation"]
    """What relation holds between anchor and positive."""
    cap: int | None = Field(None, ge=1)
    """Rows at most, after cleaning; null: `collect.cap`. The paper's Table 6 gives the recipe's."""
    rows: int | None = Field(None, ge=1)
    """Raw rows read at most, of files in a seeded order; null: all. For sets of tens of gigabytes."""
    paper_set: str | None = None
    """The set of the paper's Table 6 that it is, or is a part of; null: none."""
    licence: str | None = None
    """Licence of just this part of the set; null: that of its pin."""
    commercial: bool | None = None
    """Whether the licence permits commercial use, as far as known; null: not stated."""
    min_cosine: float | None = Field(None, ge=-1, le=1)
    """Cosine of both sides in `clean.similarity.model` at least, for mined translations (paper A.1.2: LaBSE, threshold
    not published); null: not asked."""
    options: dict[str, Any] = {}
    """Options of the adapter."""


class Missing(Block):
    """A set of the recipe that cannot be had."""

    paper_set: str
    """Its name in the paper's Table 6."""
    reason: str
    """Why not."""
    substitute: str | None = None
    """The source that is taken instead; null: none."""


class Collect(Block):
    """Raw sets to training rows."""

    seed: int = Field(0, ge=0)
    """Seed of the samples that bring a source under its cap, and of the adapters' choices. Not published: ours."""
    cap: int = Field(100_000, ge=1)
    """Rows of a source at most, unless the source says otherwise (paper Table 6: most are capped at 100 thousand)."""
    surplus: float = Field(1.5, ge=1)
    """How many times its cap a source is collected, for what cleaning and deduplication drop. Not published: ours."""
    sources: dict[Name, Source] = {}
    """Sources by name; none where models are only evaluated."""
    missing: dict[Name, Missing] = {}
    """Sets of the recipe that cannot be had, and what is taken instead."""


class Deduplicate(Block):
    """Rows that other rows say already."""

    precedence: list[Group] = ["retrieval", "basic_russian", "basic_english", "synthetic", "extra", "texts"]
    """Groups in the order in which they keep what others have, too, among sources of as many mixtures, since those of
    more come first; in a group sources by name. Not published: ours, what people wrote before what models wrote."""
    similarity: float | None = Field(0.85, gt=0, le=1)
    """Jaccard similarity of the character 5-grams of both sides from which a pair with the same numbers and negations
    (не, ни, нет, not, no) is a near duplicate; another word, or another order of words, may still make it say something
    else. null: equal pairs alone are duplicates (paper A.1.2). Not published: ours."""


class Overlap(Block):
    """What of a training text may stand in a test text."""

    words: int = Field(8, ge=2)
    """Words of an n-gram. Not published: ours (as is usual in decontamination)."""
    share: float = Field(0.5, gt=0, le=1)
    """Share of the shorter text's n-grams that the other has, from which it is contained in it. Not published: ours."""
    short_words: int = Field(6, ge=2)
    """Words from which a text that has no n-gram is looked for as a whole. Not published: ours."""
    min_words: int = Field(3, ge=1)
    """A text of fewer words is no leak, wherever it stands. Not published: ours."""
    distractors: bool = False
    """Whether documents of search tasks that are relevant to no query are test texts, too: 9.5 million passages in
    MTEB(rus, v1). The report counts those that were trained on in any case. Not published: ours."""
    similarity: float = Field(0.8, gt=0, le=1)
    """Jaccard similarity of character 5-grams from which a text is nearly a test text, be it with another negation. Not
    published: ours."""
    alike: float = Field(0.7, gt=0, le=1)
    """Jaccard similarity of stems, weighted by their rarity, from which a short text is much of a test text, in any
    order, be it with another negation. Not published: ours."""


class Similarity(Block):
    """A filter of pairs by the cosine of their embeddings, for sources that ask for it (`min_cosine`)."""

    model: str | None = None
    """Id of the model, as in `hub.models` (paper A.1.2: LaBSE). Null: none."""
    pooling: Literal["cls", "mean"] = "cls"
    """Pooling of a plain encoder; a model that says itself how it pools is believed. Not published: ours."""
    prompt: str = ""
    """What the model wants before a text. Not published: ours."""
    max_length: int = Field(256, ge=8)
    """Tokens of a text that the model reads. Not published: ours."""
    precision: Precision = "fp32"
    """Of the model: bf16 is several times as fast on a GPU. Not published: ours."""
    batch_tokens: int = Field(16_384, ge=1)
    """Tokens a batch. No influence on the recipe."""


class Clean(Block):
    """What a training row must be."""

    tokenizer: str | None = None
    """Id of the model, as in `hub.models`, whose tokens are counted: one that knows both languages, since a Russian
    tokenizer cuts English into bytes. Needed where there are sources. Not published: ours."""
    max_tokens: int = Field(500, ge=1)
    """A row with a longer text is dropped (paper A.1.2: Russian texts over 500 tokens are)."""
    min_characters: int = Field(3, ge=1)
    """A row with a shorter text is dropped. Not published: ours."""
    keep_lines: bool = True
    """Whether texts keep their lines, as the sets of the recipe and the test texts have them; else each is one line.
    Texts are compared without them. Not published: ours."""
    check_language: bool = True
    """Whether rows that are surely not in their source's language are dropped. Not published: ours."""
    overlap: Overlap = Overlap()
    """Overlap with the benchmark's test texts. Not published: ours."""
    similarity: Similarity = Similarity()
    """Filter by embeddings, for mined translations (paper A.1.2)."""


METHODS: dict[Group, Literal["ranks", "random"]] = {
    "basic_english": "ranks",
    "basic_russian": "ranks",
    "synthetic": "random",
    "retrieval": "random",
    "extra": "ranks",
}


class CrossEncoder(Block):
    """A judge of negatives, which reads an anchor and a document together.

    It scores a sample for the mining report. Where one of `max_score` and the margins is given, it also refuses
    candidates, under the rules by which `sentence_transformers.util.mine_hard_negatives` filters the scores of its
    `cross_encoder`; but the ranks stay the teacher's, and what is refused is taken out of their window.
    """

    model: str
    """Id of the model, as in `hub.models`: a classifier of sequences with one label."""
    max_score: float | None = None
    """Candidates of a higher score are refused; null: none are. Scores are those of the model's own activation, a
    sigmoid if it names none."""
    absolute_margin: float | None = Field(None, ge=0)
    """Candidates are refused whose score is higher than the positive's less this; null: none are. Of several positives
    that of the lowest score counts."""
    relative_margin: float | None = Field(None, ge=0, le=1)
    """Candidates are refused whose score is higher than the positive's less this share of it; null: none are."""
    likely: float = 0.5
    """Score from which the mining report counts a negative as a likely positive. Not published: ours."""
    max_length: int = Field(512, ge=8)
    """Tokens of an anchor and a document together. Not published: ours."""
    precision: Precision = "fp32"
    """Of the model: bf16 is several times as fast on a GPU. Not published: ours."""
    batch_size: int = Field(64, ge=1)
    """Pairs at once on a GPU; a CPU reads one after the other. No influence but in the last bits."""

    @property
    def filters(self) -> bool:
        """Whether it refuses any."""
        return any(each is not None for each in (self.max_score, self.absolute_margin, self.relative_margin))


class Mine(Block):
    """Hard negatives."""

    teacher: str | None = None
    """Id of the model, as in `hub.models`, that ranks (paper 4.1: multilingual-e5-small). Needed where there are
    sources. For one of `minings` also a folder of one's own and its digest, `./PATH@DIGEST`: the model of a run, copied
    there, mines for the next round."""
    query_prompt: str = "query: "
    """What the teacher wants before an anchor (multilingual-e5's model card)."""
    document_prompt: str = "passage: "
    """What the teacher wants before a document (multilingual-e5's model card)."""
    pooling: Literal["cls", "mean"] = "mean"
    """Pooling of a teacher that is a plain encoder (multilingual-e5's model card: mean); a model that says itself how
    it pools is believed."""
    ranks: Literal["after_removal", "before_removal"] = "after_removal"
    """What counts as a rank, from 0: what is no negative is taken out and the rest counted (sentence-transformers'
    `mine_hard_negatives`), or all documents are counted and what is no negative is taken out of the window
    (FlagEmbedding's `hn_mine.py`, whose code the authors adapted). Which of them the paper's 20-100 are is not
    published: ours. What the filters below take out is treated alike."""
    first_rank: int = Field(20, ge=0)
    """Documents before this rank are left out as likely positives (paper 4.1: ranks 20-100)."""
    last_rank: int = Field(100, ge=1)
    """Documents from this rank on are left out as too easy (paper 4.1: ranks 20-100)."""
    negatives: int = Field(7, ge=1, le=64)
    """Negatives of every row (paper 4.3: 7)."""
    too_few: Literal["drop", "fill", "short"] = "drop"
    """What becomes of a row with too few candidates: it is dropped, filled up at random from the same set, or keeps
    fewer negatives, which contrastive training takes no more of. Counted in any case. Not published: ours."""
    max_score: float | None = None
    """Documents of a higher score are taken out, as likely positives; null: none are. Scores are cosines.
    Not published: ours, as are the margins."""
    absolute_margin: float | None = Field(None, ge=0)
    """Documents are taken out whose score is higher than the positive's less this; null: none are. Of several
    positives that of the lowest score counts, as in sentence-transformers. Not published: ours."""
    relative_margin: float | None = Field(None, ge=0, le=1)
    """Documents are taken out whose score is higher than the positive's less this share of it; null: none are.
    Not published: ours (0.05 in NV-Retriever, arXiv:2407.15831)."""
    cross_encoder: CrossEncoder | None = None
    """A cross-encoder as judge, of candidates from the teacher's ranks and of the report's sample; null: none. Random
    draws are not filtered. Not published: ours."""
    pools: list[str] = []
    """Names in `pools`: a source that is in one of them draws from the documents of all its sources, not from its own
    alone (paper 4.1: from the same set)."""
    methods: dict[Group, Literal["ranks", "random"]] = dict(METHODS)
    """Where the negatives that a set does not bring come from: the teacher's ranks, or a random draw from the same
    set (paper 4.1: random for the synthetic and retrieval sets). A group left out has its default."""
    seed: int = Field(0, ge=0)
    """Seed of the draw: of the candidates a row takes those with the smallest hash of seed, source, anchor and
    document, so that another row or document leaves other picks as they were. Not published: ours."""
    sample: int = Field(200, ge=1)
    """Rows of a source that the mining report looks at. No influence on the recipe."""
    score_random: bool = False
    """Whether the mining report has the teacher's scores of random negatives, too, for which it embeds the source.
    No influence on the recipe."""
    max_length: int = Field(512, ge=8)
    """Tokens of a text that the teacher reads. Not published: ours (the teacher's own limit)."""
    precision: Precision = "fp32"
    """Of the teacher: bf16 is several times as fast on a GPU, and moves neighbouring ranks. Not published: ours."""
    batch_tokens: int = Field(16_384, ge=1)
    """Tokens a batch in the teacher. No influence on the recipe."""
    search: Literal["fp32", "fp16"] = "fp32"
    """Of the search on a GPU: fp16 is faster, and gives documents the same score that are 0.0005 apart, so that their
    hashes decide their order. A CPU searches in fp32. Not published: ours."""
    cache_gb: float = Field(20, ge=0)
    """Gigabytes of embeddings kept in `.scratch/embeddings`, so that a killed job goes on where it was and sources
    share texts; 0: none are kept. No influence on the recipe."""
    threads: int = Field(1, ge=1)
    """CPU threads. No influence on the negatives: each takes whole batches of its own."""

    @property
    def own_teacher(self) -> tuple[str, str] | None:
        """The folder of one's own that holds the teacher, and its digest; None: the teacher is a pinned model."""
        found = re.fullmatch(r"(\./.+)@([0-9a-f]{64})", self.teacher or "")
        return (found[1], found[2]) if found else None

    @property
    def filters(self) -> bool:
        """Whether the teacher's scores take documents out."""
        return any(each is not None for each in (self.max_score, self.absolute_margin, self.relative_margin))

    @field_validator("methods", mode="before")
    @classmethod
    def _others(cls, given: Any) -> Any:
        return {**METHODS, **given} if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _window(self) -> Self:
        if self.last_rank - self.first_rank < self.negatives:
            raise ValueError(
                f"ranks {self.first_rank}-{self.last_rank} hold fewer documents than negatives: {self.negatives}"
            )
        return self


class Chosen(Block):
    """A set of sources."""

    groups: list[Group] = []
    """Groups whose sources all belong to it."""
    sources: list[str] = []
    """Further sources by name."""
    without: list[str] = []
    """Sources left out."""


class Pool(Chosen):
    """Sources that draw their negatives from each other's documents, too.

    A source of single texts (the adapter `texts`) is a given corpus in it: its texts are documents, collected, cleaned
    and held against the benchmark as all others. Not published: ours; the paper's negatives are of the same set (4.1).
    """


class Mixture(Chosen):
    """A set of sources that are trained on."""

    mining: str | None = None
    """Name in `minings` of what its negatives are mined by; null: `mine`."""
