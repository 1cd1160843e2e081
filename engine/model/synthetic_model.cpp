// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/synthetic_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <new>
#include <span>

#include "engine/model/printable.h"
#include "engine/model/random_fill.h"
#include "engine/model/weights.h"

namespace pitwall::engine {
namespace {

constexpr uint64_t kRepeatAboveBytes = uint64_t{512} << 20;  ///< of layers; beyond it they repeat
constexpr uint64_t kMostWeightBytes = uint64_t{16} << 30;    ///< of a shape whose weights can be made

struct Shape {
    const char* name;
    uint32_t layers, hidden, heads, kv_heads, head_dim, ffn, vocab, context;
    float rope_base;
    bool tied;
};

constexpr std::array<Shape, 6> kShapes = {{
    {"tiny", 2, 128, 4, 2, 32, 256, 512, 4096, 10000.0f, true},
    {"tiny-draft", 1, 64, 2, 1, 32, 128, 512, 4096, 10000.0f, true},
    {"smollm2-135m", 30, 576, 9, 3, 64, 1536, 49152, 8192, 100000.0f, true},
    {"llama-3.2-1b", 16, 2048, 32, 8, 64, 8192, 128256, 131072, 500000.0f, true},
    {"llama-3.1-8b", 32, 4096, 32, 8, 128, 14336, 128256, 131072, 500000.0f, false},
    {"llama-3.1-70b", 80, 8192, 64, 8, 128, 28672, 128256, 131072, 500000.0f, false},
}};

ModelConfig config_of(const Shape& s) {
    ModelConfig c;
    c.name = fmt::format("synthetic {}", s.name);
    c.num_layers = s.layers;
    c.hidden_size = s.hidden;
    c.num_heads = s.heads;
    c.num_kv_heads = s.kv_heads;
    c.head_dim = s.head_dim;
    c.intermediate_size = s.ffn;
    c.vocab_size = s.vocab;
    c.max_context_tokens = s.context;
    c.rope_base = s.rope_base;
    c.tied_embeddings = s.tied;
    return c;
}

TensorView shaped(TensorType type, uint32_t rows, uint32_t columns) {
    return {type, rows, columns, nullptr, rows * row_bytes(type, columns)};
}

/// Of a model's matrices: those of the default model's file, or bfloat16 throughout.
struct Formats {
    TensorType tables = TensorType::kQ8_0, layers = TensorType::kQ4_1;
};

/// All views with their shapes, none with data.
Weights shapes_of(const ModelConfig& c, const Formats& formats) {
    Weights w;
    w.embedding = shaped(formats.tables, c.vocab_size, c.hidden_size);
    w.output_head = w.embedding;
    w.output_norm = shaped(TensorType::kF32, 1, c.hidden_size);
    LayerWeights layer;
    for (const LayerSlot& slot : layer_slots(c)) {
        const TensorType type = slot.rows == 1 ? TensorType::kF32 : formats.layers;
        layer.*slot.place = shaped(type, slot.rows, slot.columns);
    }
    w.layers.assign(c.num_layers, layer);
    return w;
}

/// Owns the random bytes and hands them out from the front, each tensor at a cache line.
class Arena {
  public:
    static constexpr size_t kLine = 64;
    static size_t padded(size_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

    bool reserve(size_t bytes) {
        data_.reset(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{kLine}, std::nothrow)));
        size_ = data_ ? bytes : 0;
        return data_ != nullptr;
    }
    std::span<std::byte> take(size_t bytes) {
        const size_t begin = used_;
        used_ += padded(bytes);
        return std::span(data_.get(), size_).subspan(begin, bytes);
    }

  private:
    struct Free {
        void operator()(std::byte* data) const { ::operator delete (data, std::align_val_t{kLine}); }
    };
    std::unique_ptr<std::byte, Free> data_;
    size_t size_ = 0, used_ = 0;
};

class SyntheticModel final : public Model {
  public:
    SyntheticModel(std::string_view words, ModelConfig config, const Formats& formats)
        : path_(fmt::format("synthetic:{}", words)),
          config_(std::move(config)),
          weights_(shapes_of(config_, formats)),
          vocabulary_(synthetic_vocabulary(config_.vocab_size)),
          bytes_(bytes_by_type(weights_, config_.tied_embeddings)) {}

