"""The tasks of ruMTEB by the prefix that they take (paper, Table 7), each with its category."""

TABLE = {
    "classification: ": {
        "GeoreviewClassification": "Classification",
        "KinopoiskClassification": "Classification",
        "MassiveIntentClassification": "Classification",
        "RuReviewsClassification": "Classification",
        "CEDRClassification": "MultilabelClassification",
        "TERRa": "PairClassification",
        "RUParaPhraserSTS": "STS",
        "RuSTSBenchmarkSTS": "STS",
    },
    "clustering: ": {
        "HeadlineClassification": "Classification",
        "InappropriatenessClassification": "Classification",
        "MassiveScenarioClassification": "Classification",
        "RuSciBenchGRNTIClassification": "Classification",
        "RuSciBenchOECDClassification": "Classification",
        "SensitiveTopicsClassification": "MultilabelClassification",
        "STS22": "STS",
        "GeoreviewClusteringP2P": "Clustering",
        "RuSciBenchGRNTIClusteringP2P": "Clustering",
        "RuSciBenchOECDClusteringP2P": "Clustering",
    },
}
"""The paper's Table 7, its symmetric part."""

SEARCH = {
    "MIRACLReranking": "Reranking",
    "RuBQReranking": "Reranking",
    "MIRACLRetrieval": "Retrieval",
    "RiaNewsRetrieval": "Retrieval",
    "RuBQRetrieval": "Retrieval",
    "MIRACLRetrievalHardNegatives.v2": "Retrieval",
    "RiaNewsRetrievalHardNegatives.v2": "Retrieval",
}
