# Inputs that the parameters name: what a key of one block is built from.
def texts_of_mixture(wildcards):
    """The list of texts that an encoder is trained on."""
    return f"data/mixtures/{EXPERIMENT.encoders[wildcards.encoder].mixture}.texts.json"


def encoder_of_run(wildcards):
    """The encoder that a run starts from."""
    return f"results/encoders/{EXPERIMENT.runs[wildcards.run].encoder}"


def plan_of_run(wildcards):
    """The plan of the mixture that a run is trained on, or the folder of those by the minings that runs choose."""
    mixture, mining = EXPERIMENT.runs[wildcards.run].chosen
    return f"data/mixtures/{mixture}" if mining else f"data/mixtures/{mixture}.json"


def weights_of_model(wildcards):
    """The artifact that holds a model's weights; pinned models lie in the one of the stage hub."""
    weights = EXPERIMENT.models[wildcards.model].weights
    return "data/hub" if weights.startswith("data/hub/") else weights
