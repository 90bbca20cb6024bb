# The encoder: a Russian base, extended with English tokens, trained on both.


rule vocabulary:
    input:
        "data/hub",
        slice=".snakemake/slices/vocabulary@{encoder}.json",
    output:
        directory("data/vocabulary/{encoder}"),
    log:
        "logs/vocabulary/{encoder}.log",
    benchmark:
        "timings/vocabulary/{encoder}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    shell:
        "repro vocabulary@{wildcards.encoder} {log}"


rule pretrain:
    input:
        "data/vocabulary/{encoder}",
        texts_of_mixture,
        slice=".snakemake/slices/pretrain@{encoder}.json",
    output:
        directory("results/encoders/{encoder}"),
    log:
        "logs/pretrain/{encoder}.log",
    benchmark:
        "timings/pretrain/{encoder}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: lambda wildcards: EXPERIMENT.pretrain_of(wildcards.encoder).threads
    resources:
        gpu=1,
    shell:
        "ROSBERTA_GPUS={resources.gpu} repro pretrain@{wildcards.encoder} {log}"
