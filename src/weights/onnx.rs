//! Reading the initialisers of an ONNX graph.
