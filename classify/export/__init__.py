"""A saved model as one ONNX file, for programs without Pellucid."""
