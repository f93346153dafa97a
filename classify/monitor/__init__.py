"""New images against a baseline: has something drifted since the model was accepted?"""
