"""Writes a trained model as a GGUF file."""

from pathlib import Path

import gguf
import numpy as np
import torch

from model import Shape, Transformer
from tokenizer import CHAT_TEMPLATE, CONTROL_TOKENS, END_ID, Tokenizer


def export(model: Transformer, shape: Shape, tokenizer: Tokenizer, path: Path) -> None:
    """Write to a temporary name first, so that a reader of `path` never sees half a file."""
    unfinished = path.with_suffix(".unfinished")
    writer = gguf.GGUFWriter(unfinished, arch="llama")
    writer.add_name("Shoal demo")
    writer.add_description("A toy model that shows how Shoal works; see the model card beside it.")
    writer.add_license("MIT")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)

    writer.add_vocab_size(shape.vocabulary)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_rope_dimension_count(shape.head_width)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_layer_norm_rms_eps(shape.norm_epsilon)

    normal_tokens = len(tokenizer.tokens) - len(CONTROL_TOKENS)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(tokenizer.tokens)
    writer.add_token_types([gguf.TokenType.CONTROL] * len(CONTROL_TOKENS) + [gguf.TokenType.NORMAL] * normal_tokens)
    writer.add_token_merges([" ".join(pair) for pair in tokenizer.merges])
    writer.add_bos_token_id(END_ID)  # unused, but readers expect one to be named
    writer.add_add_bos_token(False)
    writer.add_eos_token_id(END_ID)
    writer.add_eot_token_id(END_ID)
    writer.add_chat_template(CHAT_TEMPLATE)
    writer.add_float32("general.sampling.temp", 0.0)  # a model that does sums should not roll dice

    # The output layer is left out: llama.cpp then uses the embedding, as training does.
    for name, weights in model.state_dict().items():
        number_type = np.float32 if weights.dim() == 1 else np.float16  # llama.cpp wants norms in F32
        writer.add_tensor(name, weights.detach().to(torch.float32).numpy().astype(number_type))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    unfinished.replace(path)
