# Scores, and the page that lays them beside the paper's.


rule evaluate:
    input:
        weights_of_model,
        "data/benchmark",
        slice=".snakemake/slices/evaluate@{model}.json",
    output:
        directory("results/scores/{model}"),
    log:
        "logs/evaluate/{model}.log",
    benchmark:
        "timings/evaluate/{model}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: EXPERIMENT.evaluate.threads
    resources:
        gpu=1,
    shell:
        "ROSBERTA_GPUS={resources.gpu} repro evaluate@{wildcards.model} {log}"


rule release:
    # Reads whole folders, so it waits for every source and every model.
    input:
        "results/runs/{run}/merged",
        "results/runs/{run}/contrasted",
        plan_of_run,
        expand("data/cleaned/{source}.parquet", source=SOURCES),
        expand("results/scores/{model}", model=EXPERIMENT.models),
        slice=".snakemake/slices/release@{run}.json",
    output:
        directory("results/release/{run}"),
    log:
        "logs/release/{run}.log",
    benchmark:
        "timings/release/{run}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    shell:
        "repro release@{wildcards.run} {log}"


rule report:
    # Reads whole folders, so it waits for everything.
    input:
        "data/hub",
        "data/benchmark",
        "data/index",
        expand(
            "data/{stage}/{source}.parquet",
            stage=["collected", "cleaned", "seen", "mined"],
            source=SOURCES,
        ),
        "data/deduplicated",
        "data/duplicates",
        expand("data/mined/{source}", source=SOURCES),
        expand("data/mixtures/{mixture}.json", mixture=EXPERIMENT.mixtures),
        expand("data/mixtures/{mixture}.texts.json", mixture=EXPERIMENT.mixtures),
        expand("data/mixtures/{mixture}", mixture=EXPERIMENT.mixtures),
        expand("results/encoders/{encoder}", encoder=EXPERIMENT.encoders),
        expand("results/runs/{run}/contrasted", run=EXPERIMENT.runs),
        expand("results/runs/{run}/merged", run=EXPERIMENT.runs),
        expand("results/scores/{model}", model=EXPERIMENT.models),
        slice=".snakemake/slices/report.json",
    output:
        report(directory("results/report"), htmlindex="report.html", category="Report"),
    log:
        "logs/report.log",
    benchmark:
        "timings/report.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    shell:
        "repro report {log}"
