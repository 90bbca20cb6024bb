# One training source after the other: from raw rows to rows with hard negatives.


rule collect:
    input:
        "data/hub",
        slice=".snakemake/slices/collect@{source}.json",
    output:
        "data/collected/{source}.parquet",
    log:
        "logs/collect/{source}.log",
    benchmark:
        "timings/collect/{source}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    shell:
        "repro collect@{wildcards.source} {log}"


rule clean:
    input:
        "data/collected/{source}.parquet",
        "data/index",
        "data/hub",
        slice=".snakemake/slices/clean@{source}.json",
    output:
        "data/cleaned/{source}.parquet",
        "data/removed/{source}.parquet",
        "data/seen/{source}.parquet",
    log:
        "logs/clean/{source}.log",
    benchmark:
        "timings/clean/{source}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    shell:
        "repro clean@{wildcards.source} {log}"


rule deduplicate:
    # Compares every source with every other, so it waits for all.
    input:
        expand("data/collected/{source}.parquet", source=SOURCES),
        expand("data/cleaned/{source}.parquet", source=SOURCES),
        slice=".snakemake/slices/deduplicate.json",
    output:
        directory("data/deduplicated"),
        directory("data/duplicates"),
    log:
        "logs/deduplicate.log",
    benchmark:
        "timings/deduplicate.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    shell:
        "repro deduplicate {log}"


rule mine:
    input:
        "data/deduplicated",
        "data/hub",
        slice=".snakemake/slices/mine@{source}.json",
    output:
        "data/mined/{source}.parquet",
        directory("data/mined/{source}"),
    log:
        "logs/mine/{source}.log",
    benchmark:
        "timings/mine/{source}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: EXPERIMENT.mine.threads
    resources:
        gpu=1,
    shell:
        "ROSBERTA_GPUS={resources.gpu} repro mine@{wildcards.source} {log}"


rule mix:
    # Reads whole folders, so it waits for every source.
    input:
        "data/deduplicated",
        expand("data/mined/{source}.parquet", source=SOURCES),
        slice=".snakemake/slices/mix@{mixture}.json",
    output:
        "data/mixtures/{mixture}.json",
        "data/mixtures/{mixture}.texts.json",
        directory("data/mixtures/{mixture}"),
    log:
        "logs/mix/{mixture}.log",
    benchmark:
        "timings/mix/{mixture}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    shell:
        "repro mix@{wildcards.mixture} {log}"
