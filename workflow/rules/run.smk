# A run: an encoder trained on a mixture, and merged with where it began.


rule contrast:
    input:
        encoder_of_run,
        plan_of_run,
        slice=".snakemake/slices/contrast@{run}.json",
    output:
        directory("results/runs/{run}/contrasted"),
    log:
        "logs/contrast/{run}.log",
    benchmark:
        "timings/contrast/{run}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: lambda wildcards: EXPERIMENT.contrast_of(wildcards.run).threads
    resources:
        gpu=1,
    shell:
        "ROSBERTA_GPUS={resources.gpu} repro contrast@{wildcards.run} {log}"


rule merge:
    input:
        "results/runs/{run}/contrasted",
        encoder_of_run,
        slice=".snakemake/slices/merge@{run}.json",
    output:
        directory("results/runs/{run}/merged"),
    log:
        "logs/merge/{run}.log",
    benchmark:
        "timings/merge/{run}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    shell:
        "repro merge@{wildcards.run} {log}"
