# What comes from outside: parameters, pins, benchmark.


rule check:
    input:
        slice=".snakemake/slices/check.json",
    output:
        directory("data/check"),
    log:
        "logs/check.log",
    benchmark:
        "timings/check.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    shell:
        "repro check {log}"


rule hub:
    input:
        check=ancient("data/check"),
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
        check=ancient("data/check"),
        slice=".snakemake/slices/benchmark.json",
    output:
        directory("data/benchmark"),
    log:
        "logs/benchmark.log",
    benchmark:
        "timings/benchmark.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    shell:
        "repro benchmark {log}"
