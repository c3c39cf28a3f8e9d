"""Sentences on the usual mistakes of which more than one file speaks: tests, hidden tests and references."""

LOOKS = "\n    It looks like this mistake:"  # before a sentence that follows what was expected and what came

# --- of the losses ---

WEIGHT_MISSING = "the weight is missing."
WEIGHT_SQUARED = "the weight is squared too: it multiplies the sum."
MEAN = "the mean is taken: add the squares up."
NOT_SQUARED = "the difference is not squared."
ABSOLUTE = "the absolute difference is taken: square it."
WEIGHT_ALONE = "the weight comes back alone: multiply it by the sum."
DIVIDED_BY_SIZE = "it is divided by H * W: add the squares up."
DIVIDED_BY_SUM = "the weight is divided by the sum: multiply them."
SUMMED_FIRST = "the differences are added up before they are squared."
ROOT = "the root of the sum is taken: it stays squared."
SIGN_TURNED = "the sign is turned."

WRITTEN_TO = "expected all arguments as they were, got {} changed: make a new tensor, a - b instead of a -= b"
CUT_OFF = (
    "the loss is cut off from its input: keep it a tensor, also in what it calls (torch.no_grad(), .item(), .data, "
    ".detach() and NumPy cut it off)."
)

# --- of the maps ---

PREDICTED_CLASS = "the class that the network predicts was taken, not the one that was asked for."
FIRST_CLASS = "the first image's class is taken for all: each image has its own."
LAYER_INPUT = "what goes into the layer is taken: its output is asked for (is attribute_to_..._input True?)."
FIRST_NEURON = "the first image's neuron is taken for all: each image has its own."
WEIGHTS_PILED = "each weight multiplies the sum of the layers so far: it multiplies its own layer's sum alone."
NEGATIVE_CUT = "what is negative is cut off: take it as Captum gives it, without a ReLU."
STEP_FIRST = "optimizer.step() comes before the gradient of its step"
RESHAPED = "pixels are mixed up by reshape (or view): permute the axes."
OF_PROBABILITY = "the gradient is that of the probability (after softmax): take that of the score."
SIGN_LOST = "the sign is lost: what speaks against the class is negative."
CHANNELS_ADDED = "the channels are added up: take the largest of the three."
LAST_RELU = (
    "the last ReLU is missing, or something is added before it: what speaks against the class is cut off before "
    "resizing."
)
GRADIENT_KEPT = (
    "asked twice with the same images, it answers with twice the map: gradients add up from call to call, in the "
    "caller's .grad or in self. Take that of a tensor of the call's own, X.detach().requires_grad_()."
)
SECOND_CALL = (
    "the first call is right, a second one with the same images is not: what does the first leave in self, or in them?"
)
UNIT = "the gradient is divided by its norm: here it is asked for as it is."
UNIT_IMAGES = "each image's gradient is divided by its own norm: here it is asked for as it is."
NO_ABSOLUTE_VALUE = "the absolute value is missing: a strong negative gradient counts too."

# --- of the steps of fooling images and class pictures ---

NOT_NORMALISED = "the gradient is not divided by its norm."
DIVIDED_BY_SQUARE = "the gradient is divided by the square of its norm."
DIVIDED_BY_LARGEST = "the gradient is divided by its largest value: take the L2 norm."
DIVIDED_BY_RMS = "the gradient is divided by its root mean square (or std): take the L2 norm, a sum without a mean."
DIVIDED_BY_MEAN = "the gradient is divided by the mean of its absolute values: take the L2 norm."
DIVIDED_BY_L1 = "the gradient is divided by the sum of its absolute values: take the L2 norm."
DIVIDED_BY_COUNT = "the gradient is divided by how many numbers it has: take the L2 norm."
NORM_OF_IMAGE = "the gradient is divided by the norm of the image: take its own."
MULTIPLIED_BY_NORM = "the gradient is multiplied by its norm: divide it."
NORM_OF_CHANNEL = "each channel is divided by its own norm: take that of the whole gradient, one number."
NORM_OF_PIXEL = "each pixel is divided by its own norm (as normalize does): take that of the whole gradient."
SIGN_OF_GRADIENT = "the sign of the gradient is taken: divide it by its L2 norm."
NEVER_CLEARED = "the gradient is never cleared: it adds up from step to step."
FIRST_GRADIENT = "the gradient of the first image is used in each step."
LEARNING_RATE_MISSING = "the learning rate is missing."
DIVIDED_BY_LEARNING_RATE = "it is divided by the learning rate: multiply by it."
NO_REGULARISER = (
    "the regulariser has no effect on the gradient, or next to none (is it a mean, cut off by detach, or is its weight "
    "missing?)."
)
REGULARISER_AVERAGED = "the regulariser is a mean over the pixels: take the sum of their squares."
AFTER_NORMALISING = (
    "the regulariser is subtracted after the score's gradient was normalised: normalise the gradient of both together."
)
OBJECTIVE_DESCENDED = "the objective is descended: add the gradient."
SCORE_DESCENDED = "the score is descended: add the gradient."
CLAMPED = "the image is clamped to [0, 1]: it is normalised, its pixels go from -2.1 to 2.6."
TWO_STEPS = "each pass of the loop takes two steps."
CHANGED_IN_VAIN = "the image is changed although the network says the target: look at the scores before the first step."
NOT_THE_SCORE = "the gradient is that of a cross-entropy loss or of a probability: take that of the score itself."
ALL_SCORES = "the gradient of all scores together: pick the target's."
PREDICTED_NOT_TARGET = "the class that the network predicts was taken, not the target."

