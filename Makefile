# One verb for each job; `make` alone lists them. Works with GNU make 3.81, the one that macOS has, and later.
#
#   ARGS="..."  is handed on to the command, for example: make figures ARGS="--weights embedded"
#   PYTHON=...  the interpreter to make .venv with, UV= (empty) to use pip where uv is installed: see make_venv.sh

VENV_PYTHON := .venv/bin/python
# Modules of other projects must not get in: .venv alone counts.
unexport PYTHONPATH PYTHONHOME PYTHONSAFEPATH

.PHONY: help figures explore labs test report submission data clean venv

##@ For students

help: ## list these verbs
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z][a-z-]*:.*## / { printf "  make %-16s%s\n", $$1, $$2 }' Makefile

figures: venv ## make every picture of the assignment: visualization/index.html shows them
	@$(VENV_PYTHON) -m figures $(ARGS)

explore: venv ## open a page in the browser that runs your code on any picture; Ctrl+C ends it
	@$(VENV_PYTHON) explore.py $(ARGS)

labs: venv ## one experiment for each question, a quarter of an hour: visualization/labs.html; quicker: ARGS=--quick
	@sh environment/make_venv.sh labs/requirements.txt
	@$(VENV_PYTHON) -m labs $(ARGS)

test: venv ## run all tests; one part alone: make test ARGS="-m saliency"
	@OMP_WAIT_POLICY=passive $(VENV_PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

report: venv ## fill the report's slides with your figures: report-a3.pptx, and a PDF where LibreOffice is
	@$(VENV_PYTHON) report.py $(ARGS)

submission: venv ## check your work and write assignment_3_submission.zip; only look: ARGS=--check
	@$(VENV_PYTHON) collect_submission.py $(ARGS)

data: venv ## fetch the ImageNet weights, photographs and paintings ahead of time
	@$(VENV_PYTHON) -m pretrained $(ARGS)

clean: ## delete visualization/, the zip and all caches; .venv stays
	rm -rf visualization dist assignment_3_submission.zip .pytest_cache .ruff_cache .mypy_cache
	find . -name .venv -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +

# BEGIN STAFF
.PHONY: lint check proof handout notebook report-template grade points grade-class regrade class-scheduler class-worker class-chaos class-warm \
	class-scale autograder mutants strangers hostile noise references bench bench-check staff-paint staff-render staff-train \
	staff-evaluate readme-pictures staff-venv gradebook-venv labs-venv browser-venv

RUN := runs/embedded
# What a class's scheduler writes, and its workers and grade-class read.
CERTIFICATE := runs/class/class.pem

##@ For staff

check: ## linter, types, tests and proofs, as continuous integration runs them
	@bash .ci/run

proof: venv ## what takes minutes: the whole way, real gradings, chaos, the browser at length
	@sh environment/make_venv.sh staff/handout/requirements.txt
	@OMP_WAIT_POLICY=passive $(VENV_PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m proof $(ARGS)

lint: gradebook-venv ## linter and types alone
	@$(VENV_PYTHON) -m ruff check .
	@$(VENV_PYTHON) -m mypy

handout: venv ## build dist/handout and its zip, without solutions, and prove it; quicker: ARGS=--reuse-venv
	@sh environment/make_venv.sh staff/handout/requirements.txt
	@$(VENV_PYTHON) -m staff.handout $(ARGS)

notebook: venv ## write assignment_3.ipynb again, from docs/assignment.md and assignment.toml
	@sh environment/make_venv.sh staff/handout/requirements.txt
	@$(VENV_PYTHON) -m staff.handout.notebook

report-template: venv ## build report-template-a3.pptx again
	@$(VENV_PYTHON) -m staff.handout.template

grade: venv ## grade a folder or zip: make grade SUBMISSION=...; writes results.json and report.html
	@$(VENV_PYTHON) -m autograder "$(SUBMISSION)" --report report.html $(ARGS)

grade-class: gradebook-venv ## grade a folder of submissions: make grade-class SUBMISSIONS=... [SCHEDULER=tls://...]
	@$(VENV_PYTHON) -m gradebook "$(SUBMISSIONS)" --scheduler "$(SCHEDULER)" --certificate "$(CERTIFICATE)" $(ARGS)

regrade: gradebook-venv ## add a class's points up anew after a change of assignment.toml: nothing is run again
	@$(VENV_PYTHON) -m gradebook "$(SUBMISSIONS)" --regrade $(ARGS)

class-scheduler: gradebook-venv ## start a Dask scheduler for a class on several machines, on port 8786
	@$(VENV_PYTHON) -m gradebook.cluster scheduler "$(CERTIFICATE)" $(ARGS)

class-worker: gradebook-venv ## lend this machine to that scheduler: make class-worker SCHEDULER=tls://host:8786
	@$(VENV_PYTHON) -m gradebook.cluster worker "$(CERTIFICATE)" "$(SCHEDULER)" $(ARGS)

class-chaos: gradebook-venv ## grade 60 submissions while workers, scheduler, client and disk fail: is anything lost?
	@$(VENV_PYTHON) -m staff.proofs.chaos $(ARGS)

class-warm: gradebook-venv ## grade the solution and twenty variants warm and cold: alike, and how much quicker?
	@$(VENV_PYTHON) -m staff.proofs.side_by_side $(ARGS)

class-scale: gradebook-venv ## 5,000 simulated submissions: overhead, memory, time to open class.html
	@$(VENV_PYTHON) -m staff.proofs.scale $(ARGS)

points: venv ## the parts, their tests, and what each is worth; writes the tables of README and docs/assignment.md
	@$(VENV_PYTHON) -m staff.handout.tables
	@$(VENV_PYTHON) -m autograder.points

autograder: venv ## pack dist/autograder.zip for Gradescope
	@$(VENV_PYTHON) -m autograder.pack $(ARGS)

mutants: venv ## grade wrong and right variants of every student function: is the grader fair?
	@$(VENV_PYTHON) -m staff.mutants $(ARGS)

strangers: venv ## judge 600 right rewrites of the solution and 750 wrong edits: ARGS="--function NAME"
	@OMP_WAIT_POLICY=passive OMP_NUM_THREADS=1 $(VENV_PYTHON) -m staff.proofs.generated $(ARGS)

hostile: gradebook-venv ## grade submissions that attack: does the grader hold?
	@$(VENV_PYTHON) -m staff.proofs.hostile $(ARGS)

noise: venv ## how far does the solution stay below the tests' tolerances?
	@OMP_WAIT_POLICY=passive $(VENV_PYTHON) -m staff.proofs.noise $(ARGS)

references: venv ## write tests/references again, from the independent float64 path
	@$(VENV_PYTHON) -m staff.references $(ARGS)

bench: venv ## time every picture beside other libraries, half an hour and 10 GB on two quiet cores: docs/performance.md
	@sh environment/make_venv.sh benchmarks/requirements.txt
	@$(VENV_PYTHON) -m benchmarks $(ARGS)

bench-check: venv ## fail if a picture is made more than a fifth slower than in docs/performance.md, by its ratios
	@sh environment/make_venv.sh benchmarks/requirements.txt
	@$(VENV_PYTHON) -m benchmarks --check $(ARGS)

staff-paint: staff-venv ## paint images/content and images/styles again
	@$(VENV_PYTHON) -m workshop.paint $(ARGS)

staff-render: staff-venv ## render the sample scenes again: images/scenes
	@$(VENV_PYTHON) -m workshop.render samples $(ARGS)

staff-train: staff-venv ## render a pool, train on it, in RUN=runs/embedded; goes on where it was cut off
	@[ -e $(RUN)/pool.complete ] || { rm -rf $(RUN)/pool && mkdir -p $(RUN) && \
		$(VENV_PYTHON) -m workshop.render pool --out $(RUN)/pool && touch $(RUN)/pool.complete; }
	@$(VENV_PYTHON) -m workshop.train plain --data $(RUN)/pool --out $(RUN)
	@$(VENV_PYTHON) -m workshop.train robust --data $(RUN)/pool --out $(RUN) --start $(RUN)/plain.checkpoint

readme-pictures: staff-venv browser-venv ## make the README's pictures again: docs/pictures
	@$(VENV_PYTHON) -m workshop.readme_pictures $(ARGS)
	@$(VENV_PYTHON) -m workshop.explorer_picture

staff-evaluate: staff-venv ## measure the embedded network: accuracy, localisation, class pictures, style
	@$(VENV_PYTHON) -m workshop.evaluate $(ARGS)

# END STAFF
# Set-up, which the verbs above ask for themselves.
venv:
	@sh environment/make_venv.sh
	@sh environment/make_venv.sh environment/photographs.txt

# BEGIN STAFF
gradebook-venv: venv
	@sh environment/make_venv.sh gradebook/requirements.txt

labs-venv: venv
	@sh environment/make_venv.sh labs/requirements.txt

browser-venv: venv
	@sh environment/make_venv.sh tests/explorer/requirements.txt

# Tests of what students do not have need these, too.
test proof: gradebook-venv labs-venv browser-venv

staff-venv: venv
	@sh environment/make_venv.sh workshop/requirements.txt
# END STAFF
