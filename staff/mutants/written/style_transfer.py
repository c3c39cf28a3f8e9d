"""style_utils.style_transfer: one step of the optimizer on `img`."""

FILE, FUNCTION, PART = "style_utils.py", "style_transfer", "style_transfer"

WRITTEN = """
optimizer.zero_grad()
feats = extract_features(img, cnn)
c_loss = content_loss(content_weight, feats[content_layer], content_target)
s_loss = style_loss(feats, style_layers, style_targets, style_weights)
t_loss = tv_loss(img, tv_weight)
loss = c_loss + s_loss + t_loss
loss.backward()
optimizer.step()
"""

WRONG = {
    "content and total variation weighted twice": (
        "the weights of the content loss and of total variation count twice",
        {"loss = c_loss": "loss = content_weight * c_loss", "+ t_loss": "+ tv_weight * t_loss"},
    ),
    "a step for each loss": (
        "each loss has a step of its own",
        {
            "s_loss = style": (
                "c_loss.backward()\noptimizer.step()\noptimizer.zero_grad()\nfeats = extract_features(img, cnn)\n"
                "s_loss = style"
            ),
            "t_loss = tv": "s_loss.backward()\noptimizer.step()\noptimizer.zero_grad()\nt_loss = tv",
            "c_loss + s_loss + t_loss": "t_loss",
        },
    ),
    "step before its gradient": (
        "optimizer.step() comes before the gradient of its step",
        {
            "backward()\noptimizer.step()": "backward()",
            "optimizer.zero_grad()\n": "optimizer.step()\noptimizer.zero_grad()\n",
        },
    ),
    "ends where the loss rises": (
        "The loop ends after",
        {"loss.backward()\n": "if t > 2:\n    break\nloss.backward()\n"},
    ),
    "gradients never cleared": ("the gradients are not cleared", {"optimizer.zero_grad()": ""}),
    "no content loss": ("the content loss has no effect", {"c_loss + ": ""}),
    "no style loss": ("the style loss has no effect", {"s_loss + ": ""}),
    "no total variation": ("the total variation loss has no effect", {" + t_loss": ""}),
    "style loss cut off": (
        "the style loss has no effect",
        {"s_loss = style_loss(feats": "s_loss = style_loss([f.detach() for f in feats]"},
    ),
    "learning rate never drops": (
        "give Adam the decayed learning rate",
        {"if t == decay_at:": "if t == num_iterations:"},
    ),
    "learning rate drops at once": ("the learning rate is not 3", {"if t == decay_at:": "if t == 0:"}),
    "learning rate 0.1 all along": (
        "the learning rate is not 3",
        {"initial_lr: float = 3.0": "initial_lr: float = 0.1"},
    ),
    "learning rate drops at 100": ("before step 180", {"round(0.9 * num_iterations)": "round(0.5 * num_iterations)"}),
    "arguments exchanged": ("Are arguments in another order", {"tv_loss(img, tv_weight)": "tv_loss(tv_weight, img)"}),
    "a loss with the name of its function": (
        "a result has the name of what made it".capitalize(),
        {"t_loss = tv_loss": "tv_loss = tv_loss", "s_loss + t_loss": "s_loss + tv_loss"},
    ),
    "features that img does not reach": (
        "not have been used",
        {"loss.backward()": "img.grad, = torch.autograd.grad(c_loss + s_loss, img.clone())"},
    ),
    "features of a copy without graph": (
        "features do not depend on img",
        {"extract_features(img,": "extract_features(img.detach(),"},
    ),
    "a new optimizer in each step": (
        "an optimizer of its own",
        {"optimizer.zero_grad()": "optimizer = torch.optim.Adam([img], lr=initial_lr)\noptimizer.zero_grad()"},
    ),
    "moved by hand": ("moved along the gradient by hand", {"optimizer.step()": "img.data -= initial_lr * img.grad"}),
    "weight of total variation twice": (
        "the weight of total variation counts twice",
        {"tv_loss(img, tv_weight)": "tv_weight * tv_loss(img, tv_weight)"},
    ),
    "weight of content twice": (
        "the weight of the content loss counts twice",
        {"c_loss = ": "c_loss = content_weight * "},
    ),
    "content of the last layer": (
        "compared at the last layer",
        {"feats[content_layer], content_target": "feats[-1], content_features[-1]"},
    ),
    "gradient divided by its norm": (
        "divided by its norm",
        {"optimizer.step()": "img.grad /= img.grad.norm()\noptimizer.step()"},
    ),
    "logarithm": ("the logarithm of the losses", {"loss.backward()": "loss.log().backward()"}),
    "content not weighed": (
        "the weight of the content loss is missing",
        {"content_loss(content_weight": "content_loss(1.0"},
    ),
    "all features": ("take the entry that is meant", {"feats[content_layer]": "feats"}),
    "no step": ("the image is never changed", {"optimizer.step()": "pass"}, {"most": 0}),
    "does nothing": ("the image is never changed", "pass", {"most": 0}),
    "another image in each step": (
        "img is no longer the tensor that the optimizer was made with",
        {"optimizer.zero_grad()": "img = img.detach().requires_grad_()"},
        {"most": 0},
    ),
    "step of another image": (
        "stay the tensor that the optimizer was made with",
        {"optimizer.zero_grad()": "optimizer.zero_grad()\nimg = img + 0"},
        {"most": 0},
    ),
    "cleared before the step": (
        "cleared before optimizer.step() has used it",
        {"optimizer.zero_grad()\n": "", "loss.backward()": "loss.backward()\noptimizer.zero_grad()"},
        {"most": 0, "never": "no longer the tensor"},
    ),
    "gradient not stored": (
        "torch.autograd.grad alone does not",
        {"loss.backward()": "torch.autograd.grad(loss, img)"},
        {"most": 0},
    ),
    "step before clearing and backward": (
        "optimizer.step(), in this order",
        {
            "optimizer.zero_grad()\n": "",
            "loss.backward()\noptimizer.step()": "optimizer.step()\noptimizer.zero_grad()\nloss.backward()",
        },
        {"most": 0},
    ),
    "features of the style layers alone": (
        "picks those of style_layers itself",
        {"style_loss(feats": "style_loss([feats[layer] for layer in style_layers]"},
        {"most": 0},
    ),
    "content features of the style layers": (
        "content_loss takes one layer's",
        {"feats[content_layer]": "feats[style_layers[-1]]"},
        {"most": 0},
    ),
    "content target of the style picture": (
        "content_loss takes one layer's",
        {"content_target": "style_features[content_layer]"},
        {"most": 0},
    ),
    "losses written over": (
        "neither the content loss nor the style loss has an effect",
        {"c_loss + s_loss + t_loss": "c_loss\nloss = s_loss\nloss = t_loss"},
    ),
    "features cut off": (
        "neither the content loss nor the style loss has an effect",
        {"feats = extract_features(img, cnn)": "feats = [f.detach() for f in extract_features(img, cnn)]"},
    ),
    "content alone": ("only the content loss counts", {" + s_loss + t_loss": ""}),
    "style alone": ("only the style loss counts", {"c_loss + ": "", " + t_loss": ""}),
    "targets of the image": (
        "the style loss has no effect",
        {"style_targets": "[style_loss.gram_matrix(feats[layer]) for layer in style_layers]"},
    ),
    "content target of the image": (
        "the content loss has no effect",
        {"content_target)": "feats[content_layer])"},
    ),
    "step under no_grad": (
        "no torch.no_grad()",
        {
            "feats = extract_features(img, cnn)": "with torch.no_grad():\n    feats = extract_features(img, cnn)",
            "t_loss = tv_loss(img, tv_weight)": "t_loss = tv_loss(img.detach(), tv_weight)",
        },
        {"most": 0},
    ),
    "features under no_grad": (
        "features do not depend on img",
        {"feats = extract_features(img, cnn)": "with torch.no_grad():\n    feats = extract_features(img, cnn)"},
    ),
    "step before backward": (
        "backward(), optimizer.step(), in this order",
        {"loss.backward()\noptimizer.step()": "optimizer.step()\nloss.backward()"},
        {"most": 0},
    ),
    "step for each loss": (
        "Add the losses up, and step once",
        {
            "loss = c_loss + s_loss + t_loss\nloss.backward()\noptimizer.step()": (
                "for loss in (c_loss, s_loss, t_loss):\n"
                "    optimizer.zero_grad()\n    loss.backward(retain_graph=True)\n    optimizer.step()"
            )
        },
    ),
    "targets and weights exchanged": (
        "style_loss(feats, style_layers, style_targets, style_weights)",
        {"style_targets, style_weights": "style_weights, style_targets"},
    ),
    "dead after step 180": (
        "stands still",
        {
            "optimizer = torch.optim.Adam([img], lr=decayed_lr)": (
                "optimizer = torch.optim.Adam([img.detach().clone().requires_grad_()], lr=decayed_lr)"
            )
        },
    ),
    "learning rate 0 after step 180": ("stands still", {"[img], lr=decayed_lr": "[img], lr=0"}),
    "learning rate 0.001 after step 180": ("too small", {"[img], lr=decayed_lr": "[img], lr=0.001"}),
    "two steps": ("two steps", {"optimizer.step()": "optimizer.step()\noptimizer.step()"}),
    "climbs": ("the loss is ascended", {"loss.backward()": "(-loss).backward()"}),
    "losses multiplied": ("the losses are multiplied", {"c_loss + s_loss + t_loss": "c_loss * s_loss * t_loss"}),
    "total variation multiplied": (
        "the total variation loss is multiplied",
        {"c_loss + s_loss + t_loss": "(c_loss + s_loss) * t_loss"},
        {"never": "counts twice"},
    ),
    "content loss multiplied": (
        "the content loss and the style loss are multiplied",
        {"c_loss + s_loss + t_loss": "c_loss * s_loss + t_loss"},
        {"never": "counts twice"},
    ),
    "content loss subtracted": ("the content loss is subtracted", {"c_loss + s_loss": "s_loss - c_loss"}),
    "style loss subtracted": ("the style loss is subtracted", {"c_loss + s_loss": "c_loss - s_loss"}),
    "total variation subtracted": ("the total variation loss is subtracted", {"+ t_loss": "- t_loss"}),
    "content of the wrong layer": ("not those of content_layer", {"feats[content_layer]": "feats[content_layer + 1]"}),
    "style of the content": (
        "the style is that of the content picture",
        {
            "s_loss = ": "own = [style_loss.gram_matrix(content_features[layer]) for layer in style_layers]\ns_loss = ",
            "style_targets": "own",
        },
    ),
    "starts from noise": (
        "the first image",
        {"img = content_img.clone()": "img = torch.rand_like(content_img)"},
    ),
    "a step for each loss, all of one image": (
        "each loss has a step of its own, all of one image",
        {
            "loss.backward()\noptimizer.step()": (
                "pulls = [torch.autograd.grad(one, img, retain_graph=True)[0] for one in (c_loss, s_loss, t_loss)]\n"
                "for pull in pulls:\n    img.grad = pull\n    optimizer.step()"
            )
        },
    ),
    "style target replaced": (
        "style_targets is replaced in each step",
        {
            "optimizer.step()": (
                "optimizer.step()\n"
                "style_targets = [style_loss.gram_matrix(feats[layer]).detach() for layer in style_layers]"
            )
        },
    ),
    "content target replaced": (
        "the content loss does not hold the image",
        {"optimizer.step()": "optimizer.step()\ncontent_target = feats[content_layer].detach()"},
    ),
    "features once": (
        "call extract_features(img, cnn) in each",
        {"feats = extract_features(img, cnn)\n": "if t == 0:\n    feats = extract_features(img, cnn)\n"},
    ),
    "by hand, normalised": (
        "along the normalised gradient by hand",
        {
            "optimizer.step()": (
                "with torch.no_grad():\n    img -= optimizer.param_groups[0]['lr'] * img.grad / img.grad.norm()"
            )
        },
    ),
}

