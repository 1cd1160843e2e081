// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/gguf.h"
#include "engine/model/random_fill.h"
#include "engine/model/synthetic_model.h"
#include "engine/model/weights.h"

namespace pitwall::engine {

/// Writes GGUF files into memory, so that tests need no model and can get every byte of one wrong.
class GgufWriter {
  public:
    uint32_t version = 3;
    uint64_t alignment = 32;

    void add_u32(std::string_view key, uint32_t value) { scalar(key, GgufType::kU32, value); }
    void add_i32(std::string_view key, int32_t value) { scalar(key, GgufType::kI32, value); }
    void add_u64(std::string_view key, uint64_t value) { scalar(key, GgufType::kU64, value); }
    void add_f32(std::string_view key, float value) { scalar(key, GgufType::kF32, value); }
    void add_bool(std::string_view key, uint8_t value) { scalar(key, GgufType::kBool, value); }
    void add_text(std::string_view key, std::string_view value) {
        begin(key, GgufType::kString);
        text(values_, value);
    }
    void add_texts(std::string_view key, std::span<const std::string> list) {
        begin_array(key, GgufType::kString, list.size());
        for (const std::string& item : list) text(values_, item);
    }
    void add_i32s(std::string_view key, std::span<const int32_t> list) {
        begin_array(key, GgufType::kI32, list.size());
        for (const int32_t item : list) put(values_, item);
    }
    void add_tensor(std::string_view name, TensorType type, std::initializer_list<uint64_t> dims,
                    std::span<const std::byte> data) {
        text(tensors_, name);
        put(tensors_, static_cast<uint32_t>(dims.size()));
        for (const uint64_t dim : dims) put(tensors_, dim);
        put(tensors_, static_cast<uint32_t>(type));
        put(tensors_, static_cast<uint64_t>(data_.size()));
        data_.append(reinterpret_cast<const char*>(data.data()), data.size());
        data_.resize((data_.size() + alignment - 1) / alignment * alignment);
        ++tensor_count_;
    }

    std::string bytes() const {
        std::string out = "GGUF";
        put(out, version);
        put(out, tensor_count_);
        put(out, value_count_);
        out += values_ + tensors_;
        if (tensor_count_ > 0) out.resize((out.size() + alignment - 1) / alignment * alignment);
        return out + data_;
    }

  private:
    template <class T>
    static void put(std::string& out, T value) {
        char raw[sizeof value];
        std::memcpy(raw, &value, sizeof value);
        out.append(raw, sizeof value);
    }
    static void text(std::string& out, std::string_view value) {
        put(out, static_cast<uint64_t>(value.size()));
        out += value;
    }
    void begin(std::string_view key, GgufType type) {
        text(values_, key);
        put(values_, static_cast<uint32_t>(type));
        ++value_count_;
    }
    void begin_array(std::string_view key, GgufType type, size_t count) {
        begin(key, GgufType::kArray);
        put(values_, static_cast<uint32_t>(type));
        put(values_, static_cast<uint64_t>(count));
    }
    template <class T>
    void scalar(std::string_view key, GgufType type, T value) {
        begin(key, type);
        put(values_, value);
    }

    std::string values_, tensors_, data_;
    uint64_t value_count_ = 0, tensor_count_ = 0;
};

/// What a small, whole llama model says in its metadata; tests change one thing and see what happens.
struct SmallModel {
    uint32_t layers = 1, hidden = 32, heads = 2, kv_heads = 1, ffn = 64, vocab = 300;
    uint32_t context = 128;
    float epsilon = 1e-5f;
    bool tied = true;
    Vocabulary vocabulary = synthetic_vocabulary(vocab);

    void add_config(GgufWriter& w) const {
        w.add_text("general.architecture", "llama");
        w.add_text("general.name", "small");
        w.add_u32("llama.block_count", layers);
        w.add_u32("llama.embedding_length", hidden);
        w.add_u32("llama.feed_forward_length", ffn);
        w.add_u32("llama.attention.head_count", heads);
        w.add_u32("llama.attention.head_count_kv", kv_heads);
        w.add_u32("llama.context_length", context);
        w.add_f32("llama.attention.layer_norm_rms_epsilon", epsilon);
    }
    void add_vocabulary(GgufWriter& w) const {
        w.add_text("tokenizer.ggml.model", vocabulary.model);
        w.add_text("tokenizer.ggml.pre", vocabulary.pre);
        w.add_texts("tokenizer.ggml.tokens", vocabulary.tokens);
        w.add_i32s("tokenizer.ggml.token_type", vocabulary.types);
        w.add_texts("tokenizer.ggml.merges", vocabulary.merges);
        w.add_u32("tokenizer.ggml.eos_token_id", 2);
        w.add_text("tokenizer.chat_template", vocabulary.chat_template);
    }
    ModelConfig config() const {
        ModelConfig c;
        c.num_layers = layers, c.hidden_size = hidden, c.num_heads = heads, c.num_kv_heads = kv_heads;
        c.head_dim = hidden / heads, c.intermediate_size = ffn, c.vocab_size = vocab;
        return c;
    }
    void add_tensors(GgufWriter& w) const {
        uint64_t key = 0;
        const auto add = [&](const std::string& name, TensorType type, uint32_t rows, uint32_t columns) {
            std::vector<std::byte> data(rows * row_bytes(type, columns));
            fill_random(type, data, ++key, 0.1f);
            if (rows == 1) return w.add_tensor(name, type, {columns}, data);
            w.add_tensor(name, type, {columns, rows}, data);
        };
        add("token_embd.weight", TensorType::kQ8_0, vocab, hidden);
        for (uint32_t i = 0; i < layers; ++i) {
            for (const LayerSlot& slot : layer_slots(config())) {
                const TensorType type = slot.rows == 1 ? TensorType::kF32 : TensorType::kQ4_1;
                add("blk." + std::to_string(i) + "." + slot.name + ".weight", type, slot.rows, slot.columns);
            }
        }
        add("output_norm.weight", TensorType::kF32, 1, hidden);
        if (!tied) add("output.weight", TensorType::kQ4_1, vocab, hidden);
    }
    void write(GgufWriter& w) const {
        add_config(w);
        add_vocabulary(w);
        add_tensors(w);
    }
    std::string bytes() const {
        GgufWriter w;
        write(w);
        return w.bytes();
    }
};

inline std::span<const std::byte> as_span(const std::string& bytes) {
    return std::as_bytes(std::span(bytes.data(), bytes.size()));
}

}  // namespace pitwall::engine