# --- of the Gram matrix and the style loss ---

PIXELS_WITH_PIXELS = "pixels are multiplied with pixels: multiply channels with channels."
NOT_DIVIDED = "it is not normalised: divide by C * H * W where normalize is True."
DIVIDED_BY_PIXELS = "each matrix is divided by H * W alone: divide by C * H * W."
UNIT_CHANNELS_FIRST = "each channel is scaled to length 1 first: multiply the features as they are."
UNIT_CHANNELS = "each channel is scaled to length 1 instead of dividing the product by C * H * W."
DIVIDED_IN_VAIN = "it is normalised although normalize is False."
ALL_IN_ONE = "channels of different images are multiplied, (N C, N C): keep the images apart, (N, C, H*W)."
GRAM_CUT_OFF = (
    "gram_matrix cuts its result off from the features: style transfer needs its gradient, so make it without "
    "torch.no_grad(), .item(), .data, .detach() and NumPy."
)
FIRST_WEIGHT = "the first weight is taken for all layers: each has its own."
LAST_WEIGHT = "the last weight is taken for all layers: multiply by each in the loop."
SUM_OF_WEIGHTS = "the sum of the weights is taken for all layers: multiply by each in the loop."
SORTED = "the layers are sorted, their weights and targets are not: take style_layers as it is."
MEAN_OF_LAYERS = "the sum is divided by the number of layers."
WEIGHTS_MISSING = "the weights are missing."
GRAM_NOT_SQUARED = "the difference of the Gram matrices is not squared."
LAYERS_COUNTED = "the layers are counted through instead of taken from style_layers: take feats[layer]."
LAST_LAYER_ALONE = "only the last layer counts: add the layers up."
FIRST_LAYER_ALONE = "only the first layer counts: add the layers up."

# --- of total variation ---

LAST_DROPPED = (
    "the last row and column are dropped: vertical neighbours are in every column, horizontal ones in every row."
)
ABSOLUTE_DIFFERENCES = "absolute differences are taken: square them."
TWICE = "it is twice what is expected: count each pair of neighbours once, not from both sides, without a factor of 2."
ROOT_OF_PIXELS = "the root of each pixel's squares is taken (isotropic total variation): add the squares up."
ROOT_OF_ALL_CHANNELS = (
    "the root of each pixel's squares in all channels is taken (isotropic total variation): add the squares up."
)
ONE_CHANNEL = "only one of the channels counts: add up all three."

# --- of style transfer ---

NO_CONTENT = "the content loss has no effect."
NO_STYLE = "the style loss has no effect."
NO_TV = "the total variation loss has no effect (is it that of img, and added?)."
STYLE_FOLLOWS = "style_targets is replaced in each step: it is that of the style picture, as it is given."
LOSS_CLIMBED = "the loss is ascended: the optimizer descends what .grad holds."
STEPS_TWICE = "two steps are taken along each gradient: call optimizer.step() once."
BY_HAND = "the pixels are moved along the gradient by hand: call optimizer.step()."
TV_WEIGHT_TWICE = "the weight of total variation counts twice: its loss multiplies by it."
CONTENT_WEIGHT_MISSING = "the weight of the content loss is missing."
NEW_OPTIMIZER = "each step has an optimizer of its own: take the one that is given, which remembers."
NOT_CLEARED = "the gradients are not cleared: they add up from step to step."
ANOTHER_LEARNING_RATE = "the learning rate is not 3 at first."
