# rosberta: rebuild everything with `snakemake --cores all`.
#
# Snakemake schedules, DVC remembers, the stages know neither: every rule's command runs one stage through DVC, which
# decides by content whether there is anything to do. README.md shows the flow.
from snakemake.exceptions import WorkflowError

from rosberta.doors import parameters, slices
from rosberta.frame.mistakes import Mistake

try:
    EXPERIMENT = parameters.load()
    if workflow.is_main_process:  # and not a job of it on another machine
        slices.write_slices(EXPERIMENT.resolved())
except Mistake as mistake:
    raise WorkflowError(str(mistake)) from None

SOURCES = list(EXPERIMENT.collect.sources)
PULL = "--pull" if slices.has_remote() else ""

# The one command of every rule: `repro STAGE LOG` runs a stage through DVC, and shows the end of its log if it fails.
# Where a stage computes on GPUs, it leases as many as its rule was given, if the machine has any (profiles say how many).
shell.prefix(
    f"set -euo pipefail; repro() ( dvc --wait-for-lock repro --single-item {PULL} $1 > $2 2>&1"
    " || (tail -n 20 $2 >&2; exit 1) ); "
)


# `check` has no rule: it goes before all jobs, and what it writes for each is no input of theirs. If it were, every job
# would start whenever `check` runs, since Snakemake does not look at what comes out of it. Instead each job has a slice
# of its own as input, which is written, or dated, while this file is read.
onstart:
    shell("mkdir -p logs && repro check logs/check.log")


wildcard_constraints:
    source="|".join(SOURCES),
    encoder="|".join(EXPERIMENT.encoders),
    mixture="|".join(EXPERIMENT.mixtures),
    run="|".join(EXPERIMENT.runs),
    model="|".join(EXPERIMENT.models),


# Every artifact is named, not only the last: what is missing is restored even where the report stands.
rule all:
    default_target: True
    input:
        "data/hub",
        "data/benchmark",
        "data/documents",
        "data/index",
        expand(
            "data/{stage}/{source}.parquet",
            stage=["collected", "cleaned", "removed", "seen", "mined"],
            source=SOURCES,
        ),
        "data/deduplicated",
        expand("data/mined/{source}", source=SOURCES),
        "data/duplicates",
        expand("data/mixtures/{mixture}.json", mixture=EXPERIMENT.mixtures),
        expand("data/mixtures/{mixture}.texts.json", mixture=EXPERIMENT.mixtures),
        expand("data/mixtures/{mixture}", mixture=EXPERIMENT.mixtures),
        expand("data/vocabulary/{encoder}", encoder=EXPERIMENT.encoders),
        expand("results/encoders/{encoder}", encoder=EXPERIMENT.encoders),
        expand("results/runs/{run}/contrasted", run=EXPERIMENT.runs),
        expand("results/runs/{run}/merged", run=EXPERIMENT.runs),
        expand("results/scores/{model}", model=EXPERIMENT.models),
        expand("results/release/{run}", run=EXPERIMENT.runs),
        "results/report",


include: "workflow/rules/inputs.smk"
include: "workflow/rules/hub.smk"
include: "workflow/rules/sources.smk"
include: "workflow/rules/encoder.smk"
include: "workflow/rules/run.smk"
include: "workflow/rules/results.smk"