RIGHT = {
    "autograd.grad": {"optimizer.zero_grad()\n": "", "loss.backward()": "img.grad = torch.autograd.grad(loss, img)[0]"},
    "cleared by hand": {"optimizer.zero_grad()": "img.grad = None"},
    "cleared after the step": {
        "optimizer.zero_grad()\n": "",
        "optimizer.step()": "optimizer.step()\noptimizer.zero_grad(set_to_none=False)",
    },
    "learning rate of the groups": {
        "optimizer = torch.optim.Adam([img], lr=decayed_lr)": "optimizer.param_groups[0]['lr'] = decayed_lr"
    },
    "drops at 181": {"if t == decay_at:": "if t == decay_at + 1:"},
    "groups from 181 on": {
        "optimizer = torch.optim.Adam([img], lr=decayed_lr)": "pass",
        "optimizer.zero_grad()": (
            "if t > 180:\n    for group in optimizer.param_groups:\n        group['lr'] = 0.1\noptimizer.zero_grad()"
        ),
    },
    "groups from 181 on, by a schedule": {
        "optimizer = torch.optim.Adam([img], lr=decayed_lr)": "pass",
        "optimizer.step()": "optimizer.param_groups[0].update(lr=3.0 if t <= 180 else 0.1)\noptimizer.step()",
    },
    "looks at the features once more after the step": {
        "optimizer.step()": "optimizer.step()\nextract_features(img, cnn)"
    },
    "features once more for each loss": {
        "c_loss = content_loss(content_weight, feats[content_layer]": (
            "c_loss = content_loss(content_weight, extract_features(img, cnn)[content_layer]"
        )
    },
    "float64 losses": {"loss = c_loss + s_loss + t_loss": "loss = c_loss.double() + s_loss.double() + t_loss.double()"},
    "backward of each loss": {
        "loss.backward()": "c_loss.backward(retain_graph=True)\ns_loss.backward(retain_graph=True)\nt_loss.backward()",
        "loss = c_loss + s_loss + t_loss": "pass",
    },
    "a closure": """
        def closure():
            optimizer.zero_grad()
            feats = extract_features(img, cnn)
            loss = content_loss(content_weight, feats[content_layer], content_target)
            loss += style_loss(feats, style_layers, style_targets, style_weights)
            loss += tv_loss(img, tv_weight)
            loss.backward()
            return loss
        optimizer.step(closure)
    """,
    "losses called by forward": {
        "content_loss(content": "content_loss.forward(content",
        "tv_loss(img": "tv_loss.forward(img",
    },
}
