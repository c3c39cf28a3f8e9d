"""The grader as a whole, by a suite in miniature: folder in, results.json out."""


def points(results):
    return {part: had for part, (had, most) in results["extra_data"]["parts"].items()}


def test_the_solution_earns_everything(submission, grade):
    results = grade(submission.parent)  # one level up: the project is found
    assert points(results) == {"saliency": 12, "content_loss": 6, "rules": 4}
    assert results["extra_data"]["grader_problems"] == []
    assert results["extra_data"]["seed"] == 7
    assert all(test["status"] == "passed" for test in results["tests"])


def test_an_empty_submission_earns_nothing(tmp_path, grade):
    (tmp_path / "empty").mkdir()
    results = grade(tmp_path / "empty")
    assert results["score"] == 0
    assert len(results["tests"]) == 7


def test_a_loop_a_print_and_a_missing_file_cost_their_own_points_alone(submission, grade):
    (submission / "style_modules/content_loss.py").unlink()
    path = submission / "visualizers/saliency_map.py"
    text = path.read_text()
    before, after = text.split("    def compute_saliency_maps", 1)
    loop = '''    def compute_saliency_maps(self, X, y, model):
        print("computing")
        return torch.cat([self._one(X[i:i+1], y[i:i+1], model) for i in range(len(X))])

    def _one'''
    path.write_text(before + loop + after)
    results = grade(submission)
    failed = {test["name"] for test in results["tests"] if test["status"] == "failed"}
    assert points(results)["saliency"] == 12
    assert "style_modules/content_loss.py" in results["output"]
    assert failed == {
        "Content loss: Content loss of ones",
        "Content loss: hidden: Hidden content loss",
        "Names and signatures are unchanged",
        "Nothing is printed by import or by the graded functions",
        "Images are computed together, not one by one",
    }
