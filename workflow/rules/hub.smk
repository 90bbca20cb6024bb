# What comes from outside: pins, benchmark, and what of it must not be trained on.


rule hub:
    input:
        slice=".snakemake/slices/hub.json",
    output:
        directory("data/hub"),
    log:
        "logs/hub.log",
    benchmark:
        "timings/hub.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    shell:
        "repro hub {log}"


rule benchmark:
    input:
        "data/hub",
        slice=".snakemake/slices/benchmark.json",
    output:
        directory("data/benchmark"),
        directory("data/documents"),
    log:
        "logs/benchmark.log",
    benchmark:
        "timings/benchmark.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    shell:
        "repro benchmark {log}"


rule index:
    input:
        "data/benchmark",
        "data/documents",
        slice=".snakemake/slices/index.json",
    output:
        directory("data/index"),
    log:
        "logs/index.log",
    benchmark:
        "timings/index.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    shell:
        "repro index {log}"
