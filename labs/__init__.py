"""One experiment for each question of the assignment: `python -m labs` runs all, labs/README.md says what came out."""

import pretrained  # noqa: F401 -- first: what keeps a lab from being loaded is told in words

# In the order of the page. A lab that staff hold back is not there, and is passed over.
LABS = (
    "gradients.one_backward",
    "gradients.score_or_loss",
    "gradients.saliency_is_no_direction",
    "gradients.regularizers",
    "attribution.integrated_gradients",
    "attribution.sanity_checks",
    "attribution.shap_cam",
    "attribution.localisation",
    "features.deconvnet",
    "features.neuron_maximization",
    "features.inversion",
    "robustness.attacks",
    "robustness.one_pixel",
    "robustness.black_box",
    "robustness.taxonomy",
    "robustness.training_attacks",
    "robustness.linearity",
    "robustness.corruptions",
    "robustness.shape_or_texture",
    "segmentation.four_answers",
    "segmentation.fully_convolutional",
    "segmentation.upsampling",
    "segmentation.encoder_decoder",
    "segmentation.unlearnt_decoder",
)
