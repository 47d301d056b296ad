"""A worker with an engine that reads Rego of version 0 only: what `WorkerEngine` must refuse to use."""

import json
import sys

import hobofan_regorus

from caisson.evidence.rego import worker


def load():
    def evaluate(policy, claims):
        engine = hobofan_regorus.Engine()
        engine.add_policy("policy", policy)
        engine.set_input_json(json.dumps(claims))
        return engine.eval_rule("data.caisson.allow")

    return evaluate


worker.main(load, int(sys.argv[1]))