    const ModelConfig& config() const override { return config_; }
    const TensorView& embedding() const override { return weights_.embedding; }
    const TensorView& output_head() const override { return weights_.output_head; }
    const TensorView& output_norm() const override { return weights_.output_norm; }
    const LayerWeights& layer(uint32_t index) const override { return weights_.layers.at(index); }
    const Vocabulary& vocabulary() const override { return vocabulary_; }
    std::string_view path() const override { return path_; }
    std::string_view sha256() const override { return ""; }
    uint64_t weight_bytes() const override { return total_bytes(bytes_); }
    std::string format_summary() const override { return engine::format_summary(bytes_); }

    /// False where the memory cannot be had.
    bool make_weights(uint64_t seed) {
        const uint64_t layer_bytes = bytes_of_layer();
        const uint64_t affordable = std::max<uint64_t>(1, kRepeatAboveBytes / layer_bytes);
        const auto distinct = static_cast<uint32_t>(std::min<uint64_t>(config_.num_layers, affordable));
        const uint64_t tables = Arena::padded(weights_.embedding.bytes) * (config_.tied_embeddings ? 1 : 2);
        if (!arena_.reserve(tables + Arena::padded(weights_.output_norm.bytes) + distinct * layer_bytes))
            return false;
        key_ = random_bits(seed, 0);
        fill(weights_.embedding);
        weights_.output_head = weights_.embedding;
        if (!config_.tied_embeddings) {
            weights_.output_head.data = nullptr;
            fill(weights_.output_head);
        }
        fill(weights_.output_norm);
        for (uint32_t i = 0; i < config_.num_layers; ++i) {
            if (i < distinct) {
                for (const LayerSlot& slot : layer_slots(config_)) fill(weights_.layers[i].*slot.place);
            } else {
                weights_.layers[i] = weights_.layers[i % distinct];
            }
        }
        return true;
    }

  private:
    uint64_t bytes_of_layer() const {
        uint64_t bytes = 0;
        for (const LayerSlot& slot : layer_slots(config_))
            bytes += Arena::padded((weights_.layers[0].*slot.place).bytes);
        return bytes;
    }

    void fill(TensorView& view) {
        const std::span<std::byte> out = arena_.take(view.bytes);
        const uint64_t key = random_bits(key_, ++tensors_made_);
        const bool is_table = view.rows == config_.vocab_size;
        // Twice as wide for the tables: logits of standard deviation 2 are as far apart as a trained model's.
        const float deviation = (is_table ? 2.0f : 1.0f) / std::sqrt(static_cast<float>(view.columns));
        if (view.rows == 1) {
            fill_norm(out, key);
        } else {
            fill_random(view.type, out, key, deviation);
        }
        view.data = out.data();
    }

    std::string path_;
    ModelConfig config_;
    Weights weights_;
    Vocabulary vocabulary_;
    std::map<TensorType, uint64_t> bytes_;
    Arena arena_;
    uint64_t key_ = 0, tensors_made_ = 0;
};

}  // namespace

std::vector<std::string_view> synthetic_shape_names() {
    std::vector<std::string_view> names;
    names.reserve(std::size(kShapes));
    for (const Shape& s : kShapes) names.emplace_back(s.name);
    return names;
}

Result<std::unique_ptr<Model>> make_synthetic_model(std::string_view words, uint64_t seed,
                                                    bool weights_needed) {
    constexpr std::string_view kBfloats = ":bf16";
    const bool bfloats = words.ends_with(kBfloats);
    const std::string_view shape = words.substr(0, words.size() - (bfloats ? kBfloats.size() : 0));
    const Formats formats = bfloats ? Formats{TensorType::kBF16, TensorType::kBF16} : Formats{};
    const auto* found =
        std::find_if(kShapes.begin(), kShapes.end(), [&](const Shape& s) { return shape == s.name; });
    if (found == kShapes.end()) {
        return Error{fmt::format("there is no synthetic shape '{}'", printable(shape)),
                     fmt::format("choose one of {}", fmt::join(synthetic_shape_names(), ", "))};
    }
    auto model = std::make_unique<SyntheticModel>(words, config_of(*found), formats);
    if (!weights_needed) return std::unique_ptr<Model>(std::move(model));
    const double gigabytes = static_cast<double>(model->weight_bytes()) / 1e9;
    if (model->weight_bytes() > kMostWeightBytes) {
        return Error{fmt::format("synthetic:{} is {:.0f} GB of weights", found->name, gigabytes),
                     "run it on the simulated device (--device sim)"};
    }
    if (!model->make_weights(seed)) {
        return Error{
            fmt::format("no memory for the weights of synthetic:{} ({:.1f} GB)", found->name, gigabytes),
            "choose a smaller shape, or the simulated device (--device sim)"};
    }
    return std::unique_ptr<Model>(std::move(model));
}

}  // namespace pitwall::engine
