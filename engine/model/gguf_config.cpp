// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/gguf_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/model/printable.h"

namespace pitwall::engine {
namespace {

constexpr const char* kChoosePlain = "choose a plain llama model";
constexpr uint64_t kMostLayers = 1024, kWidest = 1 << 20, kMostHeads = 4096, kWidestHead = 4096;
/// A longer context is never refused, only capped: nobody's KV pool holds more, and position tables stay small.
constexpr uint64_t kMostContext = 1 << 20;
constexpr uint64_t kMostTokens = 1 << 22, kMostMerges = 1 << 23;

void refuse_variants(Metadata& m) {
    if (m.integer("llama.expert_count").value_or(0) > 0) m.fail("is a mixture of experts", kChoosePlain);
    if (m.integer("llama.attention.sliding_window").value_or(0) > 0) {
        m.fail("has sliding-window attention", kChoosePlain);
    }
    const std::string scaling = m.text("llama.rope.scaling.type");
    if (!scaling.empty() && scaling != "none") {
        m.fail(fmt::format("scales its rotary embedding ('{}')", printable(scaling)), kChoosePlain);
    }
    for (const char* key : {"llama.rope.scale_linear", "llama.rope.scaling.factor"}) {
        const double factor = m.number(key, 0, 1e9).value_or(1);
        if (factor != 0 && factor != 1)
            m.fail(fmt::format("scales its rotary embedding ({} {})", key, factor), kChoosePlain);
    }
    if (m.flag("llama.attention.causal", true) == false)
        m.fail("attends without a causal mask", kChoosePlain);
    if (m.integer("split.count").value_or(1) > 1) m.fail("is one part of several", "join them into one file");
}

/// Width of one head: as written, else hidden / heads. All three places that may name it must agree.
uint32_t read_head_dim(Metadata& m, const ModelConfig& c) {
    uint64_t head_dim = c.hidden_size / c.num_heads;
    if (const auto written = m.integer("llama.attention.key_length", 1, kWidestHead)) {
        head_dim = *written;
    } else if (c.hidden_size % c.num_heads != 0) {
        m.fail(fmt::format("has {} heads, which do not divide its width {}", c.num_heads, c.hidden_size),
               kChoosePlain);
    }
    for (const char* key : {"llama.attention.value_length", "llama.rope.dimension_count"}) {
        const uint64_t other = m.integer(key, 1, kWidest).value_or(head_dim);
        if (other != head_dim)
            m.fail(fmt::format("has {} {} where its heads are {} wide", key, other, head_dim), kChoosePlain);
    }
    if (head_dim % 2 != 0) m.fail(fmt::format("has heads of odd width {}", head_dim), kChoosePlain);
    return static_cast<uint32_t>(head_dim);
}

int32_t token_id(Metadata& m, const char* key, size_t tokens) {
    const std::optional<uint64_t> id = m.integer(key);
    if (id && *id >= tokens && *id != UINT32_MAX) {  // some converters write -1 as unsigned for "none"
        m.fail(fmt::format("has {} {} of only {} tokens", key, *id, tokens),
               "the file is damaged, fetch it again");
    }
    return id && *id < tokens ? static_cast<int32_t>(*id) : -1;
}

}  // namespace

ModelConfig read_config(Metadata& m) {
    ModelConfig c;
    const std::string architecture = m.text("general.architecture");
    if (architecture != "llama") {
        m.fail(fmt::format("has the architecture '{}', and Pitwall runs 'llama'", printable(architecture)),
               kChoosePlain);
    }
    const auto size = [&](const char* key, uint64_t most) {
        return static_cast<uint32_t>(m.required_integer(key, 1, most));
    };
    c.name = printable(m.text("general.name"));
    c.num_layers = size("llama.block_count", kMostLayers);
    c.hidden_size = size("llama.embedding_length", kWidest);
    c.intermediate_size = size("llama.feed_forward_length", kWidest);
    c.num_heads = size("llama.attention.head_count", kMostHeads);
    c.num_kv_heads = static_cast<uint32_t>(
        m.integer("llama.attention.head_count_kv", 1, kMostHeads).value_or(c.num_heads));
    const uint64_t context = m.required_integer("llama.context_length", 1, UINT64_MAX);
    c.max_context_tokens = static_cast<uint32_t>(std::min(context, kMostContext));
    if (c.num_heads % c.num_kv_heads != 0) {
        m.fail(fmt::format("has {} KV heads for {} heads", c.num_kv_heads, c.num_heads), kChoosePlain);
    }
    c.head_dim = read_head_dim(m, c);
    const char* epsilon = "llama.attention.layer_norm_rms_epsilon";
    if (!m.has(epsilon)) m.fail(fmt::format("has no {}", epsilon), "the file is damaged, fetch it again");
    c.rms_epsilon = static_cast<float>(m.number(epsilon, 1e-30, 0.1).value_or(1e-5));
    c.rope_base = static_cast<float>(m.number("llama.rope.freq_base", 1, 1e15).value_or(10000));
    refuse_variants(m);
    return c;
}

Vocabulary read_vocabulary(Metadata& m) {
    Vocabulary v;
    v.model = m.text("tokenizer.ggml.model");
    v.pre = m.text("tokenizer.ggml.pre");
    v.tokens = m.texts("tokenizer.ggml.tokens", kMostTokens);
    v.types = m.integers("tokenizer.ggml.token_type", kMostTokens);
    v.merges = m.texts("tokenizer.ggml.merges", kMostMerges);
    if (v.tokens.empty()) m.fail("has no tokenizer.ggml.tokens", "the file is damaged, fetch it again");
    v.bos = token_id(m, "tokenizer.ggml.bos_token_id", v.tokens.size());
    v.eos = token_id(m, "tokenizer.ggml.eos_token_id", v.tokens.size());
    v.eot = token_id(m, "tokenizer.ggml.eot_token_id", v.tokens.size());
    v.unknown = token_id(m, "tokenizer.ggml.unknown_token_id", v.tokens.size());
    v.padding = token_id(m, "tokenizer.ggml.padding_token_id", v.tokens.size());
    // llama.cpp's default for those that do not say.
    v.add_bos = m.flag("tokenizer.ggml.add_bos_token", v.pre.starts_with("llama"));
    v.chat_template = m.text("tokenizer.chat_template");
    const uint64_t stated = m.integer("llama.vocab_size").value_or(v.tokens.size());
    if (stated != v.tokens.size()) {
        m.fail(fmt::format("has llama.vocab_size {} and {} tokens", stated, v.tokens.size()),
               "the file is damaged, fetch it again");
    }
    return v;
}

}  // namespace pitwall::engine
