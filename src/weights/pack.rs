//! The weight file of a model pack (safetensors).
